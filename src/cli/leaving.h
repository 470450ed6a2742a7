/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A diff directory whose last mount is just ending.
 */
#ifndef CLI_LEAVING_H
#define CLI_LEAVING_H

#include <stdint.h>

/*
 * Before a mount of it: waits a while until the processes of a mount that is
 * gone have ended.  Returns 0 if there is nobody to wait for any more, or
 * nobody who is leaving; or 1 after cli_error().  diff is canonical and may
 * belong to anybody; of seconds, 0 is none, it takes some at most.
 */
int	leaving_wait(const char *diff, uint64_t seconds);

#endif
