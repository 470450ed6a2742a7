/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <sys/stat.h>

#include "cow/find.h"
#include "cow/impl.h"
#include "cow/node.h"
#include "cow/relfile.h"

/*
 * From a nodeid to its file.  Whoever finds a file that others made finds all of it: it is
 * filled in before it is published.
 */

/* Notes whether f lies in pg_wal: with --no-wal such a file is never synced. */
static void
note_wal(const struct cow *c, struct relfile *f, uint64_t dirnode)
{
	f->in_wal = c->wal_entry != INDEX_NONE &&
	    dirnode == (uint64_t)c->wal_entry + 1;
	f->wal = f->in_wal && c->config.no_wal;
}

int
find_relfile_of(struct cow *c, struct node *n, struct relfile **out)
{
	struct relfile *f;

	pthread_mutex_lock(&c->file_lock);
	f = n->base != INDEX_NONE ? c->base_file[n->base] : n->file;
	if (f == NULL && (f = relfile_new(c, n->base, n->serial)) != NULL) {
		note_wal(c, f, n->dirnode);
		f->times.atime = n->atime;
		f->times.mtime = n->mtime;
		f->content.recorded = n->recorded;
		/* Others find it from now on. */
		if (n->base != INDEX_NONE)
			c->base_file[n->base] = f;
		else
			n->file = f;
	}
	pthread_mutex_unlock(&c->file_lock);
	*out = f;
	return f != NULL ? 0 : -ENOMEM;
}

/* Without a node: nobody has changed what the backup has. */
static int
file_of_base(struct cow *c, uint32_t e, struct relfile **out)
{
	struct relfile *f;

	if (!S_ISREG(c->store.ix.entries[e].mode))
		return -EINVAL;
	pthread_mutex_lock(&c->file_lock);
	if ((f = c->base_file[e]) == NULL && (f = relfile_new(c, e, 0)) != NULL) {
		note_wal(c, f, (uint64_t)c->store.ix.entries[e].parent + 1);
		c->base_file[e] = f;
	}
	pthread_mutex_unlock(&c->file_lock);
	*out = f;
	return f != NULL ? 0 : -ENOMEM;
}

int
find_relfile_locked(struct cow *c, uint64_t nodeid, struct relfile **out)
{
	struct node *n = node_find(c, nodeid);

	if (n != NULL)
		return S_ISREG(n->mode) ? find_relfile_of(c, n, out) : -EINVAL;
	return cow_is_base(c, nodeid) ? file_of_base(c, (uint32_t)(nodeid - 1), out) : -ESTALE;
}

int
find_relfile(struct cow *c, uint64_t nodeid, struct relfile **out)
{
	int rc = 0;

	if (!cow_is_base(c, nodeid) || (*out = c->base_file[nodeid - 1]) == NULL) {
		pthread_rwlock_rdlock(&c->tree_lock);
		rc = find_relfile_locked(c, nodeid, out);
		pthread_rwlock_unlock(&c->tree_lock);
	}
	if (rc < 0 || relfile_is_known(*out))
		return rc;
	return relfile_load(c, *out);
}
