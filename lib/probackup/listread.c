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

#define WAY_OUT	"restore backup_content.control, or choose another backup"

_Static_assert(LISTREAD_BUFFER > 2 * FILELIST_LINE_MAX, "a line always fits");

/* Returns the version of the file that l has open, or all 0. */
static struct file_version
version_now(const struct listread *l)
{
	struct stat st;

	return fstat(l->fd, &st) == 0 ? file_version_of(&st) : (struct file_version){ 0 };
}

int
listread_open(struct listread *l, struct backup *b, char *error)
{
	struct stat st;
	int fd autoclose = io_open_plain(b->dirfd, "backup_content.control", &st);

	if (fd < 0)
		return explain(error, fd,
		    "could not open backup_content.control of backup \"%s\": %s",
		    b->id, io_plain_error(fd));
	*l = (struct listread){ .backup = b, .fd = -1 };
	if ((l->buf = malloc(LISTREAD_BUFFER)) == NULL)
		return explain(error, -ENOMEM, "out of memory");
	l->fd = steal_fd(&fd);
	l->version = version_now(l);
	return 0;
}

void
listread_close(struct listread *l)
{
	free(l->buf);
	close(l->fd);
}

/* Reads more behind what is held.  The scan is left alone. */
static int
read_more(struct listread *l, char *error)
{
	ssize_t n = io_pread(l->fd, l->buf + l->held, LISTREAD_BUFFER - l->held,
	    (off_t)l->total);

	if (n < 0)
		return explain(error, (int)n,
		    "could not read backup_content.control of backup \"%s\": %s",
		    l->backup->id, strerror((int)-n));
	l->eof = (size_t)n < LISTREAD_BUFFER - l->held;
	l->crc = crc32c(l->crc, l->buf + l->held, (size_t)n);
	l->held += (size_t)n;
	l->total += (uint64_t)n;
	if (l->total > LIST_SIZE_MAX)
		return explain(error, -EFBIG,
		    "backup_content.control of backup \"%s\" has more than %llu bytes: choose another backup",
		    l->backup->id, (unsigned long long)LIST_SIZE_MAX);
	return 0;
}

/* Gives the scan the whole lines that are held, and at the end the rest too. */
static int
refill(struct listread *l, char *error)
{
	const char *lf;
	int rc;

	l->held -= l->scan.len;
	memmove(l->buf, l->buf + l->scan.len, l->held);
	l->scan.len = l->scan.pos = 0;
	if ((rc = read_more(l, error)) < 0)
		return rc;
	lf = l->eof ? NULL : memrchr(l->buf, '\n', l->held);
	l->scan.text = l->buf;
	l->scan.len = lf != NULL ? (size_t)(lf - l->buf) + 1 : l->held;
	return 0;
}

static int
check_crc(const struct listread *l, char *error)
{
	const struct control *c = &l->backup->control;

	if (!c->has_content_crc || l->crc == c->content_crc)
		return 0;
	return explain(error, -EUCLEAN,
	    "the file list of backup \"%s\" does not match its content-crc, expected %u, found %u: " WAY_OUT,
	    l->backup->id, c->content_crc, l->crc);
}

/*
 * Reads on after a bad line, to find out whether the whole list is another one
 * than was written.
 */
static int
refuse(struct listread *l, const char *reason, char *error)
{
	int rc;

	while (!l->eof) {
		l->held = 0;
		if ((rc = read_more(l, error)) < 0)
			return rc;
	}
	if ((rc = check_crc(l, error)) < 0)
		return rc;
	return explain(error, -EUCLEAN, "the file list of backup \"%s\" is damaged, %.300s: " WAY_OUT,
	    l->backup->id, reason);
}

int
listread_next(struct listread *l, struct filelist_entry *e, int max, char *error)
{
	char reason[CHAIN_ERROR_MAX];
	struct file_version now;
	int n = 0, rc;

	for (;;) {
		while (n < max && (rc = filelist_next(&l->scan, &e[n], reason)) == 1)
			n++;
		if (n < max && rc < 0)
			return refuse(l, reason, error);
		if (n > 0)
			return n;	/* reading more would move their paths */
		if (l->eof)
			break;
		if ((rc = refill(l, error)) < 0)
			return rc;
	}
	if ((rc = check_crc(l, error)) < 0)
		return rc;
	now = version_now(l);
	l->backup->list_crc = l->crc;
	l->backup->list_read_from =
	    file_version_same(&now, &l->version) ? now : (struct file_version){ 0 };
	return 0;
}
