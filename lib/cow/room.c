/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stdlib.h>

#include "base/log.h"
#include "cow/impl.h"
#include "cow/room.h"

/*
 * Content files that no name and no lookup leads to, and the reserve.  A content file must not go
 * before the record that makes it unreachable is durable: power loss would bring the name back.
 */

/* Content that may go once the journal is durable up to seq. */
struct removal {
	struct removal *next;
	uint64_t content, seq;
};

void
room_remove_later(struct cow *c, uint64_t content, uint64_t seq)
{
	struct removal *r = malloc(sizeof(*r));

	if (r == NULL)
		return;		/* the next mount sweeps it */
	pthread_mutex_lock(&c->list_lock);
	*r = (struct removal){ c->removals, content, seq };
	c->removals = r;
	pthread_mutex_unlock(&c->list_lock);
}

void
room_remove_now(struct cow *c)
{
	struct removal *all, *r;

	pthread_mutex_lock(&c->list_lock);
	all = c->removals;
	c->removals = NULL;
	pthread_mutex_unlock(&c->list_lock);
	if (all == NULL)
		return;
	if (journal_sync(c->journal) < 0)
		log_error("could not sync the journal: removed files keep their space until the next mount");
	while ((r = all) != NULL) {
		all = r->next;
		if (journal_durable(c->journal) >= r->seq)
			content_remove(c->contents, r->content);
		free(r);
	}
}

bool
room_find(struct cow *c)
{
	bool removable;

	pthread_mutex_lock(&c->list_lock);
	removable = c->removals != NULL;
	pthread_mutex_unlock(&c->list_lock);
	if (removable)
		room_remove_now(c);
	return reserve_release(c->reserve) || removable;
}

void
room_free(struct cow *c)
{
	struct removal *r;

	while ((r = c->removals) != NULL) {
		c->removals = r->next;
		free(r);
	}
	reserve_close(c->reserve);
	c->reserve = NULL;
}
