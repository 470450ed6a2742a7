/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fdcache.h"
#include "base/util.h"

/*
 * Shards, each with a lock of its own and a small hash table.  A shard that is
 * full closes the least recently used descriptor that nobody uses: the list
 * runs from the most to the least recently used.
 */
#define SHARDS	16
#define BUCKETS	256

struct fdref {
	uint64_t key;
	int	fd;
	unsigned uses;
	bool	dropped;		/* no longer in the table */
	struct fdref *next;		/* in the bucket */
	struct fdref *newer, *older;	/* in the list of uses */
};

struct shard {
	pthread_mutex_t lock;		/* protects all below */
	struct fdref *bucket[BUCKETS];
	struct fdref *newest, *oldest;
	unsigned n;
};

struct fdcache {
	unsigned max_per_shard;
	struct shard shard[SHARDS];
};

static uint64_t
mix(uint64_t key)
{
	key ^= key >> 31;
	key *= 0x9e3779b97f4a7c15ULL;
	return key ^ key >> 29;
}

static struct shard *
shard_of(struct fdcache *c, uint64_t key)
{
	return &c->shard[mix(key) % SHARDS];
}

static struct fdref **
bucket_of(struct shard *s, uint64_t key)
{
	return &s->bucket[mix(key) / SHARDS % BUCKETS];
}

struct fdcache *
fdcache_new(unsigned max)
{
	struct fdcache *c = calloc(1, sizeof(*c));
	int i;

	if (c == NULL)
		return NULL;
	c->max_per_shard = MAX(max / SHARDS, 1u);
	for (i = 0; i < SHARDS; i++)
		pthread_mutex_init(&c->shard[i].lock, NULL);
	return c;
}

static void
list_remove(struct shard *s, struct fdref *r)
{
	*(r->newer != NULL ? &r->newer->older : &s->newest) = r->older;
	*(r->older != NULL ? &r->older->newer : &s->oldest) = r->newer;
	r->newer = r->older = NULL;
}

static void
list_push(struct shard *s, struct fdref *r)
{
	r->newer = NULL;
	r->older = s->newest;
	*(s->newest != NULL ? &s->newest->newer : &s->oldest) = r;
	s->newest = r;
}

static struct fdref *
find(struct shard *s, uint64_t key)
{
	struct fdref *r;

	for (r = *bucket_of(s, key); r != NULL; r = r->next)
		if (r->key == key)
			return r;
	return NULL;
}

static void
destroy(struct fdref *r)
{
	close(r->fd);
	free(r);
}

/* Takes r out of the table; what is in use is closed by its last user. */
static void
forget(struct shard *s, struct fdref *r)
{
	struct fdref **p;

	for (p = bucket_of(s, r->key); *p != r; p = &(*p)->next)
		;
	*p = r->next;
	list_remove(s, r);
	s->n--;
	r->dropped = true;
	if (r->uses == 0)
		destroy(r);
}

static void
make_room(struct fdcache *c, struct shard *s)
{
	struct fdref *r, *newer;

	for (r = s->oldest; r != NULL && s->n >= c->max_per_shard; r = newer) {
		newer = r->newer;
		if (r->uses == 0)
			forget(s, r);
	}
}

void
fdcache_free(struct fdcache *c)
{
	int i;

	if (c == NULL)
		return;
	for (i = 0; i < SHARDS; i++) {
		while (c->shard[i].newest != NULL)
			forget(&c->shard[i], c->shard[i].newest);
		pthread_mutex_destroy(&c->shard[i].lock);
	}
	free(c);
}

static int
use(struct shard *s, struct fdref *r, struct fdref **ref)
{
	r->uses++;
	if (s->newest != r) {
		list_remove(s, r);
		list_push(s, r);
	}
	*ref = r;
	return r->fd;
}

int
fdcache_find(struct fdcache *c, uint64_t key, struct fdref **ref)
{
	struct shard *s = shard_of(c, key);
	struct fdref *r;
	int fd = -1;

	pthread_mutex_lock(&s->lock);
	if ((r = find(s, key)) != NULL)
		fd = use(s, r, ref);
	pthread_mutex_unlock(&s->lock);
	return fd;
}

int
fdcache_add(struct fdcache *c, uint64_t key, int fd, struct fdref **ref)
{
	struct shard *s = shard_of(c, key);
	struct fdref *r, *fresh = calloc(1, sizeof(*fresh));

	if (fresh == NULL) {
		close(fd);
		return -ENOMEM;
	}
	pthread_mutex_lock(&s->lock);
	if ((r = find(s, key)) == NULL) {
		make_room(c, s);
		r = fresh;
		fresh = NULL;
		r->key = key;
		r->fd = fd;
		r->next = *bucket_of(s, key);
		*bucket_of(s, key) = r;
		list_push(s, r);
		s->n++;
		fd = -1;
	}
	use(s, r, ref);
	pthread_mutex_unlock(&s->lock);
	free(fresh);
	if (fd >= 0)
		close(fd);
	return r->fd;
}

void
fdcache_put(struct fdcache *c, struct fdref *r)
{
	struct shard *s = shard_of(c, r->key);

	pthread_mutex_lock(&s->lock);
	if (--r->uses == 0 && r->dropped)
		destroy(r);
	pthread_mutex_unlock(&s->lock);
}

void
fdcache_drop(struct fdcache *c, uint64_t key)
{
	struct shard *s = shard_of(c, key);
	struct fdref *r;

	pthread_mutex_lock(&s->lock);
	if ((r = find(s, key)) != NULL)
		forget(s, r);
	pthread_mutex_unlock(&s->lock);
}

unsigned
fdcache_count(struct fdcache *c)
{
	unsigned n = 0;
	int i;

	for (i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&c->shard[i].lock);
		n += c->shard[i].n;
		pthread_mutex_unlock(&c->shard[i].lock);
	}
	return n;
}

int
fdref_fd(const struct fdref *ref)
{
	return ref->fd;
}
