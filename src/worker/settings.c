/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the configuration of the mounted cluster as its server will, includes
 * and all, and warns of settings that lead outside.  It changes nothing:
 * clone.c does.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/util.h"
#include "pg/outward.h"
#include "pg/pgconf.h"
#include "pg/pgcontrol.h"
#include "worker/report.h"
#include "worker/settings.h"

#define DEPTH_MAX	10	/* as PostgreSQL: files that include files */
#define FILES_MAX	100	/* in all */
#define DIR_NAMES_MAX	1000	/* in a directory of include_dir */
#define OUTSIDE_MAX	20	/* that are told */

#define PLACES_MAX	20	/* files that set data_directory, and are remembered */

/*
 * The settings that are followed: all of outward_settings, the minima of a
 * recovery, and these.
 */
#define HOT_STANDBY	"hot_standby"

struct settings {
	struct cow *cow;			/* of a mount; or NULL, and */
	const struct store *store;		/* the backup as it is stored */
	struct reader *rd;
	char	**value;			/* the last one found of each that is followed; owned */
	char	*outside[OUTSIDE_MAX];		/* files that are included and not here; owned */
	char	*place[PLACES_MAX];		/* files here that set data_directory; owned */
	unsigned n_outside, n_places, files;
	bool	has_conf;			/* there is a postgresql.conf */
};

static unsigned
n_followed(void)
{
	return outward_n + MINIMUM_COUNT + 1;
}

/* Returns the number of a setting that is followed, or -1. */
static int
find_followed(const char *name)
{
	unsigned i;

	for (i = 0; i < outward_n; i++)
		if (strcmp(outward_settings[i].name, name) == 0)
			return (int)i;
	for (i = 0; i < MINIMUM_COUNT; i++)
		if (strcmp(pgcontrol_minima[i].name, name) == 0)
			return (int)(outward_n + i);
	return strcmp(name, HOT_STANDBY) == 0 ? (int)(outward_n + MINIMUM_COUNT) : -1;
}

int
settings_find(struct cow *c, const char *path, struct cow_attr *attr)
{
	uint64_t at = COW_ROOT;
	size_t len;
	int rc;

	if (!io_path_is_plain(path, strlen(path)))
		return -ENOENT;
	for (;; path += len + 1) {
		len = strcspn(path, "/");
		if ((rc = cow_lookup(c, at, path, len, attr)) < 0)
			return rc;
		at = attr->nodeid;
		if (path[len] == '\0')
			return 0;
		if (!S_ISDIR(attr->mode))
			return -ENOENT;
	}
}

int
settings_read(struct cow *c, const char *path, struct reader *rd, char **text, size_t *len)
{
	char *buf autofree = NULL;
	struct cow_attr attr;
	ssize_t n;
	int rc;

	if ((rc = settings_find(c, path, &attr)) < 0)
		return rc;
	if (!S_ISREG(attr.mode))
		return -ENOENT;
	if (attr.size > SETTINGS_FILE_MAX)
		return -EFBIG;
	if ((buf = malloc(attr.size + 1)) == NULL)
		return -ENOMEM;
	if ((n = cow_read(c, attr.nodeid, 0, attr.size, buf, rd)) < 0)
		return (int)n;
	buf[n] = '\0';
	*text = steal_pointer(&buf);
	*len = (size_t)n;
	return 0;
}

static int
read_stored(const struct store *s, const char *path, struct reader *rd, char **text, size_t *len)
{
	char *buf autofree = NULL;
	const struct index_entry *f;
	uint32_t e;
	int rc;

	if (!io_path_is_plain(path, strlen(path)) ||
	    (e = index_lookup(&s->ix, path, strlen(path))) == INDEX_NONE || s->ix.entries[e].flags != 0)
		return -ENOENT;
	f = &s->ix.entries[e];
	if (f->size > SETTINGS_FILE_MAX)
		return -EFBIG;
	if ((buf = malloc(f->size + 1)) == NULL)
		return -ENOMEM;
	if (f->size > 0 && (rc = plainfile_read(s, e, 0, f->size, buf, rd)) < 0)
		return rc;
	buf[f->size] = '\0';
	*text = steal_pointer(&buf);
	*len = f->size;
	return 0;
}

