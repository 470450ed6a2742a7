/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The directory of one run: its mountpoint, the socket of its server, and its diff
 * directory, unless that is kept elsewhere.
 */
#ifndef CLI_WORKDIR_H
#define CLI_WORKDIR_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct workdir {
	char	dir[PATH_MAX];	/* the caller's; others may pass through root's */
	char	mnt[PATH_MAX];
	char	diff[PATH_MAX];
	char	sock[PATH_MAX];	/* the server's user's, mode 0700; elsewhere if dir does not suit a socket */
	char	shm[PATH_MAX];	/* the server's user's: its shared memory, or "" */
	char	hba[PATH_MAX], ident[PATH_MAX];	/* who may connect; the caller's */
	char	short_dir[PATH_MAX];	/* that other place of sock, or "" */
	int	short_lock_fd;
	char	log[PATH_MAX];	/* the server's, where a run is kept */
	int	lock_fd;	/* of dir, with a flock(2): held by all processes of the run that are ours */
	bool	own_diff;	/* diff is inside, and goes with it */
	uid_t	uid;		/* of the server */
	gid_t	gid;
};

/*
 * Finds where it would be made: parent (NULL: $TMPDIR, or /tmp), with its links followed.  Returns 0, or
 * negative errno with one line in why.
 */
#define WORKDIR_WHY_MAX	2048
int	workdir_find(const char *parent, char resolved[PATH_MAX], char why[WORKDIR_WHY_MAX]);

/*
 * Makes it below parent (NULL: $TMPDIR, or /tmp), for a server of that user, with a diff
 * directory inside or the one that is given.  with_tcp: users may also connect over the network, by password.
 * Returns 0, or EXIT_FAILURE after cli_error(); then nothing is left.
 */
int	workdir_make(struct workdir *w, const char *parent, const char *diff, uid_t uid, gid_t gid,
	    bool with_tcp);

/* Notes that a server was started, whose memory workdir_sweep() has to remove if all are killed. */
void	workdir_note_server(const struct workdir *w, pid_t pid);

/* Takes the names of one that somebody has moved meanwhile, after cli_warn(). */
void	workdir_follow(struct workdir *w);

/*
 * Removes it once nothing is mounted there.  What servers wrote is removed as their user.  Returns
 * 0, or EXIT_FAILURE after cli_error() names what is left.
 */
int	workdir_remove(struct workdir *w);

/* Leaves it to the caller: workdir_sweep() passes over it from then on.  Returns 0, or negative errno. */
int	workdir_keep(const struct workdir *w);

/*
 * Removes what runs have left below parent, as above, all of whose processes were killed at once.
 */
void	workdir_sweep(const char *parent);

#endif
