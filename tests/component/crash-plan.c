/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Plans random requests that succeed according to the model.
 */
#include "config.h"

#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "crash-run.h"

const struct request_kind request_types[R_TYPES] = {
	[R_CREATE]	= { "create", 8 },	[R_REMOVE]	= { "remove", 5 },
	[R_RENAME]	= { "rename", 6 },	[R_LINK]	= { "link", 2 },
	[R_CHMOD]	= { "chmod", 2 },	[R_WRITE]	= { "write", 40 },
	[R_TRUNCATE]	= { "truncate", 10 },	[R_ZERO]	= { "zero", 4 },
	[R_ALLOCATE]	= { "allocate", 2 },	[R_FSYNC]	= { "fsync", 14 },
	[R_FSYNC_NAMES]	= { "fsync-names", 3 },	[R_IDLE]	= { "idle", 4 },
	[R_FLUSH]	= { "flush", 1 },	[R_OPEN]	= { "open", 2 },
	[R_CLOSE]	= { "close", 3 },	[R_HYDRATE]	= { "hydrate", 14 },
	[R_NEXT_LIFE]	= { NULL, 0 },
};

static uint64_t
some_offset(struct run *run, uint64_t max)
{
	static const uint64_t grain[] = { BLCKSZ, BLCKSZ, UNIT, UNIT, UNIT, 512, 1 };
	uint64_t g = grain[rng_below(&run->rng, ARRAY_SIZE(grain))];

	return rng_below(&run->rng, max / g + 1) * g;
}

/* Half of the names come from a small set, so that requests meet. */
static bool
some_file(struct run *run, unsigned *obj)
{
	struct model *m = &run->m;
	const struct tree *t = tree_now(m);
	unsigned i, tries;

	for (tries = 0; tries < 20; tries++) {
		if (rng_below(&run->rng, 10) == 0) {
			i = (unsigned)rng_below(&run->rng, m->n_obj);
			if (m->obj[i]->lost && m->obj[i]->nodeid != 0) {
				*obj = i;
				return true;
			}
		}
		i = (unsigned)rng_below(&run->rng, t->n);
		if (rng_below(&run->rng, 2) == 0)
			i = (unsigned)(run->seed + run->life + rng_below(&run->rng, 2)) % t->n;
		*obj = t->d[i].obj;
		if (m->obj[*obj]->type == S_IFREG)
			return true;
	}
	return false;
}

static unsigned
some_dir(struct run *run)
{
	const struct tree *t = tree_now(&run->m);
	unsigned tries, i;

	for (tries = 0; tries < 5; tries++) {
		i = (unsigned)rng_below(&run->rng, t->n);
		if (run->m.obj[t->d[i].obj]->type == S_IFDIR)
			return t->d[i].obj;
	}
	return 0;	/* the root */
}

static void
some_name(struct run *run, char *name)
{
	snprintf(name, NAME_LEN, "n%u", (unsigned)rng_below(&run->rng, 8));
}

static bool
plan_create(struct run *run, struct request *q)
{
	static const uint32_t types[] = { S_IFREG, S_IFREG, S_IFREG, S_IFREG, S_IFDIR, S_IFLNK };

	q->dir = some_dir(run);
	some_name(run, q->name);
	q->mode = types[rng_below(&run->rng, ARRAY_SIZE(types))] | 0600;
	q->keep = rng_below(&run->rng, 3) == 0;
	return find_dent(tree_now(&run->m), q->dir, q->name) == NULL &&
	    tree_now(&run->m)->n < MAX_NAMES - 2;
}

static bool
plan_existing(struct run *run, struct request *q)
{
	const struct tree *t = tree_now(&run->m);
	const struct dent *d = &t->d[rng_below(&run->rng, t->n)];

	/* Keep most names of the backup, so that they last for a while. */
	if (d->name[0] != 'n' && rng_below(&run->rng, 3) != 0)
		return false;
	q->dir = d->dir;
	q->obj = d->obj;
	memcpy(q->name, d->name, NAME_LEN);
	return true;
}

