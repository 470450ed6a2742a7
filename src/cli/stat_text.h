/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The snapshot of a mount as tables for people.
 */
#ifndef CLI_STAT_TEXT_H
#define CLI_STAT_TEXT_H

#include "base/json.h"

/* Prints the parsed snapshot to standard output; a missing text is "?", a missing number 0. */
void	stat_text_print(const struct json_node *nodes);

#endif
