/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/util.h"
#include "cow/impl.h"
#include "cow/node.h"
#include "cow/relfile.h"
#include "cow/sweep.h"

/*
 * The sweep at the beginning of a mount: content that no name holds, of which an earlier
 * mount's crash left some, is removed.  First comes the opposite: content that has to be there.
 */

static int
compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The numbers of all content files that a name leads to, sorted. */
static int
live_contents(struct cow *c, uint64_t **out, size_t *n)
{
	uint64_t *live = malloc(MAX(c->n_nodes, (size_t)1) * sizeof(*live));
	const struct relfile *f;
	const struct node *node;
	size_t i;

	if (live == NULL)
		return -ENOMEM;
	*n = 0;
	for (i = 0; i < c->n_buckets; i++)
		for (node = c->by_serial[i]; node != NULL; node = node->next) {
			f = node->base != INDEX_NONE ? c->base_file[node->base] : node->file;
			if (node->nlink == 0 || !S_ISREG(node->mode))
				continue;
			/* A file that no record tells of has its serial as number, and no chain below. */
			if (f == NULL && (node->base == INDEX_NONE ||
			    c->store.ix.entries[node->base].size == 0))
				live[(*n)++] = node->serial;
			else if (f != NULL && (f->blocks.limit == 0 || f->content.recorded))
				live[(*n)++] = f->content.number;
		}
	qsort(live, *n, sizeof(*live), compare_numbers);
	*out = live;
	return 0;
}

static int
tell_missing(struct cow *c, const struct relfile *f, size_t others)
{
	char path[PATH_MAX], more[64] = "";

	if (index_path(&c->store.ix, f->base, path, sizeof(path)) < 0)
		path[0] = '\0';
	if (others > 0)
		snprintf(more, sizeof(more), ", and that of %zu other files", others);
	log_error("content that was written to \"%s\", \"data/%016" PRIx64 "\", is missing from the diff"
	    " directory%s: put it back, or pbkfs cleanup the directory", path, f->content.number, more);
	return -EUCLEAN;
}

/*
 * A record that tells of content was written when that was durable, and content goes when
 * the record that took its last name is: so what is missing was taken away by others, and
 * the backup has older data in its place.
 */
static int
check_contents(struct cow *c)
{
	const struct relfile *f, *missing = NULL;
	const struct node *node;
	size_t i, n = 0;
	struct stat st;

	for (i = 0; i < c->n_buckets; i++)
		for (node = c->by_serial[i]; node != NULL; node = node->next) {
			f = node->base != INDEX_NONE ? c->base_file[node->base] : NULL;
			if (node->nlink == 0 || f == NULL || !f->content.recorded ||
			    content_stat(c->contents, f->content.number, &st) != -ENOENT)
				continue;
			missing = f;
			n++;
		}
	return n == 0 ? 0 : tell_missing(c, missing, n - 1);
}

int
sweep_contents(struct cow *c)
{
	uint64_t *live autofree = NULL, number;
	struct content_list *list;
	bool map, removed = false;
	size_t n;
	int rc;

	if ((rc = check_contents(c)) < 0)
		return rc;
	/* The names whose absence condemns content have to be gone for good. */
	if ((rc = journal_sync(c->journal)) < 0 || (rc = live_contents(c, &live, &n)) < 0 ||
	    (rc = contents_list(c->contents, &list)) < 0)
		return rc;
	while ((rc = content_list_next(list, &number, &map)) > 0)
		if (bsearch(&number, live, n, sizeof(*live), compare_numbers) == NULL) {
			content_remove(c->contents, number);
			removed = true;
		}
	content_list_free(list);
	/* A number is given out again where power loss took its record from the journal. */
	return rc == 0 && removed ? contents_sync_names(c->contents) : rc;
}
