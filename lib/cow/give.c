/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/util.h"
#include "cow/cow.h"
#include "cow/find.h"
#include "cow/impl.h"
#include "cow/node.h"
#include "cow/relfile.h"
#include "diff/disk.h"

/*
 * Content files for somebody else: each gets a further name, and is then just what its file shows.
 */

/* How many names the file has; a backup's that nobody has changed has one. */
static uint32_t
count_names(struct cow *c, uint64_t nodeid)
{
	const struct node *n;
	uint32_t names = 1;

	pthread_rwlock_rdlock(&c->tree_lock);
	if ((n = node_find(c, nodeid)) != NULL)
		names = n->nlink;
	pthread_rwlock_unlock(&c->tree_lock);
	return names;
}

static bool
needs_chain(const struct relfile *f)
{
	uint64_t blocks = relfile_chain_blocks(f);

	if (blocks == 0)
		return false;
	return !relfile_has_content(f) || f->blocks.kinds == NULL ||
	    !kinds_all_full(f->blocks.kinds, (uint32_t)blocks);
}

/* The content file may be longer than its file where a cut could not be made: done again, it stays the same. */
static int
cut_to_size(struct cow *c, struct relfile *f, const struct stat *st)
{
	struct fdref *ref;
	int fd, rc;

	if (f->content.cut != RELFILE_UNCUT && (rc = relfile_finish_cut(c, f)) < 0)
		return rc;
	if ((uint64_t)st->st_size <= f->size)
		return 0;
	if ((fd = content_fd(c->contents, f->content.number, false, &ref)) < 0)
		return fd;
	rc = disk_truncate(fd, f->size);
	fdcache_put(c->fds, ref);
	return rc;
}

static int
give(struct cow *c, struct relfile *f, uint32_t names, int dir_fd, const char *name)
{
	struct stat st;
	int rc;

	if (needs_chain(f))
		return -ENODATA;
	if (!relfile_has_content(f))
		return 0;
	if ((rc = content_stat(c->contents, f->content.number, &st)) < 0)
		return rc;
	if (!S_ISREG(st.st_mode))
		return -EUCLEAN;
	if (st.st_nlink > names)
		return -EMLINK;
	if ((rc = cut_to_size(c, f, &st)) < 0 ||
	    (rc = content_link(c->contents, f->content.number, dir_fd, name)) < 0)
		return rc;
	return 1;
}

int
cow_give_content(struct cow *c, uint64_t nodeid, int dir_fd, const char *name)
{
	uint32_t names = count_names(c, nodeid);
	struct relfile *f;
	int rc;

	if ((rc = find_relfile(c, nodeid, &f)) < 0)
		return rc;
	pthread_rwlock_wrlock(&f->lock);
	rc = give(c, f, names, dir_fd, name);
	pthread_rwlock_unlock(&f->lock);
	return rc;
}

static int
open_content(struct cow *c, struct relfile *f)
{
	struct fdref *ref;
	int fd, copy;

	if (needs_chain(f))
		return -ENODATA;
	if (!relfile_has_content(f))
		return -ENOENT;
	if ((fd = content_fd(c->contents, f->content.number, false, &ref)) < 0)
		return fd;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	copy = copy < 0 ? -errno : copy;
	fdcache_put(c->fds, ref);
	return copy;
}

int
cow_open_content(struct cow *c, uint64_t nodeid)
{
	struct relfile *f;
	int rc;

	if ((rc = find_relfile(c, nodeid, &f)) < 0)
		return rc;
	pthread_rwlock_wrlock(&f->lock);
	rc = open_content(c, f);
	pthread_rwlock_unlock(&f->lock);
	return rc;
}
