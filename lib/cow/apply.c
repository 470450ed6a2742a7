/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mode.h"
#include "base/util.h"
#include "cow/apply.h"
#include "cow/dentry.h"
#include "cow/find.h"
#include "cow/impl.h"
#include "cow/node.h"
#include "cow/relfile.h"

/*
 * The one place where names and attributes change.  A live operation checks,
 * appends its record and applies it; replay applies the same records, so both
 * arrive at the same tree.  A live change of content is made in the file
 * itself, and only replay applies its record (apply_content()).  A record that
 * does not fit the tree can only come from a damaged or forged journal:
 * -EUCLEAN.
 */

/* Orders the names of a directory: a record makes at most two. */
#define COOKIE_OF(rec)	((rec)->seq * 2)

static int
node_of(struct cow *c, uint64_t serial, struct node **out)
{
	if (serial == JOURNAL_ROOT_SERIAL)
		return node_get(c, COW_ROOT, out);
	*out = node_by_serial(c, serial);
	return *out != NULL ? 0 : -EUCLEAN;
}

static int
directory_of(struct cow *c, uint64_t serial, struct node **out)
{
	int rc = node_of(c, serial, out);

	return rc == 0 && !S_ISDIR((*out)->mode) ? -EUCLEAN : rc;
}

static void
touch_directory(struct node *dir, int64_t when)
{
	dir->mtime = dir->ctime = when;
}

static bool
ids_are_valid(const struct journal_record *rec)
{
	return rec->uid != (uid_t)-1 && rec->gid != (gid_t)-1;
}

/* A live operation makes none of what is refused here: cow_create() judges before. */
static bool
inode_is_valid(const struct journal_record *rec)
{
	switch (rec->mode & S_IFMT) {
	case S_IFLNK:
		if (rec->name2_len == 0 || rec->name2_len >= PATH_MAX ||
		    memchr(rec->name2, '\0', rec->name2_len) != NULL)
			return false;
		break;
	case S_IFREG:
	case S_IFDIR:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	default:
		return false;
	}
	return (rec->mode & ~(uint32_t)(S_IFMT | 07777)) == 0 && ids_are_valid(rec);
}

static int
apply_bind(struct cow *c, const struct journal_record *rec)
{
	uint32_t e = index_lookup(&c->store.ix, rec->name, rec->name_len);
	struct relfile *f;
	struct node *n;
	int rc;

	if (e == INDEX_NONE || rec->serial == 0) {
		log_error("the journal changes \"%.*s\", which is not in the backup",
		    (int)rec->name_len, rec->name);
		return -EUCLEAN;
	}
	if ((rc = node_get(c, (uint64_t)e + 1, &n)) < 0)
		return rc;
	if (n->serial != 0)
		return -EUCLEAN;
	if (rec->flags & JOURNAL_ORPHAN)
		n->nlink = 0;
	if ((rc = node_set_serial(c, n, rec->serial)) < 0)
		return rc;
	if ((f = c->base_file[e]) != NULL) {
		f->content.number = rec->serial;
		f->serial = rec->serial;
	}
	return 0;
}

static int
apply_create(struct cow *c, const struct journal_record *rec)
{
	struct node *dir, *n;
	int rc;

	if ((rc = directory_of(c, rec->parent, &dir)) < 0)
		return rc;
	if (rec->serial == 0 || !inode_is_valid(rec) ||
	    !dentry_name_is_valid(rec->name, rec->name_len) ||
	    dentry_resolve(c, dir->nodeid, rec->name, rec->name_len) != 0)
		return -EUCLEAN;
	if ((rc = node_create(c, rec->serial, &n)) < 0)
		return rc;
	n->mode = mode_shown(rec->mode);
	n->uid = rec->uid;
	n->gid = rec->gid;
	n->nlink = 1;
	n->atime = n->mtime = n->ctime = rec->time;
	n->dirnode = dir->nodeid;
	if (S_ISLNK(rec->mode))
		rc = node_set_target(c, n, rec->name2, rec->name2_len);
	if (rc == 0)
		rc = dentry_set(c, dir, rec->name, rec->name_len, n->nodeid, COOKIE_OF(rec));
	if (rc < 0) {
		node_free(c, n);
		return rc;
	}
	touch_directory(dir, rec->time);
	return 0;
}

