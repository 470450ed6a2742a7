/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/util.h"
#include "cow/find.h"
#include "cow/frozen.h"
#include "cow/impl.h"
#include "cow/layer.h"
#include "cow/node.h"
#include "cow/relfile.h"
#include "cow/replay.h"

/*
 * A layer counts as it was frozen, or not at all: serials, names and blocks of those above are
 * made of it.  Nothing in it is written, cut, swept or compacted.
 */

static int
not_below(const struct cow *c, unsigned i, const char *who, const struct seal_parent *parent)
{
	if (i == 0)
		log_error("%s stands on layer \"%s\", of which nothing is known here", who, parent->name);
	else if (parent == NULL)
		log_error("%s stands on the backup, not on layer \"%s\"", who, c->config.layers[i - 1].name);
	else
		log_error("%s stands on layer \"%s\" as it was at record %" PRIu64 ": \"%s\" is another one, or was changed", who,
		    parent->name, parent->last, c->config.layers[i - 1].name);
	return -EUCLEAN;
}

/* Whether who, of which parent is told, stands on the layer before i, or on the backup. */
static int
check_parent(const struct cow *c, unsigned i, const char *who, const struct seal_parent *parent)
{
	if (i == 0)
		return parent == NULL ? 0 : not_below(c, i, who, parent);
	return parent != NULL && seal_is(&c->layers[i - 1].seal, parent) ? 0 : not_below(c, i, who, parent);
}

static int
open_one(struct cow *c, unsigned i)
{
	const struct cow_layer *l = &c->config.layers[i];
	struct seal *s = &c->layers[i].seal;
	char who[SEAL_NAME_MAX + 16];
	int rc;

	if ((rc = seal_read(l->fd, l->name, s)) == -ENOENT)
		log_error("layer \"%s\" has no seal: put back a copy of it, or do without the layer", l->name);
	if (rc < 0)
		return rc == -ENOENT ? -EUCLEAN : rc;
	snprintf(who, sizeof(who), "layer \"%.*s\"", SEAL_NAME_MAX, l->name);
	if ((rc = check_parent(c, i, who, s->has_parent ? &s->parent : NULL)) < 0 ||
	    (c->config.first && (rc = seal_check(l->fd, l->name, s)) < 0))
		return rc;
	return contents_open_frozen(l->fd, l->name, i, c->fds, &c->layers[i].contents);
}

int
layer_open(struct cow *c)
{
	unsigned i;
	int rc = 0;

	if (c->config.n_layers == 0)
		return 0;
	if (c->config.n_layers > SEAL_LAYERS_MAX)
		return -E2BIG;
	if ((c->layers = calloc(c->config.n_layers, sizeof(*c->layers))) == NULL)
		return -ENOMEM;
	for (i = 0; i < c->config.n_layers && rc == 0; i++)
		rc = open_one(c, i);
	return rc;
}

void
layer_close(struct cow *c)
{
	unsigned i;

	for (i = 0; c->layers != NULL && i < c->config.n_layers; i++) {
		seal_fini(&c->layers[i].seal);
		contents_close(c->layers[i].contents);
	}
	free(c->layers);
}

/* Whether the content file counts that the layer has: relfile_load() has the same rule. */
static const struct seal_content *
content_that_counts(const struct cow *c, const struct node *n, const struct relfile *f, unsigned layer)
{
	uint64_t number = f != NULL ? f->content.number : n->serial;
	uint64_t limit = f != NULL ? f->blocks.limit : n->base == INDEX_NONE ? 0 : c->store.ix.entries[n->base].size;
	bool recorded = f != NULL ? f->content.recorded : n->recorded;

	return limit == 0 || recorded ? seal_find(&c->layers[layer].seal, number) : NULL;
}

/* The next layer has nothing of f yet. */
static void
begin_anew(struct relfile *f, const struct node *n, uint64_t size)
{
	f->size = f->blocks.limit = size;
	f->blocks.limit_seq = 0;
	f->content.number = n->serial;
	f->content.cut = RELFILE_UNCUT;
	f->content.recorded = f->content.taken_up = false;
}

static int
missing(const struct cow *c, const struct node *n, uint64_t number, unsigned layer)
{
	log_error("\"data/%016" PRIx64 "\", content of file %" PRIu64 ", is missing from layer \"%s\"", number, n->serial,
	    c->config.layers[layer].name);
	return -EUCLEAN;
}

/* At the end of the replay of a layer: notes what it leaves of n. */
static int
add_part(struct cow *c, struct node *n, unsigned layer)
{
	struct relfile *f = n->base != INDEX_NONE ? c->base_file[n->base] : n->file;
	const struct seal_content *content;
	uint64_t before, size;
	struct frozen_part part = { .layer = layer };
	int rc;

	if (!S_ISREG(n->mode) || (f == NULL && seal_find(&c->layers[layer].seal, n->serial) == NULL && !n->recorded))
		return 0;
	content = content_that_counts(c, n, f, layer);
	if (content == NULL && n->nlink > 0 && (f != NULL ? f->content.recorded : n->recorded))
		return missing(c, n, f != NULL ? f->content.number : n->serial, layer);
	if ((rc = find_relfile_of(c, n, &f)) < 0)
		return rc;
	n->recorded = false;
	before = f->frozen != NULL ? f->frozen->part[f->frozen->n - 1].visible :
	    n->base != INDEX_NONE ? c->store.ix.entries[n->base].size : 0;
	size = content != NULL ? MIN(content->length, f->content.cut) : f->size;
	part.number = content != NULL ? content->number : 0;
	part.limit = f->blocks.limit;
	part.visible = size;
	if ((content != NULL || size != before || part.limit != before) && (rc = frozen_append(f, &part)) < 0)
		return rc;
	begin_anew(f, n, size);
	return 0;
}

/* A file as the layer leaves it is what the next one finds. */
static int
end_one(struct cow *c, unsigned layer)
{
	uint64_t next = c->layers[layer].seal.next_serial;
	struct node *n;
	size_t i;
	int rc;

	if (c->next_serial > next) {
		log_error("the seal of layer \"%s\" does not fit its journal", c->config.layers[layer].name);
		return -EUCLEAN;
	}
	c->next_serial = next;
	for (i = 0; i < c->n_buckets; i++)
		for (n = c->by_serial[i]; n != NULL; n = n->next)
			if ((rc = add_part(c, n, layer)) < 0)
				return rc;
	return 0;
}

static int
replay_one(struct cow *c, unsigned i)
{
	const struct cow_layer *l = &c->config.layers[i];
	char where[SEAL_NAME_MAX + 16];
	struct journal *j;
	int rc;

	snprintf(where, sizeof(where), "layer \"%.*s\"", SEAL_NAME_MAX, l->name);
	if ((rc = journal_open_frozen(l->fd, l->name, &c->layers[i].seal, &j)) < 0)
		return rc;
	rc = replay_journal(c, j, where);
	journal_close(j);
	return rc < 0 ? rc : end_one(c, i);
}

int
layer_replay(struct cow *c)
{
	unsigned i;
	int rc;

	for (i = 0; i < c->config.n_layers; i++)
		if ((rc = replay_one(c, i)) < 0)
			return rc;
	/* Only the diff directory itself may have something that nobody has synced. */
	c->settled = c->inherited = false;
	return check_parent(c, c->config.n_layers, "the diff directory", journal_parent(c->journal));
}
