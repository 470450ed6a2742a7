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
list_remove(struct shard *s, struct fdref *f)
{
	*(f->newer != NULL ? &f->newer->older : &s->newest) = f->older;
	*(f->older != NULL ? &f->older->newer : &s->oldest) = f->newer;
	f->newer = f->older = NULL;
}

static void
list_push(struct shard *s, struct fdref *f)
{
	f->newer = NULL;
	f->older = s->newest;
	*(s->newest != NULL ? &s->newest->newer : &s->oldest) = f;
	s->newest = f;
}

static struct fdref *
find(struct shard *s, uint64_t key)
{
	struct fdref *f;

	for (f = *bucket_of(s, key); f != NULL; f = f->next)
		if (f->key == key)
			return f;
	return NULL;
}

static void
destroy(struct fdref *f)
{
	close(f->fd);
	free(f);
}

/* Takes f out of the table; what is in use is closed by its last user. */
static void
forget(struct shard *s, struct fdref *f)
{
	struct fdref **p;

	for (p = bucket_of(s, f->key); *p != f; p = &(*p)->next)
		;
	*p = f->next;
	list_remove(s, f);
	s->n--;
	f->dropped = true;
	if (f->uses == 0)
		destroy(f);
}

static void
make_room(struct fdcache *c, struct shard *s)
{
	struct fdref *f, *newer;

	for (f = s->oldest; f != NULL && s->n >= c->max_per_shard; f = newer) {
		newer = f->newer;
		if (f->uses == 0)
			forget(s, f);
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
use(struct shard *s, struct fdref *f, struct fdref **ref)
{
	f->uses++;
	if (s->newest != f) {
		list_remove(s, f);
		list_push(s, f);
	}
	*ref = f;
	return f->fd;
}

int
fdcache_find(struct fdcache *c, uint64_t key, struct fdref **ref)
{
	struct shard *s = shard_of(c, key);
	struct fdref *f;
	int fd = -1;

	pthread_mutex_lock(&s->lock);
	if ((f = find(s, key)) != NULL)
		fd = use(s, f, ref);
	pthread_mutex_unlock(&s->lock);
	return fd;
}

int
fdcache_add(struct fdcache *c, uint64_t key, int fd, struct fdref **ref)
{
	struct shard *s = shard_of(c, key);
	struct fdref *f, *fresh = calloc(1, sizeof(*fresh));

	if (fresh == NULL) {
		close(fd);
		return -ENOMEM;
	}
	pthread_mutex_lock(&s->lock);
	if ((f = find(s, key)) == NULL) {
		make_room(c, s);
		f = fresh;
		fresh = NULL;
		f->key = key;
		f->fd = fd;
		f->next = *bucket_of(s, key);
		*bucket_of(s, key) = f;
		list_push(s, f);
		s->n++;
		fd = -1;
	}
	use(s, f, ref);
	pthread_mutex_unlock(&s->lock);
	free(fresh);
	if (fd >= 0)
		close(fd);
	return f->fd;
}

void
fdcache_put(struct fdcache *c, struct fdref *f)
{
	struct shard *s = shard_of(c, f->key);

	pthread_mutex_lock(&s->lock);
	if (--f->uses == 0 && f->dropped)
		destroy(f);
	pthread_mutex_unlock(&s->lock);
}

void
fdcache_drop(struct fdcache *c, uint64_t key)
{
	struct shard *s = shard_of(c, key);
	struct fdref *f;

	pthread_mutex_lock(&s->lock);
	if ((f = find(s, key)) != NULL)
		forget(s, f);
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
