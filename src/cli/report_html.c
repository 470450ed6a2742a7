/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A report as one page, which needs nothing else: no script, no font, no network, and its policy
 * (Content-Security-Policy) would not let it have them.
 */
#include "config.h"

#include <string.h>

#include "base/util.h"
#include "cli/report.h"

#define LISTED_MAX	50	/* links on top, to what is not proven */

/* Each has a shape of its own, and stands beside a word. */
static const char symbols[] =
    "<svg class=\"defs\" aria-hidden=\"true\" focusable=\"false\">"
    "<symbol id=\"ok\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"8\" fill=\"currentColor\"/>"
    "<path d=\"M4 8.4l2.8 2.8L12 5.6\" fill=\"none\" stroke=\"var(--card)\" stroke-width=\"2\"/></symbol>"
    "<symbol id=\"failed\" viewBox=\"0 0 16 16\"><path d=\"M5 0h6l5 5v6l-5 5H5l-5-5V5z\" fill=\"currentColor\"/>"
    "<path d=\"M5 5l6 6M11 5l-6 6\" fill=\"none\" stroke=\"var(--card)\" stroke-width=\"2\"/></symbol>"
    "<symbol id=\"unknown\" viewBox=\"0 0 16 16\"><path d=\"M8 .6L16 15H0z\" fill=\"currentColor\"/>"
    "<path d=\"M8 5.5v4.5M8 11.4v1.8\" fill=\"none\" stroke=\"var(--card)\" stroke-width=\"2\"/></symbol>"
    "<symbol id=\"none\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"7\" fill=\"none\" stroke=\"currentColor\""
    " stroke-width=\"2\"/><path d=\"M4.5 8h7\" stroke=\"currentColor\" stroke-width=\"2\"/></symbol></svg>\n";

struct counts {
	size_t	ok, failed, unknown;
};

static struct counts
count(const struct report *r)
{
	struct counts c = { 0 };
	size_t i;

	for (i = 0; i < r->n; i++) {
		enum prove_result result = prove_judge(&r->proof[i]);

		c.ok += result == PROVE_OK;
		c.failed += result == PROVE_FAILED;
		c.unknown += result == PROVE_UNKNOWN;
	}
	return c;
}

static void
add_verdict(const struct report *r, const struct counts *c, struct textout *t)
{
	if (c->failed > 0 && c->failed == r->n)
		textout_add(t, r->n == 1 ? "The backup is not proven" : "None of %zu backups is proven", r->n);
	else if (c->failed > 0)
		textout_add(t, "%zu of %zu backups %s not proven", c->failed, r->n, c->failed == 1 ? "is" : "are");
	if (c->failed > 0 && c->unknown > 0)
		textout_add(t, ", and %zu could not be judged", c->unknown);
	else if (c->unknown > 0 && r->n == 1)
		textout_add(t, "The backup could not be judged");
	else if (c->unknown > 0)
		textout_add(t, "%zu of %zu backups could not be judged", c->unknown, r->n);
	else if (c->failed == 0)
		textout_add(t, r->n == 1 ? "The backup is proven to work" : "All %zu backups are proven to work", r->n);
}

static void
add_head(const struct report *r, const struct counts *c, struct textout *t)
{
	const char *const *line;

	textout_add(t, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	    "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
	add_verdict(r, c, t);
	textout_add(t, " \xe2\x80\x93 pbkfs prove</title>\n<style>\n");
	for (line = report_style; *line != NULL; line++)
		textout_add(t, "%s\n", *line);
	textout_add(t, "</style>\n</head>\n<body>\n%s", symbols);
}

static void
add_when(int64_t time, struct textout *t)
{
	char text[REPORT_TIME_MAX];

	report_markup_when(time, false, text);
	textout_add(t, "<time datetime=\"%.10sT%.5s%.5s\">%s</time>", text, text + 11, text + 17, text);
}

static void
add_top(const struct report *r, const struct counts *c, struct textout *t)
{
	enum prove_result result = c->failed > 0 ? PROVE_FAILED :
	    c->unknown > 0 || r->left_something ? PROVE_UNKNOWN : PROVE_OK;
	char took[REPORT_TIME_MAX];

	textout_add(t, "<header class=\"%s\"><svg aria-hidden=\"true\" focusable=\"false\"><use href=\"#%s\"/></svg>\n<div><h1>",
	    report_markup_class(result), report_markup_class(result));
	add_verdict(r, c, t);
	textout_add(t, "</h1>\n<p class=\"dim\">Catalog <bdi>");
	report_markup_name(t, r->store);
	textout_add(t, "</bdi> \xc2\xb7 ended ");
	add_when(r->ended, t);
	report_markup_duration((r->ended - r->began) * 1000, took);
	textout_add(t, " \xc2\xb7 took %s</p>\n", took);
	if (r->left_something)
		textout_add(t, "<p>A run could not take away all that it had made: its messages say what.</p>\n");
	textout_add(t, "</div></header>\n<main>\n");
}

static void
add_word(enum prove_result result, struct textout *t)
{
	const char *class = report_markup_class(result);

	textout_add(t, "<span class=\"word %s\"><svg class=\"icon\" aria-hidden=\"true\" focusable=\"false\">"
	    "<use href=\"#%s\"/></svg>%s</span>", class, class, prove_result_word(result));
}

/* The step that says most of why it is not proven: NULL where there is none. */
static const struct prove_step *
worst_step(const struct proof *p, size_t *step)
{
	static const enum prove_result order[] = { PROVE_FAILED, PROVE_RUNNING, PROVE_UNKNOWN };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(order); i++)
		for (*step = 0; *step < PROVE_STEPS; (*step)++)
			if (p->step[*step].result == order[i])
				return &p->step[*step];
	return NULL;
}

