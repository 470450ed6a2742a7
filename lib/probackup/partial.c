/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads database_map, and decides which databases are left out.  Whose files
 * these are is found by their paths alone.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/util.h"
#include "probackup/explain.h"
#include "probackup/lines.h"
#include "probackup/partial.h"

/* ---- database_map --------------------------------------------------------- */

/* Takes text from the beginning of what is left, if it stands there. */
static bool
take(const char **p, const char *end, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(end - *p) < len || memcmp(*p, text, len) != 0)
		return false;
	*p += len;
	return true;
}

static bool
take_oid(const char **p, const char *end, uint32_t *oid)
{
	uint64_t n = 0;
	const char *begin = *p;

	for (; *p < end && **p >= '0' && **p <= '9' && n <= UINT32_MAX; (*p)++)
		n = n * 10 + (uint64_t)(**p - '0');
	*oid = (uint32_t)n;
	return *p > begin && n > 0 && n <= UINT32_MAX;
}

static int
parse_line(const char *p, const char *end, void *entry)
{
	static const char tail[] = "\"}";
	size_t tail_len = sizeof(tail) - 1;
	struct database *d = entry;

	if (!take(&p, end, "{\"dbOid\":\"") || !take_oid(&p, end, &d->oid) ||
	    !take(&p, end, "\","))
		return -EUCLEAN;
	while (take(&p, end, " "))
		;
	if (!take(&p, end, "\"datname\":\"") || (size_t)(end - p) <= tail_len ||
	    memcmp(end - tail_len, tail, tail_len) != 0)
		return -EUCLEAN;
	d->name = strndup(p, (size_t)(end - p) - tail_len);
	return d->name != NULL ? 0 : -ENOMEM;
}

int
database_map_parse(const char *text, size_t len, struct database_map *m, char *error)
{
	static const struct lines_form form = {
		"an OID and a name", sizeof(struct database), parse_line,
	};
	struct database_map parsed;
	struct lines l;
	int rc;

	if (len == 0)
		return explain(error, -EUCLEAN, "it is empty");
	rc = lines_parse(text, len, &form, &l, error);
	parsed = (struct database_map){ l.at, l.n };
	if (rc < 0)
		database_map_fini(&parsed);
	else
		*m = parsed;
	return rc;
}

void
database_map_fini(struct database_map *m)
{
	while (m->n > 0)
		free(m->at[--m->n].name);
	free(m->at);
	m->at = NULL;
}

static int
load_map(const struct backup *b, struct database_map *m, char *error)
{
	char *text autofree = NULL;
	char why[CHAIN_ERROR_MAX];
	int fd autoclose = -1, rc;
	size_t len;

	fd = io_open_beneath(b->dirfd, "database/" DATABASE_MAP, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd == -ENOENT)
		return explain(error, -ENOENT,
		    "backup \"%s\" has no " DATABASE_MAP ", so nobody knows its databases: mount all of it",
		    b->id);
	rc = fd < 0 ? fd : io_read_file(fd, DATABASE_MAP_SIZE_MAX, &text, &len);
	if (rc < 0)
		explain(why, rc, "%s", io_plain_error(rc));
	else
		rc = database_map_parse(text, len, m, why);
	return rc == 0 ? 0 : explain(error, rc, "could not use " DATABASE_MAP " of backup \"%s\": %.300s:"
	    " mount all of it", b->id, why);
}

/* ---- the choice ----------------------------------------------------------- */

/* A list of names, cut to size. */
struct names {
	char	text[256];
	size_t	len;
	unsigned n, left;
};

static void
names_add(struct names *l, const char *name)
{
	size_t need = strlen(name) + 4;

	if (l->left > 0 || l->len + need >= sizeof(l->text)) {
		l->left++;
		return;
	}
	l->len += (size_t)snprintf(l->text + l->len, sizeof(l->text) - l->len, "%s\"%s\"",
	    l->n++ > 0 ? ", " : "", name);
}

