/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chains are resolved in memory: each backup points to its parent, and a walk
 * up from every backup is at most CHAIN_MAX steps.  The first member that has
 * a fault of its own decides, as it does when chain_open() walks.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/util.h"
#include "probackup/chain_find.h"
#include "probackup/explain.h"
#include "probackup/instance.h"
#include "probackup/member.h"

/* ---- directories ---------------------------------------------------------- */

/* Whether it is a directory or a link: chain_find_backup() refuses each link by name. */
static bool
is_directory(DIR *dir, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR || entry->d_type == DT_LNK;
	return fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode));
}

/*
 * Returns the name of the next directory that is not hidden; NULL at the end,
 * with errno 0, or after an error.
 */
static const char *
next_directory(DIR *dir)
{
	const struct dirent *entry;

	do {
		errno = 0;
		if ((entry = readdir(dir)) == NULL)
			return NULL;
	} while (entry->d_name[0] == '.' || !is_directory(dir, entry));
	return entry->d_name;
}

/* Opens for reading the directory of an O_PATH descriptor.  Returns NULL with errno. */
static DIR *
open_directory(int fd)
{
	int readable autoclose = io_open_beneath(fd, ".", O_RDONLY | O_DIRECTORY, 0);
	DIR *dir;

	if (readable < 0) {
		errno = -readable;
		return NULL;
	}
	if ((dir = fdopendir(readable)) != NULL)
		steal_fd(&readable);
	return dir;
}

/* Makes room for one more element of size bytes: doubling, up to max elements. */
static int
grow(void *array, size_t n, size_t max, size_t size)
{
	void **p = array, *bigger;

	if (n == max)
		return -E2BIG;
	if (n != 0 && (n < 16 || (n & (n - 1)) != 0))
		return 0;
	if ((bigger = reallocarray(*p, MAX(2 * n, (size_t)16), size)) == NULL)
		return -ENOMEM;
	*p = bigger;
	return 0;
}

/* ---- instances ------------------------------------------------------------ */

