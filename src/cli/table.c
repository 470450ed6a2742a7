/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Measures and prints columns of text.  It asks the callers for each cell twice
 * and keeps none.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/table.h"

static void
write_cell(const struct table_column *c, const void *row, char *text)
{
	text[0] = '\0';
	if (row == NULL)
		strlcpy(text, c->title, TABLE_CELL_MAX);
	else
		c->write(row, text);
	text_make_terminal(text);
	if (text[0] == '\0')
		strlcpy(text, "-", TABLE_CELL_MAX);
}

void
table_measure(const struct table_column *columns, size_t n, const void *row, int *width)
{
	char text[TABLE_CELL_MAX];
	size_t i;

	for (i = 0; i < n; i++) {
		write_cell(&columns[i], row, text);
		width[i] = MAX(width[i], (int)strlen(text));
	}
}

void
table_print(const struct table_column *columns, size_t n, const void *row, const int *width)
{
	char text[TABLE_CELL_MAX];
	size_t i;

	for (i = 0; i < n; i++) {
		write_cell(&columns[i], row, text);
		if (i == n - 1)
			cli_print("%s\n", text);	/* no blanks at the end */
		else
			cli_print("%*s  ", columns[i].right ? width[i] : -width[i], text);
	}
}

void
table_remark(const char *what, const char *text)
{
	char copy[TABLE_CELL_MAX];

	strlcpy(copy, text, sizeof(copy));
	text_make_terminal(copy);
	cli_print("    %s: %s\n", what, copy);
}
