/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counts and logs what a check finds.  Its callers know how much of one file is
 * worth a line.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "probackup/verify_impl.h"

void
verify_fault(struct verify *v, const char *id, const char *path, const char *fmt, ...)
{
	char why[CHAIN_ERROR_MAX];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(why, sizeof(why), fmt, ap) < 0)
		why[0] = '\0';
	va_end(ap);
	verify_fault_line(v, "\"%s\" in backup %s: %s", path, id, why);
}

void
verify_fault_line(struct verify *v, const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	va_list ap;

	atomic_fetch_add(&v->faults, 1);
	va_start(ap, fmt);
	if (vsnprintf(line, sizeof(line), fmt, ap) < 0)
		line[0] = '\0';
	va_end(ap);
	log_error("%s", line);
}
