/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The small files of a backup that hold a line for each thing: tablespace_map,
 * database_map.
 */
#ifndef PROBACKUP_LINES_H
#define PROBACKUP_LINES_H

#include <stddef.h>

/* The form of the lines of such a file. */
struct lines_form {
	const char *what;	/* "an OID and a name", for errors */
	size_t	entry_size;	/* bytes of what a line is read into */
	/* Reads the line before end, without its line feed, into a zeroed entry: 0, or negative errno. */
	int	(*parse)(const char *line, const char *end, void *entry);
};

/* An array of entries, which the caller frees. */
struct lines {
	void	*at;
	size_t	n;
};

/*
 * Reads text (len bytes) into *l.  Returns 0; or -ENOMEM, -EUCLEAN or what parse
 * said, with error filled (CHAIN_ERROR_MAX bytes, without the name of the file).
 * The entries that were read before an error are the caller's as well.
 */
int	lines_parse(const char *text, size_t len, const struct lines_form *form, struct lines *l,
	    char *error);

#endif
