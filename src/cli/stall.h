/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Notices that a tree of processes does not get on: a server that waits for WAL that
 * will never come, or a query that waits for ever.  Whoever waits polls now and then, so a little time of
 * the processor is no progress.
 */
#ifndef CLI_STALL_H
#define CLI_STALL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define STALL_SECONDS	600	/* unless --stall-timeout says otherwise */
#define STALL_LOOK_MS	1000

struct stall {
	pid_t	root;		/* its descendants are the tree, but for the process that looks; 0 = no tree */
	uint64_t limit;		/* seconds */
	int64_t	looked;		/* clock_monotonic_ms(); 0 = never */
	int64_t	silent;		/* ms without progress; the time that we were stopped does not count */
	uint64_t total, used;	/* ticks of the processor: all of the tree, and since progress */
};

/* The limit of a --stall-timeout: of 0, which is none, STALL_SECONDS. */
uint64_t stall_seconds(uint64_t timeout);

/* Begins to watch, with the limit that stall_seconds() makes of this one. */
void	stall_begin(struct stall *s, pid_t root, uint64_t limit);

/* The tree has got on, by another sign. */
void	stall_reset(struct stall *s);

/* Looks, if a second has gone by since the last look.  Returns whether it has not got on for so long. */
bool	stall_look(struct stall *s);

/* Copies the name of the WAL file that a server's startup process is at, "" if nothing tells. */
#define STALL_WAL_MAX	32
void	stall_wal(pid_t postmaster, char name[STALL_WAL_MAX]);

#endif
