/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sorts things by user, to count those of each, and then by that count.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "supervisor/turns.h"

struct turn {
	uid_t	uid;
	size_t	thing, rank;	/* among those of that user */
};

static int
by_user(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;

	return x->uid != y->uid ? (x->uid > y->uid) - (x->uid < y->uid) :
	    (x->thing > y->thing) - (x->thing < y->thing);
}

static int
by_rank(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;

	return x->rank != y->rank ? (x->rank > y->rank) - (x->rank < y->rank) :
	    (x->thing > y->thing) - (x->thing < y->thing);
}

int
turns_order(const uid_t *owner, size_t n, size_t *order)
{
	struct turn *turn autofree = calloc(n + 1, sizeof(*turn));
	size_t i;

	if (turn == NULL)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		turn[i] = (struct turn){ .uid = owner[i], .thing = i };
	qsort(turn, n, sizeof(*turn), by_user);
	for (i = 0; i < n; i++)
		if (turn[i].uid != TURNS_FIRST)
			turn[i].rank = i > 0 && turn[i].uid == turn[i - 1].uid ?
			    turn[i - 1].rank + 1 : 1;
	qsort(turn, n, sizeof(*turn), by_rank);
	for (i = 0; i < n; i++)
		order[i] = turn[i].thing;
	return 0;
}
