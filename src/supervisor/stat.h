/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The snapshot in .pbkfs/stat: what this mount does, as JSON.  The keys are
 * documented in the manual.
 */
#ifndef SUPERVISOR_STAT_H
#define SUPERVISOR_STAT_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/msg.h"
#include "ipc/shared.h"

struct supervisor;

#define STAT_MAX	(1024 * 1024)	/* bytes that a reader accepts */

struct statistics {
	struct msg_stats last;	/* of the worker's own figures */
	uint64_t due;		/* when to answer without the worker's; 0 = not asked */
	unsigned asked;		/* MSG_STATS that are to come */
	bool	to_file;	/* not only to who asked */
};

/* Writes it anew from the shared counters and the last MSG_STATS; and answers as below. */
void	stat_write(struct supervisor *s);

/* The same in the next turn of the loop. */
void	stat_write_soon(struct statistics *t);

/*
 * Asks the worker for MSG_STATS, counters from zero if reset.  Commands that wait are
 * answered, and with stats.to_file the file is written: once stat_arrived() has seen as many of
 * these as were asked for, or by stat_answer() with what is known when stats.due has come.
 */
void	stat_ask(struct supervisor *s, bool reset);
void	stat_arrived(struct supervisor *s);
void	stat_answer(struct supervisor *s);

/*
 * The latency in ns below which q (0..1) of n operations stayed, estimated
 * from their buckets; 0 if there were none.
 */
uint64_t stat_quantile(const uint64_t bucket[SHARED_BUCKETS], double q);

#endif
