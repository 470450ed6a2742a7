/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which processes use a mount: by their working and root directories, open
 * files and mappings, as /proc shows them, without touching the mount.
 */
#ifndef SUPERVISOR_USERS_H
#define SUPERVISOR_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define USERS_NAMED	5	/* in text; others are counted */

struct user {
	pid_t	pid;
	char	name[32];	/* printable */
};

/* A process that is looked at. */
struct process {
	pid_t	pid;
	int	proc_fd;	/* its directory of /proc */
};

/*
 * Visits the paths that processes use, as far as we may see them, one process after the
 * other; a visitor that says false has seen enough of it.  Some of it may wait for
 * that process.
 */
typedef bool (*users_visit)(void *arg, const struct process *p, const char *path);
void	users_each(users_visit visit, void *arg);

/* Who that is. */
void	users_take(const struct process *p, struct user *user);

/*
 * Finds the processes that use the mount, as far as we may see them.  Fills
 * users with the first max of them; returns how many there are.
 */
unsigned users_find(const char *mnt, struct user *users, unsigned max);

/*
 * Writes e.g. "postgres (pid 123), bash (pid 9) and 4 more" for n users that
 * are named out of total; "" if there is none.
 */
void	users_print(const struct user *users, unsigned n, unsigned total, char *text, size_t size);

/* The name of the process whose directory of /proc is open, printable; "" if it is gone. */
void	users_name(int proc_fd, char *name, size_t size);

/* Both: who uses the mount, as text. */
void	users_of_mount(const char *mnt, char *text, size_t size);

#endif
