/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Refusals: one line of text for the user, beside an errno for the program.
 */
#ifndef PROBACKUP_EXPLAIN_H
#define PROBACKUP_EXPLAIN_H

/*
 * Writes the text to error (CHAIN_ERROR_MAX bytes, cut to fit), with '?' for
 * control characters and for what is no UTF-8, since names of a catalog end up
 * in it and on a terminal.  Returns rc, so that a refusal is one statement.
 */
int	explain(char *error, int rc, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

#endif
