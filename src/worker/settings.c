#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/util.h"
#include "pg/pgconf.h"
#include "worker/report.h"
#include "worker/settings.h"

#define DEPTH_MAX	10	/* as PostgreSQL: files that include files */
#define FILES_MAX	100	/* in all */
#define DIR_NAMES_MAX	1000	/* in a directory of include_dir */
#define OUTSIDE_MAX	20	/* that are told */

/* Settings that hold names of files or directories, and the time zone. */
static const char *const watched[] = {
	"data_directory", "hba_file", "ident_file", "log_directory", "unix_socket_directories",
	"external_pid_file", "ssl_cert_file", "ssl_key_file", "ssl_ca_file", "ssl_crl_file",
	"ssl_crl_dir", "ssl_dh_params_file", "krb_server_keyfile", "stats_temp_directory",
	"timezone",
};

struct settings {
	struct cow *cow;
	struct reader *reader;
	char	*value[ARRAY_SIZE(watched)];	/* the last one found; owned */
	char	*outside[OUTSIDE_MAX];		/* files that are included and not here; owned */
	unsigned n_outside, files;
	bool	has_conf;			/* there is a postgresql.conf */
};

int
settings_find(struct cow *c, const char *path, struct cow_attr *attr)
{
	uint64_t at = COW_ROOT;
	size_t len;
	int r;

	if (!io_path_is_plain(path, strlen(path)))
		return -ENOENT;
	for (;; path += len + 1) {
		len = strcspn(path, "/");
		if ((r = cow_lookup(c, at, path, len, attr)) < 0)
			return r;
		at = attr->nodeid;
		if (path[len] == '\0')
			return 0;
		if (!S_ISDIR(attr->mode))
			return -ENOENT;
	}
}

int
settings_read(struct cow *c, const char *path, struct reader *r, char **text, size_t *len)
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
	if ((n = cow_read(c, attr.nodeid, 0, attr.size, buf, r)) < 0)
		return (int)n;
	buf[n] = '\0';
	*text = steal_pointer(&buf);
	*len = (size_t)n;
	return 0;
}

static void	scan_file(struct settings *s, const char *path, unsigned depth);

static void __attribute__((format(printf, 1, 2)))
warn(const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len > 0)
		report_send(MSG_WARNING, text, MIN((size_t)len, sizeof(text) - 1));
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of a directory that PostgreSQL would include, sorted; returns how many. */
static size_t
list_included(struct settings *s, uint64_t dir, char **names)
{
	struct cow_list l;
	struct cow_dirent d;
	size_t n = 0;

	if (cow_list_begin(&l, s->cow, dir, 0) < 0)
		return 0;
	while (n < DIR_NAMES_MAX && cow_list_next(&l, &d) == 1)
		if (d.name[0] != '.' && d.len > 5 && strcmp(d.name + d.len - 5, ".conf") == 0 &&
		    (names[n] = strdup(d.name)) != NULL)
			n++;
	cow_list_end(&l);
	qsort(names, n, sizeof(*names), compare_names);
	return n;
}

static void
scan_directory(struct settings *s, const char *path, unsigned depth)
{
	char **names autofree = calloc(DIR_NAMES_MAX, sizeof(*names));
	char file[PATH_MAX];
	struct cow_attr attr;
	size_t n, i;

	if (names == NULL || settings_find(s->cow, path, &attr) < 0 || !S_ISDIR(attr.mode))
		return;
	n = list_included(s, attr.nodeid, names);
	for (i = 0; i < n; i++) {
		if (snprintf(file, sizeof(file), "%s/%s", path, names[i]) < PATH_MAX)
			scan_file(s, file, depth);
		free(names[i]);
	}
}

/* A relative name counts from the directory of the file that has it. */
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
take_setting(struct settings *s, const struct pgconf_setting *set)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(watched); i++)
		if (strcmp(set->name, watched[i]) == 0) {
			free(s->value[i]);
			s->value[i] = strdup(set->value);
		}
}

static void
scan_file(struct settings *s, const char *path, unsigned depth)
{
	struct pgconf_setting *set autofree = malloc(sizeof(*set));
	char *text autofree = NULL;
	struct pgconf c = { 0 };

	if (set == NULL || depth > DEPTH_MAX || ++s->files > FILES_MAX ||
	    settings_read(s->cow, path, s->reader, &text, &c.len) < 0)
		return;
	c.text = text;
	while (pgconf_next(&c, set) == 1)
		if (strncmp(set->name, "include", strlen("include")) == 0)
			scan_include(s, path, set, depth);
		else
			take_setting(s, set);
}

struct settings *
settings_new(struct cow *c, struct reader *r)
{
	struct settings *s = calloc(1, sizeof(*s));
	struct cow_attr attr;

	if (s == NULL)
		return NULL;
	s->cow = c;
	s->reader = r;
	s->has_conf = settings_find(c, "postgresql.conf", &attr) != -ENOENT;
	scan_file(s, "postgresql.conf", 0);
	scan_file(s, "postgresql.auto.conf", 0);
	return s;
}

void
settings_free(struct settings *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < ARRAY_SIZE(watched); i++)
		free(s->value[i]);
	for (i = 0; i < s->n_outside; i++)
		free(s->outside[i]);
	free(s);
}

const char *
settings_get(const struct settings *s, const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(watched); i++)
		if (strcmp(watched[i], name) == 0)
			return s->value[i];
	return NULL;
}

static void
judge(const char *name, const char *value, const char *mnt)
{
	size_t len = strlen(mnt);

	if (value[0] != '/' || strcmp(name, "timezone") == 0 ||
	    (strncmp(value, mnt, len) == 0 && (value[len] == '/' || value[len] == '\0')))
		return;
	if (strcmp(name, "data_directory") == 0)
		warn("the configuration sets data_directory to \"%s\", and the server would run there"
		    " instead of on the mount: start it with -o \"-c data_directory='%s'\"",
		    value, mnt);
	else
		warn("the configuration sets %s to \"%s\", outside of the mount:"
		    " --set %s=... names another place", name, value, name);
}

void
settings_warn(const struct settings *s, const char *mnt)
{
	size_t i;

	if (!s->has_conf)
		warn("the backup has no postgresql.conf: start the server with"
		    " -o \"-c config_file=FILE -c data_directory='%s'\"", mnt);
	for (i = 0; i < s->n_outside; i++)
		warn("the configuration includes \"%s\", which is outside of the mount and was not"
		    " looked into", s->outside[i]);
	for (i = 0; i < ARRAY_SIZE(watched); i++)
		if (s->value[i] != NULL)
			judge(watched[i], s->value[i], mnt);
}
