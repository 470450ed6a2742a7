/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Snapshots of what is mounted: its supervisor makes them (supervisor/freeze.h).
 */
#ifndef CLI_FREEZING_H
#define CLI_FREEZING_H

#include "cli/mountref.h"

/*
 * Asks the supervisor of t, which mountref_contact() has found, for the snapshot name, and waits for its word.  message: what
 * people say of it, or NULL.  Returns 0 with the answer COMMAND_STEPPED, or EXIT_FAILURE after cli_error().
 */
int	freezing_ask(const struct mountref *t, const char *name, const char *message, struct command_frame *answer);

/* The same for going back to the snapshot to; NULL: the one that it stands on. */
int	freezing_reset(const struct mountref *t, const char *to, struct command_frame *answer);

#endif
