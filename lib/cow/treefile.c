/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes the index without what leads into backups, and makes an index of that again.  Files have no length
 * here: their content files do.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/io.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "cow/impl.h"
#include "cow/treefile.h"
#include "diff/wholefile.h"
#include "probackup/index_format.h"

#define TREE_MAGIC	"pbkfstre"
#define TREE_FORMAT	1

struct tree_header {
	char	magic[8];
	uint32_t format;
	uint32_t crc;		/* CRC-32C of what follows in the header */
	uint32_t n_entries, n_backups;
	uint64_t strings_len;
	uint64_t tree_digest;
	uint32_t server_version, xlog_seg_size;
	uint32_t body_crc;	/* CRC-32C of all that follows the header */
	uint32_t reserved[3];
};

struct tree_backup {
	char	id[BACKUP_ID_MAX];
	uint32_t version, list_crc;
};

struct tree_entry {
	uint32_t mode, parent, name;
	uint32_t first, count;	/* of a directory */
	uint16_t name_len, flags;
};

_Static_assert(sizeof(struct tree_header) == 64, "no holes");
_Static_assert(sizeof(struct tree_backup) == 24, "no holes");
_Static_assert(sizeof(struct tree_entry) == 24, "no holes");

/* The counts of h may be anything within their types: nothing overflows. */
static uint64_t
body_len(const struct tree_header *h)
{
	return (uint64_t)h->n_backups * sizeof(struct tree_backup) +
	    (uint64_t)h->n_entries * sizeof(struct tree_entry) +
	    (h->strings_len <= UINT32_MAX ? h->strings_len : UINT64_MAX / 2);
}

static uint32_t
header_crc(const struct tree_header *h)
{
	return crc32c(0, &h->n_entries, sizeof(*h) - offsetof(struct tree_header, n_entries));
}

/* ---- writing ---- */

static unsigned char *
make_body(const struct index *ix, const struct tree_header *h)
{
	unsigned char *body = calloc(1, (size_t)body_len(h));
	struct tree_backup *b = (void *)body;
	struct tree_entry *t;
	uint32_t i;

	if (body == NULL)
		return NULL;
	for (i = 0; i < h->n_backups; i++, b++) {
		memcpy(b->id, ix->backups[i].id, strnlen(ix->backups[i].id, sizeof(b->id)));
		b->version = ix->backups[i].version;
		b->list_crc = ix->backups[i].list_crc;
	}
	t = (void *)b;
	for (i = 0; i < h->n_entries; i++, t++) {
		const struct index_entry *e = &ix->entries[i];

		*t = (struct tree_entry){
			.mode = e->mode, .parent = e->parent, .name = e->name,
			.name_len = e->name_len, .flags = e->flags,
			.first = e->flags & INDEX_DIR ? e->first : 0,
			.count = e->flags & INDEX_DIR ? e->count : 0,
		};
	}
	memcpy(t, ix->strings, (size_t)ix->strings_len);
	return body;
}

int
treefile_write(struct cow *c)
{
	const struct index *ix = &c->store.ix;
	struct tree_header h = {
		.format = TREE_FORMAT, .n_entries = ix->n_entries, .n_backups = ix->n_backups,
		.strings_len = ix->strings_len, .tree_digest = ix->tree_digest,
		.server_version = ix->server_version, .xlog_seg_size = ix->xlog_seg_size,
	};
	unsigned char *body autofree = make_body(ix, &h);
	const struct iovec parts[] = { { &h, sizeof(h) }, { body, body != NULL ? (size_t)body_len(&h) : 0 } };
	int rc;

	if (body == NULL)
		return -ENOMEM;
	memcpy(h.magic, TREE_MAGIC, sizeof(h.magic));
	h.body_crc = crc32c(0, body, (size_t)body_len(&h));
	h.crc = header_crc(&h);
	if ((rc = wholefile_write(c->config.diff_fd, ONDISK_TREE, parts, ARRAY_SIZE(parts))) < 0 && rc != -ENOSPC)
		log_error("could not write \"%s\" in the diff directory: %s", ONDISK_TREE, strerror(-rc));
	return rc;
}

/* ---- reading ---- */