/* A node of a compacted journal: as it was, with its names still to come. */
static int
apply_node(struct cow *c, const struct journal_record *rec)
{
	uint32_t e = INDEX_NONE;
	struct node *n;
	int rc;

	if (!inode_is_valid(rec))
		return -EUCLEAN;
	if (rec->serial == JOURNAL_ROOT_SERIAL) {
		if ((rc = node_get(c, COW_ROOT, &n)) < 0)
			return rc;
	} else if (rec->name_len > 0) {
		e = index_lookup(&c->store.ix, rec->name, rec->name_len);
		if (e == INDEX_NONE)
			return -EUCLEAN;
		if ((rc = node_get(c, (uint64_t)e + 1, &n)) < 0)
			return rc;
		if (n->serial != 0)
			return -EUCLEAN;
		if ((rc = node_set_serial(c, n, rec->serial)) < 0)
			return rc;
	} else if ((rc = node_create(c, rec->serial, &n)) < 0) {
		return rc;
	}
	if (n->base != INDEX_NONE && (n->mode & S_IFMT) != (rec->mode & S_IFMT))
		return -EUCLEAN;
	n->mode = mode_shown(rec->mode);
	n->uid = rec->uid;
	n->gid = rec->gid;
	n->nlink = rec->valid;
	n->atime = rec->atime;
	n->mtime = rec->mtime;
	n->ctime = rec->time;
	return S_ISLNK(n->mode) && n->target == NULL ?
	    node_set_target(c, n, rec->name2, rec->name2_len) : 0;
}

static int
apply_name(struct cow *c, const struct journal_record *rec)
{
	struct node *dir, *n = NULL;
	int rc;

	if ((rc = directory_of(c, rec->parent, &dir)) < 0 ||
	    (rec->serial != 0 && (rc = node_of(c, rec->serial, &n)) < 0))
		return rc;
	if (!dentry_name_is_valid(rec->name, rec->name_len))
		return -EUCLEAN;
	if (n != NULL)
		n->dirnode = dir->nodeid;
	return dentry_set(c, dir, rec->name, rec->name_len, n != NULL ? n->nodeid : 0,
	    COOKIE_OF(rec));
}

static int
apply_link(struct cow *c, const struct journal_record *rec)
{
	struct node *dir, *n;
	int rc;

	if ((rc = directory_of(c, rec->parent, &dir)) < 0 ||
	    (rc = node_of(c, rec->serial, &n)) < 0)
		return rc;
	if (S_ISDIR(n->mode) || !dentry_name_is_valid(rec->name, rec->name_len) ||
	    dentry_resolve(c, dir->nodeid, rec->name, rec->name_len) != 0)
		return -EUCLEAN;
	if ((rc = dentry_set(c, dir, rec->name, rec->name_len, n->nodeid, COOKIE_OF(rec))) < 0)
		return rc;
	n->nlink++;
	n->ctime = rec->time;
	touch_directory(dir, rec->time);
	return 0;
}

void
apply_gone(struct cow *c, struct node *n, uint64_t seq)
{
	struct relfile *f = n->base != INDEX_NONE ? c->base_file[n->base] : n->file;

	if (f != NULL)
		relfile_discard(c, f, seq);
	/* A backup's file keeps its node: it remembers that the name is gone. */
	if (n->base == INDEX_NONE)
		node_free(c, n);
}

/*
 * One name of n is gone; without names and lookups, n goes too.  During replay
 * nothing is removed from disk: cow_open() sweeps, or, where an earlier worker
 * served this mount, leaves alone what the kernel may still know.
 */
static void
lost_name(struct cow *c, struct node *n, const struct journal_record *rec)
{
	uint64_t lookups;

	n->ctime = rec->time;
	if (n->nlink > 0)
		n->nlink--;
	if (n->nlink > 0)
		return;
	if (c->replaying) {
		if (c->config.first && n->base == INDEX_NONE)
			node_free(c, n);
		return;
	}
	lookups = n->base != INDEX_NONE ? c->base_lookups[n->base] : n->lookups;
	if (lookups == 0 && !n->inexact)
		apply_gone(c, n, rec->seq);
}

