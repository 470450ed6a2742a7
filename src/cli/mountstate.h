/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks at a mount without touching it: at its diff directory, and at who
 * listens or holds the lock there.
 */
#ifndef CLI_MOUNTSTATE_H
#define CLI_MOUNTSTATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/backupid.h"
#include "supervisor/mountinfo.h"
#include "supervisor/users.h"

enum mountstate_state {
	MOUNTSTATE_UNKNOWN,		/* remark says why */
	MOUNTSTATE_MOUNTED,
	MOUNTSTATE_LEAVING,		/* it was told to go, and goes when nobody uses it any more */
	MOUNTSTATE_ALONE,		/* a worker without its supervisor */
	MOUNTSTATE_DEAD,		/* neither */
	MOUNTSTATE_ELSEWHERE,		/* mounted in other mount namespaces only */
	MOUNTSTATE_UNMOUNTED,		/* nowhere, and its processes have not ended */
	MOUNTSTATE_STARTING,		/* not yet */
	MOUNTSTATE_PROMOTING,		/* never again: its promotion is not finished */
};

/* Strings may be hostile. */
struct mountstate {
	enum mountstate_state state;
	char	remark[256];		/* why it, or something of it, is unknown; "" */
	char	mountpoint[1024];	/* where it was or will be mounted, or what it is promoted to; "" if longer */
	char	diff[1024];		/* of a supervisor; "" if longer, or not known */
	unsigned major, minor;		/* of its mount, as the supervisor says; 0, 0 */
	pid_t	supervisor, worker;	/* (of a promotion: who promotes) proven; 0 if not, or not in our pid namespace */
	char	instance[256], backup_id[BACKUP_ID_MAX];	/* "" if not known */
	char	branch[64], snapshot[64];	/* "" if it is none, or stands on none */
	bool	has_uptime, has_size;
	bool	is_silent;		/* its supervisor does not answer */
	bool	detached;		/* it needs no store */
	bool	can_be_taken_back;	/* the promotion */
	uint64_t uptime;		/* seconds */
	uint64_t size;			/* bytes on disk of the diff directory */
	struct users holders;		/* of it if elsewhere, of files of it if unmounted */
};

/*
 * Looks at one of n mounts; the others tell whether it is a second view of one
 * of them.  Calls report(l) after each step, for any step may take for ever: the
 * diff directory may lie on a file system that does not answer.
 */
void	mountstate_at(const struct mountinfo *mounts, size_t n, const struct mountinfo *m,
	    void (*report)(const struct mountstate *l));

/*
 * The same for a mount that only other mount namespaces have: MOUNTSTATE_ELSEWHERE if it was
 * mounted here, and MOUNTSTATE_UNKNOWN if that is not known or it is none of ours.
 */
void	mountstate_elsewhere(const struct mountinfo *m, void (*report)(const struct mountstate *l));

/*
 * The same for a row of unmounted_list(): asks the supervisor for its state and device, which
 * is of one of the n mounts, or of none.  Without a supervisor l->diff becomes "".
 */
void	mountstate_supervisor(const struct mountinfo *mounts, size_t n, const struct mountinfo *m,
	    void (*report)(const struct mountstate *l));

#endif