static int
damaged(const char *why)
{
	log_error("\"%s\" in the diff directory %s: put back a copy of it", ONDISK_TREE, why);
	return -EUCLEAN;
}

static int
read_header(int fd, struct tree_header *h)
{
	struct stat st;
	ssize_t n;
	int rc;

	if ((rc = io_plain(fd, &st)) < 0)
		return rc == -EINVAL ? damaged("is not a plain file") : rc;
	if ((n = io_pread(fd, h, sizeof(*h), 0)) < 0)
		return (int)n;
	if ((size_t)n < sizeof(*h) || memcmp(h->magic, TREE_MAGIC, sizeof(h->magic)) != 0)
		return damaged("is not a tree of pbkfs");
	if (h->format != TREE_FORMAT)
		return damaged("has a format that this pbkfs does not know");
	if (h->crc != header_crc(h) || h->n_entries == 0 || h->n_entries > INDEX_MAX_ENTRIES ||
	    h->n_backups == 0 || h->n_backups > CHAIN_MAX ||
	    (uint64_t)st.st_size != sizeof(*h) + body_len(h))
		return damaged("is damaged");
	return 0;
}

/* Lays the index out in mem, which is zeroed and as long as it gets. */
static void
make_index(unsigned char *mem, const struct index_header *to, const struct tree_header *h,
    const unsigned char *body)
{
	struct index_parts parts = index_parts_of(to);
	struct index_entry *e = (void *)(mem + parts.entries);
	struct index_backup *b = (void *)(mem + parts.backups);
	const struct tree_backup *from = (const void *)body;
	const struct tree_entry *t;
	uint32_t i;

	memcpy(mem, to, sizeof(*to));
	for (i = 0; i < h->n_backups; i++, from++) {
		memcpy(b[i].id, from->id, sizeof(b[i].id));
		b[i].version = from->version;
		b[i].list_crc = from->list_crc;
	}
	t = (const void *)from;
	for (i = 0; i < h->n_entries; i++, t++)
		e[i] = (struct index_entry){
			.mode = t->mode, .parent = t->parent, .name = t->name, .first = t->first,
			.count = t->count, .name_len = t->name_len, .flags = t->flags,
		};
	memcpy(mem + parts.strings, t, (size_t)h->strings_len);
}

static int
write_index(int index_fd, const struct tree_header *h, const unsigned char *body, size_t max)
{
	struct index_header to = {
		.magic = INDEX_MAGIC, .version = INDEX_VERSION, .n_entries = h->n_entries,
		.n_backups = h->n_backups, .strings_len = h->strings_len,
		.tree_digest = h->tree_digest, .server_version = h->server_version,
		.xlog_seg_size = h->xlog_seg_size,
	};
	unsigned char *mem autofree = NULL;

	to.length = index_parts_of(&to).length;
	if (to.length > max) {
		log_error("\"%s\" in the diff directory has more names than there is memory for", ONDISK_TREE);
		return -EFBIG;
	}
	if ((mem = calloc(1, (size_t)to.length)) == NULL)
		return -ENOMEM;
	make_index(mem, &to, h, body);
	return io_pwrite(index_fd, mem, (size_t)to.length, 0);
}

int
treefile_load(int changes_fd, int index_fd, size_t max)
{
	int fd autoclose = io_open_beneath(changes_fd, ONDISK_TREE, O_RDONLY | O_NONBLOCK, 0), rc;
	unsigned char *body autofree = NULL;
	struct tree_header h;
	ssize_t n;

	if (fd == -ENOENT)
		return damaged("is missing");
	if (fd < 0)
		return fd;
	if ((rc = read_header(fd, &h)) < 0)
		return rc;
	if (body_len(&h) > max)
		return damaged("is larger than can be");
	if ((body = malloc((size_t)body_len(&h))) == NULL)
		return -ENOMEM;
	if ((n = io_pread(fd, body, (size_t)body_len(&h), sizeof(h))) < 0)
		return (int)n;
	if ((uint64_t)n != body_len(&h) || crc32c(0, body, (size_t)n) != h.body_crc)
		return damaged("is damaged");
	return write_index(index_fd, &h, body, max);
}
