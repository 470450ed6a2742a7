/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of a proof on standard output: a line for each step of each backup.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/prove.h"
#include "cli/table.h"

struct row {
	const struct proof *proof;
	enum prove_step_name step;
};

static void
cell_instance(const void *row, char *text)
{
	const struct row *r = row;

	strlcpy(text, r->proof->instance, TABLE_CELL_MAX);
}

static void
cell_backup(const void *row, char *text)
{
	const struct row *r = row;

	strlcpy(text, r->proof->id, TABLE_CELL_MAX);
}

static void
cell_step(const void *row, char *text)
{
	const struct row *r = row;

	strlcpy(text, prove_step_names[r->step], TABLE_CELL_MAX);
}

static void
cell_result(const void *row, char *text)
{
	const struct row *r = row;

	strlcpy(text, prove_result_word(r->proof->step[r->step].result), TABLE_CELL_MAX);
}

static void
cell_seconds(const void *row, char *text)
{
	const struct row *r = row;

	if (r->step != PROVE_AGE && r->proof->step[r->step].result > PROVE_SKIPPED)
		snprintf(text, TABLE_CELL_MAX, "%.1f", (double)r->proof->step[r->step].ms / 1000);
}

static void
cell_remark(const void *row, char *text)
{
	const struct row *r = row;

	strlcpy(text, r->proof->step[r->step].remark, TABLE_CELL_MAX);
}

/* Ages are told even if nobody asked for a limit. */
static bool
is_left_out(const struct row *r)
{
	const struct prove_step *s = &r->proof->step[r->step];

	return s->result == PROVE_NOT_ASKED && (r->step != PROVE_AGE || s->remark[0] == '\0');
}

void
prove_table(const struct proofs *f)
{
	static const struct table_column columns[] = {
		{ "INSTANCE", cell_instance, false }, { "BACKUP", cell_backup, false },
		{ "STEP", cell_step, false }, { "RESULT", cell_result, false },
		{ "SECONDS", cell_seconds, true }, { "REMARK", cell_remark, false },
	};
	int width[ARRAY_SIZE(columns)] = { 0 };
	struct row r;
	unsigned pass, step;
	size_t i;

	for (pass = 0; pass < 2; pass++) {
		if (pass == 0)
			table_measure(columns, ARRAY_SIZE(columns), NULL, width);
		else
			table_print(columns, ARRAY_SIZE(columns), NULL, width);
		for (i = 0; i < f->n; i++)
			for (step = 0; step < PROVE_STEPS; step++) {
				r = (struct row){ &f->proof[i], (enum prove_step_name)step };
				if (is_left_out(&r))
					continue;
				if (pass == 0)
					table_measure(columns, ARRAY_SIZE(columns), &r, width);
				else
					table_print(columns, ARRAY_SIZE(columns), &r, width);
			}
	}
}
