/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which program a name stands for, as execvp(3) finds it, without running it: a run knows so before it has
 * made anything.
 */
#ifndef CLI_WHICH_H
#define CLI_WHICH_H

#include <stdbool.h>

/*
 * The PATH of a command: that of the caller, or where the system has its programs, behind bindir, unless NULL.
 * Returns NULL if there is no memory; the caller frees it.
 */
char	*which_path(const char *bindir);

#define WHICH_DEFAULT	"psql"	/* the command of who names none */

/*
 * Looks for the program of argv, or WHICH_DEFAULT where that is NULL, as the calling user, who will run it.  A name with a
 * slash is taken as it is.  Where it is not found but may_have(name), unless NULL, it is taken for found.  Returns 0, or
 * the exit status of which_tell(), which has told then.  Waits no longer than LIMITED_SECONDS.
 */
int	which_check(char *const argv[], const char *bindir, bool (*may_have)(const char *name));

/* Whether a file may be executed.  Returns 0, -ENOENT, -EACCES or another negative errno. */
int	which_look_at(const char *file);

/* Tells why the program cannot be run, -ENOENT and the like.  Returns the exit status that env(1) has for it. */
int	which_tell(const char *name, int rc);

#endif
