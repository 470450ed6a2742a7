/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The supervisor: one process per mount that holds the lock, the mount and
 * /dev/fuse, and starts, watches and replaces the worker, which is the program
 * itself, executed anew: main() must know it by entry_is_worker().  Of a store it reads
 * nothing but pg_probackup's lock files, and never resolves a path inside its own mount.
 */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ipc/job.h"

enum log_format { LOG_TEXT, LOG_JSON };
enum log_target { LOG_TO_FILE, LOG_TO_JOURNALD };
enum store_lock_choice { STORE_LOCK_AUTO, STORE_LOCK_YES, STORE_LOCK_NO };
enum wal_choice { WAL_CHOICE_AUTO, WAL_CHOICE_MOUNT, WAL_CHOICE_DIRECT };

struct supervisor_config {
	/* what is mounted; NULL: as the binding says */
	const char *store;	/* absolute, canonical */
	const char *store_error;	/* why it cannot be read; NULL: it may be */
	const char *instance;
	const char *backup_id;	/* as backup_id_normalize() makes it */
	bool	latest;		/* instead of backup_id: the newest that fits clone's target */
	const char *mnt;	/* absolute, canonical */
	const char *diff;	/* absolute, canonical; need not exist, unless it is to be a */
	const char *branch;	/* of this name; NULL: that is not said */

	/* for whom; only root can choose */
	bool	owner_given;
	uid_t	uid;
	gid_t	gid;

	const struct clone_config *clone;	/* what a mount adds to it: ipc/clone_config.h */

	/* how */
	const char *context;	/* label for SELinux, as root only; NULL = none */
	enum sandbox_level sandbox;
	enum wal_choice wal;
	enum store_lock_choice store_lock;
	enum cache_mode cache;
	enum verify_mode verify;
	bool	force, no_wal, perf_unsafe, debug;
	bool	hydrate;	/* begin to copy, see supervisor/hydration.h, so: */
	uint64_t hydrate_rate;	/* bytes a second; 0 = no limit */
	uint32_t hydrate_jobs;	/* 0 = default */
	bool	discard;	/* whoever mounts removes the diff directory behind it: nothing has to last; with perf_unsafe */
	unsigned threads;
	size_t	cache_size;	/* bytes for block maps */
	size_t	index_max;	/* bytes that the index may take; 0 = default */

	/* where it reports */
	enum log_format log_format;
	enum log_target log_target;
	int	log_fd;		/* --log-file, opened as the caller; -1 = .pbkfs/pbkfs.log */
	int	log_dir_fd;	/* the directory that holds it */
	const char *log_name;
	uint64_t log_limit;	/* bytes of the file; 0 = default */
	int	pid_fd;		/* --pid-file, the same; -1 = none */
	int	pid_dir_fd;	/* the directory that holds it */
	const char *pid_name;
	int	notify_fd;	/* supervisor/notify.h; -1 = nobody waits */
	int	life_fd;	/* a pipe: the mount ends when this does; 0 = it goes on */
	bool	console;	/* log to standard error too */

	/* for tests; 0 = default */
	unsigned hang_ms;	/* without heartbeat, or one slot computing; the other limits follow */
};

/*
 * Runs one mount from its lock to its end.  Returns the exit status: 0 after
 * an orderly unmount.  A failure was reported through notify_fd and the log.
 */
int	supervisor_main(const struct supervisor_config *config);

#endif
