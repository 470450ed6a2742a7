/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pictures of a history, one for each instance: time of each step, result, and age of the
 * newest backup, night by night.  What stretches with the width lies in a drawing of its own,
 * whose units are runs across and thousandths up; letters and symbols keep their size.  The scales stand in a
 * margin on the left, the padding of the picture, so that no letter lies on a column, however few there are.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/report.h"

#define TIMES_TOP	16	/* pixels */
#define TIMES_HEIGHT	110
#define MARKS_TOP	132
#define AGES_TOP	170
#define AGES_HEIGHT	50
#define DATES		238	/* the base line */
#define HEIGHT		244
#define WIDTH_MIN	14	/* runs: a few are no wide blocks */
#define TABLE_MAX	30	/* runs in figures */
#define UNITS		1000
#define GRID_MAX	4
#define MARGIN_TEXT	"x=\"-7\" text-anchor=\"end\""	/* in the margin; report_style.c has its width */
#define MARGIN_LEFT	"x=\"-52\""
#define LINE_HEIGHT	14	/* pixels between two base lines of the scale */
#define SYMBOL_WIDTH	16	/* a part of the width that a symbol takes on a phone */

/* An instance as it is drawn. */
struct drawing {
	const struct history_instance *in;
	size_t	width;		/* runs */
	int64_t	times;		/* what the full height is, in milliseconds */
	int64_t	times_step;	/* between two lines */
	int64_t	ages;		/* the same in seconds */
	bool	steps[PROVE_STEPS];	/* those that took time */
	unsigned number;
};

static int64_t
time_of(const struct history_run *run)
{
	int64_t ms = 0;
	size_t k;

	for (k = 0; k < PROVE_STEPS; k++)
		ms += run->step[k].ms;
	return ms;
}

/* A distance of lines that people like, in milliseconds. */
static int64_t
nice_step(int64_t most)
{
	static const int64_t nice[] = {
		50, 100, 200, 500, 1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000, 600000, 900000,
		1800000, 3600000, 7200000, 14400000,
	};
	int64_t step = nice[ARRAY_SIZE(nice) - 1];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nice); i++)
		if (most <= nice[i] * GRID_MAX)
			return nice[i];
	while (most / GRID_MAX > step)
		step *= 2;
	return step;
}

static void
measure(struct drawing *d)
{
	size_t i, k;

	d->width = MAX(d->in->n, (size_t)WIDTH_MIN);
	for (i = 0; i < d->in->n; i++) {
		const struct history_run *run = &d->in->run[i];

		d->times = MAX(d->times, time_of(run));
		if (run->has_age)
			d->ages = MAX(d->ages, run->age);
		for (k = 0; k < PROVE_STEPS; k++)
			d->steps[k] = d->steps[k] || run->step[k].ms > 0;
	}
	d->times_step = nice_step(d->times);
	d->times = (d->times + d->times_step - 1) / d->times_step * d->times_step;
	d->times = MAX(d->times, d->times_step);
}

static double
percent(const struct drawing *d, double run)
{
	return 100 * run / (double)d->width;
}

static double
height_of(const struct drawing *d, int64_t ms)
{
	return TIMES_TOP + TIMES_HEIGHT * (1 - (double)ms / (double)d->times);
}

static void
add_grid(const struct drawing *d, struct textout *t)
{
	int64_t at;

	for (at = 0; at <= d->times; at += d->times_step)
		textout_add(t, "<line class=\"grid\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>", height_of(d, at),
		    height_of(d, at));
	textout_add(t, "\n");
}

static void
add_scale(const struct drawing *d, struct textout *t)
{
	char text[REPORT_TIME_MAX];
	int64_t at;

	for (at = d->times_step; at <= d->times; at += d->times_step) {
		if (at % 1000 != 0)
			report_markup_duration(at, text);
		else if (at < 120000)
			snprintf(text, sizeof(text), "%lld s", (long long)at / 1000);
		else if (at % 3600000 != 0)
			snprintf(text, sizeof(text), "%lld min", (long long)at / 60000);
		else
			snprintf(text, sizeof(text), "%lld h", (long long)at / 3600000);
		textout_add(t, "<text class=\"scale\" " MARGIN_TEXT " y=\"%.1f\">%s</text>", height_of(d, at) + 4, text);
	}
	textout_add(t, "\n");
}

