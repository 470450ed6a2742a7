/*
 * What list shows, and how it is found out: in children, all together within
 * LISTING_SECONDS, whatever mounts there are.  No mount is ever touched, but a diff
 * directory may lie on a file system that does not answer any more, and some of what the
 * kernel tells of a process waits for that process.  Then what was found out until then is
 * shown.
 */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include "cli/clients.h"
#include "cli/look.h"
#include "supervisor/mountinfo.h"

#define LISTING_SECONDS	5

struct listed {
	struct look look;
	struct clients clients;
};

/*
 * Looks at the mounts of a list: the first n_here of them are of our mount namespace, the
 * others of others.  Fills one struct listed for each.  Returns 0 or negative errno.
 */
int	listing_find(const struct mountinfo_list *mounts, size_t n_here, struct listed *listed);

#endif
