/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Root decides where the owner of a mount sees by root's rights what is closed to
 * him: who he is, and which backup he gets.
 */
#ifndef SUPERVISOR_DECIDE_H
#define SUPERVISOR_DECIDE_H

#include "supervisor/state.h"

/* Whether root's record of the diff directory says what its binding says. */
bool	decide_is_recorded(const struct supervisor *s);

/*
 * Whether this command, or an earlier one by its record, has decided everything.
 * A fresh mount for the latest backup goes by the record, too, if there is one:
 * that sets s->source.backup_id.  Returns 0, or -1 after state_fail().
 */
int	decide_check(struct supervisor *s);

/* Where only the binding decides: state_fail() with the options that root has to give.  Returns -1. */
int	decide_refuse(struct supervisor *s);

/* Whether what is mounted can be recorded as root's decision. */
bool	decide_is_complete(const struct supervisor *s);

#endif
