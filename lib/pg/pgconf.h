/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postgresql.conf and its like: reading settings, and writing them.  Bytes in
 * memory only.  Source: "Setting Parameters" of PostgreSQL's manual, and the
 * scanner of its configuration files for what the manual leaves open.
 */
#ifndef PG_PGCONF_H
#define PG_PGCONF_H

#include <stddef.h>

#define PGCONF_NAME_MAX		128	/* bytes of a name, NUL included */
#define PGCONF_VALUE_MAX	4096	/* bytes of a value, NUL included */

/* Where a scan stands.  Initialise text and len and zero the rest. */
struct pgconf {
	const char *text;
	size_t	len, pos;
	size_t	line_start, line_end;	/* of the line last read, in bytes from the start */
};

struct pgconf_setting {
	char	name[PGCONF_NAME_MAX];	/* in lower case; "include" and the like, too */
	char	value[PGCONF_VALUE_MAX];	/* without quotes and escapes */
};

/*
 * Reads the next setting.  Returns 1, or 0 at the end.  Lines that are no
 * setting, and names or values that are too long, are passed over: whether
 * they are errors is the server's to say.
 */
int	pgconf_next(struct pgconf *c, struct pgconf_setting *s);

/*
 * Writes "NAME = 'VALUE'\n", with VALUE quoted as the server reads it, into buf.
 * Returns its length, or -ENAMETOOLONG if size bytes do not hold it with a NUL.
 */
int	pgconf_format(const char *name, const char *value, char *buf, size_t size);

/* Whether name can be that of a setting: letters, digits, '_', and dots between. */
int	pgconf_name_is_valid(const char *name, size_t len);

#endif
