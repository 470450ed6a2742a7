/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The memory limit of the cgroup that the supervisor and its workers are in, and
 * what the kernel ended there because of it.
 */
#ifndef SUPERVISOR_MEMLIMIT_H
#define SUPERVISOR_MEMLIMIT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMLIMIT_NONE	UINT64_MAX

struct memlimit_group {
	char	dir[PATH_MAX];
	size_t	root;		/* length of the controller's mountpoint in dir */
	bool	v2;
};

/*
 * Finds the directory of the memory controller in text, which is that of
 * /proc/self/cgroup: of version 1 if it is there, else of version 2.  Returns 0
 * and fills *g, -ENOENT if there is none, or -ENAMETOOLONG.
 */
int	memlimit_find(const char *text, struct memlimit_group *g);

/* The number behind key and a space at the start of a line of text; false if there is none. */
bool	memlimit_field(const char *text, const char *key, uint64_t *value);

/*
 * The lowest limit in bytes of our cgroup and those above it, as far as they are to be
 * seen; MEMLIMIT_NONE if there is none, or it is unknown.
 */
uint64_t memlimit_bytes(void);
uint64_t memlimit_below(const char *root);	/* with /proc and /sys in that directory; "" = the machine's */

/* How many processes the kernel has ended in our cgroup for want of memory; 0 if unknown. */
uint64_t memlimit_kills(void);

#endif
