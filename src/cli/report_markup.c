/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text of others in XML and HTML, and times for people.
 */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "cli/report.h"

void
report_markup_text(struct textout *t, const char *text)
{
	static const char *const instead[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" };
	static const struct textout_quote quote = { "&<>\"'", instead };

	textout_add_quoted(t, text, &quote);
}

void
report_markup_name(struct textout *t, const char *name)
{
	char visible[TEXT_VISIBLE_MAX(PATH_MAX)];

	text_copy_visible(visible, sizeof(visible), name);
	report_markup_text(t, visible);
}

void
report_markup_short(struct textout *t, const char *name, size_t characters)
{
	char visible[TEXT_VISIBLE_MAX(PATH_MAX)];
	size_t at = 0, i, before = 0;

	text_copy_visible(visible, sizeof(visible), name);
	for (i = 0; i < characters && visible[at] != '\0'; i++) {
		if (i + 1 == characters)
			before = at;
		at += text_utf8_length((const unsigned char *)visible + at);
	}
	if (visible[at] != '\0')
		strlcpy(visible + before, "\xe2\x80\xa6", sizeof(visible) - before);
	report_markup_text(t, visible);
}

void
report_markup_duration(int64_t ms, char out[REPORT_TIME_MAX])
{
	char text[TEXT_NUMBER_MAX];

	if (ms < 9950)
		snprintf(out, REPORT_TIME_MAX, "%.1f s", (double)ms / 1000);
	else if (ms < 119500)
		snprintf(out, REPORT_TIME_MAX, "%.0f s", (double)ms / 1000);
	else {
		text_duration((uint64_t)ms / 1000, text);
		strlcpy(out, text, REPORT_TIME_MAX);
	}
}

void
report_markup_when(int64_t time, bool day_alone, char out[REPORT_TIME_MAX])
{
	time_t seconds = (time_t)time;
	struct tm tm;

	if (localtime_r(&seconds, &tm) == NULL ||
	    strftime(out, REPORT_TIME_MAX, day_alone ? "%Y-%m-%d" : "%Y-%m-%d %H:%M %z", &tm) == 0)
		strlcpy(out, "?", REPORT_TIME_MAX);
}

const char *
report_markup_class(enum prove_result r)
{
	switch (r) {
	case PROVE_OK:
		return "ok";
	case PROVE_FAILED:
	case PROVE_RUNNING:
		return "failed";
	case PROVE_UNKNOWN:
		return "unknown";
	default:
		return "none";
	}
}
