/*
 * Which processes use a mount: by their working and root directories, open
 * files and mappings, as /proc shows them, without touching the mount.
 */
#ifndef SUPERVISOR_USERS_H
#define SUPERVISOR_USERS_H

#include <stddef.h>

/*
 * Writes e.g. "postgres (pid 123), bash (pid 9) and 4 more" into text, "" if
 * none was found; processes of others may be invisible to us.
 */
void	users_of_mount(const char *mnt, char *text, size_t size);

#endif
