/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds all snapshots and branches of a diff directory, and what each stands on.  It changes nothing.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/layered.h"
#include "cli/treesize.h"

static bool
has_mark(int dir_fd, const char *mark)
{
	struct stat st;

	return dir_fd >= 0 && fstatat(dir_fd, mark, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
take_snapshot(struct layered_snapshot *s, const struct layers_info *i, int layers_fd)
{
	int fd autoclose = openat(layers_fd, i->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	*s = (struct layered_snapshot){
		.is_damaged = i->damage != 0, .has_parent = i->has_parent, .is_protected = has_mark(fd, ONDISK_PROTECTED), .time = i->time,
		.bytes = i->disk_bytes,
	};
	strlcpy(s->name, i->name, sizeof(s->name));
	strlcpy(s->parent, i->parent, sizeof(s->parent));
	strlcpy(s->message, i->message, sizeof(s->message));
	binding_write_id(i->id.byte, s->id);
}

static int
survey_snapshots(struct layered *l, int layers_fd)
{
	struct layers_info *all autofree = NULL;
	size_t i, n = 0;
	int rc = layers_list(layers_fd, &all, &n);

	if (rc < 0)
		return cli_error("could not list the snapshots of \"%s\": %s", l->path, strerror(-rc));
	if (n > LAYERED_MAX)
		return cli_error("\"%s\" has %zu snapshots, and pbkfs can keep no more than %d apart", l->path, n, LAYERED_MAX);
	for (i = 0; i < n; i++)
		take_snapshot(&l->told->snapshot[i], &all[i], layers_fd);
	l->told->n_snapshots = (unsigned)n;
	return 0;
}

/* An active layer knows by an id on what it stands; names may have changed. */
static void
name_base(struct layered_branch *b, const struct seal_id *id, const struct layered_told *t)
{
	char text[BINDING_SNAPSHOT_ID + 1];
	unsigned i;

	binding_write_id(id->byte, text);
	for (i = 0; i < t->n_snapshots; i++)
		if (!t->snapshot[i].is_damaged && strcmp(t->snapshot[i].id, text) == 0)
			strlcpy(b->snapshot, t->snapshot[i].name, sizeof(b->snapshot));
}

/* In the middle of a command it has another name; at the end of that its own again. */
static int
open_active(int dir_fd)
{
	int fd = layered_changes(dir_fd);

	if (fd == -ENOENT && (fd = openat(dir_fd, ONDISK_NEXT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		fd = errno == ENOENT ? layered_changes(dir_fd) : -errno;
	return fd;
}

/* The whole alone can be without an active layer: no backup was mounted with it yet. */
static void
find_base(struct layered_branch *b, const struct layered_told *t, int dir_fd)
{
	int changes autoclose = open_active(dir_fd);
	struct seal_parent parent;
	int rc = changes == -ENOENT && b->name[0] == '\0' ? 0 : changes < 0 ? changes : layers_parent(changes, &parent);

	b->is_damaged = rc < 0;
	b->has_snapshot = rc > 0;
	if (rc > 0)
		name_base(b, &parent.id, t);
	if (changes >= 0)
		treesize(changes, &b->bytes);
}

static void
take_branch(struct layered_branch *b, const char *name, const struct layered_told *t, int dir_fd)
{
	static struct binding saved;

	*b = (struct layered_branch){
		.is_protected = name[0] != '\0' && has_mark(dir_fd, ONDISK_PROTECTED), .is_of_run = has_mark(dir_fd, ONDISK_RUN),
	};
	strlcpy(b->name, name, sizeof(b->name));
	find_base(b, t, dir_fd);
	if (binding_load(dir_fd, &saved) == 0)
		strlcpy(b->created, saved.created, sizeof(b->created));
	binding_fini(&saved);
}

static int
compare_names(const void *a, const void *b)
{
	const struct layered_branch *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Directories alone are branches.  One that cannot be opened is one all the same. */
static void
add_branch(struct layered *l, const char *name)
{
	struct layered_told *t = l->told;
	int fd autoclose = layered_directory(l, name);

	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return;
	t->has_more = t->n_branches == LAYERED_MAX;
	if (t->has_more)
		return;
	if (fd >= 0) {
		take_branch(&t->branch[t->n_branches++], name, t, fd);
		return;
	}
	t->branch[t->n_branches] = (struct layered_branch){ .is_damaged = true };
	strlcpy(t->branch[t->n_branches++].name, name, LAYERED_NAME);
}

static int
survey_branches(struct layered *l)
{
	int whole autoclose = layered_directory(l, ""), rc;
	struct layered_told *t = l->told;
	const struct dirent *e;
	DIR *dir;

	if (whole < 0)
		return layered_failed(l, "open", whole);
	take_branch(&t->branch[0], "", t, whole);
	t->n_branches = 1;
	if ((rc = io_opendir(whole, ONDISK_BRANCHES, &dir)) == -ENOENT)
		return 0;
	if (rc == 0) {
		while (!t->has_more && (rc = io_readdir(dir, &e)) > 0)
			if (layers_name_is_valid(e->d_name))
				add_branch(l, e->d_name);
		closedir(dir);
	}
	if (rc < 0)
		return cli_error("could not list the branches of \"%s\": %s", l->path, strerror(-rc));
	qsort(t->branch, t->n_branches, sizeof(t->branch[0]), compare_names);
	return 0;
}

int
layered_survey(struct layered *l)
{
	int layers autoclose = layered_layers(l), rc;

	l->told->n_snapshots = l->told->n_branches = 0;
	l->told->has_more = false;
	if (layers < 0 && layers != -ENOENT)
		return cli_error("could not use \"%s/" ONDISK_LAYERS "\": %s", l->path, strerror(-layers));
	if (layers >= 0 && (rc = survey_snapshots(l, layers)) != 0)
		return rc;
	return survey_branches(l);
}

/* ---- what the confined child says is text ------------------------------------------------ */

static bool
is_name(char name[LAYERED_NAME], bool may_be_empty)
{
	name[LAYERED_NAME - 1] = '\0';
	return name[0] == '\0' ? may_be_empty : layers_name_is_valid(name);
}

static bool
is_sound(struct layered_told *t)
{
	bool sound = t->n_snapshots <= LAYERED_MAX && t->n_branches <= LAYERED_MAX && t->n_branches > 0;
	unsigned i;

	for (i = 0; sound && i < t->n_snapshots; i++) {
		sound = is_name(t->snapshot[i].name, false) && is_name(t->snapshot[i].parent, true);
		t->snapshot[i].id[BINDING_SNAPSHOT_ID] = t->snapshot[i].message[SEAL_MESSAGE_MAX] = '\0';
	}
	for (i = 0; sound && i < t->n_branches; i++) {
		sound = is_name(t->branch[i].name, i == 0) && is_name(t->branch[i].snapshot, true);
		t->branch[i].created[sizeof(t->branch[i].created) - 1] = '\0';
	}
	return sound;
}

int
layered_look(struct layered *l)
{
	int rc = layered_confine(l, layered_survey);

	if (rc != 0)
		return rc;
	if (l->found == NULL && (l->found = malloc(sizeof(*l->found))) == NULL)
		return cli_error("out of memory");
	*l->found = *l->told;
	return is_sound(l->found) ? 0 : cli_error("\"%s\" contradicts itself", l->path);
}

const struct layered_snapshot *
layered_find_snapshot(const struct layered *l, const char *name)
{
	unsigned i;

	for (i = 0; i < l->found->n_snapshots; i++)
		if (strcmp(l->found->snapshot[i].name, name) == 0)
			return &l->found->snapshot[i];
	return NULL;
}

const struct layered_branch *
layered_find_branch(const struct layered *l, const char *name)
{
	unsigned i;

	for (i = 0; i < l->found->n_branches; i++)
		if (strcmp(l->found->branch[i].name, name) == 0)
			return &l->found->branch[i];
	return NULL;
}

int64_t
layered_time(const char *created)
{
	struct tm tm = { 0 };

	return strptime(created, "%Y-%m-%dT%H:%M:%SZ", &tm) != NULL ? (int64_t)timegm(&tm) : 0;
}
