/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words for steps and their results, and what is said of all of them together.
 */
#include "config.h"

#include <string.h>

#include "base/util.h"
#include "cli/prove.h"

const char *const prove_step_names[PROVE_STEPS] = {
	[PROVE_AGE] = "age", [PROVE_VERIFY] = "verify", [PROVE_SERVER] = "server",
	[PROVE_CONNECT] = "connect", [PROVE_AMCHECK] = "amcheck", [PROVE_SCHEMA] = "schema",
	[PROVE_DUMP] = "dump", [PROVE_SQL] = "sql",
};

static const char *const words[] = {
	[PROVE_NOT_ASKED] = "", [PROVE_NOT_RUN] = "not run", [PROVE_SKIPPED] = "skipped",
	[PROVE_RUNNING] = "failed", [PROVE_OK] = "ok", [PROVE_FAILED] = "failed",
	[PROVE_UNKNOWN] = "unknown",
};

const char *
prove_result_word(enum prove_result r)
{
	return words[r];
}

enum prove_result
prove_result_of(const char *word)
{
	size_t i;

	for (i = ARRAY_SIZE(words) - 1; i > PROVE_NOT_ASKED; i--)
		if (i != PROVE_RUNNING && strcmp(word, words[i]) == 0)
			break;
	return (enum prove_result)i;
}

enum prove_result
prove_judge(const struct proof *p)
{
	enum prove_result worst = PROVE_OK;
	size_t i;

	for (i = 0; i < PROVE_STEPS; i++) {
		if (p->step[i].result == PROVE_FAILED || p->step[i].result == PROVE_RUNNING)
			return PROVE_FAILED;
		if (p->step[i].result == PROVE_UNKNOWN || p->step[i].result == PROVE_NOT_RUN)
			worst = PROVE_UNKNOWN;
	}
	return worst;
}

int64_t
prove_time(const struct proof *p)
{
	int64_t ms = 0;
	size_t i;

	for (i = 0; i < PROVE_STEPS; i++)
		ms += p->step[i].ms;
	return ms;
}
