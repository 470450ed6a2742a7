/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How far a server is to recover, as plain values.  probackup/recovery.h reads
 * what people write; ipc/job.h carries the result to another process.
 */
#ifndef PG_RECOVERY_TARGET_H
#define PG_RECOVERY_TARGET_H

#include <stdint.h>

#define RECOVERY_TIME_MAX	48	/* bytes of a formatted time, NUL included */

enum recovery_kind {
	RECOVERY_NONE,		/* no target: to the end of what the backup needs */
	RECOVERY_IMMEDIATE,	/* the same, as recovery_target = 'immediate' */
	RECOVERY_LATEST,	/* to the end of the archive */
	RECOVERY_TIME, RECOVERY_XID, RECOVERY_LSN, RECOVERY_NAME,
};

enum recovery_timeline { RECOVERY_TLI_CURRENT, RECOVERY_TLI_LATEST, RECOVERY_TLI_NUMBER };

struct recovery_target {
	enum recovery_kind kind;
	const char *value;	/* as given: of TIME, XID, LSN and NAME; borrowed */
	const char *timeline;	/* as given: NULL, "current", "latest" or a number; borrowed, or a constant */
	/* set by recovery_parse() */
	int64_t	time_us;	/* microseconds since the epoch */
	char	written[RECOVERY_TIME_MAX];	/* TIME: with an offset, for a server in any zone */
	uint32_t xid;
	uint64_t lsn;
	enum recovery_timeline tli_kind;
	uint32_t tli;		/* RECOVERY_TLI_NUMBER */
};

#endif
