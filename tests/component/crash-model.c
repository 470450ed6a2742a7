/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The model: names, lengths and content, and when they held.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "crash-model.h"

void
times_add(unsigned **times, unsigned *n, unsigned time)
{
	*times = more(*times, (*n + 1) * sizeof(**times));
	(*times)[(*n)++] = time;
}

/* Returns the last of the times before end, or first. */
unsigned
times_before(const unsigned *times, unsigned n, unsigned end, unsigned first)
{
	while (n > 0 && times[n - 1] >= end)
		n--;
	return n > 0 ? MAX(times[n - 1], first) : first;
}

struct tree *
tree_now(struct model *m)
{
	return &m->trees[m->n_trees - 1];
}

/* Returns the present tree for a change; the old one stays on record. */
struct tree *
tree_change(struct model *m)
{
	m->trees = more(m->trees, (m->n_trees + 1) * sizeof(*m->trees));
	m->trees[m->n_trees] = m->trees[m->n_trees - 1];
	m->trees[m->n_trees].time = m->now;
	return &m->trees[m->n_trees++];
}

void
object_forget(struct object *o)
{
	unsigned u, i;

	for (u = 0; u < MAX_UNITS; u++) {
		for (i = 0; i < o->unit[u].n; i++)
			free(o->unit[u].v[i].bytes);
		free(o->unit[u].v);
	}
	free(o->lengths);
	free(o->synced);
	*o = (struct object){ .nodeid = o->nodeid, .type = o->type };
}

unsigned
object_new(struct model *m, uint64_t nodeid, uint32_t mode)
{
	struct object *o = more(NULL, sizeof(*o));

	*o = (struct object){ .nodeid = nodeid, .type = mode & S_IFMT };
	m->obj = more(m->obj, (m->n_obj + 1) * sizeof(struct object *));
	m->obj[m->n_obj] = o;
	return m->n_obj++;
}

void
model_free(struct model *m)
{
	unsigned i;

	for (i = 0; i < m->n_obj; i++) {
		object_forget(m->obj[i]);
		free(m->obj[i]);
	}
	free(m->obj);
	free(m->trees);
	free(m->synced);
	*m = (struct model){ 0 };
}

uint64_t
size_now(const struct object *o)
{
	return o->n_lengths > 0 ? o->lengths[o->n_lengths - 1].size : 0;
}

void
set_size(struct model *m, struct object *o, uint64_t size, bool grows)
{
	o->lengths = more(o->lengths, (o->n_lengths + 1) * sizeof(*o->lengths));
	o->lengths[o->n_lengths] = (struct length){
		m->now, size, grows && o->n_lengths > 0 ? size_now(o) : size
	};
	o->n_lengths++;
}

/* Returns a new version of a unit for a change; it begins as a copy of the last one. */
static unsigned char *
unit_change(struct model *m, struct object *o, unsigned u, unsigned kept)
{
	struct history *h = &o->unit[u];
	struct version *v;

	if (h->n == h->room)
		h->v = more(h->v, (h->room = h->room * 2 + 2) * sizeof(*h->v));
	v = &h->v[h->n++];
	*v = (struct version){ m->now, kept, more(NULL, UNIT) };
	if (h->n > 1)
		memcpy(v->bytes, v[-1].bytes, UNIT);
	else
		memset(v->bytes, 0, UNIT);
	return v->bytes;
}

bool
is_nothing(const unsigned char *bytes, size_t len)
{
	static const unsigned char nothing[UNIT];

	return memcmp(bytes, nothing, len) == 0;
}

/* Gives an object the content that was seen, as one change. */
void
object_set(struct model *m, struct object *o, const struct seen_file *f)
{
	unsigned u;

	for (u = 0; u < MAX_UNITS; u++) {
		uint64_t at = (uint64_t)u * UNIT;
		size_t len = f->size > at ? (size_t)MIN(f->size - at, (uint64_t)UNIT) : 0;
		const struct history *h = &o->unit[u];
		const unsigned char *last = h->n > 0 ? h->v[h->n - 1].bytes : NULL;
		unsigned char *bytes;

		if (last == NULL ? is_nothing(f->bytes + at, len) :
		    memcmp(last, f->bytes + at, len) == 0 && is_nothing(last + len, UNIT - len))
			continue;
		bytes = unit_change(m, o, u, len == 0 ? 0 : UNIT);
		memcpy(bytes, f->bytes + at, len);
		memset(bytes + len, 0, UNIT - len);
	}
	if (o->n_lengths == 0 || size_now(o) != f->size)
		set_size(m, o, f->size, false);
}

void
object_fill(struct model *m, struct object *o, uint64_t off, uint64_t len,
    const unsigned char *src)
{
	uint64_t end = off + len, from, to;
	unsigned char *bytes;

	for (from = off; from < end; from = to) {
		to = MIN(end, (from / UNIT + 1) * UNIT);
		bytes = unit_change(m, o, (unsigned)(from / UNIT), UNIT);
		if (src != NULL)
			memcpy(bytes + from % UNIT, src + (from - off), to - from);
		else
			memset(bytes + from % UNIT, 0, to - from);
	}
}

void
object_cut(struct model *m, struct object *o, uint64_t len)
{
	uint64_t at;
	unsigned u;

	for (u = (unsigned)(len / UNIT); u < MAX_UNITS; u++) {
		at = (uint64_t)u * UNIT;
		if (at >= size_now(o) || at + UNIT <= len)
			continue;
		if (at >= len)
			memset(unit_change(m, o, u, 0), 0, UNIT);
		else
			memset(unit_change(m, o, u, (unsigned)(len - at)) + (len - at), 0,
			    UNIT - (len - at));
	}
}

unsigned
links_of(const struct tree *t, unsigned obj)
{
	unsigned i, n = 0;

	for (i = 0; i < t->n; i++)
		n += t->d[i].obj == obj;
	return n;
}

struct dent *
find_dent(struct tree *t, unsigned dir, const char *name)
{
	unsigned i;

	for (i = 0; i < t->n; i++)
		if (t->d[i].dir == dir && strcmp(t->d[i].name, name) == 0)
			return &t->d[i];
	return NULL;
}

/* The same for a name that has to exist. */
struct dent *
the_dent(struct tree *t, unsigned dir, const char *name)
{
	struct dent *d = find_dent(t, dir, name);

	if (d == NULL)
		abort();
	return d;
}

bool
has_children(const struct tree *t, unsigned dir)
{
	unsigned i;

	for (i = 0; i < t->n; i++)
		if (t->d[i].dir == dir)
			return true;
	return false;
}

/* Whether dir is obj or below it. */
bool
is_below(const struct tree *t, unsigned dir, unsigned obj)
{
	unsigned i;

	while (dir != obj && dir != 0) {
		for (i = 0; i < t->n && t->d[i].obj != dir; i++)
			;
		if (i == t->n)
			return false;
		dir = t->d[i].dir;
	}
	return dir == obj;
}

void
add_name(struct tree *t, unsigned dir, const char *name, unsigned obj, uint32_t mode)
{
	struct dent *d = &t->d[t->n++];

	*d = (struct dent){ .dir = dir, .obj = obj, .mode = mode & 07777 };
	memcpy(d->name, name, NAME_LEN);
}