static int
apply_unlink(struct cow *c, const struct journal_record *rec)
{
	struct node *dir, *n;
	uint64_t nodeid;
	int rc;

	if ((rc = directory_of(c, rec->parent, &dir)) < 0)
		return rc;
	nodeid = dentry_resolve(c, dir->nodeid, rec->name, rec->name_len);
	if (nodeid == 0 || (rc = node_get(c, nodeid, &n)) < 0 || n->serial != rec->serial)
		return -EUCLEAN;
	if ((rc = dentry_set(c, dir, rec->name, rec->name_len, 0, COOKIE_OF(rec))) < 0)
		return rc;
	touch_directory(dir, rec->time);
	lost_name(c, n, rec);
	return 0;
}

/* second: one record of an exchange makes two names, which need two cookies. */
static int
move(struct cow *c, struct node *n, struct node *dir, const char *name, size_t len,
    const struct journal_record *rec, bool second)
{
	n->dirnode = dir->nodeid;
	n->ctime = rec->time;
	touch_directory(dir, rec->time);
	return dentry_set(c, dir, name, len, n->nodeid, COOKIE_OF(rec) + second);
}

static int
apply_rename(struct cow *c, const struct journal_record *rec)
{
	struct node *from, *to, *n, *victim = NULL;
	uint64_t nodeid;
	int rc;

	if ((rc = directory_of(c, rec->parent, &from)) < 0 ||
	    (rc = directory_of(c, rec->parent2, &to)) < 0 ||
	    (rc = node_of(c, rec->serial, &n)) < 0)
		return rc;
	if (dentry_resolve(c, from->nodeid, rec->name, rec->name_len) != n->nodeid ||
	    !dentry_name_is_valid(rec->name2, rec->name2_len))
		return -EUCLEAN;
	nodeid = dentry_resolve(c, to->nodeid, rec->name2, rec->name2_len);
	if (nodeid != 0 && (rc = node_get(c, nodeid, &victim)) < 0)
		return rc;
	if (rec->flags & JOURNAL_EXCHANGE) {
		if (victim == NULL)
			return -EUCLEAN;
		rc = move(c, victim, from, rec->name, rec->name_len, rec, false);
		return rc < 0 ? rc : move(c, n, to, rec->name2, rec->name2_len, rec, true);
	}
	if ((rc = move(c, n, to, rec->name2, rec->name2_len, rec, true)) < 0 ||
	    (rc = dentry_set(c, from, rec->name, rec->name_len, 0, COOKIE_OF(rec))) < 0)
		return rc;
	touch_directory(from, rec->time);
	if (victim != NULL)
		lost_name(c, victim, rec);
	return 0;
}

static int
tell_file(struct cow *c, struct node *n, int64_t when)
{
	struct relfile *f;
	int rc;

	if ((rc = find_relfile_of(c, n, &f)) < 0)
		return rc;
	relfile_times_told(f, n->atime, n->mtime, when);
	return 0;
}

static int
apply_attr(struct cow *c, const struct journal_record *rec)
{
	struct node *n;
	int rc;

	if ((rc = node_of(c, rec->serial, &n)) < 0)
		return rc;
	if ((rec->valid & JOURNAL_UID && rec->uid == (uid_t)-1) ||
	    (rec->valid & JOURNAL_GID && rec->gid == (gid_t)-1))
		return -EUCLEAN;
	if (rec->valid & JOURNAL_MODE)
		n->mode = mode_shown((n->mode & S_IFMT) | (rec->mode & 07777));
	if (rec->valid & JOURNAL_UID)
		n->uid = rec->uid;
	if (rec->valid & JOURNAL_GID)
		n->gid = rec->gid;
	if (rec->valid & JOURNAL_ATIME)
		n->atime = rec->atime;
	if (rec->valid & JOURNAL_MTIME)
		n->mtime = rec->mtime;
	n->ctime = rec->valid & JOURNAL_CTIME ? (int64_t)rec->length : rec->time;
	return S_ISREG(n->mode) && rec->valid & (JOURNAL_ATIME | JOURNAL_MTIME) ?
	    tell_file(c, n, rec->time) : 0;
}

