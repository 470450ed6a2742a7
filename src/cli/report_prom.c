/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A report in the text exposition format, for the textfile collector of node_exporter, which
 * drops a file with two samples of one name.
 */
#include "config.h"

#include <limits.h>

#include "cli/report.h"

static void
add_labels(struct textout *t, const struct proof *p, const char *step)
{
	static const char *const instead[] = { "\\\\", "\\\"" };
	static const struct textout_quote quote = { "\\\"", instead };
	char name[TEXT_VISIBLE_MAX(NAME_MAX)];

	text_copy_visible(name, sizeof(name), p->instance);
	textout_add(t, "{instance=\"");
	textout_add_quoted(t, name, &quote);
	textout_add(t, "\",backup=\"%s\"", p->id);
	if (step != NULL)
		textout_add(t, ",step=\"%s\"", step);
	textout_add(t, "}");
}

static void
add_metric(struct textout *t, const char *name, const char *help)
{
	textout_add(t, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void
add_step_metrics(struct textout *t, const struct report *r, bool seconds)
{
	const char *name = seconds ? "pbkfs_prove_step_seconds" : "pbkfs_prove_step_success";
	const struct prove_step *s;
	size_t i, k;

	add_metric(t, name, seconds ? "Time that the step took." : "Whether the step found nothing wrong.");
	for (i = 0; i < r->n; i++)
		for (k = 0; k < PROVE_STEPS; k++) {
			s = &r->proof[i].step[k];
			if (s->result == PROVE_NOT_ASKED || s->result == PROVE_SKIPPED)
				continue;
			textout_add(t, "%s", name);
			add_labels(t, &r->proof[i], prove_step_names[k]);
			if (seconds)
				textout_add(t, " %.3f\n", (double)s->ms / 1000);
			else
				textout_add(t, " %d\n", s->result == PROVE_OK);
		}
}

void
report_prom_make(const struct report *r, struct textout *t)
{
	const struct proof *p, *end = r->proof + r->n;

	add_metric(t, "pbkfs_prove_success", "Whether the backup is proven to work.");
	for (p = r->proof; p < end; p++) {
		textout_add(t, "pbkfs_prove_success");
		add_labels(t, p, NULL);
		textout_add(t, " %d\n", prove_judge(p) == PROVE_OK);
	}
	add_step_metrics(t, r, false);
	add_step_metrics(t, r, true);
	add_metric(t, "pbkfs_prove_newest_age_seconds", "Age of the newest backup of the instance.");
	for (p = r->proof; p < end; p++) {
		if (!p->has_age)
			continue;
		textout_add(t, "pbkfs_prove_newest_age_seconds");
		add_labels(t, p, NULL);
		textout_add(t, " %lld\n", (long long)p->age);
	}
	add_metric(t, "pbkfs_prove_last_wal_age_seconds", "Age of the last WAL in the archive of the instance.");
	for (p = r->proof; p < end; p++) {
		if (p->last_wal[0] == '\0')
			continue;
		textout_add(t, "pbkfs_prove_last_wal_age_seconds");
		add_labels(t, p, NULL);
		textout_add(t, " %lld\n", (long long)p->wal_age);
	}
	add_metric(t, "pbkfs_prove_end_time_seconds", "When the proof ended.");
	textout_add(t, "pbkfs_prove_end_time_seconds %lld\n", (long long)r->ended);
}
