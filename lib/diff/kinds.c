/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "diff/kinds.h"

/*
 * A tree of fixed depth: leaves are segments of blocks, which are bytes, and
 * what is missing is of the oldest kind.  A file of up to one segment is a leaf alone, as
 * long as the file.  Pointers are published when what they point to is ready, and
 * nothing is freed before the end, so that readers need no lock.
 */
#define FANOUT_BITS	9
#define FANOUT		(1u << FANOUT_BITS)
#define LEAF_BITS	12

_Static_assert(KINDS_SEGMENT == 1u << LEAF_BITS, "a segment is a leaf");

struct leaf {
	struct leaf *next_changed;	/* see changed_list; in no order */
	bool	changed;
	uint32_t first, n;
	_Atomic uint8_t kind[];
};

/* Of a leaf, or of FANOUT more pointers. */
typedef _Atomic(void *) pointer;

struct kinds {
	uint32_t n;
	uint8_t	oldest;			/* the kind of what is missing */
	unsigned depth;			/* levels of pointers above the leaves */
	pointer	root;
	struct leaf *changed_list;
};

struct kinds *
kinds_new(uint32_t n, uint8_t oldest)
{
	struct kinds *k = calloc(1, sizeof(*k));
	uint64_t reach;

	if (k == NULL)
		return NULL;
	k->n = n;
	k->oldest = oldest;
	for (reach = KINDS_SEGMENT; reach < n; reach <<= FANOUT_BITS)
		k->depth++;
	return k;
}

static void
free_level(void *at, unsigned depth)
{
	pointer *child = at;
	unsigned i;

	for (i = 0; at != NULL && depth > 0 && i < FANOUT; i++)
		free_level(child[i], depth - 1);
	free(at);
}

void
kinds_free(struct kinds *k)
{
	if (k != NULL)
		free_level(k->root, k->depth);
	free(k);
}

uint32_t
kinds_count(const struct kinds *k)
{
	return k != NULL ? k->n : 0;
}

/* Which child of a node of that depth leads to block b. */
static unsigned
child_of(uint32_t b, unsigned depth)
{
	return b >> (LEAF_BITS + (depth - 1) * FANOUT_BITS) & (FANOUT - 1);
}

static struct leaf *
find_leaf(const struct kinds *k, uint32_t b)
{
	void *at = atomic_load_explicit(&k->root, memory_order_acquire);
	unsigned depth;

	for (depth = k->depth; depth > 0 && at != NULL; depth--)
		at = atomic_load_explicit(&((pointer *)at)[child_of(b, depth)],
		    memory_order_acquire);
	return at;
}

uint8_t
kinds_get(const struct kinds *k, uint32_t b)
{
	const struct leaf *l = b < k->n ? find_leaf(k, b) : NULL;

	return l == NULL ? k->oldest :
	    atomic_load_explicit(&l->kind[b & (KINDS_SEGMENT - 1)], memory_order_acquire);
}

static struct leaf *
new_leaf(const struct kinds *k, uint32_t first)
{
	uint32_t n = MIN(KINDS_SEGMENT, k->n - first);
	struct leaf *l = calloc(1, sizeof(*l) + n);

	if (l != NULL) {
		l->first = first;
		l->n = n;
		memset((void *)l->kind, k->oldest, n);
	}
	return l;
}

/* The leaf of block b, made if need be; NULL if there is no memory. */
static struct leaf *
make_leaf(struct kinds *k, uint32_t b)
{
	pointer *at = &k->root;
	unsigned depth;
	void *node;

	for (depth = k->depth;; depth--) {
		if ((node = atomic_load_explicit(at, memory_order_relaxed)) == NULL) {
			node = depth > 0 ? calloc(FANOUT, sizeof(pointer)) :
			    (void *)new_leaf(k, b & ~(KINDS_SEGMENT - 1));
			if (node == NULL)
				return NULL;
			atomic_store_explicit(at, node, memory_order_release);
		}
		if (depth == 0)
			return node;
		at = &((pointer *)node)[child_of(b, depth)];
	}
}

