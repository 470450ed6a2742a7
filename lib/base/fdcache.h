/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bounded set of open descriptors, found by a 64-bit key.
 */
#ifndef BASE_FDCACHE_H
#define BASE_FDCACHE_H

#include <stdint.h>

struct fdcache;
struct fdref;		/* a descriptor in use: it stays open until fdcache_put() */

/*
 * Returns a cache that keeps about max descriptors open, or NULL when memory
 * is short.  More can be open for as long as they are in use.
 */
struct fdcache *fdcache_new(unsigned max);
/* Closes everything; nothing may be in use. */
void	fdcache_free(struct fdcache *c);

/*
 * Finds the descriptor of key and takes it into use.  Returns it and fills
 * *ref, or -1 if the cache has none.  Safe from several threads, as is all of
 * this.
 */
int	fdcache_find(struct fdcache *c, uint64_t key, struct fdref **ref);

/*
 * Gives fd to the cache under key and takes it into use.  If another thread
 * was first, fd is closed and the other one's is returned.  Returns the
 * descriptor and fills *ref, or -ENOMEM (fd is then closed).
 */
int	fdcache_add(struct fdcache *c, uint64_t key, int fd, struct fdref **ref);

/* Ends one use, after which the descriptor may be closed. */
void	fdcache_put(struct fdcache *c, struct fdref *ref);

/* Forgets key: its descriptor is closed, at once or when its last use ends. */
void	fdcache_drop(struct fdcache *c, uint64_t key);

/* Descriptors that are open now. */
unsigned fdcache_count(struct fdcache *c);

/* The descriptor of a reference. */
int	fdref_fd(const struct fdref *ref);

#endif
