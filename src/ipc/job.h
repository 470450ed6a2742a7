/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A job: all that a supervisor hands to a worker, plain values and descriptors.
 * A worker is executed, so a job travels in a sealed memfd: see ipc/jobfd.h.
 */
#ifndef IPC_JOB_H
#define IPC_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum sandbox_level { SANDBOX_FULL, SANDBOX_SECCOMP_ONLY, SANDBOX_NONE };
enum wal_mode { WAL_MOUNT, WAL_DIRECT };
enum cache_mode { CACHE_WRITEBACK, CACHE_WRITETHROUGH };
enum verify_mode { VERIFY_AUTO, VERIFY_ON, VERIFY_OFF };	/* VERIFY_AUTO: what costs little */

/* The programs that a supervisor starts: see worker/worker.h. */
enum job_program { JOB_PREPARE, JOB_FILL, JOB_SERVE, JOB_RECHECK, JOB_STEP, JOB_PROGRAMS };

/* For worker_step(). */
enum job_step {
	JOB_STEP_FREEZE, JOB_STEP_RESET,
	JOB_STEP_CHECK_RESET,	/* says whether JOB_STEP_RESET could be done; a worker may be there */
	JOB_STEP_SWEEP,		/* removes what was thrown away; the same */
	JOB_STEPS,
};

#define OWNER_NAME_MAX	64	/* bytes, NUL included */
#define JOB_GROUPS_MAX	256	/* supplementary groups of one user that are used */

struct shared;
struct clone_config;
struct clone_databases;
struct msg_member;

struct job {
	enum job_program program;

	/* descriptors; -1 where the program has no use for one */
	int	store_fd;	/* catalog root, O_PATH | O_DIRECTORY */
	int	diff_fd;	/* changes/ of the diff directory, O_RDONLY | O_DIRECTORY */
	int	infodir_fd;	/* .pbkfs/ of it, the same; only read */
	int	layers_fd;	/* layers/: the snapshots below it, the same; -1: there are none */
	int	index_fd;	/* memfd: written by the preparer, sealed for the others */
	int	fuse_fd;	/* /dev/fuse of the mount; -1 for the preparer */
	int	in_fd, out_fd;	/* pipes: from and to the supervisor */
	int	lock_fd;	/* .pbkfs-lock, shared file description */
	int	lockholder_fd;	/* supervisor/lockholder.c: it ends when nobody has this any more */
	int	shared_fd;	/* memfd of *shared */
	const int *mapped_fds;	/* for worker_fill(): a directory for each mapping of clone; else NULL */

	/* identity and confinement */
	enum sandbox_level sandbox;
	uint32_t namespaces;	/* enum msg_namespace: what the worker is to try */
	bool	switch_user;	/* as root: become uid:gid */
	bool	keep_read_search;	/* and keep CAP_DAC_READ_SEARCH */
	uid_t	uid;		/* owner of what the mount shows */
	gid_t	gid;
	gid_t	groups[JOB_GROUPS_MAX];	/* his supplementary ones, where he needs them to read the store */
	unsigned n_groups;
	char	owner_name[OWNER_NAME_MAX];	/* of uid; "" if there is none */

	/* what is mounted */
	const char *store_name;	/* as the user called it, for messages */
	const char *instance;
	const char *backup_id;	/* NULL: the preparer chooses it, see probackup/choose.h */
	bool	force;

	/* how */
	enum wal_mode wal;
	enum cache_mode cache;
	enum verify_mode verify;
	bool	no_wal, perf_unsafe, debug;
	bool	discard;	/* the diff directory is removed behind the mount: nothing has to last */
	bool	fresh;		/* the diff directory was empty */
	bool	detached;	/* nothing needs the store, and there may be none: store_fd -1 */
	const struct clone_config *clone;	/* what the preparer makes: ipc/clone_config.h */
	const struct clone_databases *databases;	/* which the preparer shows */
	const char *wal_link;	/* WAL_DIRECT: what the link pg_wal holds */
	const char *mnt, *diff;	/* where the mount is, and for messages the diff directory */
	bool	keep_locations;	/* --keep-settings: tablespaces that WAL makes go where it says */
	unsigned threads;	/* serving threads, = slots in use */
	size_t	cache_size;	/* bytes for block maps */

	/* worker_step(), whose diff_fd is the diff directory itself */
	enum job_step step;
	const char *layer, *message;	/* the name, and what people say of it; else NULL */
	bool	again;		/* an earlier one was ended: find out what it has come to */

	/* what outlives a worker */
	struct shared *shared;	/* mapped shared and writable: ipc/shared.h */
	size_t	index_max;	/* bytes that the index may take */
	const struct msg_member *member;	/* recheck: the chain as it was prepared */
	unsigned n_members;
	unsigned generation;	/* 1 for the first serving worker */
	bool	careful;	/* take requests up one by one: one of them may be fatal */
};

#define JOB_VERSION	5		/* of the bytes below: what another build wrote is refused */
#define JOB_MAX		(8u << 20)	/* bytes; a command line has less */

/*
 * Writes *job as bytes, without its descriptors' numbers and without *shared.
 * Returns their number, with *bytes for the caller to free; -ENOMEM, or -E2BIG.
 */
ssize_t	job_encode(const struct job *job, unsigned char **bytes);

/*
 * Reads it: a job whose every pointer leads into one block of memory, with
 * descriptors numbered by job_fd_number() and shared NULL.  The bytes are input
 * like any other: counts, lengths, strings and values are checked.  Returns 0 and
 * *job, which job_free() frees, -EPROTO if they are not what job_encode()
 * writes, or -ENOMEM.
 */
int	job_decode(const unsigned char *bytes, size_t len, struct job **job);
void	job_free(struct job *job);

/* The descriptors of a job one after the other, its mapped_fds last. */
#define JOB_FDS	11
unsigned job_fds(const struct job *job);
int	job_fd(const struct job *job, unsigned i);

/* The number that descriptor i has in a process that is executed for a job. */
#define JOB_FD	3			/* the memfd itself */
#define JOB_OUT_FD	(JOB_FD + 1)	/* out_fd, for a job that cannot be read */
int	job_fd_number(unsigned i);

#endif
