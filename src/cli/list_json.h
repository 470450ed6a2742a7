/*
 * The mounts of this host as JSON on standard output.  The keys are documented
 * in the manual.
 */
#ifndef CLI_LIST_JSON_H
#define CLI_LIST_JSON_H

#include "cli/look.h"

/* Returns 0 or negative errno. */
int	list_json_print(const struct mountinfo *mounts, const struct look *looks, size_t n);

#endif
