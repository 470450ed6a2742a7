/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Parses a table that the kernel writes but others fill: every field is bounded.  Nothing is opened
 * through a path that stands in it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"
#include "supervisor/mountinfo.h"

void
mountinfo_escape(const char *from, char *to, size_t size)
{
	char octal[5];
	size_t n;

	for (; *from != '\0'; from++) {
		if (strchr(" \t\n\\", *from) != NULL)
			n = (size_t)snprintf(octal, sizeof(octal), "\\%03o", (unsigned char)*from);
		else
			n = (size_t)snprintf(octal, sizeof(octal), "%c", *from);
		if (n + 1 > size)
			break;
		memcpy(to, octal, n);
		to += n;
		size -= n;
	}
	*to = '\0';
}

/*
 * Finds an option with a number.  The last one counts: FUSE writes its own behind those of
 * the security module, which may hold text that a user chose.
 */
static bool
parse_id(const char *options, const char *name, unsigned *id)
{
	const char *at, *last = NULL;
	size_t n = strlen(name);

	for (at = options; (at = strstr(at, name)) != NULL; at += n)
		if (at == options || at[-1] == ',')
			last = at;
	return last != NULL && sscanf(last + n, "%u", id) == 1;
}

/* The kernel writes user_id and group_id for FUSE, and allow_other where it is set. */
static void
parse_user(const char *options, struct mountinfo *m)
{
	m->uid = m->gid = 0;
	m->has_user = strncmp(m->fstype, "fuse", 4) == 0 &&
	    parse_id(options, "user_id=", &m->uid) && parse_id(options, "group_id=", &m->gid);
	m->is_private = m->has_user && strstr(options, "allow_other") == NULL;
}

/* "36 35 98:0 /root /mountpoint options [fields...] - fstype source options" */
int
mountinfo_parse(char *line, struct mountinfo *m)
{
	char *field[6], *save = NULL, *token;
	size_t i;

	line[strcspn(line, "\n")] = '\0';
	for (i = 0; i < ARRAY_SIZE(field); i++)
		if ((field[i] = strtok_r(i == 0 ? line : NULL, " ", &save)) == NULL)
			return -EUCLEAN;
	if (sscanf(field[0], "%d", &m->id) != 1 || sscanf(field[1], "%d", &m->parent) != 1 ||
	    sscanf(field[2], "%u:%u", &m->major, &m->minor) != 2 ||
	    text_unescape_octal(field[4], m->mountpoint, sizeof(m->mountpoint)) != 0)
		return -EUCLEAN;
	while ((token = strtok_r(NULL, " ", &save)) != NULL && strcmp(token, "-") != 0)
		;
	if (token == NULL || (token = strtok_r(NULL, " ", &save)) == NULL ||
	    text_unescape_octal(token, m->fstype, sizeof(m->fstype)) != 0)
		return -EUCLEAN;
	m->source[0] = '\0';
	if ((token = strtok_r(NULL, " ", &save)) != NULL &&
	    text_unescape_octal(token, m->source, sizeof(m->source)) != 0)
		return -EUCLEAN;
	parse_user((token = strtok_r(NULL, " ", &save)) != NULL ? token : "", m);
	return 0;
}

/* By name or, without one, by id. */
struct finding {
	const char *mountpoint;
	int	id, rc;
	struct mountinfo *m;
};

static bool
compare(void *arg, const struct mountinfo *m)
{
	struct finding *k = arg;

	if (k->mountpoint == NULL ? m->id != k->id : strcmp(m->mountpoint, k->mountpoint) != 0)
		return true;
	/* Later lines are mounted over earlier ones: the last one counts. */
	*k->m = *m;
	k->rc = 0;
	return true;
}

static int
find(const char *mountpoint, int id, struct mountinfo *m)
{
	struct finding k = { mountpoint, id, -ENOENT, m };
	int rc = mountinfo_each(MOUNTINFO_SELF, NULL, compare, &k);

	return rc != 0 ? rc : k.rc;
}

int
mountinfo_find(const char *mountpoint, struct mountinfo *m)
{
	return find(mountpoint, 0, m);
}

int
mountinfo_find_id(int id, struct mountinfo *m)
{
	return find(NULL, id, m);
}

/* Where root acts as another user /proc may be closed.  Since Linux 5.8. */
static int
ask_id(int fd)
{
#ifdef STATX_MNT_ID
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &sx) == 0 &&
	    (sx.stx_mask & STATX_MNT_ID) != 0)
		return (int)sx.stx_mnt_id;
#endif
	(void)fd;
	return -EACCES;
}

int
mountinfo_id_of(int fd)
{
	char name[64], line[128];
	int id = -ENOENT;
	FILE *fp;

	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	if ((fp = fopen(name, "re")) == NULL)
		return errno == EACCES ? ask_id(fd) : -errno;
	while (id < 0 && fgets(line, sizeof(line), fp) != NULL)
		if (sscanf(line, "mnt_id: %d", &id) != 1)
			id = -ENOENT;
	fclose(fp);
	return id;
}

