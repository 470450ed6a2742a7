/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Errands: what a short-lived child does for the supervisor, because it may have to wait,
 * or needs rights that the supervisor has given up.
 *
 * The child is a copy of the process that has those rights: the supervisor itself while
 * the mount is being made, its monitor from then on (monitor.h).  Either way it is a child
 * of the supervisor's.
 */
#ifndef SUPERVISOR_ERRAND_H
#define SUPERVISOR_ERRAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct supervisor;

enum errand_kind {
	ERRAND_WORKER,		/* spawn.c */
	ERRAND_UNMOUNT,		/* leave.c */
	ERRAND_HOLDERS,		/* ending.c */
	ERRAND_UNPIN,		/* pin.c */
	ERRAND_LOOK,		/* reopen.c */
	ERRAND_ASK,		/* mute.c */
	ERRAND_QUIET,		/* quiet.c */
	ERRAND_STEP,		/* spawn.c */
	ERRAND_KINDS,
};

#define ERRAND_NAME_MAX	64	/* bytes of a snapshot's name, NUL included */
#define ERRAND_MESSAGE_MAX 1001	/* the same, of its message */
#define ERRAND_FDS	10	/* at most; which is which says the room of the kind */

struct errand_order {
	uint32_t kind;		/* enum errand_kind */
	uint32_t present;	/* bit i: descriptor i came along */
	/* ERRAND_WORKER */
	uint32_t program, generation, careful, detached;	/* as in a job */
	/* ERRAND_UNMOUNT */
	uint32_t lazy;		/* also if it is in use */
	uint32_t look;		/* and name who uses it; ERRAND_QUIET: enum quiet_look; ERRAND_STEP: what an earlier one has come to */
	/* ERRAND_STEP */
	uint32_t deed;		/* enum job_step */
	char	name[ERRAND_NAME_MAX], message[ERRAND_MESSAGE_MAX];
};

/* The work of one kind.  The table of them is given by who runs the mount: supervisor.c. */
struct errand_work {
	/* The child: does not return. */
	void	(*run)(struct supervisor *s, const struct errand_order *o,
		    const int fd[ERRAND_FDS]);
	/*
	 * Before the fork, in the process that forks; NULL if there is nothing to do.  May put
	 * descriptors for the child alone where there are none in fd.  Returns 0 or negative
	 * errno.
	 */
	int	(*prepare)(struct supervisor *s, int fd[ERRAND_FDS]);
};

struct errand {
	pid_t	pid;		/* 0 = none */
	int	pidfd;		/* its own; -1 */
	int	report_fd;	/* it reports here; -1 */
};

/* Before anything else. */
void	errand_init(struct errand *e);

/*
 * Starts a child that runs what its kind stands for, with copies of the descriptors fd; -1 is
 * none.  Returns its pid, which the caller reaps, and a descriptor for it in *pidfd,
 * or negative errno.
 */
pid_t	errand_fork(struct supervisor *s, struct errand_order *o, const int fd[ERRAND_FDS],
	    int *pidfd);

/* In the process that has the rights: the child itself, a sibling if the caller is the monitor. */
pid_t	errand_run(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS],
	    bool is_monitor, int *pidfd);

/*
 * The same for a child that reports: its descriptor 0 is a pipe for that.
 * Returns 0 or negative errno.
 */
int	errand_start(struct supervisor *s, struct errand *e, struct errand_order *o);
/* The same, with a descriptor for descriptor 1 of the child; -1 for none. */
int	errand_start_with(struct supervisor *s, struct errand *e, struct errand_order *o, int fd);

/*
 * Waits for its end and takes the size bytes that it reported.  Returns its exit
 * status; -ENOMSG if it was killed or, where size is not 0, reported anything else.
 */
int	errand_end(struct errand *e, void *report, size_t size);

/* Ends it without waiting: one that no signal reaches is left to init. */
void	errand_stop(struct errand *e);

#endif