static bool
plan_rename(struct run *run, struct request *q)
{
	struct tree *t = tree_now(&run->m);
	const struct dent *to;
	bool is_dir;

	if (!plan_existing(run, q))
		return false;
	q->dir2 = some_dir(run);
	some_name(run, q->name2);
	if (rng_below(&run->rng, 4) == 0)
		memcpy(q->name2, t->d[rng_below(&run->rng, t->n)].name, NAME_LEN);
	is_dir = run->m.obj[q->obj]->type == S_IFDIR;
	if (is_dir && is_below(t, q->dir2, q->obj))
		return false;
	if ((to = find_dent(t, q->dir2, q->name2)) == NULL) {
		q->flags = rng_below(&run->rng, 3) == 0 ? RENAME_NOREPLACE : 0;
		return true;
	}
	if (to->obj == q->obj)
		return false;
	q->flags = rng_below(&run->rng, 3) == 0 ? RENAME_EXCHANGE : 0;
	if (q->flags != 0)
		return run->m.obj[to->obj]->type != S_IFDIR || !is_below(t, q->dir, to->obj);
	return is_dir == (run->m.obj[to->obj]->type == S_IFDIR) && !has_children(t, to->obj);
}

static bool
plan_link(struct run *run, struct request *q)
{
	return plan_existing(run, q) && run->m.obj[q->obj]->type == S_IFREG &&
	    (q->dir2 = some_dir(run), some_name(run, q->name2), true) &&
	    find_dent(tree_now(&run->m), q->dir2, q->name2) == NULL &&
	    tree_now(&run->m)->n < MAX_NAMES - 2;
}

static bool
plan_content(struct run *run, struct request *q)
{
	uint64_t size, max;

	if (!some_file(run, &q->obj))
		return false;
	size = size_now(run->m.obj[q->obj]);
	max = MIN(size + 2 * BLCKSZ, (uint64_t)MAX_SIZE);
	if (q->type == R_TRUNCATE) {
		q->len = rng_below(&run->rng, 4) == 0 ? 0 : some_offset(run, max);
		return q->len != size;
	}
	q->off = rng_below(&run->rng, 4) == 0 ? size : some_offset(run, max);
	q->len = some_offset(run, 3 * BLCKSZ);
	q->seed = rng_below(&run->rng, UINT64_MAX);
	q->flags = rng_below(&run->rng, 2) == 0 ? FALLOC_FL_KEEP_SIZE : 0;
	if (q->type == R_ZERO)
		q->flags |= q->flags != 0 && rng_below(&run->rng, 2) == 0 ?
		    FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
	return q->len > 0 && q->off + q->len <= MAX_SIZE;
}

static bool
plan(struct run *run, struct request *q)
{
	const struct object *o;

	switch (q->type) {
	case R_CREATE:
		return plan_create(run, q);
	case R_REMOVE:
		return plan_existing(run, q) && !has_children(tree_now(&run->m), q->obj);
	case R_RENAME:
		return plan_rename(run, q);
	case R_LINK:
		return plan_link(run, q);
	case R_CHMOD:
		q->mode = 0600 | (uint32_t)rng_below(&run->rng, 0200);
		return plan_existing(run, q) && run->m.obj[q->obj]->type != S_IFLNK;
	case R_WRITE:
	case R_TRUNCATE:
	case R_ZERO:
	case R_ALLOCATE:
		return plan_content(run, q);
	case R_FSYNC:
	case R_OPEN:
		q->flags = (int)rng_below(&run->rng, 2);
		return some_file(run, &q->obj);
	case R_CLOSE:
		q->obj = (unsigned)rng_below(&run->rng, run->m.n_obj);
		o = run->m.obj[q->obj];
		return o->lookups > 0 && o->nodeid != 0;
	case R_HYDRATE:
		q->flags = (int)rng_below(&run->rng, 40);
		return run->detached == SIZE_MAX;
	default:
		return true;
	}
}

void
choose(struct run *run, struct request *q)
{
	unsigned total = 0, i, n;

	for (i = 0; i < R_TYPES; i++)
		total += request_types[i].weight;
	do {
		n = (unsigned)rng_below(&run->rng, total);
		for (i = 0; n >= request_types[i].weight; i++)
			n -= request_types[i].weight;
		*q = (struct request){ .type = (enum request_type)i };
	} while (!plan(run, q));
}
