/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the control file of a backup and judges whether a chain may have it.
 * The files of the backup are not opened here, but for the length of its list.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/util.h"
#include "pg/pg_types.h"
#include "probackup/explain.h"
#include "probackup/member.h"

#define VERSION_MIN	20000	/* program-version 2.0.0 */
#define VERSION_END	20900	/* the first one whose format is not known */
#define VERSIONS_KNOWN	"2.0 to 2.8"
#define SERVER_MIN	12
#define LIST_LOSSES	4096000	/* bytes of a list that has lost a line, see member_lost_lines() */

struct file_version
file_version_of(const struct stat *st)
{
	return (struct file_version){
		st->st_dev, st->st_ino, (uint64_t)st->st_size,
		clock_ns(&st->st_mtim), clock_ns(&st->st_ctim)
	};
}

bool
file_version_same(const struct file_version *a, const struct file_version *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    a->mtime == b->mtime && a->ctime == b->ctime;
}

static int
open_regular(int dirfd, const char *name, struct file_version *v)
{
	struct stat st;
	int fd = io_open_plain(dirfd, name, &st);

	if (fd >= 0)
		*v = file_version_of(&st);
	return fd;
}

int
member_read(int dirfd, const char *id, struct control *c, char *error)
{
	char reason[CHAIN_ERROR_MAX];
	char *text autofree = NULL;
	struct file_version version;
	int fd autoclose = -1;
	size_t len;
	int rc;

	fd = open_regular(dirfd, "backup.control", &version);
	if (fd == -ENOENT)
		return explain(error, -EUCLEAN,
		    "backup \"%s\" has no backup.control, it is being made or broken: choose another backup",
		    id);
	rc = fd < 0 ? fd : io_read_file(fd, CONTROL_SIZE_MAX, &text, &len);
	if (rc < 0)
		return explain(error, rc, "could not read backup.control of backup \"%s\": %s",
		    id, io_plain_error(rc));
	if ((rc = control_parse(text, len, c, reason)) < 0)
		return explain(error, rc,
		    "backup.control of backup \"%s\" is damaged: %.300s: restore the file, or choose another backup",
		    id, reason);
	c->read_from = version;
	return 0;
}

static int
check_server(const char *id, const struct control *c, char *error)
{
	if (atoi(c->server_version) < SERVER_MIN)
		return explain(error, -EUCLEAN,
		    "backup \"%s\" is of PostgreSQL \"%s\", and only %d and newer can be mounted: restore it with pg_probackup",
		    id, c->server_version, SERVER_MIN);
	if (c->block_size != BLCKSZ)
		return explain(error, -EUCLEAN,
		    "backup \"%s\" has blocks of %u bytes instead of %d: restore it with pg_probackup",
		    id, c->block_size, BLCKSZ);
	return 0;
}

static int
check_codec(const char *id, const struct control *c, char *error)
{
	const char *name = c->compress_alg;

	if (name[0] == '\0' || codec_by_name(name, strlen(name)) >= 0)
		return 0;
	return explain(error, -EUCLEAN,
	    "backup \"%s\" is compressed with \"%s\", which is not known: use a newer pbkfs",
	    id, name);
}

int
member_check_format(const char *id, const struct control *c, char *error)
{
	int rc;

	if (c->version < VERSION_MIN)
		return explain(error, -EUCLEAN,
		    "backup \"%s\" was made by pg_probackup %s, and only " VERSIONS_KNOWN
		    " are known: restore it with pg_probackup", id, c->program_version);
	if ((rc = check_server(id, c, error)) < 0)
		return rc;
	return check_codec(id, c, error);
}

bool
member_is_complete(const struct control *c)
{
	return strcmp(c->status, "OK") == 0 || strcmp(c->status, "DONE") == 0;
}

/*
 * Three versions dropped a line wherever their buffer of 4000 KB was full, and
 * had no content-crc that could tell.  pg_probackup since 2.2.2 judges by the
 * same two signs.
 */
