/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds, opens and lists files of the archive by the names that they have
 * there.  It decompresses nothing (segstream.c), and looks at no record.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/logonce.h"
#include "base/util.h"
#include "pg/timeline.h"
#include "pg/walpage.h"
#include "probackup/archive.h"
#include "probackup/chain.h"
#include "probackup/conf.h"

/* How a file can be stored: the parts of its name behind the 24 digits. */
struct form {
	const char *suffix;
	bool	partial;
	enum segstream_format format;
};
static const struct form forms[] = {	/* in the order in which they are looked for */
	{ "", false, SEGSTREAM_PLAIN },
	{ ".gz", false, SEGSTREAM_GZIP },
	{ ".lz4", false, SEGSTREAM_LZ4 },
	{ ".zst", false, SEGSTREAM_ZSTD },
	{ ".partial", true, SEGSTREAM_PLAIN },
	{ ".gz.partial", true, SEGSTREAM_GZIP },
	{ ".lz4.partial", true, SEGSTREAM_LZ4 },
	{ ".zst.partial", true, SEGSTREAM_ZSTD },
	{ ".partial.lz4", true, SEGSTREAM_LZ4 },
	{ ".partial.zst", true, SEGSTREAM_ZSTD },
};

/* A compressed file is not much longer than what it holds; with this much to spare. */
#define PACKED_SPARE	(64 * KiB)

static void
load_conf(struct archive *a, const char *instance)
{
	char path[NAME_MAX + 16], reason[CHAIN_ERROR_MAX];
	int fd autoclose = -1, rc;
	struct conf conf = { 0 };

	snprintf(path, sizeof(path), "backups/%s", instance);
	fd = a->store_fd < 0 ? -ENOENT : io_open_beneath(a->store_fd, path, O_PATH | O_DIRECTORY, 0);
	if (fd == -ENOENT)
		return;
	rc = fd < 0 ? fd : conf_load(fd, &conf, reason);
	if (rc < 0)
		log_warn("could not read pg_probackup.conf of instance \"%s\": %s", instance,
		    fd < 0 ? strerror(-fd) : reason);
	a->sysid = conf.system_identifier;
	if (a->seg_size == 0)
		a->seg_size = conf.xlog_seg_size;
}

int
archive_init(struct archive *a, int store_fd, const char *instance, uint32_t seg_size,
    uint32_t server_version)
{
	size_t len = strlen(instance);

	if (len > NAME_MAX || !io_path_is_plain(instance, len) || strchr(instance, '/') != NULL)
		return -EINVAL;
	*a = (struct archive){
		.store_fd = store_fd, .seg_size = seg_size, .server_version = server_version,
	};
	snprintf(a->path, sizeof(a->path), "wal/%s", instance);
	load_conf(a, instance);
	if (a->seg_size == 0)
		a->seg_size = ARCHIVE_SEG_SIZE;
	return 0;
}

/* Opens the directory anew each time: somebody may make or replace it while we run. */
static int
open_directory(const struct archive *a, int flags)
{
	return a->store_fd < 0 ? -ENOENT : io_open_beneath(a->store_fd, a->path, flags | O_DIRECTORY, 0);
}

/* Writes the name that the file has if it is stored in this form. */
static void
stored_name(const struct archive *a, const struct walname *w, const struct form *form,
    char name[WALNAME_MAX + 4])
{
	struct walname whole = *w;

	if (whole.kind == WAL_PARTIAL)
		whole.kind = WAL_SEGMENT;
	walname_format(&whole, a->seg_size, name);
	if (whole.kind == WAL_SEGMENT)
		strcat(name, form->suffix);
}