/* " and 3 more", or nothing. */
static const char *
names_more(const struct names *l, char more[32])
{
	more[0] = '\0';
	if (l->left > 0)
		snprintf(more, 32, " and %u more", l->left);
	return more;
}

static int
unknown_name(const struct backup *b, const struct database_map *m, const char *name, char *error)
{
	struct names l = { 0 };
	char more[32];
	size_t i;

	if (strcmp(name, "template0") == 0 || strcmp(name, "template1") == 0)
		return explain(error, -EINVAL,
		    "\"%s\" is never left out, and not in " DATABASE_MAP " of backup \"%s\": do not name it",
		    name, b->id);
	for (i = 0; i < m->n; i++)
		names_add(&l, m->at[i].name);
	return explain(error, -EINVAL,
	    "backup \"%s\" has no database \"%.80s\": choose from %s%s", b->id, name, l.text,
	    names_more(&l, more));
}

static bool
is_named(const char *const *names, unsigned n, const char *name)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static int
check_names(const struct backup *b, const struct database_map *m, const char *const *names,
    unsigned n, char *error)
{
	unsigned i;
	size_t k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < m->n && strcmp(m->at[k].name, names[i]) != 0; k++)
			;
		if (k == m->n)
			return unknown_name(b, m, names[i], error);
	}
	return 0;
}

static int
compare_oids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int
choose(struct chain *c, const struct database_map *m, bool include, const char *const *names,
    unsigned n, char *note, char *error)
{
	struct names left_out = { 0 };
	char more[32];
	size_t i;

	if ((c->left_out = calloc(m->n, sizeof(*c->left_out))) == NULL)
		return explain(error, -ENOMEM, "out of memory");
	c->n_left_out = 0;
	for (i = 0; i < m->n; i++)
		if (is_named(names, n, m->at[i].name) != include) {
			c->left_out[c->n_left_out++] = m->at[i].oid;
			names_add(&left_out, m->at[i].name);
		}
	if (c->n_left_out == 0)
		return explain(error, -EINVAL,
		    "all databases of backup \"%s\" are named by --db-include: mount it without",
		    c->member[0].id);
	qsort(c->left_out, c->n_left_out, sizeof(*c->left_out), compare_oids);
	explain(note, 0, "left out: database%s %s%s, whose files are empty: nobody can connect to %s, DROP DATABASE works",
	    c->n_left_out > 1 ? "s" : "", left_out.text, names_more(&left_out, more),
	    c->n_left_out > 1 ? "them" : "it");
	return 0;
}

int
partial_choose(struct chain *c, bool include, const char *const *names, unsigned n,
    char *note, char *error)
{
	struct database_map m = { 0 };
	int rc;

	if ((rc = load_map(&c->member[0], &m, error)) == 0 &&
	    (rc = check_names(&c->member[0], &m, names, n, error)) == 0)
		rc = choose(c, &m, include, names, n, note, error);
	database_map_fini(&m);
	return rc;
}

/* ---- asking --------------------------------------------------------------- */

/* Returns the part of the path behind the next '/', or NULL. */
static const char *
next_part(const char *p, const char *end)
{
	const char *slash = memchr(p, '/', (size_t)(end - p));

	return slash != NULL ? slash + 1 : NULL;
}

bool
partial_leaves_out(const struct chain *c, const char *path, size_t len)
{
	const char *p = path, *end = path + len;
	uint32_t oid;

	if (c->n_left_out == 0)
		return false;
	if (!take(&p, end, "base/") &&
	    (!take(&p, end, "pg_tblspc/") || (p = next_part(p, end)) == NULL ||
	    (p = next_part(p, end)) == NULL))
		return false;
	return take_oid(&p, end, &oid) && p < end && *p == '/' &&
	    bsearch(&oid, c->left_out, c->n_left_out, sizeof(oid), compare_oids) != NULL;
}
