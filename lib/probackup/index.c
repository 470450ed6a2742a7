/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens an index and checks it as input, then finds entries in it.  It is built
 * by index_build.c, in another process.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "pg/pg_types.h"
#include "probackup/index.h"
#include "probackup/index_format.h"
#include "probackup/tablespace.h"

/*
 * The part of the index that the entries checked so far have used up: see
 * index_format.h.
 */
struct cursor {
	uint64_t entry, provider, string;
};

static bool
name_is_plain(const struct index_entry *e, const char *name)
{
	if (e->name_len == 0 || e->name_len > NAME_MAX || name[e->name_len] != '\0')
		return false;
	return strlen(name) == e->name_len && strchr(name, '/') == NULL &&
	    strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool
check_name(const struct index *ix, uint32_t i, struct cursor *at)
{
	const struct index_entry *e = &ix->entries[i];

	if (e->name != at->string || at->string + e->name_len + 1 > ix->strings_len)
		return false;
	at->string += (uint64_t)e->name_len + 1;
	if (i == INDEX_ROOT)
		return e->name_len == 0 && ix->strings[e->name] == '\0';
	return name_is_plain(e, ix->strings + e->name);
}

/* Entry i is one of its parent's children, and in order with the one before it. */
static bool
check_place(const struct index *ix, uint32_t i)
{
	const struct index_entry *e = &ix->entries[i], *p, *before = e - 1;

	if (i == INDEX_ROOT)
		return e->parent == INDEX_ROOT && (e->flags & INDEX_DIR) != 0;
	if (e->parent >= i)
		return false;
	p = &ix->entries[e->parent];
	if ((p->flags & INDEX_DIR) == 0 || i < p->first || i - p->first >= p->count)
		return false;
	return i == p->first || index_compare_names(ix->strings + before->name, before->name_len,
	    ix->strings + e->name, e->name_len) < 0;
}

static bool
check_dir(const struct index *ix, const struct index_entry *e, struct cursor *at)
{
	if (e->flags != INDEX_DIR || !S_ISDIR(e->mode) || e->size != 0 ||
	    e->first != at->entry || e->count > ix->n_entries - at->entry)
		return false;
	at->entry += e->count;
	return true;
}

static bool
check_provider(const struct index *ix, const struct index_provider *p, int newer)
{
	static const uint8_t zero[sizeof(p->reserved)];

	return p->backup < ix->n_backups && p->backup > newer && p->alg < CODEC_COUNT &&
	    memcmp(p->reserved, zero, sizeof(zero)) == 0 && p->stored > 0 && p->stored <= INT64_MAX &&
	    p->hdr_off <= INT64_MAX;
}

static bool
size_is_known(uint64_t size)
{
	return size <= INDEX_SIZE_MAX && size % BLCKSZ == 0;
}

/* Checks size and number of providers against the kind of a file. */
static bool
check_content(const struct index *ix, const struct index_entry *e)
{
	if ((e->flags & INDEX_DATAFILE) != 0)
		return size_is_known(e->size) || (e->size == INDEX_SIZE_UNKNOWN && e->count > 0);
	if (e->size == 0)
		return e->count == 0;
	return e->count == 1 && ix->providers[e->first].stored == e->size;
}

static bool
check_file(const struct index *ix, const struct index_entry *e, struct cursor *at)
{
	int newer = -1;
	uint32_t i;

	if ((e->flags & ~INDEX_DATAFILE) != 0 || !S_ISREG(e->mode) ||
	    e->first != at->provider || e->count > ix->n_providers - at->provider)
		return false;
	at->provider += e->count;
	for (i = 0; i < e->count; i++) {
		if (!check_provider(ix, &ix->providers[e->first + i], newer))
			return false;
		newer = ix->providers[e->first + i].backup;
	}
	return check_content(ix, e);
}

/* Links stand where tablespaces do, and are no more than their name. */
static bool
check_link(const struct index *ix, const struct index_entry *e, const struct cursor *at)
{
	const struct index_entry *dir = &ix->entries[e->parent];

	return e->flags == INDEX_LINK && e->mode == (S_IFLNK | 0777) && e->size == 0 &&
	    e->count == 0 && e->first == at->provider && dir->parent == INDEX_ROOT &&
	    strcmp(ix->strings + dir->name, TABLESPACE_DIR) == 0 &&
	    e->name_len < TABLESPACE_OID_MAX &&
	    strspn(ix->strings + e->name, "0123456789") == e->name_len;
}

static bool
check_entry(const struct index *ix, uint32_t i, struct cursor *at)
{
	const struct index_entry *e = &ix->entries[i];

	if ((e->mode & ~(uint32_t)(S_IFMT | 07777)) != 0 || i >= at->entry ||
	    !check_name(ix, i, at) || !check_place(ix, i))
		return false;
	if (S_ISLNK(e->mode))
		return check_link(ix, e, at);
	return S_ISDIR(e->mode) ? check_dir(ix, e, at) : check_file(ix, e, at);
}

static bool
check_all(const struct index *ix)
{
	struct cursor at = { .entry = 1 };
	uint32_t i;

	for (i = 0; i < ix->n_backups; i++)
		if (!backup_id_is_valid(ix->backups[i].id))
			return false;
	for (i = 0; i < ix->n_entries; i++)
		if (!check_entry(ix, i, &at))
			return false;
	return at.entry == ix->n_entries && at.provider == ix->n_providers &&
	    at.string == ix->strings_len;
}

/* Reads the header; the length that it gives is within the file. */
static int
read_header(int fd, struct index_header *h)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return -errno;
	if ((n = io_pread(fd, h, sizeof(*h), 0)) < 0)
		return (int)n;
	if ((size_t)n < sizeof(*h) || h->magic != INDEX_MAGIC || h->version != INDEX_VERSION ||
	    h->n_entries == 0 || h->n_entries > INDEX_MAX_ENTRIES ||
	    h->n_backups == 0 || h->n_backups > CHAIN_MAX ||
	    (h->xlog_seg_size & (h->xlog_seg_size - 1)) != 0)
		return -EUCLEAN;
	if (h->length != index_parts_of(h).length || h->length > (uint64_t)st.st_size ||
	    h->length > SIZE_MAX)
		return -EUCLEAN;
	return 0;
}

