/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Diff directories that supervisors of root hold without a mount: it is
 * unmounted, and they have not ended.
 */
#ifndef CLI_UNMOUNTED_H
#define CLI_UNMOUNTED_H

#include <stdbool.h>

#include "supervisor/mountinfo.h"

/*
 * For root: appends those whose diff directory is no source of a mount in the
 * list.  Finds them within so many seconds, by who listens in SOCKET_RUN.  Each
 * has its source and nothing else.  Returns 0 or negative errno.
 */
int	unmounted_list(struct mountinfo_list *list, unsigned seconds);

/* Whether a row of the list is one of these. */
bool	unmounted_is(const struct mountinfo *m);

#endif