/* Fills f->st if the file is there.  Anything but a plain file is not. */
static int
look(int dirfd, struct archive_file *f)
{
	if (fstatat(dirfd, f->name, &f->st, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	return S_ISREG(f->st.st_mode) ? 0 : -ENOENT;
}

static int
find_form(const struct archive *a, int dirfd, const struct walname *w, const struct form *form,
    struct archive_file *f)
{
	*f = (struct archive_file){ .wal = *w, .format = form->format };
	if (form->partial)
		f->wal.kind = WAL_PARTIAL;
	stored_name(a, w, form, f->name);
	return look(dirfd, f);
}

int
archive_find(const struct archive *a, const struct walname *w, struct archive_file *f)
{
	int dirfd autoclose = open_directory(a, O_PATH), rc;
	size_t i, n = w->kind == WAL_HISTORY ? 1 : ARRAY_SIZE(forms);
	struct archive_file found;

	if (w->kind == WAL_NONE)
		return -ENOENT;
	if (dirfd < 0)
		return dirfd;
	for (i = 0, rc = -ENOENT; i < n && rc == -ENOENT; i++)
		if (w->kind != WAL_PARTIAL || forms[i].partial)
			rc = find_form(a, dirfd, w, &forms[i], &found);
	if (rc == 0)
		*f = found;
	return rc;
}

int
archive_open(const struct archive *a, struct archive_file *f)
{
	int dirfd autoclose = open_directory(a, O_PATH), fd;

	if (dirfd < 0)
		return dirfd;
	fd = io_open_plain(dirfd, f->name, &f->st);
	return fd == -EINVAL ? -ENOENT : fd;
}

uint64_t
archive_size(const struct archive *a, const struct archive_file *f)
{
	return f->wal.kind == WAL_HISTORY ? (uint64_t)f->st.st_size : a->seg_size;
}

int
archive_check(const struct archive *a, const struct archive_file *f, const unsigned char *page)
{
	struct walpage_expected e = {
		.timeline = f->wal.timeline, .segno = f->wal.segno, .seg_size = a->seg_size,
		.server_version = a->server_version, .sysid = a->sysid,
	};
	uint64_t size = (uint64_t)f->st.st_size;
	char why[WALPAGE_WHY_MAX];

	if (f->wal.kind == WAL_HISTORY)
		return 0;
	if (f->format != SEGSTREAM_PLAIN ? size > a->seg_size + a->seg_size / 64 + PACKED_SPARE : size != a->seg_size) {
		archive_complain(a, f, "expected %s%u bytes, found %llu",
		    f->format != SEGSTREAM_PLAIN ? "a compressed form of " : "", a->seg_size, (unsigned long long)size);
		return -EUCLEAN;
	}
	if (page == NULL || walpage_check(page, &e, why) == 0)
		return 0;
	archive_complain(a, f, "%s", why);
	return -EUCLEAN;
}

/* Whether this file is to be complained of: in a form of its own it is another one. */
static bool
is_due(const struct archive_file *f)
{
	static struct logonce faults = LOGONCE_INIT;

	return logonce_is_due(&faults, (uint64_t)f->wal.timeline << 32 |
	    (uint64_t)f->wal.kind << 8 | (uint64_t)f->format, f->wal.segno);
}

void
archive_complain(const struct archive *a, const struct archive_file *f, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	if (!is_due(f))
		return;
	va_start(ap, fmt);
	if (vsnprintf(why, sizeof(why), fmt, ap) < 0)
		why[0] = '\0';
	va_end(ap);
	log_error("could not read WAL file \"%s\" of instance \"%s\": %s", f->name,
	    a->path + strlen("wal/"), why);
}

int
archive_read_history(const struct archive *a, uint32_t timeline, char **text, size_t *len)
{
	struct walname w = { .kind = WAL_HISTORY, .timeline = timeline };
	struct archive_file f;
	int fd autoclose = -1, rc;

	if ((rc = archive_find(a, &w, &f)) < 0)
		return rc;
	if ((fd = archive_open(a, &f)) < 0)
		return fd;
	return io_read_file(fd, TIMELINE_HISTORY_MAX, text, len);
}

int
archive_list_begin(const struct archive *a, uint64_t cookie, struct archive_list *l)
{
	int fd autoclose = open_directory(a, O_RDONLY);

	*l = (struct archive_list){ .archive = a };
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if ((l->dir = fdopendir(fd)) == NULL)
		return -errno;
	steal_fd(&fd);
	if (cookie != 0)
		seekdir(l->dir, (long)cookie);
	return 0;
}

/* Returns the form that the name shows; *len becomes the length without the suffix. */
static const struct form *
form_of(const char *name, size_t *len)
{
	size_t i, n;

	for (i = ARRAY_SIZE(forms); i-- > 1;) {
		n = strlen(forms[i].suffix);
		if (*len > n && memcmp(name + *len - n, forms[i].suffix, n) == 0) {
			*len -= n;
			return &forms[i];
		}
	}
	return &forms[0];
}

static int
entry_of(const struct archive *a, const struct dirent *d, struct archive_entry *e)
{
	size_t len = strlen(d->d_name);
	const struct form *form = form_of(d->d_name, &len);

	*e = (struct archive_entry){ .format = form->format, .cookie = (uint64_t)d->d_off };
	if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0) {
		strcpy(e->name, d->d_name);
		return 0;
	}
	if (walname_parse(d->d_name, len, a->seg_size, &e->wal) < 0 || e->wal.kind == WAL_PARTIAL ||
	    (e->wal.kind == WAL_HISTORY && form != &forms[0]))
		return -EINVAL;
	if (form->partial)
		e->wal.kind = WAL_PARTIAL;
	walname_format(&e->wal, a->seg_size, e->name);
	return 0;
}

/* Whether the directory also has it in a form that archive_find() prefers. */
static bool
is_there_before(const struct archive_list *l, const struct archive_entry *e, const struct form *form)
{
	struct archive_file other;
	const struct form *f;

	for (f = forms; f < form; f++)
		if (f->partial == form->partial &&
		    find_form(l->archive, dirfd(l->dir), &e->wal, f, &other) == 0)
			return true;
	return false;
}

/* Whether a listing has this one: a plain file, and the first of its forms. */
static bool
is_shown(struct archive_list *l, const struct dirent *d, const struct archive_entry *e)
{
	size_t len = strlen(d->d_name);
	struct stat st;

	if (e->wal.kind == WAL_NONE)
		return true;
	if (d->d_type != DT_REG && (d->d_type != DT_UNKNOWN ||
	    fstatat(dirfd(l->dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode)))
		return false;
	return e->format == SEGSTREAM_PLAIN || l->twice ||
	    !is_there_before(l, e, form_of(d->d_name, &len));
}

int
archive_list_next(struct archive_list *l, struct archive_entry *e)
{
	const struct dirent *d;

	while (l->dir != NULL) {
		errno = 0;
		if ((d = readdir(l->dir)) == NULL)
			return -errno;
		if (entry_of(l->archive, d, e) == 0 && is_shown(l, d, e))
			return 1;
	}
	return 0;
}

void
archive_list_end(struct archive_list *l)
{
	if (l->dir != NULL)
		closedir(l->dir);
	l->dir = NULL;
}
