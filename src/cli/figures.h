/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The report of a supervisor: the JSON of stat.
 */
#ifndef CLI_FIGURES_H
#define CLI_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "cli/mountref.h"

/*
 * Asks who serves t, after mountref_contact(); reset: counters from zero.  Returns 0 with a text that the caller
 * frees, which may be anything, or 1 after cli_error().
 */
int	figures_ask(const struct mountref *t, bool reset, char **text, size_t *len);

/* Says that who serves t gave no answer, as contact_ask() returned rc; or that its supervisor has ended.  Returns 1. */
int	figures_tell_silence(const struct mountref *t, int rc);

/* The number of that key, or 0; whether its value is true.  `at` is the object that has the key. */
double	figures_number(const struct json_node *nodes, const struct json_node *at, const char *key);
bool	figures_is_true(const struct json_node *nodes, const struct json_node *at, const char *key);

#define FIGURES_TIME_MAX	32

/* "2m 05s" or "3h 12m", in text, which it returns; at most of 10^9 seconds. */
const char	*figures_time_left(double seconds, char text[FIGURES_TIME_MAX]);

#endif
