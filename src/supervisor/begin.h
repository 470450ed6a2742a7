/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The beginning of a mount: what is decided before the preparer starts.
 */
#ifndef SUPERVISOR_BEGIN_H
#define SUPERVISOR_BEGIN_H

#include "supervisor/state.h"

/*
 * Takes possession of the diff directory and decides what is mounted, how and
 * for whom.  Returns 0, or -1 after state_fail().
 */
int	begin_mount(struct supervisor *s);

#endif
