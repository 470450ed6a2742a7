/*
 * What of a store is closed to the process that asks.
 */
#ifndef SUPERVISOR_STOREACCESS_H
#define SUPERVISOR_STOREACCESS_H

#include <stdbool.h>

/*
 * Whether something of an instance is closed (EACCES): opens the files that a
 * reader needs.  instance NULL: of all.
 */
bool	storeaccess_is_denied(int store_fd, const char *instance);

/* Whether none of its backups can be read at all. */
bool	storeaccess_is_closed(int store_fd, const char *instance);

#endif
