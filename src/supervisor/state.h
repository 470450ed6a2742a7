/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything that one supervisor knows: a member for each room, whose header says what is in it.
 */
#ifndef SUPERVISOR_STATE_H
#define SUPERVISOR_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/log.h"
#include "ipc/msg.h"
#include "supervisor/attend.h"
#include "supervisor/bind.h"
#include "supervisor/claim.h"
#include "supervisor/ending.h"
#include "supervisor/errand.h"
#include "supervisor/failover.h"
#include "supervisor/freeze.h"
#include "supervisor/kit.h"
#include "supervisor/leave.h"
#include "supervisor/mapping.h"
#include "supervisor/mountpoint.h"
#include "supervisor/mute.h"
#include "supervisor/notify.h"
#include "supervisor/order.h"
#include "supervisor/owner.h"
#include "supervisor/reopen.h"
#include "supervisor/reset.h"
#include "supervisor/source.h"
#include "supervisor/spawn.h"
#include "supervisor/stat.h"
#include "supervisor/storehold.h"
#include "supervisor/supervisor.h"
#include "supervisor/terms.h"

/* Bits, so that a table can allow a message in several phases. */
enum phase {
	PHASE_PREPARING = 1,	/* the first worker reads the chain */
	PHASE_STARTING = 2,	/* a serving worker was forked and is not ready yet */
	PHASE_SERVING = 4,
	PHASE_LEAVING = 8,	/* it flushed everything and exits next */
	PHASE_ANY = 15,
};

/* The preparer's report, but for the chain, which is in the binding. */
struct preparer {
	bool	has_prepared;	/* MSG_PREPARED arrived */
	uint32_t wal_segment;	/* of it: bytes of a file of WAL, 0 = unknown */
	uint32_t n_layers;	/* snapshots below, */
	char	snapshot[4 * MSG_SNAPSHOT_MAX];	/* the last of them: printable, "" if there is none */
	bool	is_filling;	/* worker_fill() runs, or has run */
	unsigned n_warnings;	/* MSG_WARNINGs and MSG_NOTEs that arrived */
	bool	has_zone;	/* MSG_ZONE arrived */
	uint64_t progress_due;	/* CLOCK_MONOTONIC ns: the next is passed on then */
	char	advice[1024];	/* the last MSG_ADVICE: printable, "" if none came */
};

struct supervisor {
	const struct supervisor_config *config;
	enum phase phase;
	const struct errand_work *errands;	/* by kind */
	int	signal_fd;
	uint64_t ticked_at;	/* when the event loop last looked at the clock */
	uint64_t patient_until;	/* we were stopped ourselves: nobody hangs until then */

	/* what is mounted, where, for whom */
	struct claim claim;
	struct mute mute;
	struct owner owner;
	struct bind binding;
	struct terms terms;
	struct source source;
	struct storehold hold;
	struct reopen reopen;
	struct mapping mapped;
	struct mountpoint mnt;
	bool	pid_written;	/* --pid-file names us */

	/* the worker and its predecessors */
	struct kit kit;
	struct preparer preparer;
	uint32_t namespaces;	/* enum msg_namespace: what workers are to try */
	struct msg_confined confined;	/* what the last of them got */
	struct worker worker;
	struct failover failover;
	uint64_t death_at;	/* CLOCK_MONOTONIC ns */
	bool	ready_once;
	bool	outcome_sent;	/* the command that waited prints nothing more */
	unsigned flushes;	/* workers that died after the mount was gone */
	char	worker_error[MSG_BODY_MAX + 1];	/* the last MSG_FAILED */

	/* who asks, and who helps */
	struct statistics stats;
	struct attend attend;
	struct freeze freeze;
	struct reset reset;
	int	hydration_rc;		/* why the binding does not say yet that the directory is detached */
	uint64_t infodir_due;	/* when the log's new length may be shown */
	struct monitor monitor;

	/* the end */
	uint64_t life_over_at;	/* CLOCK_MONOTONIC ns: config->life_fd ended */
	struct leave leave;
	struct ending ending;
	bool	done;
	bool	failed;		/* with error */
	int	status;		/* exit status */
	char	error[1024];
};

#define STATE_SECOND	1000000000ULL
#define STATE_WARNINGS_MAX	200	/* more are an attack on the terminal */

/* Records why this mount fails (the first reason counts) and ends the loop.  Returns -1. */
int	state_fail(struct supervisor *s, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/*
 * Warns, or notes, in the log and to the command that waits for the mount.  Who sees both, on a
 * console, sees it once.
 */
void	state_warn(const struct supervisor *s, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
void	state_note(const struct supervisor *s, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* Whether the command that started the mount still prints what it is sent. */
bool	state_is_heard(const struct supervisor *s);

/* The same with a line of the worker's, of any bytes. */
void	state_pass_on(const struct supervisor *s, enum log_level level, enum notify_kind kind,
	    const char *text, size_t len);

/* Shows new versions of the files under .pbkfs/. */
void	state_infodir_changed(struct supervisor *s);

#endif
