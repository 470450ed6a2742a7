/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Judges what a mount shows: is it a state that the model had, and a late enough
 * one?
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "crash-model.h"

/*
 * Whether bytes are one of the versions of [from, to].  Bytes that truncations until
 * begin cut off from a version must be zero now.
 */
static bool
unit_fits(const struct history *h, const unsigned char *bytes, size_t len, unsigned from,
    unsigned to, unsigned begin)
{
	unsigned i, end, kept = UNIT;
	size_t same;

	for (i = h->n; i-- > 0; ) {
		end = i + 1 < h->n ? h->v[i + 1].time : UINT32_MAX;
		same = MIN((size_t)kept, len);
		if (h->v[i].time <= to && end > from && memcmp(bytes, h->v[i].bytes, same) == 0 &&
		    is_nothing(bytes + same, len - same))
			return true;
		if (h->v[i].time <= begin)
			kept = MIN(kept, h->v[i].kept);
	}
	return (h->n == 0 || h->v[0].time > from) && is_nothing(bytes, len);
}

/*
 * Whether the content fits, if the length is that of [begin, end).  A unit that was
 * cut off whole before is as it has been since, and one that was cut off later is as
 * it was before.
 */
static bool
content_fits(const struct object *o, const struct seen_file *f, unsigned begin, unsigned end,
    unsigned lo, unsigned hi, unsigned *bad)
{
	unsigned u, i, from, to;

	for (u = 0; (uint64_t)u * UNIT < f->size; u++) {
		const struct history *h = &o->unit[u];
		size_t len = (size_t)MIN(f->size - (uint64_t)u * UNIT, (uint64_t)UNIT);

		from = lo;
		to = hi;
		for (i = 0; i < h->n; i++) {
			if (h->v[i].kept == 0 && h->v[i].time <= begin)
				from = MAX(from, h->v[i].time);
			if (h->v[i].kept == 0 && h->v[i].time >= end && h->v[i].time <= to)
				to = h->v[i].time - 1;
		}
		if (!unit_fits(h, f->bytes + (size_t)u * UNIT, len, from, to, begin)) {
			*bad = u;
			return false;
		}
	}
	return true;
}

static const char *
describe(const unsigned char *bytes, const struct history *h)
{
	static char text[40];
	unsigned i;

	for (i = h->n; i-- > 0; )
		if (memcmp(bytes, h->v[i].bytes, UNIT) == 0) {
			snprintf(text, sizeof(text), "its version of time %u", h->v[i].time);
			return text;
		}
	return is_nothing(bytes, UNIT) ? "zeroes" : "something else";
}

/* Whether the file is as it was at moments between lo and hi. */
static bool
file_fits(const struct object *o, const struct seen_file *f, unsigned lo, unsigned hi)
{
	unsigned i, bad = UINT32_MAX, end;
	const struct length *l;

	for (i = 0; i < o->n_lengths; i++) {
		l = &o->lengths[i];
		end = i + 1 < o->n_lengths ? l[1].time : UINT32_MAX;
		if (l->time > hi || end <= lo)
			continue;
		if (f->size != l->size &&
		    !(f->size > l->from && f->size < l->size && f->size % UNIT == 0))
			continue;
		if (content_fits(o, f, l->time, end, lo, hi, &bad))
			return true;
	}
	if (bad == UINT32_MAX)
		return wrong("has %" PRIu64 " bytes, which it never had in %u..%u", f->size, lo, hi);
	return wrong("of %" PRIu64 " bytes: 4 KiB unit %u (block %u) is not of %u..%u, but %s",
	    f->size, bad, bad / 2, lo, hi, describe(f->bytes + (size_t)bad * UNIT, &o->unit[bad]));
}

const struct seen_name *
find_seen(const struct model *m, const struct seen *s, const struct dent *d)
{
	unsigned i;

	for (i = 0; i < s->n_names; i++)
		if (s->names[i].dir == m->obj[d->dir]->nodeid &&
		    strcmp(s->names[i].name, d->name) == 0)
			return &s->names[i];
	return NULL;
}

static bool
tree_fits(const struct model *m, const struct tree *t, const struct seen *s)
{
	const struct seen_name *n;
	unsigned i;

	for (i = 0; i < t->n; i++) {
		const struct object *o = m->obj[t->d[i].obj];

		if ((n = find_seen(m, s, &t->d[i])) == NULL)
			return wrong("\"%s\" is missing", t->d[i].name);
		if (o->nodeid != 0 && o->nodeid != n->nodeid)
			return wrong("\"%s\" is another file", t->d[i].name);
		if (n->mode != (o->type | t->d[i].mode))
			return wrong("\"%s\" has mode %o instead of %o", t->d[i].name, n->mode,
			    o->type | t->d[i].mode);
		if (o->type == S_IFREG && n->nlink != links_of(t, t->d[i].obj))
			return wrong("\"%s\" has %u links", t->d[i].name, n->nlink);
	}
	return s->n_names == t->n ||
	    wrong("there are %u names instead of %u", s->n_names, t->n);
}

/* The last tree between lo and hi that equals the seen one, or NULL. */
static const struct tree *
find_tree(const struct model *m, const struct seen *s, unsigned lo, unsigned hi)
{
	char first[sizeof(why)] = "";
	unsigned i, end;

	for (i = m->n_trees; i-- > 0; ) {
		end = i + 1 < m->n_trees ? m->trees[i + 1].time : UINT32_MAX;
		if (m->trees[i].time > hi || end <= lo)
			continue;
		if (tree_fits(m, &m->trees[i], s))
			return &m->trees[i];
		if (first[0] == '\0')
			snprintf(first, sizeof(first), "%s", why);
	}
	wrong("the tree is none of %u..%u: %.900s", lo, hi, first);
	return NULL;
}

static unsigned
oldest_content(const struct object *o, const struct demand *d)
{
	unsigned born = o->n_lengths > 0 ? o->lengths[0].time : 0;

	return d->all ? MAX(d->exact, born) : times_before(o->synced, o->n_synced, d->syncs, born);
}

const struct tree *
judge(const struct model *m, const struct seen *s, const struct demand *d)
{
	const struct seen_file *f;
	const struct tree *t;
	unsigned i, lo;

	lo = d->all ? d->exact :
	    times_before(m->synced, m->n_synced, d->syncs, m->trees[0].time);
	if ((t = find_tree(m, s, MAX(lo, m->trees[0].time), d->last)) == NULL)
		return NULL;
	for (i = 0; i < t->n; i++) {
		const struct object *o = m->obj[t->d[i].obj];

		if (o->type != S_IFREG || o->nodeid == 0)
			continue;
		if ((f = seen_file(s, o->nodeid)) == NULL ||
		    !file_fits(o, f, oldest_content(o, d), d->last)) {
			char text[sizeof(why)];

			snprintf(text, sizeof(text), "%s", why);
			wrong("\"%s\" (%" PRIx64 ") %.900s", t->d[i].name, o->nodeid, text);
			return NULL;
		}
	}
	return t;
}