int
mountinfo_id_at(int dir_fd, const char *name)
{
	int fd autoclose = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : mountinfo_id_of(fd);
}

struct deepest {
	const char *path;
	struct mountinfo *m;
	size_t	len;
	int	rc;
};

/* Whether a path goes through the directory. */
static bool
is_on_way(const char *dir, size_t len, const char *path)
{
	return len == 1 || (strncmp(dir, path, len) == 0 && (path[len] == '\0' || path[len] == '/'));
}

static bool
take_deeper(void *arg, const struct mountinfo *m)
{
	size_t len = strlen(m->mountpoint);
	struct deepest *k = arg;

	/* Later lines are mounted over earlier ones. */
	if (len >= k->len && is_on_way(m->mountpoint, len, k->path)) {
		*k->m = *m;
		k->len = len;
		k->rc = 0;
	}
	return true;
}

int
mountinfo_of(const char *path, struct mountinfo *m)
{
	struct deepest k = { path, m, 0, -ENOENT };
	int rc;

	if (path[0] != '/')
		return -EINVAL;
	rc = mountinfo_each(MOUNTINFO_SELF, NULL, take_deeper, &k);
	return rc != 0 ? rc : k.rc;
}

/* Most lines are of other types, and to parse one costs. */
static bool
is_of_type(const char *line, const char *fstype)
{
	const char *found = strstr(line, " - ");
	size_t n = fstype != NULL ? strlen(fstype) : 0;

	return fstype == NULL || (found != NULL && strncmp(found + 3, fstype, n) == 0 &&
	    found[3 + n] == ' ');
}

static int
walk(const struct mountinfo_walk *w, FILE *fp)
{
	struct mountinfo *m autofree = malloc(sizeof(*m));
	char *line autofree = NULL;
	bool is_first = true;
	size_t size = 0;

	if (m == NULL)
		return -ENOMEM;
	while (getline(&line, &size, fp) > 0) {
		if (is_first && w->begin != NULL && !w->begin(w->arg, line))
			return 0;
		is_first = false;
		if (w->until != INT64_MAX && clock_monotonic_ms() >= w->until)
			return -ETIMEDOUT;
		if (is_of_type(line, w->fstype) && mountinfo_parse(line, m) == 0 &&
		    !w->visit(w->arg, m))
			return 0;
	}
	return 0;
}

int
mountinfo_walk(const struct mountinfo_walk *w)
{
	FILE *fp = fopen(w->table, "re");
	int rc;

	if (fp == NULL)
		return -errno;
	rc = walk(w, fp);
	fclose(fp);
	return rc;
}

int
mountinfo_each(const char *table, const char *fstype,
    bool (*visit)(void *arg, const struct mountinfo *m), void *arg)
{
	const struct mountinfo_walk w = {
		.table = table, .fstype = fstype, .until = INT64_MAX, .visit = visit, .arg = arg
	};

	return mountinfo_walk(&w);
}

struct by_source {
	const char *source;
	uid_t	uid;
	struct mountinfo *found;
	int	rc;
};

static bool
compare_source(void *arg, const struct mountinfo *m)
{
	struct by_source *k = arg;

	if (strcmp(m->source, k->source) != 0 || (k->uid != (uid_t)-1 && m->uid != k->uid))
		return true;
	k->rc = k->rc == -ENOENT ? 0 : -EEXIST;
	*k->found = *m;
	return k->rc == 0;
}

int
mountinfo_find_source(const char *source, uid_t uid, struct mountinfo *m)
{
	struct by_source k = { source, uid, m, -ENOENT };
	struct mountinfo *top autofree = malloc(sizeof(*top));
	int rc = mountinfo_each(MOUNTINFO_SELF, MOUNT_FSTYPE, compare_source, &k);

	if (top == NULL || rc != 0)
		return top == NULL ? -ENOMEM : rc;
	/* Another one may be mounted over it. */
	if (k.rc == 0 && (mountinfo_find(m->mountpoint, top) != 0 || top->id != m->id))
		return -ENOENT;
	return k.rc;
}

int
mountinfo_append(struct mountinfo_list *l, const struct mountinfo *m)
{
	size_t room = MAX(2 * l->room, (size_t)16);
	struct mountinfo *bigger;

	if (l->n == MOUNTINFO_LIST_MAX) {
		l->left_out++;
		return 0;
	}
	if (l->n == l->room) {
		if ((bigger = reallocarray(l->mount, room, sizeof(*bigger))) == NULL)
			return -ENOMEM;
		l->mount = bigger;
		l->room = room;
	}
	l->mount[l->n++] = *m;
	return 0;
}

static bool
append_one(void *arg, const struct mountinfo *m)
{
	return mountinfo_append(arg, m) == 0;
}

int
mountinfo_list(const char *table, const char *fstype, struct mountinfo_list *l)
{
	return mountinfo_each(table, fstype, append_one, l);
}

void
mountinfo_free(struct mountinfo_list *l)
{
	free(l->mount);
	*l = (struct mountinfo_list){ 0 };
}
