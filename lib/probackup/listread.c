/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads a list in pieces of whole lines and computes its checksum.  filelist.c
 * takes the lines apart.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/io.h"
#include "base/util.h"
#include "probackup/explain.h"
#include "probackup/listread.h"

#define WAY_OUT	"restore backup_content.control, or mount another backup"

_Static_assert(LISTREAD_BUFFER > 2 * FILELIST_LINE_MAX, "a line always fits");

/* Returns the version of the file that r has open, or all 0. */
static struct file_version
version_now(const struct listread *r)
{
	struct stat st;

	return fstat(r->fd, &st) == 0 ? file_version_of(&st) : (struct file_version){ 0 };
}

int
listread_open(struct listread *r, struct backup *b, char *error)
{
	struct stat st;
	int fd autoclose = io_open_plain(b->dirfd, "backup_content.control", &st);

	if (fd < 0)
		return explain(error, fd,
		    "could not open backup_content.control of backup \"%s\": %s",
		    b->id, io_plain_error(fd));
	*r = (struct listread){ .backup = b, .fd = -1 };
	if ((r->buf = malloc(LISTREAD_BUFFER)) == NULL)
		return explain(error, -ENOMEM, "out of memory");
	r->fd = steal_fd(&fd);
	r->version = version_now(r);
	return 0;
}

void
listread_close(struct listread *r)
{
	free(r->buf);
	close(r->fd);
}

/* Reads more behind what is held.  The scan is left alone. */
static int
read_more(struct listread *r, char *error)
{
	ssize_t n = io_pread(r->fd, r->buf + r->held, LISTREAD_BUFFER - r->held,
	    (off_t)r->total);

	if (n < 0)
		return explain(error, (int)n,
		    "could not read backup_content.control of backup \"%s\": %s",
		    r->backup->id, strerror((int)-n));
	r->eof = (size_t)n < LISTREAD_BUFFER - r->held;
	r->crc = crc32c(r->crc, r->buf + r->held, (size_t)n);
	r->held += (size_t)n;
	r->total += (uint64_t)n;
	if (r->total > LIST_SIZE_MAX)
		return explain(error, -EFBIG,
		    "backup_content.control of backup \"%s\" has more than %llu bytes: mount another backup",
		    r->backup->id, (unsigned long long)LIST_SIZE_MAX);
	return 0;
}

/* Gives the scan the whole lines that are held, and at the end the rest too. */
static int
refill(struct listread *r, char *error)
{
	const char *lf;
	int rc;

	r->held -= r->scan.len;
	memmove(r->buf, r->buf + r->scan.len, r->held);
	r->scan.len = r->scan.pos = 0;
	if ((rc = read_more(r, error)) < 0)
		return rc;
	lf = r->eof ? NULL : memrchr(r->buf, '\n', r->held);
	r->scan.text = r->buf;
	r->scan.len = lf != NULL ? (size_t)(lf - r->buf) + 1 : r->held;
	return 0;
}

static int
check_crc(const struct listread *r, char *error)
{
	const struct control *c = &r->backup->control;

	if (!c->has_content_crc || r->crc == c->content_crc)
		return 0;
	return explain(error, -EUCLEAN,
	    "the file list of backup \"%s\" does not match its content-crc, expected %u, found %u: " WAY_OUT,
	    r->backup->id, c->content_crc, r->crc);
}

/*
 * Reads on after a bad line, to find out whether the whole list is another one
 * than was written.
 */
static int
refuse(struct listread *r, const char *reason, char *error)
{
	int rc;

	while (!r->eof) {
		r->held = 0;
		if ((rc = read_more(r, error)) < 0)
			return rc;
	}
	if ((rc = check_crc(r, error)) < 0)
		return rc;
	return explain(error, -EUCLEAN, "the file list of backup \"%s\" is damaged, %.300s: " WAY_OUT,
	    r->backup->id, reason);
}

int
listread_next(struct listread *r, struct filelist_entry *e, int max, char *error)
{
	char reason[CHAIN_ERROR_MAX];
	struct file_version now;
	int n = 0, rc;

	for (;;) {
		while (n < max && (rc = filelist_next(&r->scan, &e[n], reason)) == 1)
			n++;
		if (n < max && rc < 0)
			return refuse(r, reason, error);
		if (n > 0)
			return n;	/* reading more would move their paths */
		if (r->eof)
			break;
		if ((rc = refill(r, error)) < 0)
			return rc;
	}
	if ((rc = check_crc(r, error)) < 0)
		return rc;
	now = version_now(r);
	r->backup->list_crc = r->crc;
	r->backup->list_read_from =
	    file_version_same(&now, &r->version) ? now : (struct file_version){ 0 };
	return 0;
}
