/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For programs that make a catalog: whatever fails ends them, with its reason.
 */
#ifndef SUPPORT_OREXIT_H
#define SUPPORT_OREXIT_H

#include <err.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Ends the program if error is a negative errno. */
static inline void
check(int error, const char *what)
{
	if (error < 0)
		errx(1, "could not write %s: %s", what, strerror(-error));
}

/* Formats a path into buf, which has PATH_MAX bytes. */
static inline void __attribute__((format(printf, 2, 3)))
format_path(char *buf, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, PATH_MAX, fmt, args);
	va_end(args);
	if (n < 0 || n >= PATH_MAX)
		errx(1, "a path is too long: \"%s\"", buf);
}

#endif
