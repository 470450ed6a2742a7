/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening and forgetting directories.  A confined child fills them: worker_fill().
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/identity.h"
#include "supervisor/mapping.h"
#include "supervisor/paths.h"
#include "supervisor/state.h"
#include "supervisor/username.h"
#include "supervisor/walk.h"

static int
check_place(struct supervisor *s, const char *to)
{
	const struct paths_named paths[] = {
		{ "store", s->source.store }, { "mountpoint", s->config->mnt },
		{ "diff directory", s->config->diff }, { "mapped directory", to },
	};
	char error[2 * PATH_MAX + 128];

	if (paths_check_overlap(paths, ARRAY_SIZE(paths), error, sizeof(error)) != 0)
		return state_fail(s, "%s", error);
	return 0;
}

static bool
is_empty(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *d;
	bool empty = true;
	DIR *dir;

	if (copy < 0)
		return false;
	if ((dir = fdopendir(copy)) == NULL) {
		close(copy);
		return false;
	}
	while (empty && (d = readdir(dir)) != NULL)
		empty = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
	closedir(dir);
	return empty;
}

/* Where it is, or is to be: nobody else may put another directory there. */
static int
open_parent(struct supervisor *s, const char *to)
{
	char error[WALK_ERROR_MAX], name[USERNAME_MAX];
	struct walk w;
	int fd = walk_parent(to, &w, error);

	if (fd < 0 || (identity_is_root() && walk_check(&w, to, s->owner.uid, error) != 0)) {
		if (fd >= 0)
			close(fd);
		return state_fail(s, "could not use \"%s\" as user %s: %s", to,
		    username_of(s->owner.uid, name), error);
	}
	return fd;
}

static bool
is_same(int fd, const struct stat *st)
{
	struct stat other;

	return fd >= 0 && fstat(fd, &other) == 0 && other.st_dev == st->st_dev &&
	    other.st_ino == st->st_ino;
}

/* The way to it may have led elsewhere than its name said. */
static int
check_opened(struct supervisor *s, const char *to, int fd)
{
	struct walk w = { .uid = s->owner.uid };
	char error[WALK_ERROR_MAX], name[USERNAME_MAX];
	struct stat st;

	if (fstat(fd, &st) != 0)
		return state_fail(s, "could not stat \"%s\": %s", to, strerror(errno));
	if (walk_enter(&w, to, fd, error) != 0 || walk_check(&w, to, s->owner.uid, error) != 0)
		return state_fail(s, "could not use \"%s\" as user %s: %s", to,
		    username_of(s->owner.uid, name), error);
	if (st.st_uid != s->owner.uid || (st.st_mode & 022) != 0)
		return state_fail(s, "\"%s\" has to belong to user %s and be writable by nobody else",
		    to, username_of(s->owner.uid, name));
	if (is_same(s->source.fd, &st) || is_same(s->claim.dir.fd, &st) || is_same(s->mnt.fd, &st))
		return state_fail(s, "\"%s\" is store, mountpoint or diff directory", to);
	return is_empty(fd) ? 0 :
	    state_fail(s, "\"%s\" is not empty: empty it, or map to another directory", to);
}

static int
open_one(struct supervisor *s, const char *to)
{
	const char *base = strrchr(to, '/') + 1;
	char name[USERNAME_MAX];
	unsigned i = s->mapped.n;
	int parent_fd;

	if (check_place(s, to) != 0 || (parent_fd = open_parent(s, to)) < 0)
		return -1;
	s->mapped.parent_fd[i] = parent_fd;
	s->mapped.fd[i] = -1;
	s->mapped.n++;
	if (mkdirat(parent_fd, base, 0700) == 0)
		s->mapped.made[i] = true;
	else if (errno != EEXIST)
		return state_fail(s, "could not create \"%s\" as user %s: %s", to,
		    username_of(s->owner.uid, name), strerror(errno));
	s->mapped.fd[i] = openat(parent_fd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->mapped.fd[i] < 0)
		return state_fail(s, "could not open \"%s\" as user %s: %s", to,
		    username_of(s->owner.uid, name), strerror(errno));
	return check_opened(s, to, s->mapped.fd[i]);
}

int
mapping_open(struct supervisor *s)
{
	const struct clone_config *p = s->config->clone;
	unsigned i;

	for (i = 0; s->binding.is_fresh && p != NULL && i < p->n_mappings; i++)
		if (open_one(s, p->mapping[i].to) != 0)
			return -1;
	return 0;
}

void
mapping_forget(struct supervisor *s)
{
	unsigned i;

	for (i = 0; i < s->mapped.n; i++) {
		if (s->mapped.fd[i] >= 0)
			close(s->mapped.fd[i]);
		s->mapped.fd[i] = -1;
	}
}

void
mapping_close(struct supervisor *s)
{
	const char *to;
	unsigned i;

	mapping_forget(s);
	while (s->mapped.n > 0) {
		i = --s->mapped.n;
		to = s->config->clone->mapping[i].to;
		/* A directory that we made goes again if it is still empty. */
		if (s->failed && !s->ready_once && s->mapped.made[i])
			unlinkat(s->mapped.parent_fd[i], strrchr(to, '/') + 1, AT_REMOVEDIR);
		close(s->mapped.parent_fd[i]);
	}
}

static int
record(struct binding *b, const char *from, const char *to)
{
	struct binding_mapping *m = &b->mapped[b->n_mapped++];

	m->from = strdup(from);
	m->to = strdup(to);
	return m->from != NULL && m->to != NULL ? 0 : -ENOMEM;
}

int
mapping_record(struct supervisor *s)
{
	const struct clone_config *p = s->config->clone;
	struct bind *b = &s->binding;
	size_t i;
	int rc = 0;

	for (i = 0; b->is_saved && i < b->saved.n_mapped && rc == 0; i++)
		rc = record(&b->found, b->saved.mapped[i].from, b->saved.mapped[i].to);
	for (i = 0; b->is_fresh && p != NULL && i < p->n_mappings && rc == 0; i++)
		rc = record(&b->found, p->mapping[i].from, p->mapping[i].to);
	return rc;
}