static void
point_into(struct index *ix, const struct index_header *h)
{
	struct index_parts parts = index_parts_of(h);
	const char *map = ix->map;

	ix->entries = (const void *)(map + parts.entries);
	ix->providers = (const void *)(map + parts.providers);
	ix->backups = (const void *)(map + parts.backups);
	ix->strings = map + parts.strings;
	ix->strings_len = h->strings_len;
	ix->n_entries = h->n_entries;
	ix->n_providers = h->n_providers;
	ix->n_backups = h->n_backups;
	ix->tree_digest = h->tree_digest;
	ix->server_version = h->server_version;
	ix->xlog_seg_size = h->xlog_seg_size;
	ix->since = h->since;
}

int
index_open(int fd, struct index *ix)
{
	struct index_header h;
	struct index opened = { 0 };
	void *map;
	int rc;

	if ((rc = read_header(fd, &h)) < 0)
		return rc;
	/* Private: a shared mapping would keep the memfd from being sealed. */
	map = mmap(NULL, (size_t)h.length, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	opened.map = map;
	opened.map_len = (size_t)h.length;
	point_into(&opened, &h);
	if (!check_all(&opened)) {
		index_close(&opened);
		return -EUCLEAN;
	}
	*ix = opened;
	return 0;
}

void
index_close(struct index *ix)
{
	if (ix->map != NULL)
		munmap((void *)(uintptr_t)ix->map, ix->map_len);
	*ix = (struct index){ 0 };
}

uint32_t
index_child(const struct index *ix, uint32_t dir, const char *name, size_t len)
{
	const struct index_entry *d = &ix->entries[dir], *e;
	uint32_t low = d->first, high = d->first + d->count, middle;
	int order;

	if ((d->flags & INDEX_DIR) == 0)
		return INDEX_NONE;
	while (low < high) {
		middle = low + (high - low) / 2;
		e = &ix->entries[middle];
		order = index_compare_names(name, len, ix->strings + e->name, e->name_len);
		if (order == 0)
			return middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return INDEX_NONE;
}

uint32_t
index_lookup(const struct index *ix, const char *path, size_t len)
{
	const char *end = path + len, *slash;
	uint32_t at = INDEX_ROOT;

	while (path < end && at != INDEX_NONE) {
		slash = memchr(path, '/', (size_t)(end - path));
		if (slash == NULL)
			slash = end;
		at = index_child(ix, at, path, (size_t)(slash - path));
		path = slash + (slash < end);
	}
	/* A slash at the end names nothing. */
	return len > 0 && end[-1] == '/' ? INDEX_NONE : at;
}

int
index_link_target(const struct index *ix, uint32_t e, char *buf, size_t size)
{
	int len = snprintf(buf, size, "../" ONDISK_TABLESPACES "/%s", ix->strings + ix->entries[e].name);

	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : len;
}

int
index_path(const struct index *ix, uint32_t e, char *buf, size_t size)
{
	size_t len = 0, at;
	uint32_t i;

	for (i = e; i != INDEX_ROOT; i = ix->entries[i].parent) {
		len += ix->entries[i].name_len + (len > 0);
		if (len >= size)
			return -ENAMETOOLONG;
	}
	if (size == 0)
		return -ENAMETOOLONG;
	buf[len] = '\0';
	for (i = e, at = len; i != INDEX_ROOT; i = ix->entries[i].parent) {
		if (at < len)
			buf[--at] = '/';
		at -= ix->entries[i].name_len;
		memcpy(buf + at, ix->strings + ix->entries[i].name, ix->entries[i].name_len);
	}
	return (int)len;
}

int
index_set_size(int fd, uint32_t entry, uint64_t size)
{
	struct index_header h;
	struct index_entry e;
	off_t at;
	ssize_t n;
	int rc;

	if ((rc = read_header(fd, &h)) < 0)
		return rc;
	if (entry >= h.n_entries || !size_is_known(size))
		return -EINVAL;
	at = (off_t)(index_parts_of(&h).entries + (uint64_t)entry * sizeof(e));
	if ((n = io_pread(fd, &e, sizeof(e), at)) != sizeof(e))
		return n < 0 ? (int)n : -EUCLEAN;
	if ((e.flags & INDEX_DATAFILE) == 0 || e.size != INDEX_SIZE_UNKNOWN)
		return -EINVAL;
	return io_pwrite(fd, &size, sizeof(size), at + (off_t)offsetof(struct index_entry, size));
}
