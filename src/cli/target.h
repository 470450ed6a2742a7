/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mount that a command is about, and who serves it.
 */
#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "cli/children.h"
#include "cli/contact.h"
#include "supervisor/mountinfo.h"

struct target {
	char	mnt[PATH_MAX];	/* canonical */
	char	diff[PATH_MAX];	/* which the mount shows as its source */
	const char *base;	/* last component of mnt */
	int	mount_id;
	int	parent_fd;	/* the directory that has base in it; -1 if elsewhere */
	bool	elsewhere;	/* nothing is mounted at mnt, but its processes run on */
	bool	has_device;	/* a mount of it was found, here or there: */
	unsigned major, minor;
	uid_t	uid;		/* whose mount it is, if it is here */
	struct contact contact;
	bool	is_silent;	/* who listens has not said who it is */
	enum command_state state;	/* if it has, */
	unsigned served_major, served_minor;	/* and the device; 0, 0 before there is one */
	struct children children;	/* of who listens, */
	struct children servers;	/* and others that were found to serve it, by force */
	int64_t	asked_at;	/* clock_monotonic_ms(): who listens was first asked */
};

/*
 * Finds the pbkfs mount at dir without touching it.  diff, if not NULL, has to
 * be its diff directory; dir may be NULL then.  If nothing is mounted at dir,
 * this finds the mount that was there and that other mount namespaces hold.
 * Returns 0, or 1 after cli_error().
 */
int	target_find(struct target *t, const char *dir, const char *diff);

/*
 * Gets in touch with who serves it.  The lock file has to name this mountpoint,
 * and who answers has to have this mount; else t->contact.doubt says why nobody
 * is believed.
 */
void	target_contact(struct target *t);

/* Writes the supervisor and the worker for messages, as far as they are known.  Returns text. */
#define TARGET_WHO_MAX	128
const char *target_who(const struct target *t, char text[TARGET_WHO_MAX]);

/*
 * Ends the supervisor, which ends its worker first: asks it, and kills it if it
 * does not end.  Returns 0 once it has ended, or 1 after a warning that says
 * why nobody was ended.
 */
int	target_stop(struct target *t);

/* Tells a supervisor that still prepares to give up.  Returns an exit status. */
int	target_leave(struct target *t);

/* Tells a supervisor whose mount other namespaces held that these may have let go of it. */
void	target_hurry(const struct target *t);

/*
 * Asks who serves it once more, for so many ms at most.  Returns whether it
 * still gives no answer.
 */
bool	target_is_silent(struct target *t, int ms);

/*
 * Finds who serves a mount that is here, where nobody listens who can be asked to end; to be
 * called before it is detached.  target_end() kills them.
 */
void	target_find_servers(struct target *t);

/*
 * Waits until its processes have ended.  Returns 0 if that is known, -ETIMEDOUT, or another
 * negative errno if it cannot be known.
 */
int	target_wait(struct target *t, int seconds);

/*
 * The same after target_stop(), to the end: it kills what is left of the supervisor's
 * children, as that would have done itself, and who else was found to serve the mount.
 */
int	target_end(struct target *t, int seconds);

void	target_init(struct target *t);
void	target_close(struct target *t);

#endif
