/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/util.h"
#include "cow/dentry.h"
#include "cow/impl.h"
#include "cow/node.h"
#include "cow/relfile.h"
#include "cow/sweep.h"

/*
 * The sweep at the beginning of a mount: content that no name holds, of which an earlier
 * mount's crash left some, is removed.  First comes the opposite: content that has to be there.
 */

/* A content file that a name leads to. */
struct live {
	uint64_t number;
	const struct node *node;
	bool	recorded;	/* the journal says that it was durable */
	bool	found;
};

struct living {
	struct live *one;	/* sorted by number, which a forged journal may give twice */
	size_t	n;
};

static int
compare_numbers(const void *a, const void *b)
{
	uint64_t x = ((const struct live *)a)->number, y = ((const struct live *)b)->number;

	return (x > y) - (x < y);
}

/* Returns whether the content file of node would be read, and fills *l. */
static bool
is_live(struct cow *c, const struct node *node, struct live *l)
{
	const struct relfile *f = node->base != INDEX_NONE ? c->base_file[node->base] : node->file;

	if (node->nlink == 0 || !S_ISREG(node->mode))
		return false;
	*l = (struct live){ .node = node };
	if (f != NULL) {
		l->number = f->content.number;
		l->recorded = f->content.recorded;
		return f->blocks.limit == 0 || l->recorded;
	}
	/* A file without a relfile has its serial as number, and no chain below if it is live. */
	l->number = node->serial;
	l->recorded = node->recorded;
	return node->base == INDEX_NONE || c->store.ix.entries[node->base].size == 0;
}

static int
find_living(struct cow *c, struct living *all)
{
	const struct node *node;
	size_t i;

	*all = (struct living){ .one = malloc(MAX(c->n_nodes, (size_t)1) * sizeof(*all->one)) };
	if (all->one == NULL)
		return -ENOMEM;
	for (i = 0; i < c->n_buckets; i++)
		for (node = c->by_serial[i]; node != NULL; node = node->next)
			if (is_live(c, node, &all->one[all->n]))
				all->n++;
	qsort(all->one, all->n, sizeof(*all->one), compare_numbers);
	return 0;
}

/* The first one with this number, or NULL. */
static struct live *
find_live(const struct living *all, uint64_t number)
{
	struct live key = { .number = number };
	struct live *l = bsearch(&key, all->one, all->n, sizeof(key), compare_numbers);

	while (l != NULL && l > all->one && l[-1].number == number)
		l--;
	return l;
}

static void
mark_found(const struct living *all, uint64_t number)
{
	struct live *l = find_live(all, number);

	for (; l != NULL && l < all->one + all->n && l->number == number; l++)
		l->found = true;
}

static const struct dentry *
name_of(const struct cow *c, uint64_t nodeid)
{
	const struct dentry *d;
	size_t i;

	for (i = 0; i < c->n_dentry_buckets; i++)
		for (d = c->dentries[i]; d != NULL; d = d->next)
			if (d->nodeid == nodeid)
				return d;
	return NULL;
}

/* Puts text in front of what begins at buf + at.  Returns where that begins now, or at if there is no room. */
static size_t
prepend(char *buf, size_t at, const char *text, size_t len)
{
	size_t slash = buf[at] != '\0';

	if (at < len + slash)
		return at;
	if (slash > 0)
		buf[--at] = '/';
	memcpy(buf + at - len, text, len);
	return at - len;
}

/* The path of a node, for an error alone: all names are searched.  Where it is long, its end. */
static const char *
path_of(struct cow *c, uint64_t nodeid, char *buf, size_t size)
{
	char below[PATH_MAX];
	const struct dentry *d;
	size_t at = size - 1;

	buf[at] = '\0';
	for (; nodeid != COW_ROOT && (d = name_of(c, nodeid)) != NULL; nodeid = d->dir)
		at = prepend(buf, at, d->name, d->len);
	if (cow_is_base(c, nodeid) && nodeid != COW_ROOT &&
	    index_path(&c->store.ix, (uint32_t)(nodeid - 1), below, sizeof(below)) > 0)
		at = prepend(buf, at, below, strlen(below));
	return buf + at;
}

static int
tell_missing(struct cow *c, const struct live *l, size_t others)
{
	char path[512], more[64] = "";

	if (others > 0)
		snprintf(more, sizeof(more), ", and that of %zu other files", others);
	log_error("content that was written to \"%s\", \"data/%016" PRIx64 "\", is missing from the diff"
	    " directory%s: put it back, or pbkfs cleanup the directory",
	    path_of(c, l->node->nodeid, path, sizeof(path)), l->number, more);
	return -EUCLEAN;
}

/*
 * A record that tells of content was written when that was durable, and content goes when
 * the record that took its last name is: so what is missing was taken away by others, and
 * older data, or nothing, would be read in its place.
 */
static int
check_found(struct cow *c, const struct living *all)
{
	const struct live *missing = NULL;
	size_t i, n = 0;

	for (i = 0; i < all->n; i++)
		if (all->one[i].recorded && !all->one[i].found) {
			missing = &all->one[i];
			n++;
		}
	return n == 0 ? 0 : tell_missing(c, missing, n - 1);
}

/* Lists data/: to note what is there, or to remove what is nobody's. */
static int
go_through(struct cow *c, const struct living *all, bool removing, bool *condemned)
{
	struct content_list *list;
	uint64_t number;
	bool map;
	int rc;

	if ((rc = contents_list(c->contents, &list)) < 0)
		return rc;
	while ((rc = content_list_next(list, &number, &map)) > 0)
		if (find_live(all, number) == NULL) {
			*condemned = true;
			if (removing)
				content_remove(c->contents, number);
		} else if (!map) {
			mark_found(all, number);
		}
	content_list_free(list);
	return rc;
}

int
sweep_contents(struct cow *c)
{
	struct living all;
	bool condemned = false;
	int rc;

	if ((rc = find_living(c, &all)) == 0 && (rc = go_through(c, &all, false, &condemned)) == 0)
		rc = check_found(c, &all);
	/* The names whose absence condemns content have to be gone for good. */
	if (rc == 0)
		rc = journal_sync(c->journal);
	if (rc == 0 && condemned && (rc = go_through(c, &all, true, &condemned)) == 0)
		/* A number is given out again where power loss took its record from the journal. */
		rc = contents_sync_names(c->contents);
	free(all.one);
	return rc;
}
