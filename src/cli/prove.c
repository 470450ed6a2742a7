/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words for steps and their results, the step that needs no process, and what is said of all of them
 * together.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
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

void
prove_remark(struct prove_step *s, enum prove_result r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->remark, sizeof(s->remark), fmt, ap);
	va_end(ap);
	text_make_printable(s->remark);
	s->result = r;
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

void
prove_judge_age(struct proof *p, uint64_t max_age)
{
	char age[TEXT_NUMBER_MAX], limit[TEXT_NUMBER_MAX], wal_age[TEXT_NUMBER_MAX] = "";
	struct prove_step *s = &p->step[PROVE_AGE];

	if (!p->has_age && max_age != 0) {
		prove_remark(&p->step[PROVE_AGE], PROVE_FAILED, "nothing says how old the newest backup is");
		return;
	}
	if (!p->has_age)
		return;
	text_duration((uint64_t)p->age, age);
	text_duration(max_age, limit);
	if (p->last_wal[0] != '\0')
		text_duration((uint64_t)p->wal_age, wal_age);
	if (max_age != 0 && (uint64_t)p->age > max_age)
		prove_remark(s, PROVE_FAILED, "the newest backup is %s old, more than %s", age, limit);
	else if (max_age != 0 && wal_age[0] != '\0' && (uint64_t)p->wal_age > max_age)
		prove_remark(s, PROVE_FAILED, "the last WAL, %s, is %s old, more than %s: it is no longer archived, or"
		    " the server is idle", p->last_wal, wal_age, limit);
	else
		prove_remark(s, max_age != 0 ? PROVE_OK : PROVE_NOT_ASKED, "newest backup %s%s%s", age,
		    wal_age[0] != '\0' ? ", last WAL " : "", wal_age);
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
