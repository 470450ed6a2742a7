/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection to the supervisor of a diff directory.  The file system there
 * may belong to anybody and may never answer: so what it says (names, pids of
 * locks) is for people to read, and only the process that listens at the socket
 * is believed.
 */
#ifndef CLI_CONTACT_H
#define CLI_CONTACT_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "ipc/command.h"
#include "supervisor/lock.h"
#include "supervisor/socket.h"

#define CONTACT_SECONDS	5	/* for a diff directory to answer */
#define CONTACT_ASK_MS	3000	/* for a supervisor to answer */

struct contact {
	char	diff[PATH_MAX];	/* canonical */
	char	mnt[PATH_MAX];	/* as root's record has it, else as the lock file or who listens says; or "" */
	pid_t	owner[2];	/* lock_owner() of both bytes, as the file system claims */
	bool	is_others;	/* another mount's: nobody is waited for */
	bool	is_mute;	/* the directory did not answer in time */
	bool	locks_are_ours;	/* the caller has taken them: nobody else holds the directory */
	bool	has_lock;	/* there is a lock file, owner is set */
	bool	is_named;	/* lock file or record names mnt, not only who listens */
	bool	lacks_lock;	/* there is a directory, and none in it */
	uid_t	uid;		/* whose the directory is, as the file system says; (uid_t)-1: not known */
	struct socket_peer peer;	/* who listens, if sock is not -1 */
	int	sock;
	char	doubt[256];	/* why sock is -1; or "" */
};

void	contact_init(struct contact *c);
void	contact_close(struct contact *c);

/*
 * Looks at c->diff in a child, and connects.  Follows no links.  Where the directory does
 * not answer, root connects by what is recorded in SOCKET_RUN.  Returns 0 if there is a lock
 * file, or somebody listens; else -1 with c->doubt.
 */
int	contact_make(struct contact *c);

/* The same in this process, which must be free to wait; diff_fd is the directory. */
int	contact_make_at(int diff_fd, struct contact *c);

/* Opens a diff directory without following links.  Returns a descriptor or negative errno. */
int	contact_open_diff(const char *path);

/* Whether somebody holds the lock, as the file system says. */
bool	contact_is_held(const struct contact *c);

/* Whether somebody holds the lock of the directory itself.  Asks in a child. */
bool	contact_is_locked(const struct contact *c);

/*
 * Sends a request to who listens and receives the answer.  Returns 0 with an
 * answer of a type that fits, or with a refusal; -ETIMEDOUT, or negative errno.
 * A descriptor that came becomes *fd; fd may be NULL.
 */
int	contact_ask(const struct contact *c, const struct command_frame *request,
	    struct command_frame *answer, int *fd);

/* The same, with another limit. */
int	contact_ask_within(const struct contact *c, const struct command_frame *request,
	    struct command_frame *answer, int *fd, int ms);

/*
 * Asks who listens for its identity.  Returns 0 with COMMAND_IDENTITY, -EPROTO
 * for another answer, or as contact_ask().
 */
int	contact_identify(const struct contact *c, struct command_frame *answer);
int	contact_identify_within(const struct contact *c, struct command_frame *answer, int ms);

/* Whether the supervisor of this identity still makes its mount. */
bool	contact_is_beginning(const struct command_frame *identity);

/*
 * Waits until who listened has ended, and then, in a child, for those who held
 * the locks, that of the directory too, which its owner cannot exchange as he can the lock
 * file; contact_wait_for_listener() waits for the former alone.  Returns 0, -ETIMEDOUT, or
 * another negative errno if that cannot be told: the directory is not where it was.
 */
int	contact_wait(const struct contact *c, int seconds);
int	contact_wait_for_listener(const struct contact *c, int seconds);

/*
 * Sends SIGKILL to who listens, and to nobody else.  Returns 0 or negative
 * errno; -ENOPROTOOPT where the kernel does not say whom to kill: before Linux
 * 6.5.
 */
int	contact_kill(const struct contact *c);

#endif
