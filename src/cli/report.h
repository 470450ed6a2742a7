/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reports of a proof: report.c chooses the form by the suffix of a file, report_json.c and
 * the others make its text, and history.c keeps what the page shows of other nights.
 *
 * Names and remarks are of others.  A name stands in every form as text_copy_visible() writes it:
 * names that differ stay different, where two metrics of one name would cost all of them.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "base/textout.h"
#include "cli/history.h"
#include "cli/options.h"
#include "cli/prove.h"

/* One call of prove. */
struct report {
	const char *store;
	int64_t	began, ended;		/* seconds since the epoch */
	uint64_t max_age;		/* of --max-age, in seconds; 0 = any */
	bool	left_something;		/* a run could not take away all that it had made */
	const struct proof *proof;
	size_t	n;
	const struct history *history;	/* NULL = nobody asked for it */
};

/* Where the reports go.  Each directory is opened before the proof begins. */
struct report_files {
	size_t	n;
	struct {
		const char *file;	/* as the command line has it */
		const char *name;	/* its last component */
		int	dir_fd;
	} item[OPTION_LIST_MAX];
	const char *history;		/* NULL = none */
	int	history_fd;
};

/* Returns 0, or EXIT_USAGE after cli_error(): a form that is unknown, or a directory that is not there. */
int	report_begin(struct report_files *files, const struct options *o);

/*
 * Adds the proof to the history, and writes the reports, each at once: a reader finds the old
 * file or the new one.  Returns 0, or EXIT_FAILURE after cli_error() for a report that could not be
 * written; a history that could not is a warning.
 */
int	report_end(const struct report_files *files, struct report *r);

/*
 * Writes a text into the place of the i-th file; made: why there is no text, or 0.  Returns 0, or EXIT_FAILURE after
 * cli_error().
 */
int	report_put(const struct report_files *files, size_t i, int made, const char *text, size_t len);

/* Each adds its form to t. */
void	report_prom_make(const struct report *r, struct textout *t);
void	report_xml_make(const struct report *r, struct textout *t);
void	report_html_make(const struct report *r, struct textout *t);

/*
 * JSON as doc/format.md has it; brief: in one line, and without remarks, for a history.  Returns 0 and
 * the text, which the caller frees, or negative errno.
 */
int	report_json_make(const struct report *r, bool brief, char **text, size_t *len);

/* ---- parts of XML and HTML, report_markup.c ------------------------------------ */

#define REPORT_TIME_MAX	48

void	report_markup_text(struct textout *t, const char *text);
void	report_markup_name(struct textout *t, const char *name);	/* of an instance, or a path */
/* The same, cut to so many characters. */
void	report_markup_short(struct textout *t, const char *name, size_t characters);
/* "0.4 s", "42 s", "4m05s". */
void	report_markup_duration(int64_t ms, char out[REPORT_TIME_MAX]);
/* Local time: "2026-11-29 03:12 +0100", or the day alone. */
void	report_markup_when(int64_t time, bool day_alone, char out[REPORT_TIME_MAX]);
/* The name of a result in the style, and of its symbol. */
const char *report_markup_class(enum prove_result r);

/* ---- parts of the page ----------------------------------------------------------- */

extern const char *const report_style[];	/* lines of CSS, ended by NULL */
/* The picture of the time that each backup took, step by step. */
void	report_bars_make(const struct report *r, struct textout *t);
/* The pictures of other nights, one for each instance. */
void	report_nights_make(const struct report *r, struct textout *t);

#endif
