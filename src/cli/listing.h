/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds out what list shows: in children, all together within a limit of time,
 * whatever mounts there are.  It never touches a mount, but a diff directory
 * may lie on a file system that does not answer any more, and some answers of
 * the kernel about a process wait for that process.  When time is up, list
 * shows what is known by then.
 */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include "cli/clients.h"
#include "cli/mountstate.h"
#include "supervisor/mountinfo.h"

struct listed {
	struct mountstate look;
	struct clients clients;
};

/*
 * Looks at the mounts of a list: the first n_here of them are of our mount namespace, the
 * others of others.  Fills one struct listed for each, until clock_monotonic_ms() comes to
 * until.  Returns 0 or negative errno.
 */
int	listing_find(const struct mountinfo_list *mounts, size_t n_here, struct listed *listed,
	    int64_t until);

#endif
