/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The layers that sandbox_enter() puts on, one file each.
 */
#ifndef SANDBOX_LAYERS_H
#define SANDBOX_LAYERS_H

#include <stdbool.h>
#include <stddef.h>

#include "sandbox/sandbox.h"

struct calls;

/*
 * Each returns 0, or negative errno with *step naming what could not be done
 * ("set the user id").
 */

/*
 * Groups, and gid and uid as far as they are effective: the real and saved ones stay
 * root's, so that the user can neither stop nor limit what still has rights.  Permitted
 * capabilities survive, until sandbox_identity_drop().
 */
int	sandbox_identity_switch(const struct sandbox *s, const char **step);

/*
 * Makes the capabilities effective that namespaces take.  Returns 0, -EPERM where the
 * process has them not, or negative errno.
 */
int	sandbox_identity_raise(void);

/*
 * Gives the process the namespaces that s asks for, as far as there are any, and notes
 * them in *got, with one line in got->why where the tree of files could not be made.
 * Returns 0 or negative errno, after which the tree is as it was or to be left at once.
 */
int	sandbox_namespaces_enter(const struct sandbox *s, struct msg_confined *got);

/*
 * A mount namespace with nothing but s->dir in it, whose descriptors lead there
 * under their old numbers, and no descriptor of another directory.  It follows what is
 * mounted and unmounted in them outside, or stays as it is: what comes could be written to.
 */
int	sandbox_tree_enter(const struct sandbox *s, bool follow, const char **step);

/* Sets the hard limits that s asks for: core dumps, descriptors, memory. */
int	sandbox_limits_set(const struct sandbox *s, const char **step);

/*
 * Empties the bounding set, drops every capability but the one to keep, then
 * the last of root's ids; and checks the result.
 */
int	sandbox_identity_drop(const struct sandbox *s, const char **step);

/*
 * Returns the version of this kernel's Landlock, 0 if there is none.  A weak
 * symbol: a test puts its own in its place to stand for an older kernel.
 */
int	sandbox_landlock_abi(void);

/* Restricts the file system to the two directories, with what abi has. */
int	sandbox_landlock_restrict(const struct sandbox *s, int abi, const char **step);

/* Returns what an abi lacks, as sandbox_missing() words it. */
void	sandbox_landlock_missing(int abi, char *text, size_t size);

/* Installs a filter of system calls; debug: named on standard error. */
int	sandbox_seccomp_install(const struct calls *calls, bool debug, const char **step);

/* Installs a second one, for all threads: to start another kills. */
int	sandbox_seccomp_end_threads(void);

#endif
