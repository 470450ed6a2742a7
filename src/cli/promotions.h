/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Promotions that are not finished, for list: no mount has their diff directories.
 */
#ifndef CLI_PROMOTIONS_H
#define CLI_PROMOTIONS_H

#include <stdbool.h>

#include "cli/mountstate.h"
#include "supervisor/mountinfo.h"

/* Appends a row for a diff directory, by its absolute path, which is not touched.  Returns 0 or negative errno. */
int	promotions_add(struct mountinfo_list *list, const char *diff);

/* Whether a row of the list is one of these. */
bool	promotions_is(const struct mountinfo *m);

/* Looks at such a row as mountstate_at() does; its state is MOUNTSTATE_UNKNOWN unless there is a promotion. */
void	promotions_look(const struct mountinfo *m, void (*report)(const struct mountstate *l));

#endif
