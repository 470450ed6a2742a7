/*
 * The snapshot in .pbkfs/stat: what this mount does, as JSON.  The keys are
 * documented in the manual.
 */
#ifndef SUPERVISOR_STAT_H
#define SUPERVISOR_STAT_H

#include "supervisor/state.h"

#define STAT_NAME	"stat"
#define STAT_MAX	(1024 * 1024)	/* bytes that a reader accepts */

/* Writes it anew from the shared counters and the last MSG_STATS. */
void	stat_write(struct supervisor *s);

/*
 * The latency in ns below which q (0..1) of n operations stayed, estimated
 * from their buckets; 0 if there were none.
 */
uint64_t stat_quantile(const uint64_t bucket[SHARED_BUCKETS], double q);

#endif
