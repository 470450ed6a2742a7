/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The picture of the time that each backup took: a bar of its steps.  Lengths are parts of the width,
 * so that letters keep their size on a phone.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "cli/report.h"

#define BARS_MAX	40
#define ROW		42	/* pixels */
#define NAME_WIDTH	28	/* characters */

static int
compare_times(const void *a, const void *b)
{
	int64_t x = prove_time(*(const struct proof *const *)a), y = prove_time(*(const struct proof *const *)b);

	return (x < y) - (x > y);
}

static void
add_bar(const struct proof *p, size_t row, int64_t longest, struct textout *t)
{
	const char *class = report_markup_class(prove_judge(p));
	char took[REPORT_TIME_MAX];
	size_t k, y = row * ROW;
	int64_t before = 0;

	report_markup_duration(prove_time(p), took);
	textout_add(t, "<g><title>");
	report_markup_name(t, p->instance);
	textout_add(t, " %s: %s, %s</title>", p->id, prove_result_word(prove_judge(p)), took);
	textout_add(t, "<svg class=\"%s\" x=\"0\" y=\"%zu\" width=\"13\" height=\"13\"><use href=\"#%s\"/></svg>", class, y + 3, class);
	textout_add(t, "<text x=\"19\" y=\"%zu\"><tspan class=\"name\">", y + 14);
	report_markup_short(t, p->instance, NAME_WIDTH);
	textout_add(t, "</tspan> %s</text><text x=\"100%%\" y=\"%zu\" text-anchor=\"end\">%s</text>", p->id, y + 14, took);
	textout_add(t, "<rect class=\"track\" x=\"0\" y=\"%zu\" width=\"100%%\" height=\"14\" rx=\"3\"/>", y + 20);
	for (k = 0; k < PROVE_STEPS; k++) {
		if (p->step[k].ms == 0)
			continue;
		report_markup_duration(p->step[k].ms, took);
		textout_add(t, "<rect class=\"s%zu\" x=\"%.3f%%\" y=\"%zu\" width=\"%.3f%%\" height=\"14\"><title>%s: %s</title></rect>",
		    k, 100.0 * (double)before / (double)longest, y + 20,
		    100.0 * (double)p->step[k].ms / (double)longest, prove_step_names[k], took);
		before += p->step[k].ms;
	}
	textout_add(t, "</g>\n");
}

static void
add_legend(const struct report *r, struct textout *t)
{
	size_t i, k;

	textout_add(t, "<ul class=\"legend\">");
	for (k = PROVE_VERIFY; k < PROVE_STEPS; k++)
		for (i = 0; i < r->n; i++)
			if (r->proof[i].step[k].ms > 0) {
				textout_add(t, "<li><i class=\"s%zu\"></i>%s</li>", k, prove_step_names[k]);
				break;
			}
	textout_add(t, "</ul>\n");
}

void
report_bars_make(const struct report *r, struct textout *t)
{
	const struct proof **by_time autofree = calloc(r->n + 1, sizeof(*by_time));
	size_t i, n = 0;
	int64_t longest;
	char took[REPORT_TIME_MAX];

	if (by_time == NULL) {
		t->error = t->error != 0 ? t->error : -ENOMEM;
		return;
	}
	for (i = 0; i < r->n; i++)
		if (prove_time(&r->proof[i]) > 0)
			by_time[n++] = &r->proof[i];
	if (n == 0)
		return;
	qsort(by_time, n, sizeof(*by_time), compare_times);
	longest = prove_time(by_time[0]);
	report_markup_duration(longest, took);
	textout_add(t, "<section aria-labelledby=\"h-bars\"><h2 id=\"h-bars\">Time per step</h2>\n<figure>\n");
	if (n > BARS_MAX)
		textout_add(t, "<figcaption>The %d that took longest, of %zu</figcaption>\n", BARS_MAX, n);
	n = MIN(n, (size_t)BARS_MAX);
	add_legend(r, t);
	textout_add(t, "<svg role=\"img\" aria-labelledby=\"bars-t bars-d\" height=\"%zu\"><title id=\"bars-t\">Time per step of each backup"
	    "</title>\n<desc id=\"bars-d\">Bars for %zu backups, the longest %s; the table has the figures.</desc>\n",
	    n * ROW - 6, n, took);
	for (i = 0; i < n; i++)
		add_bar(by_time[i], i, longest, t);
	textout_add(t, "</svg>\n</figure></section>\n");
}
