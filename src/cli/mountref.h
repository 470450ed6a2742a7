/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mount that a command is about, and who serves it.
 */
#ifndef CLI_MOUNTREF_H
#define CLI_MOUNTREF_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "cli/children.h"
#include "cli/contact.h"
#include "supervisor/mountinfo.h"

struct mountref {
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
int	mountref_find(struct mountref *t, const char *dir, const char *diff);

/* Whether a supervisor listens in this diff directory, and has got as far as a mount.  Says nothing. */
bool	mountref_is_served(const char *diff);

/*
 * Gets in touch with who serves it.  The lock file has to name this mountpoint,
 * and who answers has to have this mount; else t->contact.doubt says why nobody
 * is believed.
 */
void	mountref_contact(struct mountref *t);

/* Writes the supervisor and the worker for messages, as far as they are known.  Returns text. */
#define MOUNTREF_WHO_MAX	128
const char *mountref_who(const struct mountref *t, char text[MOUNTREF_WHO_MAX]);

/*
 * Ends the supervisor, which ends its worker first: asks it, and kills it if it
 * does not end.  Returns 0 once it has ended, or 1 after a warning that says
 * why nobody was ended.
 */
int	mountref_stop(struct mountref *t);

/* Tells a supervisor that still prepares to give up.  Returns an exit status. */
int	mountref_leave(struct mountref *t);

/* Tells a supervisor whose mount other namespaces held that these may have let go of it. */
void	mountref_hurry(const struct mountref *t);

/*
 * Asks who serves it once more, for so many ms at most.  Returns whether it
 * still gives no answer.
 */
bool	mountref_is_silent(struct mountref *t, int ms);

/*
 * Finds who serves a mount that is here, where nobody listens who can be asked to end; to be
 * called before it is detached.  mountref_end() kills them.
 */
void	mountref_find_servers(struct mountref *t);

/*
 * Waits until its processes have ended.  Returns 0 if that is known, -ETIMEDOUT, or another
 * negative errno if it cannot be known.
 */
int	mountref_wait(struct mountref *t, int seconds);

/*
 * The same after mountref_stop(), to the end: it kills what is left of the supervisor's
 * children, as that would have done itself, and who else was found to serve the mount.
 */
int	mountref_end(struct mountref *t, int seconds);

void	mountref_init(struct mountref *t);
void	mountref_close(struct mountref *t);

#endif
