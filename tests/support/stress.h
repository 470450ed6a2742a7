/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the jobs of the stress program.  A job is a process with a directory of
 * its own; it calls the file system through STRESS_CALL(), which counts the call and
 * its time, and ends at once by stress_fail() when an errno or a byte is not what it
 * has to be.
 */
#ifndef SUPPORT_STRESS_H
#define SUPPORT_STRESS_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STRESS_STALL_MS	50	/* longer calls are counted */
#define STRESS_DEPTH	4	/* processes of one job that are in a call at a time */

/* In shared memory: the parent reads them when the job is gone. */
struct stress_stats {
	_Atomic uint64_t calls, stalls, worst_ns;
	const char *worst;			/* literal: the call that took worst_ns */
	struct stress_now {
		_Atomic uint64_t since;		/* 0: in no call */
		const char *call;
	} now[STRESS_DEPTH];
};

/* The job of this process. */
struct stress_job {
	const char *name;
	unsigned number, of;	/* which of how many with this name */
	unsigned depth;		/* in stats->now */
	uint64_t seed, random;
	struct stress_stats *stats;
	const char *mnt, *ref;	/* the mount and a copy of it that may be changed; or NULL */
	const char *state;	/* file outside of the mount that a durable job writes */
	bool	may_die;	/* the mount may end: not an error */
};

extern struct stress_job stress_self;

typedef void (*stress_fn)(void);

/* Returns whether to go on: the time is not up, and nobody asked to stop. */
bool	stress_going(void);
/* Begins or ends a call; the errno stays. */
void	stress_enter(const char *call);
void	stress_leave(const char *call);
_Noreturn void stress_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Ends the job after a call that must not fail did so. */
_Noreturn void stress_fail_call(const char *call, const char *about);

uint64_t stress_random(void);
/* 0 ... n - 1 */
unsigned stress_below(unsigned n);
bool	stress_one_in(unsigned n);

#define STRESS_CALL(call) ({						\
	stress_enter(#call);						\
	__auto_type r_ = (call);					\
	stress_leave(#call);						\
	r_;								\
})

/* A call that has to succeed; about says on what. */
#define STRESS_OK(call, about) ({					\
	__auto_type ok_ = STRESS_CALL(call);				\
	if (ok_ == -1)							\
		stress_fail_call(#call, about);				\
	ok_;								\
})

/* A call that has to give error, or to succeed if that is 0. */
#define STRESS_GIVES(call, error, about) do {				\
	int got_ = STRESS_CALL(call) == -1 ? errno : 0;			\
	if (got_ != (error))						\
		stress_fail("%s on %s: expected %s, found %s", #call, about, \
		    stress_errno(error), stress_errno(got_));		\
} while (0)

/* "success" for 0; a few results may be in use at a time. */
const char *stress_errno(int error);

/*
 * Content that tells file, unit and version: len bytes (a multiple of 8) for a
 * unit.  Version 0 is zeroes.
 */
void	stress_fill(void *buf, size_t len, uint32_t file, uint32_t unit, uint32_t version);
bool	stress_is_filled(const void *buf, size_t len, uint32_t file, uint32_t unit, uint32_t version);
/* Returns the version that the bytes claim to be. */
uint32_t stress_version(const void *buf);
/* Fails, and says what was found in a unit instead. */
void	stress_verify(const void *buf, size_t len, uint32_t file, uint32_t unit, uint32_t version,
	    const char *how);

/* An aligned buffer that lives as long as the process. */
void	*stress_buffer(size_t len);

/* stress-io.c */
void	stress_buffered(void);
void	stress_direct(void);
void	stress_mmap(void);
void	stress_append(void);
void	stress_unlinked(void);
/* stress-backup.c: files of the backup are copied up. */
void	stress_backup(void);
/* stress-names.c */
void	stress_names(void);
void	stress_races(void);
/* stress-durable.c: notes what was fsynced; verifies that later, in another process. */
void	stress_durable(void);
void	stress_durable_verify(void);

#endif
