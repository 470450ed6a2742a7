/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk that remembers, in place of lib/diff/disk.c.
 *
 * Problem.  What a machine leaves on its disk when it loses power is any one of
 * very many states, and none of them can be had by killing a process.
 *
 * Idea.  Every change of the diff directory is really made, and recorded.  Out
 * of the record any state that a crash may leave can be built afterwards, in
 * another directory, as often as wanted.
 *
 * What a crash may leave, given the first k operations:
 * - a file's content and length as they were at its last sync, at least;
 * - each 4 KiB of it (the journal: each 512 bytes) as it was then or at any
 *   moment since, independently of the others;
 * - its length as at any moment since.  Lengths, and the blocks that a
 *   truncation or a hole takes away whole, come in the order in which they were
 *   changed: a block that was cut off has its old content if the length is the
 *   old one, and else not.  What the length covers and was not written is zero;
 * - each name as it was when its directory was last synced, or at any moment
 *   since, independently of other names and of what the file holds.  A sync of
 *   the file itself does nothing for its name.
 * Filesystems do better than that, each in its own way; the diff directory must
 * not need it.
 */
#ifndef COMPONENT_CRASHDISK_H
#define COMPONENT_CRASHDISK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct rng {
	uint64_t state;
};

/* Returns a number below n, which is not 0. */
uint64_t rng_below(struct rng *r, uint64_t n);

struct crashdisk;

/*
 * Takes the content of a diff directory (journal and data/) as durable.  Records
 * nothing before crashdisk_use().  Returns 0 or negative errno.
 */
int	crashdisk_new(int diff_fd, struct crashdisk **out);
void	crashdisk_free(struct crashdisk *d);

/* Records operations here from now on; NULL: they are only made. */
void	crashdisk_use(struct crashdisk *d);

/* Sets the request of the application that the following operations serve. */
void	crashdisk_serve(struct crashdisk *d, unsigned request);

/*
 * Lets operation number op (0, 1, ...) and all later ones change nothing and return
 * -EIO, as if the process had ended before.
 */
void	crashdisk_die_at(struct crashdisk *d, size_t op);
bool	crashdisk_dead(const struct crashdisk *d);

/* Sets a number that is noted after each operation, and returns its last noted value. */
void	crashdisk_watch(struct crashdisk *d, const _Atomic uint32_t *number);
uint32_t crashdisk_watched(const struct crashdisk *d);

/* Operations recorded, and which request operation op serves. */
size_t	crashdisk_count(const struct crashdisk *d);
unsigned crashdisk_request(const struct crashdisk *d, size_t op);

enum crash_loss {
	CRASH_LOSES_NOTHING,	/* the process died, the machine did not */
	CRASH_LOSES_ALL,	/* loses all that no sync covers */
	CRASH_LOSES_SOME,
};

/*
 * Builds in the empty directory dirfd what a crash after the first k operations
 * leaves; equal seeds give equal directories.  Quick if k does not become
 * smaller from call to call.  What was lost is told on trace, if not NULL.
 * Returns 0 or negative errno.
 */
int	crashdisk_build(struct crashdisk *d, size_t k, enum crash_loss loss, uint64_t seed,
	    int dirfd, FILE *trace);

#endif
