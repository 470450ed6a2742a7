/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cow/dirty.h"
#include "cow/impl.h"
#include "cow/relfile.h"
#include "cow/source.h"

/*
 * The list of the files that were written and not synced since, each with its content
 * file pinned: a descriptor that is closed takes the news of a write error with it.
 */

int
dirty_add(struct cow *c, struct relfile *f)
{
	int fd = 0;

	if (f->sync.dirty)
		return 0;
	pthread_mutex_lock(&c->list_lock);
	if (f->sync.pinned == NULL && (fd = source_own_open(c, f, &f->sync.pinned)) >= 0) {
		TAILQ_INSERT_TAIL(&c->dirty, f, sync.link);
		c->n_dirty++;
	}
	if (fd >= 0)
		f->sync.dirty = true;
	pthread_mutex_unlock(&c->list_lock);
	return fd < 0 ? fd : 0;
}

/* list_lock held. */
static void
take_out(struct cow *c, struct relfile *f)
{
	if (f->sync.pinned == NULL)
		return;
	TAILQ_REMOVE(&c->dirty, f, sync.link);
	c->n_dirty--;
	fdcache_put(c->fds, f->sync.pinned);
	f->sync.pinned = NULL;
}

void
dirty_settle(struct cow *c, struct relfile *f)
{
	pthread_mutex_lock(&c->list_lock);
	if (!f->sync.dirty)
		take_out(c, f);
	pthread_mutex_unlock(&c->list_lock);
}

void
dirty_remove(struct cow *c, struct relfile *f)
{
	pthread_mutex_lock(&c->list_lock);
	f->sync.dirty = false;
	take_out(c, f);
	pthread_mutex_unlock(&c->list_lock);
}

struct relfile *
dirty_first(struct cow *c, const struct relfile *not_this)
{
	struct relfile *f;

	pthread_mutex_lock(&c->list_lock);
	f = TAILQ_FIRST(&c->dirty);
	if (f != NULL && f == not_this)
		f = TAILQ_NEXT(f, sync.link);
	pthread_mutex_unlock(&c->list_lock);
	return f;
}
