/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "key = value" lines, as in backup.control and pg_probackup.conf.
 */
#ifndef PROBACKUP_KEYVALUE_H
#define PROBACKUP_KEYVALUE_H

#include <stddef.h>

#define KEYVALUE_KEY_MAX	48	/* bytes of a key that anybody knows, NUL included */
#define KEYVALUE_VALUE_MAX	4096	/* of a value that anybody reads, NUL included */

/* Where a scan stands.  Initialise text and len and zero the rest. */
struct keyvalue_scan {
	const char *text;
	size_t	len, pos;
	size_t	line;		/* number of the line last read, from 1 */
};

/* One line: strings of the scan's own, cut to what is useful. */
struct keyvalue {
	char	key[KEYVALUE_KEY_MAX];		/* '_' as '-'; "" if longer than any known key */
	char	value[KEYVALUE_VALUE_MAX];	/* without quotes */
	size_t	value_len;			/* in the file: may be more than value holds */
};

/*
 * Reads the next line that is neither blank nor a comment.  Returns 1, 0 at
 * the end, or -EUCLEAN with the reason in error (CHAIN_ERROR_MAX bytes).
 * A quoted value ends at the last quote of its line: pg_probackup does not
 * escape quotes inside.
 */
int	keyvalue_next(struct keyvalue_scan *s, struct keyvalue *kv, char *error);

#endif