int
kinds_reserve(struct kinds *k, uint32_t first, uint32_t n)
{
	uint64_t b, end = (uint64_t)first + n;

	for (b = first; b < end; b = (b | (KINDS_SEGMENT - 1)) + 1)
		if (make_leaf(k, (uint32_t)b) == NULL)
			return -ENOMEM;
	return 0;
}

static void
note_change(struct kinds *k, struct leaf *l)
{
	if (l->changed)
		return;
	l->changed = true;
	l->next_changed = k->changed_list;
	k->changed_list = l;
}

void
kinds_set_full(struct kinds *k, uint32_t first, uint32_t n)
{
	uint64_t b, end = (uint64_t)first + n;
	struct leaf *l = NULL;

	for (b = first; b < end; b++) {
		if (l == NULL || b - l->first >= l->n) {
			l = find_leaf(k, (uint32_t)b);
			note_change(k, l);
		}
		atomic_store_explicit(&l->kind[b - l->first], CONTENT_FULL, memory_order_release);
	}
}

int
kinds_set_older(struct kinds *k, uint32_t first, uint32_t n, uint8_t kind)
{
	uint64_t b, end = (uint64_t)first + n;
	struct leaf *l = NULL;

	for (b = first; b < end; b++) {
		if ((l == NULL || b - l->first >= l->n) && (l = make_leaf(k, (uint32_t)b)) == NULL)
			return -ENOMEM;
		atomic_store_explicit(&l->kind[b - l->first], kind, memory_order_relaxed);
	}
	return 0;
}

/* Whether the first n blocks of a leaf, at least one, are all here. */
static bool
is_full(const struct leaf *l, uint32_t n)
{
	const uint8_t *kind = (const uint8_t *)l->kind;

	return kind[0] == CONTENT_FULL && memcmp(kind, kind + 1, n - 1) == 0;
}

bool
kinds_all_full(const struct kinds *k, uint32_t n)
{
	const struct leaf *l;
	uint32_t b;

	for (b = 0; b < n; b += l->n)
		if ((l = find_leaf(k, b)) == NULL || !is_full(l, MIN(l->n, n - b)))
			return false;
	return true;
}

static struct kinds_part *
copy_of(const struct leaf *l)
{
	struct kinds_part *part = malloc(sizeof(*part) + l->n);
	uint32_t i;

	if (part != NULL) {
		*part = (struct kinds_part){ .first = l->first, .n = l->n };
		for (i = 0; i < l->n; i++)
			part->kind[i] = l->kind[i] == CONTENT_FULL ? CONTENT_FULL : CONTENT_CHAIN;
	}
	return part;
}

int
kinds_take_changed(struct kinds *k, struct kinds_part **parts)
{
	struct kinds_part *list = NULL, *part, **at;
	struct leaf *l;

	for (l = k->changed_list; l != NULL; l = l->next_changed) {
		if ((part = copy_of(l)) == NULL) {
			kinds_parts_free(list);
			return -ENOMEM;
		}
		/* Writers mostly go forward: the place is near the front. */
		for (at = &list; *at != NULL && (*at)->first < part->first; at = &(*at)->next)
			;
		part->next = *at;
		*at = part;
	}
	while ((l = k->changed_list) != NULL) {
		k->changed_list = l->next_changed;
		l->changed = false;
	}
	*parts = list;
	return 0;
}

bool
kinds_changed(const struct kinds *k)
{
	return k != NULL && k->changed_list != NULL;
}

void
kinds_put_back(struct kinds *k, const struct kinds_part *parts)
{
	struct leaf *l;

	for (; parts != NULL; parts = parts->next)
		if ((l = find_leaf(k, parts->first)) != NULL)
			note_change(k, l);
}

void
kinds_parts_free(struct kinds_part *parts)
{
	struct kinds_part *next;

	for (; parts != NULL; parts = next) {
		next = parts->next;
		free(parts);
	}
}
