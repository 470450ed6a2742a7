/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Formats a refusal.  Its caller logs it or hands it on.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "probackup/chain.h"
#include "probackup/explain.h"

int
explain(char *error, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(error, CHAIN_ERROR_MAX, fmt, ap) < 0)
		error[0] = '\0';
	va_end(ap);
	text_make_printable(error);
	return rc;
}
