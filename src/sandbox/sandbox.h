/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Confinement of a process: identity, capabilities, Landlock, seccomp.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ipc/clone_config.h"
#include "ipc/job.h"
#include "ipc/msg.h"

#define SANDBOX_DIRS_MAX	(4 + CLONE_MAPPINGS_MAX)

/* A directory beneath which the process may read, or write as well. */
struct sandbox_dir {
	const char *name;	/* in a tree of files that has only these */
	int	fd;		/* a directory; -1 for none */
	bool	writable;
	bool	locked;		/* by flock(2), while the process lives, as far as it can be */
};

/* The calls that it may make: a table in sandbox/calls.h. */
enum sandbox_calls {
	SANDBOX_CALLS_WORKER, SANDBOX_CALLS_PROMOTER, SANDBOX_CALLS_LAYERS, SANDBOX_CALLS_SUPERVISOR
};

struct sandbox {
	enum sandbox_level level;
	struct sandbox_dir dir[SANDBOX_DIRS_MAX];
	unsigned n_dirs;
	enum sandbox_calls calls;
	uint32_t namespaces;	/* of its own, as far as the kernel gives them: enum msg_namespace */
	bool	may_lack_wall;	/* where neither can be had the filter of system calls is enough */
	bool	looks_around;	/* asks for names everywhere: without a mount namespace if Landlock holds */
	bool	executed;	/* its memory has nothing that others of its user may not see */
	bool	switch_user;	/* become uid:gid (only root can) */
	bool	switch_effective;	/* the same, with effective ids only and no groups */
	uid_t	uid;
	gid_t	gid;
	const gid_t *groups;	/* supplementary ones that stay; NULL for none */
	unsigned n_groups;
	bool	keep_read_search;	/* keep exactly CAP_DAC_READ_SEARCH */
	bool	threads;	/* may start threads, until sandbox_end_threads() */
	bool	signals;	/* may signal others, as far as calls and its ids let it */
	unsigned max_fds;	/* descriptors; 0: as it is */
	size_t	max_memory;	/* bytes of private writable memory (RLIMIT_DATA); 0: as it is */
	bool	debug;		/* a refused system call is named on standard error by SIGSYS */
};

#define SANDBOX_ERROR_MAX	256

/*
 * Confines the calling process for good.  Call it with one thread only, before
 * the first byte of the store is read.  In this order: supplementary groups,
 * gid and uid; namespaces; PR_SET_NO_NEW_PRIVS; capabilities and the bounding set;
 * limits; Landlock; seccomp.  Returns 0 and in *got what there was, or negative errno
 * with one line in error (SANDBOX_ERROR_MAX bytes); the caller must then exit.
 * -EOPNOTSUPP: neither Landlock nor a mount namespace could be had, and level asks
 * for one of them.  -EBUSY: there are threads, which would stay free.
 *
 * With a mount namespace of its own the process has no /proc, nothing but s->dir has
 * a name, the descriptors of these lead to their names there, and no other descriptor
 * of a directory is left.
 *
 * A build without ENABLE_SANDBOX treats every level as SANDBOX_NONE: identity,
 * PR_SET_NO_NEW_PRIVS and capabilities only.  Inside, pthread_cancel() and
 * pthread_exit() abort (glibc loads a library for them), and with debug a
 * thread that blocks SIGSYS dies without a word at its first refused call.
 */
int	sandbox_enter(const struct sandbox *s, struct msg_confined *got, char *error);

/*
 * Restricts a process that keeps rights: no_new_privs, no capabilities but
 * these (bits, as the kernel counts them), no more than are there, and no
 * system calls that nobody needs (calls_privileged), the last below
 * SANDBOX_NONE.  Returns 0 or negative errno.
 */
int	sandbox_limit(enum sandbox_level level, uint64_t caps);

/*
 * Lets no thread of this process start another from now on: to try kills.  A
 * process that entered without threads is so from the beginning.  Does nothing
 * below SANDBOX_SECCOMP_ONLY.  Returns 0 or negative errno.
 */
int	sandbox_end_threads(const struct sandbox *s);

/*
 * Returns what this kernel's Landlock cannot do for us (its ABI is below the
 * one that can), as text for the log, e.g. "truncate, TCP, scopes"; "" if
 * nothing is missing.  Seccomp refuses all the same what is named, save one:
 * without "rename between directories" the worker may only rename within a
 * directory (EXDEV).  Call it before sandbox_enter().
 */
void	sandbox_missing(char *text, size_t size);

/* Whether this kernel's Landlock allows no link from one directory to another (ABI 1). */
bool	sandbox_parts_directories(void);

/* The level that this build has for one: without ENABLE_SANDBOX it is SANDBOX_NONE. */
enum sandbox_level sandbox_level(enum sandbox_level asked);

#endif
