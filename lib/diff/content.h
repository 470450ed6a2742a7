/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Content files: what was written, under data/ in the diff directory.
 *
 * A content file has a number, never used twice.  It is sparse: block N of the
 * file lies at N x 8192, and its length is the length of the file that it
 * belongs to.  For a file of the backup a block map beside it says which blocks
 * it holds; the map on disk names only blocks whose content is durable.
 */
#ifndef DIFF_CONTENT_H
#define DIFF_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/fdcache.h"
#include "diff/kinds.h"

struct contents;

/*
 * Opens data/ beneath the diff directory, making it if need be.  fds is
 * borrowed, and may be NULL if content_fd() is not called.  Returns 0 and *out (contents_close()) or negative errno.
 */
int	contents_open(int diff_fd, struct fdcache *fds, struct contents **out);
/*
 * Opens data/ of a frozen layer: what is there is only read.  layer is its name, for messages, and index
 * its place among the layers of one fdcache, less than CONTENTS_FROZEN_MAX.  fds may be NULL if content_fd() is not called.
 */
#define CONTENTS_FROZEN_MAX	127
int	contents_open_frozen(int layer_fd, const char *layer, unsigned index, struct fdcache *fds, struct contents **out);
void	contents_close(struct contents *c);
/* Where that is, for messages: "the diff directory", or the layer with its name. */
const char *contents_where(const struct contents *c);

/* Numbers of content files are less: who takes one from disk compares it. */
#define CONTENT_NUMBER_MAX	(UINT64_C(1) << 54)
static inline bool
content_number_is_valid(uint64_t number)
{
	return number != 0 && number < CONTENT_NUMBER_MAX;
}

/*
 * The descriptor of content file number, for reading and writing; with create
 * the file is made if it is missing.  Returns it and fills *ref (to be given
 * back with fdcache_put()), -ENOENT, or another negative errno.
 */
int	content_fd(struct contents *c, uint64_t number, bool create, struct fdref **ref);

/* fstatat(2) of content file number.  Returns 0, -ENOENT or negative errno. */
int	content_stat(struct contents *c, uint64_t number, struct stat *st);

/* The same of its block map. */
int	content_map_stat(struct contents *c, uint64_t number, struct stat *st);

/* Gives content file number the further name dir_fd/name.  Returns 0 or negative errno: -EXDEV, -EEXIST. */
int	content_link(struct contents *c, uint64_t number, int dir_fd, const char *name);

/* Removes content file number and its map.  If they do not exist, that is no error. */
int	content_remove(struct contents *c, uint64_t number);

/* Removes its map alone, which counts for nothing.  The same. */
int	content_map_remove(struct contents *c, uint64_t number);

/* Makes the names in data/ durable. */
int	contents_sync_names(struct contents *c);
/* A number for all names that were made and removed so far. */
uint64_t contents_names(const struct contents *c);
/* Makes those durable that names is the number of; costs nothing where a sync has covered them.  Any thread. */
int	contents_sync_names_to(struct contents *c, uint64_t names);

/*
 * Reads the block map of content file number, as far as the first n blocks, into kinds: the blocks that the content
 * file has become CONTENT_FULL, and are taken as changed; or, in a frozen layer, of kind as.  A missing map, or the
 * part that a short one lacks, says nothing.  Holes of the map cost
 * nothing.  Returns 0, -EUCLEAN if it is not a map of this file and of a known
 * format (logged), or negative errno.
 */
int	content_map_read(struct contents *c, uint64_t number, struct kinds *kinds, uint32_t n, uint8_t as);

/*
 * Writes parts of the map and makes them durable.  The
 * content that they name has to be durable already.  *created tells that the
 * map file is new: contents_sync_names() has to follow.  Returns 0 or negative errno.
 */
int	content_map_write(struct contents *c, uint64_t number, const struct kinds_part *parts,
	    bool *created);

/* Makes content file number, or its map, durable; one that is gone is no error. */
int	content_sync(struct contents *c, uint64_t number, bool map);

/*
 * Lists what is in data/, in no order: content files and their maps.
 * content_list_next() returns 1 with *number and whether it is a map, 0 at the
 * end, or negative errno.
 */
struct content_list;
int	contents_list(struct contents *c, struct content_list **list);
int	content_list_next(struct content_list *list, uint64_t *number, bool *map);
void	content_list_free(struct content_list *list);

#endif
