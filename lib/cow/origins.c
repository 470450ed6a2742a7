/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line for each: what it is, its number, and its path up to the end of the line.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/textout.h"
#include "base/util.h"
#include "cow/impl.h"
#include "cow/origins.h"
#include "diff/wholefile.h"
#include "probackup/member.h"
#include "probackup/tablespace.h"

#define MAGIC		"pbkfs-origins 1\n"
#define TEXT_MAX	(TABLESPACE_MAP_SIZE_MAX + 64 * KiB)	/* of the map, with a word more in each line, and external-dirs */

static const char *
kind_of(bool external)
{
	return external ? "external" : "tablespace";
}

/* ---- writing ---- */

static void
put_line(struct textout *to, bool external, const char *name, const char *path)
{
	if (path[0] == '/' && strchr(path, '\n') == NULL)
		textout_add(to, "%s %s %s\n", kind_of(external), name, path);
}

static int
put_tablespaces(struct textout *to, int backup_fd, char *error)
{
	struct tablespace_map m;
	size_t i;
	int rc;

	if ((rc = tablespace_map_load(backup_fd, &m, error)) < 0)
		return rc;
	for (i = 0; i < m.n; i++)
		put_line(to, false, m.at[i].oid, m.at[i].location);
	tablespace_map_fini(&m);
	return 0;
}

static int
put_externals(struct textout *to, int backup_fd, const char *id, char *error)
{
	char *dirs[TABLESPACE_EXTERNALS_MAX], number[12];
	struct control *control autofree = calloc(1, sizeof(*control));
	unsigned i, n;
	int rc;

	if (control == NULL)
		return -ENOMEM;
	if ((rc = member_read(backup_fd, id, control, error)) < 0)
		return rc;
	n = tablespace_externals(control->external_dirs, dirs);
	for (i = 0; i < n; i++) {
		snprintf(number, sizeof(number), "%u", i + 1);
		put_line(to, true, number, dirs[i]);
	}
	return 0;
}

int
origins_write(struct cow *c)
{
	const struct store *s = &c->store;
	const char *id = s->ix.backups[0].id;
	char *text autofree = NULL, error[CHAIN_ERROR_MAX] = "";
	struct textout to = { 0 };
	size_t len;
	int rc, failure;

	textout_add(&to, MAGIC);
	if ((rc = put_tablespaces(&to, s->backup_fd[0], error)) == 0)
		rc = put_externals(&to, s->backup_fd[0], id, error);
	if ((failure = textout_take(&to, &text, &len)) < 0)
		return failure;
	if (rc < 0) {
		log_warn("pbkfs promote will know tablespaces by their OIDs alone: %s",
		    error[0] != '\0' ? error : strerror(-rc));
		return 0;
	}
	return wholefile_write(c->config.diff_fd, ONDISK_ORIGINS, &(struct iovec){ text, len }, 1);
}

/* ---- reading ---- */

char *
origins_load(int changes_fd)
{
	int fd autoclose = io_open_beneath(changes_fd, ONDISK_ORIGINS, O_RDONLY | O_NONBLOCK, 0);
	char *text autofree = NULL;
	size_t len;

	if (fd < 0 || io_read_file(fd, TEXT_MAX, &text, &len) < 0 || strlen(text) != len ||
	    strncmp(text, MAGIC, strlen(MAGIC)) != 0)
		return NULL;
	return steal_pointer(&text);
}

bool
origins_find(const char *origins, bool external, const char *name, char path[PATH_MAX])
{
	char begin[64];
	size_t len = (size_t)snprintf(begin, sizeof(begin), "%s %s ", kind_of(external), name), n;
	const char *line = origins;

	while (line != NULL && (line = strchr(line, '\n')) != NULL) {
		if (strncmp(++line, begin, len) != 0)
			continue;
		n = strcspn(line + len, "\n");
		if (line[len] != '/' || n >= PATH_MAX)
			return false;
		memcpy(path, line + len, n);
		path[n] = '\0';
		return true;
	}
	return false;
}
