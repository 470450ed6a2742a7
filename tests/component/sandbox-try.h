/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the files of test-sandbox: the place that a hostile worker finds, its
 * attempts, and a child that makes one of them.
 */
#ifndef COMPONENT_SANDBOX_TRY_H
#define COMPONENT_SANDBOX_TRY_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/util.h"
#include "sandbox/sandbox.h"

/* The place: made once, before any child. */
extern char root[PATH_MAX];	/* root/{store,diff/{changes,.pbkfs},outside} */
extern uid_t user_uid;
extern gid_t user_gid;
extern bool as_root;
extern pid_t parent;
extern int forced_abi;	/* -1: what the kernel has */

/* The descriptors of a child before it enters the sandbox: such as a worker may have. */
extern struct have {
	int	store, diff, infodir;	/* the directories themselves; diff is changes/ */
	int	outside;		/* a directory beside them */
	int	etc, etc_path;		/* /etc, and the same with O_PATH */
	int	passwd_path;		/* /etc/passwd with O_PATH */
	int	store_file;		/* store/file, read-only */
	int	diff_file;		/* diff/file, read and write */
	int	fuse;			/* /dev/fuse if we may, else /dev/null; opened by main() */
	int	ns;			/* our own UTS namespace */
	int	pidfd;			/* of the parent */
	int	tcp, udp;		/* sockets without an address; -1 if impossible */
	struct {
		struct file_handle h;
		unsigned char room[MAX_HANDLE_SZ];
	} handle;			/* of outside/secret */
	int	handle_mount;
} have;

/* An attempt gives 0 or negative errno; answer() is that of a call. */
#define TRY(name)	static int name(void)

static inline int
answer(long r)
{
	return r < 0 ? -errno : 0;
}

struct attempt {
	const char *what;		/* NULL ends a table */
	int	(*try)(void);
	int	also;		/* an errno that counts as a refusal, too */
};

extern const struct attempt file_attempts[];		/* sandbox-files.c */
extern const struct attempt system_attempts[];		/* sandbox-system.c */
extern const struct attempt worker_controls[];		/* sandbox-work.c: these succeed */
extern const struct attempt supervisor_attempts[];
extern const struct attempt supervisor_controls[];

/* Attempts that have a test of their own, too. */
int	proc_execve(void);
int	change_directory(void);
int	sys_syslog(void);
int	mem_wx(void);
int	net_udp(void);
int	can_start_threads(void);
int	can_move_diff(void);
int	read_shadow(void);
int	read_etc_passwd(void);
int	take_thread(void);
uint64_t permitted_caps(void);

/* ---- sandbox-child.c ---- */

/*
 * Who tries.  Where the user owns store and outside, nothing but the sandbox
 * stands in the way; where root owns a closed store, CAP_DAC_READ_SEARCH opens
 * it and would open everything else.
 */
struct identity {
	const char *name;
	bool	needs_root, switch_user, read_search, store_is_roots, stay_root;
	int	abi;		/* Landlock as if it were no newer; -1 as it is */
	uint32_t namespaces;
	bool	supervisor;	/* confined as the supervisor of a mount */
};

#define IDENTITIES	14
extern const struct identity identities[IDENTITIES];
#define AS_USER		0	/* of them, whose answers without the sandbox are the manual's */
#define AS_ROOT		3
#define SECOND_WALL	6	/* the first of each group: without Landlock, */
#define BOTH_WALLS	10	/* with both, which the manual has no column for, */
#define SUPERVISORS	12	/* and those that are no workers */

enum { ESCAPED = 0, NO_ANSWER = 1 };	/* beside negative errno */

struct outcome {
	int	answer;		/* of the attempt: negative errno or 0 */
	int	signal;		/* that the child died of */
};

enum where { FREE, MAIN_THREAD, SECOND_THREAD, DEBUGGED, DEBUGGED_THREAD };

/* Makes one attempt in a new place and a child of its own. */
struct outcome run(const struct identity *id, enum where where, int (*try)(void));
const char *outcome_name(const struct outcome *o);
bool	is_refused(const struct identity *id, const struct outcome *o, const struct attempt *a);

/* TAP; with table_only nothing but failures, as comments. */
extern int tap_count, tap_failed;
extern bool table_only;
void	report(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* End the program with errno. */
void	bail(const char *what) __attribute__((noreturn));
int	must(int r, const char *what);

int	open_in_root(const char *name, int flags);
void	remove_root(void);

/* ---- sandbox-levels.c ---- */

void	test_debug(void);
void	test_levels(void);
void	test_programs(void);
void	test_missing(void);

#endif
