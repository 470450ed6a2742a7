/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A mount that is gone from here, while other mount namespaces hold it.
 */
#ifndef CLI_ELSEWHERE_H
#define CLI_ELSEWHERE_H

#include "cli/mountref.h"

/* Whether other mount namespaces have it, as far as that can be seen. */
bool	elsewhere_is_held(const struct mountref *t);

/* Says by cli_error() who holds it and what the user can do.  Returns 1. */
int	elsewhere_tell(const struct mountref *t);

/*
 * Ends it: unmounts it in each namespace, and detaches it where it is in use.
 * Where it may not be unmounted, or is left after a while, this waits until all
 * is written back and cuts the connection.  Returns an exit status.
 */
int	elsewhere_end(struct mountref *t);

#endif