bool
member_lost_lines(int dirfd, const struct control *c)
{
	struct stat st;

	return (c->version == 20104 || c->version == 20105 || c->version == 20201) &&
	    fstatat(dirfd, "backup_content.control", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_size >= LIST_LOSSES;
}

static void __attribute__((format(printf, 4, 5)))
doubt(struct member_doubt *d, unsigned *n, const char *refusal, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(d[*n].what, sizeof(d[*n].what), fmt, ap) < 0)
		d[*n].what[0] = '\0';
	va_end(ap);
	d[(*n)++].refusal = refusal;
}

static const char *
status_refusal(const char *status)
{
	if (strcmp(status, "MERGING") == 0 || strcmp(status, "MERGED") == 0)
		return ": a merge was interrupted, or is under way: finish it with \"pg_probackup merge\", choose another backup";
	if (strcmp(status, "DELETING") == 0)
		return ": it is being deleted, maybe by a merge, which \"pg_probackup merge\" finishes: choose another backup";
	return " instead of OK or DONE: validate it with pg_probackup, choose another backup";
}

unsigned
member_doubts(int dirfd, const char *id, const struct control *c,
    struct member_doubt d[MEMBER_DOUBTS])
{
	unsigned n = 0;

	if (c->version >= VERSION_END)
		doubt(d, &n, ": use a newer pbkfs", "backup \"%s\" was made by pg_probackup %s, and only "
		    VERSIONS_KNOWN " are known", id, c->program_version);
	if (!member_is_complete(c))
		doubt(d, &n, status_refusal(c->status), "backup \"%s\" has status %s", id, c->status);
	if (member_lost_lines(dirfd, c))
		doubt(d, &n, ": choose another backup",
		    "backup \"%s\" is corrupt: pg_probackup %s lost lines of a list as long as its backup_content.control",
		    id, c->program_version);
	return n;
}

const char *
member_warning(const struct control *c)
{
	return c->version == 20800 || c->version == 20801 ?
	    "pg_probackup 2.8.0 and 2.8.1 may have left databases and tablespaces with OIDs of 2147483648 and more out" :
	    NULL;
}

int
member_refuse(const struct member_doubt *d, char *error)
{
	return explain(error, -EUCLEAN, "%s%s, or mount it with --force", d->what, d->refusal);
}

int
member_check_list(int dirfd, const char *id, uint64_t *len, char *error)
{
	struct file_version version = { 0 };
	int fd autoclose = open_regular(dirfd, "backup_content.control", &version);

	if (fd < 0)
		return explain(error, fd == -ENOENT ? -EUCLEAN : fd,
		    "could not open backup_content.control of backup \"%s\": %s: restore the file, or choose another backup",
		    id, io_plain_error(fd));
	if (version.size > LIST_SIZE_MAX)
		return explain(error, -EFBIG,
		    "backup_content.control of backup \"%s\" has %llu bytes, and at most %llu are read: choose another backup",
		    id, (unsigned long long)version.size, (unsigned long long)LIST_SIZE_MAX);
	*len = version.size;
	return 0;
}

int
member_check_place(const char *first, unsigned n, const char *child, const char *id,
    bool in_chain, char *error)
{
	if (in_chain)
		return explain(error, -EUCLEAN,
		    "backup \"%s\" has \"%s\" as its parent, which is based on it: correct backup.control, or mount a backup of another chain",
		    child, id);
	if (n == CHAIN_MAX)
		return explain(error, -EUCLEAN,
		    "the chain of backup \"%s\" has more than %d members: merge some of them with pg_probackup",
		    first, CHAIN_MAX);
	return 0;
}

int
member_missing(const char *instance, const char *id, const char *child, const char *full,
    char *error)
{
	if (full != NULL)
		return explain(error, -EUCLEAN,
		    "backup \"%s\" of instance \"%s\" is missing, and \"%s\" is based on it: an interrupted merge has put it into \"%s\", finish it with \"pg_probackup merge -i %s\"",
		    id, instance, child, full, full);
	return explain(error, -EUCLEAN,
	    "backup \"%s\" of instance \"%s\" is missing, and \"%s\" is based on it: restore the directory, or mount an older backup",
	    id, instance, child);
}
