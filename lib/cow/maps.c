/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cow/impl.h"
#include "cow/maps.h"
#include "cow/relfile.h"
#include "probackup/blockmap.h"

/*
 * Block maps that are built, in a list from those used longest ago: second chance.
 */

/* list_lock and f->lock held, the latter exclusively. */
static void
drop(struct cow *c, struct relfile *f)
{
	if (f->map.built == NULL)
		return;
	TAILQ_REMOVE(&c->maps, f, map.link);
	c->map_bytes -= blockmap_bytes(f->map.built);
	blockmap_free(f->map.built);
	f->map.built = NULL;
}

void
maps_drop(struct cow *c, struct relfile *f)
{
	pthread_mutex_lock(&c->list_lock);
	drop(c, f);
	pthread_mutex_unlock(&c->list_lock);
}

/* Second chance: what was used since the last round stays for one more. */
static void
evict(struct cow *c, struct reader *rd)
{
	struct relfile *f, *last;
	int rounds;

	pthread_mutex_lock(&c->list_lock);
	for (rounds = 0; rounds < 2; rounds++) {
		last = TAILQ_LAST(&c->maps, relfile_list);
		while (c->map_bytes > c->config.cache_size &&
		    (f = TAILQ_FIRST(&c->maps)) != NULL) {
			bool end = f == last;

			if (!f->map.used && pthread_rwlock_trywrlock(&f->lock) == 0) {
				drop(c, f);
				pthread_rwlock_unlock(&f->lock);
				iostats_add(&rd->stats->map_evictions, 1);
			} else {
				f->map.used = false;
				TAILQ_REMOVE(&c->maps, f, map.link);
				TAILQ_INSERT_TAIL(&c->maps, f, map.link);
			}
			if (end)
				break;
		}
	}
	pthread_mutex_unlock(&c->list_lock);
}

int
maps_build(struct cow *c, struct relfile *f, struct reader *rd)
{
	struct blockmap *m;
	int rc = 0;

	f->map.used = true;
	if (atomic_load_explicit(&f->map.built, memory_order_acquire) != NULL)
		return 0;
	pthread_mutex_lock(&f->map.lock);
	if (f->map.built == NULL && (rc = blockmap_build(&c->store, f->base, rd, &m)) == 0) {
		pthread_mutex_lock(&c->list_lock);
		atomic_store_explicit(&f->map.built, m, memory_order_release);
		TAILQ_INSERT_TAIL(&c->maps, f, map.link);
		c->map_bytes += blockmap_bytes(m);
		pthread_mutex_unlock(&c->list_lock);
		if (c->map_bytes > c->config.cache_size)
			evict(c, rd);
	}
	pthread_mutex_unlock(&f->map.lock);
	return rc;
}
