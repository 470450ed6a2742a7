/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mounts of this host as JSON on standard output.  The keys are documented
 * in the manual.
 */
#ifndef CLI_LIST_JSON_H
#define CLI_LIST_JSON_H

#include "cli/listing.h"

/* Returns 0 or negative errno. */
int	list_json_print(const struct mountinfo *mounts, const struct listed *listed, size_t n);

#endif