int
settings_file(const struct settings *s, const char *path, char **text, size_t *len)
{
	return s->cow != NULL ? settings_read(s->cow, path, s->rd, text, len) :
	    read_stored(s->store, path, s->rd, text, len);
}

static void	scan_file(struct settings *s, const char *path, unsigned depth);

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of a directory that PostgreSQL would include. */
struct included {
	char	*name[DIR_NAMES_MAX];
	size_t	n;
};

static void
note_included(struct included *l, const char *name, size_t len)
{
	if (l->n < DIR_NAMES_MAX && name[0] != '.' && len > 5 && strcmp(name + len - 5, ".conf") == 0 &&
	    (l->name[l->n] = strdup(name)) != NULL)
		l->n++;
}

static void
list_mounted(struct settings *s, const char *path, struct included *names)
{
	struct cow_attr attr;
	struct cow_dirent d;
	struct cow_list l;

	if (settings_find(s->cow, path, &attr) < 0 || !S_ISDIR(attr.mode) ||
	    cow_list_begin(&l, s->cow, attr.nodeid, 0) < 0)
		return;
	while (cow_list_next(&l, &d) == 1)
		note_included(names, d.name, d.len);
	cow_list_end(&l);
}

static void
list_stored(const struct index *ix, const char *path, struct included *names)
{
	uint32_t dir = io_path_is_plain(path, strlen(path)) ? index_lookup(ix, path, strlen(path)) : INDEX_NONE;
	const struct index_entry *e;
	uint32_t i;

	if (dir == INDEX_NONE || (ix->entries[dir].flags & INDEX_DIR) == 0)
		return;
	for (i = 0; i < ix->entries[dir].count; i++) {
		e = &ix->entries[ix->entries[dir].first + i];
		note_included(names, ix->strings + e->name, e->name_len);
	}
}

static void
scan_directory(struct settings *s, const char *path, unsigned depth)
{
	struct included *names autofree = calloc(1, sizeof(*names));
	char file[PATH_MAX];
	size_t i;

	if (names == NULL)
		return;
	if (s->cow != NULL)
		list_mounted(s, path, names);
	else
		list_stored(&s->store->ix, path, names);
	qsort(names->name, names->n, sizeof(names->name[0]), compare_names);
	for (i = 0; i < names->n; i++) {
		if (snprintf(file, sizeof(file), "%s/%s", path, names->name[i]) < PATH_MAX)
			scan_file(s, file, depth);
		free(names->name[i]);
	}
}

/*
 * Reads an included file.  A relative name counts from the directory of the
 * file that has it.
 */
static void
scan_include(struct settings *s, const char *from, const struct pgconf_setting *set, unsigned depth)
{
	const char *slash = strrchr(from, '/');
	size_t dir = slash != NULL ? (size_t)(slash - from) + 1 : 0;
	char path[PATH_MAX];

	if (set->value[0] == '/') {
		if (s->n_outside < OUTSIDE_MAX &&
		    (s->outside[s->n_outside] = strdup(set->value)) != NULL)
			s->n_outside++;
		return;
	}
	if (snprintf(path, sizeof(path), "%.*s%s", (int)dir, from, set->value) >= PATH_MAX)
		return;
	if (strcmp(set->name, "include_dir") == 0)
		scan_directory(s, path, depth + 1);
	else
		scan_file(s, path, depth + 1);
}

static void
note_place(struct settings *s, const char *path)
{
	if (s->n_places < PLACES_MAX &&
	    (s->n_places == 0 || strcmp(s->place[s->n_places - 1], path) != 0) &&
	    (s->place[s->n_places] = strdup(path)) != NULL)
		s->n_places++;
}

static void
take_setting(struct settings *s, const char *path, const struct pgconf_setting *set)
{
	int i = find_followed(set->name);

	if (i < 0)
		return;
	free(s->value[i]);
	s->value[i] = strdup(set->value);
	if (strcmp(set->name, "data_directory") == 0)
		note_place(s, path);
}