/* A column for each run, one path for each step. */
static void
add_times(const struct drawing *d, struct textout *t)
{
	size_t i, k, below;

	textout_add(t, "<svg y=\"%d\" width=\"100%%\" height=\"%d\" viewBox=\"0 0 %zu %d\" preserveAspectRatio=\"none\">",
	    TIMES_TOP, TIMES_HEIGHT, d->width, UNITS);
	for (k = 0; k < PROVE_STEPS; k++) {
		if (!d->steps[k])
			continue;
		textout_add(t, "<path class=\"s%zu\" d=\"", k);
		for (i = 0; i < d->in->n; i++) {
			const struct history_run *run = &d->in->run[i];
			int64_t from = 0;

			if (run->step[k].ms == 0)
				continue;
			for (below = 0; below < k; below++)
				from += run->step[below].ms;
			textout_add(t, "M%zu.1 %.1fv%.1fh.8V%.1fz", i, UNITS * (1 - (double)from / (double)d->times),
			    -UNITS * (double)run->step[k].ms / (double)d->times,
			    UNITS * (1 - (double)from / (double)d->times));
		}
		textout_add(t, "\"/>");
	}
	textout_add(t, "</svg>\n");
}

/* A mark for each run; a symbol where what is not proven begins, unless the one before it is too near. */
static void
add_marks(const struct drawing *d, struct textout *t)
{
	enum prove_result before = PROVE_OK;
	size_t i, room = 0;

	for (i = 0; i < d->in->n; i++) {
		enum prove_result result = d->in->run[i].result;
		const char *class = report_markup_class(result);

		textout_add(t, "<g class=\"%s\"><rect class=\"mark\" x=\"%.3f%%\" y=\"%d\" width=\"%.3f%%\" height=\"%d\"/></g>", class,
		    percent(d, (double)i + 0.1), result == PROVE_OK ? MARKS_TOP + 4 : MARKS_TOP, percent(d, 0.8),
		    result == PROVE_OK ? 6 : 14);
		if (result != PROVE_OK && result != before && i >= room) {
			room = i + (d->width + SYMBOL_WIDTH - 1) / SYMBOL_WIDTH;
			textout_add(t, "<svg class=\"%s\" x=\"%.3f%%\" y=\"%d\" width=\"14\" height=\"14\" overflow=\"visible\">"
			    "<use href=\"#%s\" x=\"-7\" width=\"14\" height=\"14\"/></svg>", class,
			    percent(d, (double)i + 0.5), MARKS_TOP, class);
		}
		before = result;
	}
	textout_add(t, "\n");
}

static double
at_least(double y, double least)
{
	return y > least ? y : least;
}

static double
age_height(int64_t age, int64_t most)
{
	return AGES_TOP + AGES_HEIGHT * (1 - (double)age / (double)most);
}