/* Only replay comes here: a live truncation changes the file itself. */
static int
apply_content(struct cow *c, const struct journal_record *rec)
{
	struct relfile *f;
	struct node *n;
	int rc;

	/*
	 * A file that is open lives on behind the record that took its last name: a sync of it may end,
	 * and one of a frozen layer may be cut.
	 */
	if (rec->serial < c->next_serial && node_by_serial(c, rec->serial) == NULL) {
		if (rec->content < SERIAL_MAX)
			c->next_serial = MAX(c->next_serial, rec->content + 1);
		return 0;
	}
	if ((rc = node_of(c, rec->serial, &n)) < 0)
		return rc;
	if (!S_ISREG(n->mode))
		return -EUCLEAN;
	if (!node_has_older(n)) {
		/* Its content file has its number for good, and nothing below. */
		if (rec->type != JOURNAL_CONTENT || rec->content != rec->serial)
			return -EUCLEAN;
		n->recorded = true;
		if (n->file != NULL)
			n->file->content.recorded = true;
		return 0;
	}
	if ((rc = find_relfile_of(c, n, &f)) < 0)
		return rc;
	switch (rec->type) {
	case JOURNAL_CONTENT:
		/* Or the truncation to nothing that came first gave it another. */
		if (rec->content == f->content.number)
			f->content.recorded = true;
		return 0;
	case JOURNAL_TRUNCATED:
		f->content.cut = RELFILE_UNCUT;
		return 0;
	default:
		if (rec->length > INT64_MAX || rec->content == 0 || rec->content >= SERIAL_MAX)
			return -EUCLEAN;
		if (rec->content != f->content.number) {
			f->content.number = rec->content;
			f->content.recorded = false;
			if (rec->content >= c->next_serial)
				c->next_serial = rec->content + 1;
		}
		f->size = rec->length;
		f->blocks.limit = MIN(f->blocks.limit, rec->length);
		f->blocks.limit_seq = rec->seq;
		f->content.cut = rec->flags & JOURNAL_CUT ? rec->length : RELFILE_UNCUT;
		return 0;
	}
}

static int
apply_mount(struct cow *c, const struct journal_record *rec)
{
	c->settled = true;
	c->this_mount = rec->length == c->config.mount_id;
	return 0;
}

static int
apply_serial(struct cow *c, const struct journal_record *rec)
{
	if (rec->serial >= SERIAL_MAX)
		return -EUCLEAN;
	c->next_serial = MAX(c->next_serial, rec->serial);
	return 0;
}

/* It begins a journal, which has been opened by it. */
static int
apply_layer(struct cow *c __attribute__((unused)), const struct journal_record *rec __attribute__((unused)))
{
	return -EUCLEAN;
}

static const struct {
	int	(*apply)(struct cow *, const struct journal_record *);
} table[JOURNAL_TYPE_MAX] = {
	[JOURNAL_MOUNT]		= { apply_mount },
	[JOURNAL_BIND]		= { apply_bind },
	[JOURNAL_CREATE]	= { apply_create },
	[JOURNAL_LINK]		= { apply_link },
	[JOURNAL_UNLINK]	= { apply_unlink },
	[JOURNAL_RENAME]	= { apply_rename },
	[JOURNAL_ATTR]		= { apply_attr },
	[JOURNAL_TRUNCATE]	= { apply_content },
	[JOURNAL_TRUNCATED]	= { apply_content },
	[JOURNAL_CONTENT]	= { apply_content },
	[JOURNAL_SERIAL]	= { apply_serial },
	[JOURNAL_NODE]		= { apply_node },
	[JOURNAL_NAME]		= { apply_name },
	[JOURNAL_LAYER]		= { apply_layer },
};

int
apply_record(struct cow *c, const struct journal_record *rec)
{
	return table[rec->type].apply(c, rec);
}
