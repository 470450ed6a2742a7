/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A report as JUnit has it: a suite for each backup, and a case for each step.
 */
#include "config.h"

#include "cli/report.h"

static void
add_case(struct textout *t, const struct proof *p, size_t step)
{
	const struct prove_step *s = &p->step[step];

	textout_add(t, "    <testcase classname=\"");
	report_markup_name(t, p->instance);
	textout_add(t, "\" name=\"%s\" time=\"%.3f\"", prove_step_names[step], (double)s->ms / 1000);
	if (s->result == PROVE_OK) {
		textout_add(t, "/>\n");
		return;
	}
	textout_add(t, "><%s message=\"", s->result == PROVE_FAILED || s->result == PROVE_RUNNING ? "failure" :
	    s->result == PROVE_UNKNOWN ? "error" : "skipped");
	report_markup_text(t, s->remark);
	textout_add(t, "\"/></testcase>\n");
}

static void
add_suite(struct textout *t, const struct proof *p)
{
	unsigned tests = 0, failures = 0, errors = 0, skipped = 0;
	size_t i;

	for (i = 0; i < PROVE_STEPS; i++) {
		enum prove_result result = p->step[i].result;

		tests += result != PROVE_NOT_ASKED;
		failures += result == PROVE_FAILED || result == PROVE_RUNNING;
		errors += result == PROVE_UNKNOWN;
		skipped += result == PROVE_NOT_RUN || result == PROVE_SKIPPED;
	}
	textout_add(t, "  <testsuite name=\"");
	report_markup_name(t, p->instance);
	textout_add(t, " %s\" tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\" time=\"%.3f\">\n", p->id, tests,
	    failures, errors, skipped, (double)prove_time(p) / 1000);
	if (p->last_wal[0] != '\0')
		textout_add(t, "    <properties><property name=\"last_wal_age_seconds\" value=\"%lld\"/></properties>\n",
		    (long long)p->wal_age);
	for (i = 0; i < PROVE_STEPS; i++)
		if (p->step[i].result != PROVE_NOT_ASKED)
			add_case(t, p, i);
	textout_add(t, "  </testsuite>\n");
}

void
report_xml_make(const struct report *r, struct textout *t)
{
	size_t i;

	textout_add(t, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"pbkfs prove\">\n");
	for (i = 0; i < r->n; i++)
		add_suite(t, &r->proof[i]);
	textout_add(t, "</testsuites>\n");
}
