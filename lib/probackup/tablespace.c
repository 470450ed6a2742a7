/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads tablespace_map, and says where in a backup a path at the mount is
 * stored.  It follows no location of production's.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "probackup/chain.h"
#include "probackup/explain.h"
#include "probackup/lines.h"
#include "probackup/tablespace.h"

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct tablespace *)a)->oid, ((const struct tablespace *)b)->oid);
}

static int
parse_line(const char *line, const char *end, void *entry)
{
	size_t digits = 0, len = (size_t)(end - line);
	struct tablespace *t = entry;

	while (digits < len && line[digits] >= '0' && line[digits] <= '9')
		digits++;
	if (digits == 0 || digits >= sizeof(t->oid) || line[0] == '0' ||
	    len - digits < 2 || line[digits] != ' ' || line[digits + 1] != '/')
		return -EUCLEAN;
	memcpy(t->oid, line, digits);
	t->oid[digits] = '\0';
	t->location = strndup(line + digits + 1, len - digits - 1);
	return t->location != NULL ? 0 : -ENOMEM;
}

static int
check_unique(const struct tablespace_map *m, char *error)
{
	size_t i;

	for (i = 1; i < m->n; i++)
		if (strcmp(m->at[i - 1].oid, m->at[i].oid) == 0)
			return explain(error, -EUCLEAN, "it has OID %s twice", m->at[i].oid);
	return 0;
}

int
tablespace_map_parse(const char *text, size_t len, struct tablespace_map *m, char *error)
{
	static const struct lines_form form = {
		"an OID and a location", sizeof(struct tablespace), parse_line,
	};
	struct tablespace_map parsed;
	struct lines l;
	int rc;

	rc = lines_parse(text, len, &form, &l, error);
	parsed = (struct tablespace_map){ l.at, l.n };
	if (rc == 0) {
		qsort(parsed.at, parsed.n, sizeof(*parsed.at), compare);
		rc = check_unique(&parsed, error);
	}
	if (rc < 0)
		tablespace_map_fini(&parsed);
	else
		*m = parsed;
	return rc;
}

int
tablespace_map_load(int backup_fd, struct tablespace_map *m, char *error)
{
	char *text autofree = NULL;
	int fd autoclose = -1, rc;
	size_t len;

	fd = io_open_beneath(backup_fd, "database/" TABLESPACE_MAP, O_RDONLY | O_NONBLOCK, 0);
	if (fd == -ENOENT) {
		*m = (struct tablespace_map){ 0 };
		return 0;
	}
	rc = fd < 0 ? fd : io_read_file(fd, TABLESPACE_MAP_SIZE_MAX, &text, &len);
	if (rc < 0)
		return explain(error, rc, "%s", io_plain_error(rc));
	return tablespace_map_parse(text, len, m, error);
}

void
tablespace_map_fini(struct tablespace_map *m)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		free(m->at[i].location);
	free(m->at);
	*m = (struct tablespace_map){ 0 };
}

const struct tablespace *
tablespace_find(const struct tablespace_map *m, const char *oid, size_t len)
{
	struct tablespace key;

	if (m->n == 0 || len == 0 || len >= sizeof(key.oid))
		return NULL;
	memcpy(key.oid, oid, len);
	key.oid[len] = '\0';
	return bsearch(&key, m->at, m->n, sizeof(key), compare);
}

int
tablespace_stored_path(const char *shown, char *buf, size_t size)
{
	static const struct {
		const char *shown, *stored;
	} roots[] = {
		{ ONDISK_TABLESPACES "/", "database/" TABLESPACE_DIR "/" },
		{ ONDISK_EXTERNAL "/", "external_directories/externaldir" },
		{ "", "database/" },
	};
	size_t i = 0, n;
	int len;

	while ((n = strlen(roots[i].shown)) > 0 && strncmp(shown, roots[i].shown, n) != 0)
		i++;
	len = snprintf(buf, size, "%s%s", roots[i].stored, shown + n);
	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : len;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

unsigned
tablespace_externals(char *text, char *dirs[TABLESPACE_EXTERNALS_MAX])
{
	char *dir, *rest = text;
	unsigned n = 0;

	while (n < TABLESPACE_EXTERNALS_MAX && (dir = strsep(&rest, ":")) != NULL)
		if (dir[0] != '\0')
			dirs[n++] = dir;
	qsort(dirs, n, sizeof(*dirs), compare_texts);
	return n;
}
_Static_assert(TABLESPACE_EXTERNALS_MAX >= CONTROL_EXTERNAL_MAX / 2, "each has a byte and a colon");
