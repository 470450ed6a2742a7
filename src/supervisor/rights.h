/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rights: what the supervisor and its monitor may do, phase by phase.
 */
#ifndef SUPERVISOR_RIGHTS_H
#define SUPERVISOR_RIGHTS_H

#include <stdbool.h>
#include <sys/types.h>

#include "ipc/job.h"

struct supervisor;

#define RIGHTS_ERROR_MAX	256

/*
 * Before anything else: root's supervisor drops what no phase needs.  An ordinary user's has
 * no capabilities, and cannot be confined while it, or a child, has to run
 * fusermount3, which is a set-user-ID program.  Returns 0 or negative errno.
 */
int	rights_begin(const struct supervisor *s);

/* In the monitor: what making a mount takes goes as well.  Returns 0 or negative errno. */
int	rights_of_monitor(const struct supervisor *s);

/*
 * The monitor runs and the mount is made, but no serving worker: the supervisor keeps no
 * capability, the rights of the mount's owner in the file system, of it no more than the diff
 * directory and what /proc and the cgroup say of itself, and a short table of system
 * calls.  Returns 0, or negative errno with one line in error.
 */
int	rights_give_up(struct supervisor *s, char *error);

/* The same for the process alone, which may be no supervisor. */
struct rights {
	enum sandbox_level level;
	int	diff_fd;	/* diff directory */
	uid_t	uid;		/* its owner */
	gid_t	gid;
	bool	debug;		/* name refused system calls */
};
int	rights_confine(const struct rights *r, char *error);

#endif
