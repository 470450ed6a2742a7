/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copies one file of the archive to where a server wants it, whole or not at
 * all.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "pg/walpage.h"
#include "probackup/archive.h"
#include "probackup/chain.h"
#include "probackup/chain_find.h"
#include "probackup/segstream.h"
#include "worker/walfetch.h"

#define CHUNK	(1 * MiB)

struct fetch {
	const struct walfetch *order;
	struct archive archive;
	struct archive_file file;
	bool	served;			/* by a mount, which has checked it; file has its status alone */
	int	fd;			/* of it, unless stream has it */
	struct segstream *stream;
	unsigned char *buf;		/* CHUNK bytes */
};

static int
find(struct fetch *f, int store_fd)
{
	const struct walfetch *o = f->order;
	char error[CHAIN_ERROR_MAX];
	int fd autoclose = -1, rc;
	struct walname w;

	if ((fd = chain_find_instance(store_fd, o->store_name, o->instance, error)) < 0) {
		log_error("%s", error);
		return fd;
	}
	if ((rc = archive_init(&f->archive, store_fd, o->instance, 0, 0)) < 0)
		return rc;
	if (walname_parse(o->file, strlen(o->file), f->archive.seg_size, &w) < 0) {
		log_error("\"%.100s\" is not a name of a WAL file with segments of %u bytes", o->file,
		    f->archive.seg_size);
		return -EINVAL;
	}
	if ((rc = archive_find(&f->archive, &w, &f->file)) == -ENOENT)
		log_error("\"%s\" is not in the WAL archive of instance \"%s\"", o->file, o->instance);
	else if (rc < 0)
		log_error("could not look for \"%s\" in the WAL archive of instance \"%s\": %s",
		    o->file, o->instance, strerror(-rc));
	return rc;
}

static int
open_source(struct fetch *f)
{
	int rc;

	if ((f->fd = archive_open(&f->archive, &f->file)) < 0) {
		archive_complain(&f->archive, &f->file, "%s", strerror(-f->fd));
		return f->fd;
	}
	if ((rc = archive_check(&f->archive, &f->file, NULL)) < 0 || f->file.format == SEGSTREAM_PLAIN)
		return rc;
	return segstream_new(f->file.format, steal_fd(&f->fd), f->archive.seg_size, &f->stream);
}

/* Returns what was read at off; less than CHUNK only at the end. */
static ssize_t
read_source(struct fetch *f, uint64_t off)
{
	ssize_t n = f->stream != NULL ? segstream_read(f->stream, f->buf, CHUNK) :
	    io_pread(f->fd, f->buf, CHUNK, (off_t)off);

	if (f->served && n < 0)
		log_error("could not read \"%s\" of the mount: %s", f->order->file, strerror((int)-n));
	if (f->served)
		return n;
	if (n < 0)
		archive_complain(&f->archive, &f->file, "%s",
		    f->stream != NULL ? segstream_why(f->stream) : strerror((int)-n));
	else if (n >= WALPAGE_LONG && off == 0 && archive_check(&f->archive, &f->file, f->buf) < 0)
		return -EUCLEAN;
	return n;
}

static int
not_written(const struct fetch *f, int rc)
{
	log_error("could not write \"%s\": %s", f->order->name, strerror(-rc));
	return rc;
}

static int
copy(struct fetch *f, int to)
{
	uint64_t size = f->served ? (uint64_t)f->file.st.st_size :
	    archive_size(&f->archive, &f->file), off = 0;
	ssize_t n;
	int rc;

	while (off < size && (n = read_source(f, off)) != 0) {
		if (n < 0)
			return (int)n;
		if ((rc = io_write(to, f->buf, (size_t)n)) < 0)
			return not_written(f, rc);
		off += (uint64_t)n;
	}
	if (off == size)
		return fsync(to) == 0 ? 0 : not_written(f, -errno);
	if (f->served)
		log_error("could not read \"%s\" of the mount: it is short", f->order->file);
	else
		archive_complain(&f->archive, &f->file, "expected %llu bytes, found %llu",
		    (unsigned long long)size, (unsigned long long)off);
	return -EUCLEAN;
}

/* A reader sees the old file or the whole new one, also after a crash. */
static int
write_and_rename(struct fetch *f)
{
	const struct walfetch *o = f->order;
	char temporary[NAME_MAX + 1];
	int to autoclose = -1, rc;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.pbkfs.%d", o->name, (int)getpid()) >=
	    sizeof(temporary))
		return not_written(f, -ENAMETOOLONG);
	to = openat(o->dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return not_written(f, -errno);
	if ((rc = copy(f, to)) == 0 && (renameat(o->dir_fd, temporary, o->dir_fd, o->name) != 0 ||
	    fsync(o->dir_fd) != 0))
		rc = not_written(f, -errno);
	if (rc < 0)
		unlinkat(o->dir_fd, temporary, 0);
	return rc;
}

static int
fetch(struct fetch *f)
{
	int rc;

	if ((f->buf = malloc(CHUNK)) == NULL)
		return not_written(f, -ENOMEM);
	rc = write_and_rename(f);
	free(f->buf);
	return rc;
}

int
walfetch(int store_fd, void *arg)
{
	struct fetch f = { .order = arg, .fd = -1 };
	int rc;

	if ((rc = find(&f, store_fd)) == 0 && (rc = open_source(&f)) == 0)
		rc = fetch(&f);
	segstream_free(f.stream);
	if (f.fd >= 0)
		close(f.fd);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int
walfetch_served(const struct walfetch *order, int fd)
{
	struct fetch f = { .order = order, .served = true, .fd = fd };

	if (fstat(fd, &f.file.st) == 0 && S_ISREG(f.file.st.st_mode))
		return fetch(&f) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	log_error("\"%s\" of the mount is not a plain file", order->file);
	return EXIT_FAILURE;
}