static void
scan_file(struct settings *s, const char *path, unsigned depth)
{
	struct pgconf_setting *set autofree = malloc(sizeof(*set));
	char *text autofree = NULL;
	struct pgconf c = { 0 };

	if (set == NULL || depth > DEPTH_MAX || ++s->files > FILES_MAX ||
	    settings_file(s, path, &text, &c.len) < 0)
		return;
	c.text = text;
	while (pgconf_next(&c, set) == 1)
		if (strncmp(set->name, "include", strlen("include")) == 0)
			scan_include(s, path, set, depth);
		else
			take_setting(s, path, set);
}

static struct settings *
make(struct cow *c, const struct store *store, struct reader *rd)
{
	struct settings *s = calloc(1, sizeof(*s));

	if (s == NULL || (s->value = calloc(n_followed(), sizeof(*s->value))) == NULL) {
		free(s);
		return NULL;
	}
	s->cow = c;
	s->store = store;
	s->rd = rd;
	scan_file(s, "postgresql.conf", 0);
	scan_file(s, "postgresql.auto.conf", 0);
	return s;
}

struct settings *
settings_new(struct cow *c, struct reader *rd)
{
	struct settings *s = make(c, NULL, rd);
	struct cow_attr attr;

	if (s != NULL)
		s->has_conf = settings_find(c, "postgresql.conf", &attr) != -ENOENT;
	return s;
}

struct settings *
settings_new_stored(const struct store *store, struct reader *rd)
{
	struct settings *s = make(NULL, store, rd);

	if (s != NULL)
		s->has_conf = index_lookup(&store->ix, "postgresql.conf", strlen("postgresql.conf")) != INDEX_NONE;
	return s;
}

void
settings_free(struct settings *s)
{
	unsigned i;

	if (s == NULL)
		return;
	for (i = 0; i < n_followed(); i++)
		free(s->value[i]);
	free(s->value);
	for (i = 0; i < s->n_outside; i++)
		free(s->outside[i]);
	for (i = 0; i < s->n_places; i++)
		free(s->place[i]);
	free(s);
}

const char *
settings_get(const struct settings *s, const char *name)
{
	int i = find_followed(name);

	return i >= 0 ? s->value[i] : NULL;
}

const char *
settings_chosen(const struct clone_config *p, const char *name)
{
	size_t len = strlen(name);
	unsigned i;

	for (i = p->n_settings; i-- > 0; )
		if (strncasecmp(p->setting[i], name, len) == 0 && p->setting[i][len] == '=')
			return p->setting[i] + len + 1;
	return NULL;
}

bool
settings_has_conf(const struct settings *s)
{
	return s->has_conf;
}

const char *
settings_place(const struct settings *s, unsigned i)
{
	return i < s->n_places ? s->place[i] : NULL;
}

/*
 * A name that is not absolute counts from the data directory, but for two: see
 * worker/rules.c.
 */
bool
settings_is_inside(const char *value, const char *mnt)
{
	size_t len = strlen(mnt);

	return value[0] != '/' ||
	    strncmp(value, SETTINGS_CWD, strlen(SETTINGS_CWD)) == 0 ||
	    (strncmp(value, mnt, len) == 0 && (value[len] == '/' || value[len] == '\0'));
}

static void
judge(const char *name, const char *value, const char *mnt)
{
	if (settings_is_inside(value, mnt))
		return;
	if (strcmp(name, "data_directory") == 0)
		report_warn("the configuration sets data_directory to \"%s\", and the server would run there"
		    " instead of on the mount: start it with -o \"-c data_directory='%s'\"",
		    value, mnt);
	else
		report_warn("the configuration sets %s to \"%s\", outside of the mount:"
		    " --set %s=... names another place", name, value, name);
}

void
settings_warn(const struct settings *s, const struct clone_config *p, unsigned version)
{
	const struct outward *o;
	unsigned i;

	if (!s->has_conf)
		report_warn("the backup has no postgresql.conf: start the server with"
		    " -o \"-c config_file=FILE -c data_directory='%s'\"", p->mnt);
	for (i = 0; i < s->n_outside; i++)
		report_warn("the configuration includes \"%s\", which is outside of the mount and was not"
		    " looked into", s->outside[i]);
	for (i = 0; i < outward_n; i++) {
		o = &outward_settings[i];
		if (o->path && s->value[i] != NULL && outward_known(o, version) &&
		    settings_chosen(p, o->name) == NULL)
			judge(o->name, s->value[i], p->mnt);
	}
}
