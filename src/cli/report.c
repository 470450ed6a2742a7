/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes the reports of a proof: the suffix of a file says in which form.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/outdir.h"
#include "cli/report.h"

enum form { FORM_JSON, FORM_PROM, FORM_XML, FORM_HTML, FORMS };

static const char *const suffixes[FORMS] = {
	[FORM_JSON] = ".json", [FORM_PROM] = ".prom", [FORM_XML] = ".xml", [FORM_HTML] = ".html",
};

/* Returns FORMS if it has none of the suffixes, or nothing else. */
static enum form
form_of(const char *name)
{
	size_t len = strlen(name), k;
	int form;

	for (form = 0; form < FORMS; form++) {
		k = strlen(suffixes[form]);
		if (len > k && strcmp(name + len - k, suffixes[form]) == 0)
			break;
	}
	return (enum form)form;
}

static int
complain(const char *file, int error)
{
	return cli_error("could not write \"%s\": %s (--report)", file, strerror(error));
}

/* After hours of a proof it would be late to find that out. */
static int
open_directory(const char *file, const char *name)
{
	char *dir autofree = name == file ? strdup(".") : strndup(file, (size_t)(name - file));
	int fd = dir == NULL ? -ENOMEM : outdir_open(dir, O_PATH, false);

	if (fd < 0)
		cli_error("could not write \"%s\": %s (--report)", file, outdir_strerror(fd));
	return fd;
}

int
report_begin(struct report_files *files, const struct options *o)
{
	const char *slash;
	size_t i;

	*files = (struct report_files){ .history = o->history, .history_fd = -1 };
	for (i = 0; i < o->reports.n; i++) {
		files->item[i].file = o->reports.item[i];
		slash = strrchr(files->item[i].file, '/');
		files->item[i].name = slash != NULL ? slash + 1 : files->item[i].file;
		if (form_of(files->item[i].name) == FORMS)
			return cli_usage("--report takes a file .html, .json, .prom or .xml, not \"%s\"",
			    files->item[i].file);
	}
	for (i = 0; i < o->reports.n; i++, files->n++)
		if ((files->item[i].dir_fd = open_directory(files->item[i].file, files->item[i].name)) < 0)
			return EXIT_USAGE;
	if (files->history != NULL && (files->history_fd = history_open(files->history)) < 0)
		return EXIT_USAGE;
	return 0;
}

static int
make(enum form form, const struct report *r, char **text, size_t *len)
{
	struct textout t = { 0 };

	switch (form) {
	case FORM_JSON:
		return report_json_make(r, false, text, len);
	case FORM_PROM:
		report_prom_make(r, &t);
		break;
	case FORM_XML:
		report_xml_make(r, &t);
		break;
	default:
		report_html_make(r, &t);
		break;
	}
	return textout_take(&t, text, len);
}

/* Writes it beside its place, under a name that no exporter takes, and puts it there at once. */
static int
put_file(int dir_fd, const char *name, const char *text, size_t len)
{
	char beside[NAME_MAX + 1];
	int fd autoclose = -1, rc;
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return -EIO;
	if (snprintf(beside, sizeof(beside), "%s.%016llx.new", name, (unsigned long long)number) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	if ((fd = openat(dir_fd, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644)) < 0)
		return -errno;
	if ((rc = io_write(fd, text, len)) == 0 && fsync(fd) != 0)
		rc = -errno;
	if (rc == 0 && renameat(dir_fd, beside, dir_fd, name) != 0)
		rc = -errno;
	if (rc != 0)
		unlinkat(dir_fd, beside, 0);
	return rc;
}

int
report_put(const struct report_files *files, size_t i, int made, const char *text, size_t len)
{
	int rc = made != 0 ? made : put_file(files->item[i].dir_fd, files->item[i].name, text, len);

	return rc == 0 ? 0 : complain(files->item[i].file, -rc);
}

int
report_end(const struct report_files *files, struct report *r)
{
	struct history history;
	size_t i, len = 0;
	int status = 0, rc;

	if (files->history != NULL) {
		history_load(files->history_fd, files->history, r, &history);
		history_record(files->history_fd, files->history, r);
		r->history = &history;
	}
	for (i = 0; i < files->n; i++) {
		char *text autofree = NULL;

		rc = make(form_of(files->item[i].name), r, &text, &len);
		if (report_put(files, i, rc, text, len) != 0)
			status = EXIT_FAILURE;
	}
	if (files->history != NULL)
		history_free(&history);
	r->history = NULL;
	return status;
}