static int
read_names(DIR *dir, char ***names, size_t *n)
{
	const char *name;
	int rc;

	while ((name = next_directory(dir)) != NULL) {
		if ((rc = grow(names, *n, INSTANCES_MAX, sizeof(**names))) < 0)
			return rc;
		if (((*names)[*n] = strdup(name)) == NULL)
			return -ENOMEM;
		++*n;
	}
	return -errno;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
instance_names(int store_fd, const char *store_name, char ***names, size_t *n, char *error)
{
	int fd autoclose = chain_find_instances(store_fd, store_name, error);
	char **found = NULL;
	size_t n_found = 0;
	DIR *dir;
	int rc;

	if (fd < 0)
		return fd;
	rc = (dir = open_directory(fd)) != NULL ? read_names(dir, &found, &n_found) : -errno;
	if (dir != NULL)
		closedir(dir);
	if (rc < 0) {
		instance_names_free(found, n_found);
		return explain(error, rc, "could not list the instances in \"%s\": %s", store_name,
		    rc == -E2BIG ? "there are too many" : strerror(-rc));
	}
	if (n_found > 0)
		qsort(found, n_found, sizeof(*found), compare_names);
	*names = found;
	*n = n_found;
	return 0;
}

void
instance_names_free(char **names, size_t n)
{
	while (n > 0)
		free(names[--n]);
	free(names);
}

/* ---- backups -------------------------------------------------------------- */

static int
compare_backups(const void *a, const void *b)
{
	const struct instance_backup *x = a, *y = b;

	return backup_id_compare(x->id, y->id);
}

static int
read_ids(DIR *dir, struct instance *in)
{
	const char *name;
	int rc;

	while ((name = next_directory(dir)) != NULL) {
		if (!backup_id_is_valid(name)) {
			in->odd_names++;
			continue;
		}
		if ((rc = grow(&in->backup, in->n, INSTANCE_BACKUPS_MAX, sizeof(*in->backup))) < 0)
			return rc;
		in->backup[in->n] = (struct instance_backup){ 0 };
		strcpy(in->backup[in->n++].id, name);
	}
	return -errno;
}

/* Returns 0 or -ENOMEM: what is wrong with the backup is put down as its fault. */
static int
load_backup(int instance_fd, const char *name, struct instance_backup *b)
{
	struct control *c autofree = malloc(sizeof(*c));
	struct member_doubt doubts[MEMBER_DOUBTS];
	char error[CHAIN_ERROR_MAX];
	int dirfd autoclose = -1;
	uint64_t list_len;

	if (c == NULL)
		return -ENOMEM;
	dirfd = chain_find_backup(instance_fd, name, b->id, error);
	if (dirfd >= 0 && member_read(dirfd, b->id, c, error) == 0) {
		b->control = steal_pointer(&c);
		if (member_check_format(b->id, b->control, error) == 0) {
			if (member_doubts(dirfd, b->id, b->control, doubts) > 0)
				member_refuse(&doubts[0], error);
			else if (member_check_list(dirfd, b->id, &list_len, error) == 0)
				return 0;
		}
	}
	return (b->fault = strdup(error)) != NULL ? 0 : -ENOMEM;
}

/* ---- chains --------------------------------------------------------------- */

/* Finds in memory what merge_find_full() would find for one of two backups. */
static const char *
merged_full(const struct instance *in, const char *id, const char *child)
{
	const struct control *c;
	size_t i;

	for (i = 0; i < in->n; i++) {
		c = in->backup[i].control;
		if (c != NULL && strcmp(c->status, "MERGED") == 0 &&
		    (strcmp(c->merge_dest, id) == 0 || strcmp(c->merge_dest, child) == 0))
			return in->backup[i].id;
	}
	return NULL;
}

static int
link_parent(struct instance *in, const char *name, struct instance_backup *b)
{
	struct instance_backup key = { 0 };
	char error[CHAIN_ERROR_MAX];

	if (b->control == NULL || b->control->parent[0] == '\0')
		return 0;
	strcpy(key.id, b->control->parent);
	b->parent = bsearch(&key, in->backup, in->n, sizeof(key), compare_backups);
	if (b->parent != NULL || b->fault != NULL)
		return 0;
	member_missing(name, key.id, b->id, merged_full(in, key.id, b->id), error);
	return (b->fault = strdup(error)) != NULL ? 0 : -ENOMEM;
}

static int
judge(struct instance *in, struct instance_backup *b)
{
	struct instance_backup *at, *child = NULL;
	size_t mark = (size_t)(b - in->backup) + 1;
	char error[CHAIN_ERROR_MAX];
	unsigned n = 0;

	for (at = b; at != NULL; child = at, at = at->parent, n++) {
		if (member_check_place(b->id, n, child != NULL ? child->id : NULL, at->id,
		    at->seen_from == mark, error) < 0) {
			b->reason = b->misplaced = strdup(error);
			return b->reason != NULL ? 0 : -ENOMEM;
		}
		at->seen_from = mark;
		if (at->fault != NULL) {
			b->reason = at->fault;
			return 0;
		}
	}
	return 0;
}

static int
load_backups(int instance_fd, const char *name, struct instance *in)
{
	size_t i;
	DIR *dir;
	int rc;

	if ((dir = open_directory(instance_fd)) == NULL)
		return -errno;
	rc = read_ids(dir, in);
	closedir(dir);
	if (rc == 0 && in->n > 0)
		qsort(in->backup, in->n, sizeof(*in->backup), compare_backups);
	for (i = 0; i < in->n && rc == 0; i++)
		rc = load_backup(instance_fd, name, &in->backup[i]);
	for (i = 0; i < in->n && rc == 0; i++)
		rc = link_parent(in, name, &in->backup[i]);
	for (i = 0; i < in->n && rc == 0; i++)
		rc = judge(in, &in->backup[i]);
	return rc;
}

int
instance_load(int store_fd, const char *store_name, const char *name, struct instance *in,
    char *error)
{
	int fd autoclose = -1, rc;

	*in = (struct instance){ 0 };
	if ((fd = chain_find_instance(store_fd, store_name, name, error)) < 0)
		return fd;
	if ((rc = load_backups(fd, name, in)) == -E2BIG)
		return explain(error, rc, "instance \"%s\" has more than %d backups", name,
		    INSTANCE_BACKUPS_MAX);
	if (rc < 0)
		return explain(error, rc, "could not list the backups of instance \"%s\": %s", name,
		    strerror(-rc));
	return 0;
}

void
instance_fini(struct instance *in)
{
	size_t i;

	for (i = 0; i < in->n; i++) {
		free(in->backup[i].control);
		free(in->backup[i].fault);
		free(in->backup[i].misplaced);
	}
	free(in->backup);
	*in = (struct instance){ 0 };
}
