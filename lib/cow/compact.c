/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "cow/compact.h"
#include "cow/dentry.h"
#include "cow/impl.h"
#include "cow/node.h"
#include "cow/relfile.h"

/*
 * Compaction.  A journal tells how the tree came about; much of that is over:
 * temporary files, recycled names.  When the tree itself takes much less to
 * tell, the first worker of a mount writes the tree instead: all nodes, then
 * all names, then what the journal knows of content.  Later workers of the
 * mount never do it: the kernel holds cookies and requests whose outcomes are
 * in the journal as it is.
 */

#define WORTH_BYTES	(4 * MiB)	/* a shorter journal is left alone */
#define WORTH_FACTOR	3		/* how much longer it has to be than the tree */
#define RECORD_GUESS	160		/* bytes of a record, about */

static int
write_node(struct cow *c, struct journal *j, const struct node *n)
{
	char path[PATH_MAX];
	struct journal_record rec = {
		.type = JOURNAL_NODE, .serial = n->serial, .mode = n->mode, .uid = n->uid,
		.gid = n->gid, .valid = n->nlink, .atime = n->atime, .mtime = n->mtime,
		.time = n->ctime, .name = path,
	};
	int rc;

	if (n->base != INDEX_NONE && n->base != INDEX_ROOT) {
		if ((rc = index_path(&c->store.ix, n->base, path, sizeof(path))) < 0)
			return rc;
		rec.name_len = (uint16_t)rc;
	}
	if (n->target != NULL) {
		rec.name2 = n->target;
		rec.name2_len = (uint16_t)strlen(n->target);
	}
	return journal_append(j, &rec);
}

/* A name can stand for what only the backup knows: then that needs a serial first. */
static int
write_name(struct cow *c, struct journal *j, const struct node *dir, const struct dentry *d)
{
	struct journal_record rec = {
		.type = JOURNAL_NAME, .parent = dir->serial, .name = d->name, .name_len = d->len
	};
	const struct node *n;

	if (d->nodeid != 0) {
		if ((n = node_find(c, d->nodeid)) == NULL || n->serial == 0)
			return -EUCLEAN;
		rec.serial = n->serial;
	}
	return journal_append(j, &rec);
}

static int
write_file(struct cow *c, struct journal *j, const struct node *n)
{
	const struct relfile *f = n->base != INDEX_NONE ? c->base_file[n->base] : n->file;
	bool recorded = n->recorded || (f != NULL && f->content.recorded);
	struct journal_record rec = { .serial = n->serial };
	int rc;

	if (f == NULL && !recorded)
		return 0;
	rec.content = f != NULL ? f->content.number : n->serial;
	if (n->base != INDEX_NONE && (f->blocks.limit < c->store.ix.entries[n->base].size ||
	    f->content.number != n->serial || f->size != f->blocks.limit || f->content.cut != RELFILE_UNCUT)) {
		rec.type = JOURNAL_TRUNCATE;
		rec.length = f->blocks.limit;
		rec.time = n->ctime;
		if ((rc = journal_append(j, &rec)) < 0)
			return rc;
		/* The last truncation need not be the lowest, and may be unfinished. */
		rec.length = f->size;
		rec.flags = f->content.cut != RELFILE_UNCUT ? JOURNAL_CUT : 0;
		if ((f->size != f->blocks.limit || rec.flags != 0) && (rc = journal_append(j, &rec)) < 0)
			return rc;
		rec.flags = 0;
	}
	if (recorded) {
		rec.type = JOURNAL_CONTENT;
		if ((rc = journal_append(j, &rec)) < 0)
			return rc;
	}
	if (f == NULL || f->times.said_at == 0)
		return 0;
	rec = (struct journal_record){
		.type = JOURNAL_ATTR, .serial = n->serial, .time = f->times.said_at,
		.valid = JOURNAL_ATIME | JOURNAL_MTIME | JOURNAL_CTIME, .atime = f->times.said_atime,
		.mtime = f->times.said_mtime, .length = (uint64_t)n->ctime,
	};
	return journal_append(j, &rec);
}

static int
for_each_node(struct cow *c, struct journal *j,
    int (*write)(struct cow *, struct journal *, const struct node *))
{
	const struct node *n;
	size_t i;
	int rc;

	for (i = 0; i < c->n_buckets; i++)
		for (n = c->by_serial[i]; n != NULL; n = n->next)
			if ((rc = write(c, j, n)) < 0)
				return rc;
	return 0;
}

/* Hiding names are not in the slots: they come from the table. */
static int
write_names(struct cow *c, struct journal *j)
{
	const struct dentry *d;
	const struct node *dir;
	size_t i;
	int rc;

	for (i = 0; i < c->n_dentry_buckets; i++)
		for (d = c->dentries[i]; d != NULL; d = d->next) {
			if ((dir = node_find(c, d->dir)) == NULL || dir->serial == 0)
				return -EUCLEAN;
			if ((rc = write_name(c, j, dir, d)) < 0)
				return rc;
		}
	return 0;
}

static int
write_tree(struct cow *c, struct journal *j)
{
	struct journal_record next = { .type = JOURNAL_SERIAL, .serial = c->next_serial };
	int rc;

	if ((rc = journal_append(j, &next)) < 0 ||
	    (rc = for_each_node(c, j, write_node)) < 0 ||
	    (rc = write_names(c, j)) < 0)
		return rc;
	return for_each_node(c, j, write_file);
}

int
compact_journal(struct cow *c)
{
	uint64_t before = journal_size(c->journal);
	struct journal *fresh;
	int rc;

	/* Above frozen layers the tree is not told by one journal alone. */
	if (c->config.n_layers > 0 || before < WORTH_BYTES ||
	    before / RECORD_GUESS / WORTH_FACTOR < c->n_nodes + c->n_dentries)
		return 0;
	rc = journal_rewrite(c->journal, c->config.diff_fd, &fresh);
	if (rc == 0) {
		if ((rc = write_tree(c, fresh)) == 0)
			rc = journal_replace(fresh, c->config.diff_fd);
		if (rc == 0)
			log_info("journal compacted from %" PRIu64 " to %" PRIu64 " bytes", before,
			    journal_size(fresh));
		journal_close(fresh);
	}
	/* It has replaced the old one, or has not: nobody knows what a crash would leave. */
	if (rc > 0)
		return -EIO;
	/* The old journal serves as well; only it is long. */
	if (rc < 0)
		log_warn("could not compact the journal: %s", strerror(-rc));
	return rc == 0 ? 1 : 0;
}