/* All that is not proven, on top of the rest. */
static void
add_list(const struct report *r, const struct counts *c, struct textout *t)
{
	size_t i, listed = 0, step;

	if (c->ok == r->n)
		return;
	textout_add(t, "<section aria-labelledby=\"h-list\"><h2 id=\"h-list\">Not proven</h2>\n<ul>\n");
	for (i = 0; i < r->n; i++) {
		const struct proof *p = &r->proof[i];
		const struct prove_step *s = worst_step(p, &step);

		if (prove_judge(p) == PROVE_OK || listed++ >= LISTED_MAX)
			continue;
		textout_add(t, "<li>");
		add_word(prove_judge(p), t);
		textout_add(t, " <a href=\"#p%zu\"><bdi>", i);
		report_markup_name(t, p->instance);
		textout_add(t, "</bdi> %s</a>", p->id);
		if (s != NULL) {
			textout_add(t, ": %s <bdi class=\"dim\">", prove_step_names[step]);
			report_markup_text(t, s->remark);
			textout_add(t, "</bdi>");
		}
		textout_add(t, "</li>\n");
	}
	if (listed > LISTED_MAX)
		textout_add(t, "<li>and %zu more</li>\n", listed - LISTED_MAX);
	textout_add(t, "</ul></section>\n");
}

static void
add_step(const struct proof *p, size_t step, struct textout *t)
{
	const struct prove_step *s = &p->step[step];
	char took[REPORT_TIME_MAX] = "";

	if (step != PROVE_AGE && s->result > PROVE_SKIPPED)
		report_markup_duration(s->ms, took);
	textout_add(t, "<tr><th scope=\"row\">%s</th><td>", prove_step_names[step]);
	add_word(s->result, t);
	textout_add(t, "</td><td class=\"number\">%s</td><td><bdi>", took);
	report_markup_text(t, s->remark);
	textout_add(t, "</bdi></td></tr>\n");
}

static void
add_backup(const struct report *r, size_t i, struct textout *t)
{
	const struct proof *p = &r->proof[i];
	char took[REPORT_TIME_MAX], age[TEXT_NUMBER_MAX];
	size_t k;

	report_markup_duration(prove_time(p), took);
	textout_add(t, "<tbody class=\"backup\" id=\"p%zu\">\n<tr><th scope=\"rowgroup\" colspan=\"4\"><bdi>", i);
	report_markup_name(t, p->instance);
	textout_add(t, "</bdi> <code>%s</code> ", p->id[0] != '\0' ? p->id : "no backup");
	add_word(prove_judge(p), t);
	textout_add(t, " <span class=\"dim\">%s", took);
	if (p->server_version != 0)
		textout_add(t, " \xc2\xb7 PostgreSQL %u", p->server_version);
	if (p->has_age) {
		text_duration((uint64_t)p->age, age);
		textout_add(t, " \xc2\xb7 newest backup %s old", age);
	}
	if (p->last_wal[0] != '\0') {
		text_duration((uint64_t)p->wal_age, age);
		textout_add(t, " \xc2\xb7 last WAL %s old", age);
	}
	textout_add(t, "</span></th></tr>\n");
	for (k = 0; k < PROVE_STEPS; k++)
		if (p->step[k].result != PROVE_NOT_ASKED)
			add_step(p, k, t);
	textout_add(t, "</tbody>\n");
}

static void
add_table(const struct report *r, struct textout *t)
{
	size_t i;

	textout_add(t, "<section aria-labelledby=\"h-table\"><h2 id=\"h-table\">Backups and steps</h2>\n<table class=\"steps\">\n"
	    "<thead><tr><th scope=\"col\" class=\"step\">Step</th>"
	    "<th scope=\"col\" class=\"result\">Result</th><th scope=\"col\" class=\"time number\">Time</th><th scope=\"col\">Remark</th></tr></thead>\n");
	for (i = 0; i < r->n; i++)
		add_backup(r, i, t);
	textout_add(t, "</table></section>\n");
}

void
report_html_make(const struct report *r, struct textout *t)
{
	struct counts c = count(r);

	add_head(r, &c, t);
	add_top(r, &c, t);
	add_list(r, &c, t);
	report_bars_make(r, t);
	add_table(r, t);
	if (r->history != NULL)
		report_nights_make(r, t);
	textout_add(t, "</main>\n<footer>pbkfs %s</footer>\n</body>\n</html>\n", PACKAGE_VERSION);
}
