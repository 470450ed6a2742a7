/*
 * Everything that one supervisor knows; shared by the rooms of this folder.
 */
#ifndef SUPERVISOR_STATE_H
#define SUPERVISOR_STATE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ipc/job.h"
#include "ipc/msg.h"
#include "ipc/clone_config.h"
#include "ipc/shared.h"
#include "supervisor/attend.h"
#include "supervisor/become.h"
#include "supervisor/binding.h"
#include "supervisor/diffdir.h"
#include "supervisor/ending.h"
#include "supervisor/errand.h"
#include "supervisor/failover.h"
#include "supervisor/keeper.h"
#include "supervisor/leave.h"
#include "supervisor/order.h"
#include "supervisor/record.h"
#include "supervisor/storelock.h"
#include "supervisor/supervisor.h"
#include "supervisor/walk.h"

/* Bits, so that a table can allow a message in several phases. */
enum phase {
	PHASE_PREPARING = 1,	/* the first worker reads the chain */
	PHASE_STARTING = 2,	/* a serving worker was forked and is not ready yet */
	PHASE_SERVING = 4,
	PHASE_LEAVING = 8,	/* it flushed everything and exits next */
	PHASE_ANY = 15,
};

struct worker {
	pid_t	pid;		/* 0 = none */
	int	pidfd, in_fd, out_fd;	/* in: from it, out: to it */
	int	err_fd;		/* its standard error; -1 once it has said too much there */
	size_t	err_bytes;
	struct msg_reader reader;
	unsigned generation;	/* 0 for the preparer */
	/* CLOCK_MONOTONIC ns: */
	uint64_t started_at;
	uint64_t last_heard;	/* its last message */
	uint64_t gone_at;	/* when it was seen to outlive the mount; 0 = not yet */
	uint64_t flushed_at;	/* its last MSG_FLUSHING */
	uint64_t clean_at;	/* its MSG_CLEAN */
	uint64_t window;	/* second in which messages are counted */
	unsigned in_window;
	bool	confined, failed;	/* it said so, which it may say once */
	bool	killed;		/* by us, for reason */
	char	reason[256];	/* why it was ended, or what it said in MSG_FAILED */
	uint64_t oom_kills;	/* memlimit_kills() when it was forked */
	int	stuck;		/* slot for which we killed it, see failover_blame() */
};

/* See supervisor/reopen.c. */
struct reopen {
	uint64_t until;		/* CLOCK_MONOTONIC ns: a store that failed is looked for; 0 = none has */
	uint64_t due;		/* the next look */
	struct errand child;	/* who looks */
	int	sock;		/* where what he found comes, in the process that starts workers; -1 */
};

struct supervisor {
	const struct supervisor_config *config;
	enum phase phase;
	const struct errand_work *errands;	/* by kind */

	/* what it holds */
	struct diffdir diff;
	enum diffdir_content content;	/* as we found it */
	int	lock_fd;
	bool	locked;
	bool	fresh;		/* no binding yet when we came */
	bool	has_binding;	/* a binding of this mount is on disk */
	struct binding bound;	/* as on disk */
	struct binding found;	/* as the preparer reported it */
	struct record record;	/* what root decided before */
	bool	is_decided;	/* by root, all that the binding says: it is recorded */
	bool	prepared;	/* MSG_PREPARED arrived */
	bool	filling;	/* worker_fill() runs, or has run */
	int	mapped_fd[CLONE_MAPPINGS_MAX];	/* mapping.h */
	int	mapped_parent_fd[CLONE_MAPPINGS_MAX];	/* what holds them */
	bool	mapped_made[CLONE_MAPPINGS_MAX];	/* of these, that we made */
	unsigned n_mapped;	/* of these, that are open */
	unsigned n_warnings;	/* MSG_WARNINGs and MSG_NOTEs that arrived */
	bool	zone_told;	/* MSG_ZONE arrived */
	uint64_t progress_due;	/* CLOCK_MONOTONIC ns: the next is passed on then */
	char	advice[1024];	/* the last MSG_ADVICE: printable, "" if none came */
	uint32_t root_mode;
	int	image_fd;	/* the program, for workers */
	int	shared_fd;	/* of *shared */
	int	store_fd, index_fd, fuse_fd, mnt_fd, mnt_parent_fd, signal_fd;
	const char *mnt_base;
	struct walk mnt_walk;	/* who can put something else at the mountpoint */
	struct storelock store_lock;
	struct keeper keeper;
	struct monitor monitor;
	uid_t	store_uid;	/* whose directory store_fd was */
	struct reopen reopen;
	uint64_t hold_due;	/* when to try to hold the store again; 0 = not asked */
	uint64_t hold_until;	/* when to give that up; 0 = nobody is in the way */
	bool	mounted;	/* the table of mounts has it */
	bool	pid_written;	/* --pid-file names us */
	bool	dirty;		/* .pbkfs-dirty exists */
	struct shared *shared;

	/* for whom */
	uid_t	uid;
	gid_t	gid;
	bool	keep_read_search;
	bool	store_is_closed;	/* to root: who opens it has to be owner */
	bool	store_is_roots;	/* root said which it is, and opens it */
	bool	lends;		/* the owner sees by root's rights what is closed to him */
	struct become owner;	/* uid and gid with the groups of that user; for children */
	bool	with_groups;	/* the worker needs them */
	enum wal_mode wal;
	const char *store, *instance;
	const char *backup_id;	/* NULL: the preparer is to choose it */
	char	wal_link[PATH_MAX];
	struct clone_databases databases;	/* names borrowed of the command or of bound */

	/* the worker and its predecessors */
	uint32_t namespaces;	/* enum msg_namespace: what workers are to try */
	struct msg_confined confined;	/* what the last of them got */
	struct worker worker;
	struct failover failover;
	uint64_t mounted_at, death_at;	/* CLOCK_MONOTONIC ns */
	bool	ready_once;
	unsigned flushes;	/* workers that died after the mount was gone */
	char	worker_error[MSG_BODY_MAX + 1];	/* the last MSG_FAILED */
	uint64_t ticked_at;	/* when the event loop last looked at the clock */
	uint64_t patient_until;	/* we were stopped ourselves: nobody hangs until then */

	/* statistics */
	struct msg_stats stats;
	bool	have_stats;
	uint64_t stats_due;	/* when to answer without the worker's; 0 = not asked */
	unsigned stats_asked;	/* MSG_STATS that are to come */
	bool	stats_to_file;	/* not only to who asked */
	struct attend attend;
	uint64_t infodir_due;	/* when the log's new length may be shown */

	/* the end */
	struct leave leave;
	struct ending ending;
	bool	done;
	bool	failed;		/* with error */
	int	status;		/* exit status */
	char	error[1024];
};

#define STATE_SECOND	1000000000ULL
#define STATE_WARNINGS_MAX	200	/* more are an attack on the terminal */

/* Records why this mount fails (the first reason counts) and ends the loop. */
void	state_fail(struct supervisor *s, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* Shows new versions of the files under .pbkfs/. */
void	state_infodir_changed(struct supervisor *s);

#endif