static void
add_ages(const struct drawing *d, uint64_t max_age, struct textout *t)
{
	char text[TEXT_NUMBER_MAX];
	int64_t most = MAX(d->ages + d->ages / 10, (int64_t)1);
	bool goes_on = false, has_limit;
	double y;
	size_t i;

	if (d->ages == 0)
		return;
	if (max_age > 0 && (int64_t)max_age < 2 * most)
		most = MAX(most, (int64_t)(max_age + max_age / 10));
	has_limit = max_age > 0 && (int64_t)max_age <= most;
	textout_add(t, "<text class=\"scale\" " MARGIN_LEFT " y=\"%d\">age of the newest backup%s</text>", AGES_TOP - 8,
	    has_limit ? ", and its limit" : "");
	textout_add(t, "<line class=\"grid\" x1=\"0\" x2=\"100%%\" y1=\"%d\" y2=\"%d\"/>", AGES_TOP + AGES_HEIGHT, AGES_TOP + AGES_HEIGHT);
	y = at_least(age_height(d->ages, most), AGES_TOP + 3);
	if (has_limit) {
		double limit = age_height((int64_t)max_age, most), label = at_least(limit, AGES_TOP + 3);

		/* The lower label keeps its distance from the other. */
		if ((int64_t)max_age < d->ages)
			label = at_least(label, y + LINE_HEIGHT);
		else
			y = at_least(y, label + LINE_HEIGHT);
		text_duration(max_age, text);
		textout_add(t, "<line class=\"limit\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"><title>--max-age %s</title></line>", limit, limit, text);
		textout_add(t, "<text class=\"scale limit\" " MARGIN_TEXT " y=\"%.1f\">%s</text>", label + 4, text);
	}
	text_duration((uint64_t)d->ages, text);
	textout_add(t, "<text class=\"scale\" " MARGIN_TEXT " y=\"%.1f\">%s</text>", y + 4, text);
	textout_add(t, "<svg y=\"%d\" width=\"100%%\" height=\"%d\" viewBox=\"0 0 %zu %d\" preserveAspectRatio=\"none\"><path class=\"age\" d=\"",
	    AGES_TOP, AGES_HEIGHT, d->width, UNITS);
	for (i = 0; i < d->in->n; i++) {
		const struct history_run *run = &d->in->run[i];

		y = UNITS * (1 - (double)run->age / (double)most);
		if (run->has_age)	/* a step for each, so that one alone is seen, too */
			textout_add(t, "%c%zu.1 %.1fh.8", goes_on ? 'L' : 'M', i, y);
		goes_on = run->has_age;
	}
	textout_add(t, "\"/></svg>\n");
}

/* Lines where nights are missing: a pause of more than twice the usual. */
static void
add_gaps(const struct drawing *d, struct textout *t)
{
	const struct history_run *run = d->in->run;
	int64_t usual, pause;
	char text[TEXT_NUMBER_MAX];
	size_t i;

	if (d->in->n < 4)
		return;
	usual = (run[d->in->n - 1].time - run[0].time) / (int64_t)(d->in->n - 1);
	for (i = 1; i < d->in->n; i++) {
		pause = run[i].time - run[i - 1].time;
		if (pause <= 2 * usual || pause < 3600)
			continue;
		text_duration((uint64_t)pause, text);
		textout_add(t, "<line class=\"gap\" x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"%d\" y2=\"%d\"><title>no proof for %s</title></line>",
		    percent(d, (double)i), percent(d, (double)i), TIMES_TOP, AGES_TOP + AGES_HEIGHT, text);
	}
}

static void
add_dates(const struct drawing *d, struct textout *t)
{
	size_t n = d->in->n;
	char first[REPORT_TIME_MAX], last[REPORT_TIME_MAX];

	report_markup_when(d->in->run[0].time, true, first);
	report_markup_when(d->in->run[n - 1].time, true, last);
	if (n >= WIDTH_MIN)
		textout_add(t, "<text class=\"scale\" x=\"0\" y=\"%d\">%s</text><text class=\"scale\" x=\"100%%\" y=\"%d\""
		    " text-anchor=\"end\">%s</text>\n", DATES, first, DATES, last);
	else	/* together, for they could meet */
		textout_add(t, "<text class=\"scale\" x=\"0\" y=\"%d\">%s%s%s</text>\n", DATES, first,
		    strcmp(first, last) != 0 ? " \xe2\x80\x93 " : "", strcmp(first, last) != 0 ? last : "");
}

/* For a pointer: all of a run. */
static void
add_hints(const struct drawing *d, struct textout *t)
{
	char text[REPORT_TIME_MAX], age[TEXT_NUMBER_MAX];
	size_t i, k;

	for (i = 0; i < d->in->n; i++) {
		const struct history_run *run = &d->in->run[i];

		report_markup_when(run->time, false, text);
		textout_add(t, "<rect class=\"night\" x=\"%.3f%%\" y=\"%d\" width=\"%.3f%%\" height=\"%d\"><title>%s: %s", percent(d, (double)i),
		    TIMES_TOP, percent(d, 1), AGES_TOP + AGES_HEIGHT - TIMES_TOP, text, prove_result_word(run->result));
		for (k = 0; k < PROVE_STEPS; k++) {
			if (run->step[k].ms == 0 && run->step[k].result != PROVE_FAILED)
				continue;
			report_markup_duration(run->step[k].ms, text);
			textout_add(t, "\n%s %s%s%s", prove_step_names[k], text, run->step[k].result != PROVE_OK ? ", " : "",
			    run->step[k].result != PROVE_OK ? prove_result_word(run->step[k].result) : "");
		}
		if (run->has_age) {
			text_duration((uint64_t)run->age, age);
			textout_add(t, "\nnewest backup %s old", age);
		}
		textout_add(t, "</title></rect>\n");
	}
}

/* The same for who does not see it: the latest runs in figures. */
static void
add_figures(const struct drawing *d, struct textout *t)
{
	size_t n = d->in->n, i, k;
	char text[REPORT_TIME_MAX], age[TEXT_NUMBER_MAX];

	textout_add(t, "<details><summary>%s in figures</summary><div class=\"scroll\"><table><thead><tr><th scope=\"col\">Time</th>"
	    "<th scope=\"col\">Result</th>", n > TABLE_MAX ? "The latest of them" : "The same");
	for (k = 0; k < PROVE_STEPS; k++)
		if (d->steps[k])
			textout_add(t, "<th scope=\"col\" class=\"number\">%s</th>", prove_step_names[k]);
	textout_add(t, "<th scope=\"col\" class=\"number\">Age</th></tr></thead><tbody>\n");
	for (i = n; i-- > (n > TABLE_MAX ? n - TABLE_MAX : 0);) {
		const struct history_run *run = &d->in->run[i];

		report_markup_when(run->time, false, text);
		textout_add(t, "<tr><th scope=\"row\">%s</th><td>%s</td>", text, prove_result_word(run->result));
		for (k = 0; k < PROVE_STEPS; k++) {
			if (!d->steps[k])
				continue;
			report_markup_duration(run->step[k].ms, text);
			textout_add(t, "<td class=\"number\">%s%s</td>", run->step[k].result > PROVE_SKIPPED ? text : "",
			    run->step[k].result == PROVE_FAILED ? " failed" : "");
		}
		text_duration((uint64_t)run->age, age);
		textout_add(t, "<td class=\"number\">%s</td></tr>\n", run->has_age ? age : "");
	}
	textout_add(t, "</tbody></table></div></details>\n");
}

static void
add_instance(const struct report *r, const struct history_instance *in, unsigned number, struct textout *t)
{
	struct drawing d = { .in = in, .number = number };
	size_t i, ok = 0;

	if (in->n == 0)
		return;
	measure(&d);
	for (i = 0; i < in->n; i++)
		ok += in->run[i].result == PROVE_OK;
	textout_add(t, "<h3><bdi>");
	report_markup_name(t, in->name);
	textout_add(t, "</bdi></h3>\n<figure><figcaption>%zu of %zu proofs found nothing wrong</figcaption>\n"
	    "<svg class=\"nights\" role=\"img\" aria-labelledby=\"n%u-t n%u-d\" height=\"%d\"><title id=\"n%u-t\">History of ", ok, in->n, number,
	    number, HEIGHT, number);
	report_markup_name(t, in->name);
	textout_add(t, "</title>\n<desc id=\"n%u-d\">Time of each step, result, and age of the newest backup at %zu proofs; below it are "
	    "figures.</desc>\n", number, in->n);
	add_grid(&d, t);
	add_times(&d, t);
	add_scale(&d, t);
	add_marks(&d, t);
	add_ages(&d, r->max_age, t);
	add_gaps(&d, t);
	add_dates(&d, t);
	add_hints(&d, t);
	textout_add(t, "</svg></figure>\n");
	add_figures(&d, t);
}

/* Steps that took time in any night. */
static void
add_legend(const struct history *h, struct textout *t)
{
	size_t i, k;

	textout_add(t, "<ul class=\"legend\">");
	for (k = PROVE_VERIFY; k < PROVE_STEPS; k++)
		for (i = 0; i < h->n; i++) {
			struct drawing d = { .in = &h->instance[i] };

			measure(&d);
			if (d.steps[k]) {
				textout_add(t, "<li><i class=\"s%zu\"></i>%s</li>", k, prove_step_names[k]);
				break;
			}
		}
	textout_add(t, "</ul>\n");
}

void
report_nights_make(const struct report *r, struct textout *t)
{
	const struct history *h = r->history;
	unsigned i;

	textout_add(t, "<section aria-labelledby=\"h-nights\"><h2 id=\"h-nights\">History</h2>\n");
	add_legend(h, t);
	for (i = 0; i < h->n; i++)
		add_instance(r, &h->instance[i], i, t);
	if (h->left_out > 0)
		textout_add(t, "<p class=\"dim\">%zu more instances are not shown.</p>\n", h->left_out);
	textout_add(t, "</section>\n");
}
