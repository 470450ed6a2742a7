/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables for people: columns as wide as their widest cell, and nothing that a
 * terminal would obey.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define TABLE_CELL_MAX	PATH_MAX	/* bytes of a cell, NUL included */

struct table_column {
	const char *title;
	/* Writes the cell of a row into text, which is "" before. */
	void	(*write)(const void *row, char *text);
	bool	right;		/* numbers */
};

/* Makes the columns as wide as a row needs; of a NULL row, the titles. */
void	table_measure(const struct table_column *columns, size_t n, const void *row, int *width);

/* Prints a row to standard output, with "-" for an empty cell; of NULL, the titles. */
void	table_print(const struct table_column *columns, size_t n, const void *row,
	    const int *width);

/* Prints a remark about the row above. */
void	table_remark(const char *what, const char *text);

#endif
