/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command delete: removes a branch or a snapshot on which nothing stands; with --recursive what does, too.  And it
 * says of one that it is not to be deleted.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ondisk.h"
#include "base/util.h"
#include "cli/branchname.h"
#include "cli/cli.h"
#include "cli/layered.h"
#include "supervisor/identity.h"
#include "supervisor/record.h"

/* Those of l->found that go. */
static bool	snapshot_goes[LAYERED_MAX], branch_goes[LAYERED_MAX];

/* ---- what stands on what ------------------------------------------------------------- */

static bool
goes(const struct layered *l, const char *snapshot)
{
	unsigned i;

	for (i = 0; i < l->found->n_snapshots; i++)
		if (snapshot_goes[i] && strcmp(l->found->snapshot[i].name, snapshot) == 0)
			return true;
	return false;
}

/* Marks what stands on what goes, until there is no more. */
static void
mark_above(const struct layered *l)
{
	const struct layered_told *t = l->found;
	bool more = true;
	unsigned i;

	while (more) {
		more = false;
		for (i = 0; i < t->n_snapshots; i++)
			if (!snapshot_goes[i] && t->snapshot[i].has_parent && goes(l, t->snapshot[i].parent))
				more = snapshot_goes[i] = true;
	}
	for (i = 0; i < t->n_branches; i++)
		branch_goes[i] |= t->branch[i].has_snapshot && goes(l, t->branch[i].snapshot);
}

static unsigned
count(void)
{
	unsigned i, n = 0;

	for (i = 0; i < LAYERED_MAX; i++)
		n += (unsigned)snapshot_goes[i] + (unsigned)branch_goes[i];
	return n;
}

static int
mark(const struct layered *l)
{
	const struct options *o = l->options;
	const struct layered_snapshot *s;
	const struct layered_branch *b;

	if (o->branch != NULL && (b = layered_find_branch(l, o->branch)) != NULL) {
		branch_goes[b - l->found->branch] = true;
		return 0;
	}
	if (o->branch != NULL)
		return cli_error("\"%s\" has no branch \"%s\" any more", l->path, o->branch);
	if ((s = layered_find_snapshot(l, o->snapshot)) == NULL)
		return cli_error("\"%s\" has no snapshot \"%s\": pbkfs tree -d \"%s\" shows what there is", l->path, o->snapshot,
		    l->path);
	snapshot_goes[s - l->found->snapshot] = true;
	mark_above(l);
	return 0;
}

/* ---- what is refused -------------------------------------------------------------------- */

static int
check_protected(const struct layered *l)
{
	const struct layered_told *t = l->found;
	unsigned i;

	for (i = 0; i < LAYERED_MAX; i++) {
		if (snapshot_goes[i] && t->snapshot[i].is_protected)
			return cli_error("snapshot \"%s\" is protected: pbkfs delete -d \"%s\" --snapshot %s --unprotect allows it",
			    t->snapshot[i].name, l->path, t->snapshot[i].name);
		if (branch_goes[i] && t->branch[i].is_protected)
			return cli_error("branch \"%s\" is protected: pbkfs delete -d \"%s\" --branch %s --unprotect allows it",
			    t->branch[i].name, l->path, t->branch[i].name);
	}
	return 0;
}

/* Names what stands on the snapshot. */
static int
tell_above(const struct layered *l)
{
	const struct layered_told *t = l->found;
	char text[1024] = "";
	unsigned i;

	for (i = 0; i < LAYERED_MAX; i++) {
		if (branch_goes[i]) {
			strlcat(text, text[0] != '\0' ? ", branch " : "branch ", sizeof(text));
			strlcat(text, t->branch[i].name, sizeof(text));
		}
		if (snapshot_goes[i] && strcmp(t->snapshot[i].name, l->options->snapshot) != 0) {
			strlcat(text, text[0] != '\0' ? ", snapshot " : "snapshot ", sizeof(text));
			strlcat(text, t->snapshot[i].name, sizeof(text));
		}
	}
	return cli_error("snapshot \"%s\" is what others stand on (%s): delete these first, or use --recursive",
	    l->options->snapshot, text);
}

/* A branch that does not say on what it stands may stand on this one. */
static int
check_branches(const struct layered *l)
{
	const struct layered_told *t = l->found;
	const char *name = l->options->snapshot;
	unsigned i;

	if (t->has_more)
		return cli_error("\"%s\" has more than %d branches, and one that was not looked at may stand on snapshot \"%s\": delete"
		    " some branches first", l->path, LAYERED_MAX - 1, name);
	if (t->branch[0].is_damaged)
		return cli_error("\"%s\" itself is damaged, and may stand on snapshot \"%s\": pbkfs reset -d \"%s\" --to another one"
		    " first, or pbkfs cleanup all", l->path, name, l->path);
	for (i = 1; i < t->n_branches; i++)
		if (t->branch[i].is_damaged)
			return cli_error("branch \"%s\" is damaged, and may stand on snapshot \"%s\": pbkfs delete -d \"%s\" --branch %s"
			    " first", t->branch[i].name, name, l->path, t->branch[i].name);
	return 0;
}

/* Nobody knows what stands on a damaged one: who misses something may miss that. */
static int
check_missing(const struct layered *l)
{
	static const char text[] = "snapshot \"%s\" is damaged, and may be what %s%s%s%s stands on, which is missing: %s first";
	const struct layered_told *t = l->found;
	const char *name = l->options->snapshot;
	unsigned i;

	if (t->branch[0].has_snapshot && t->branch[0].snapshot[0] == '\0')
		return cli_error(text, name, "\"", l->path, "\" itself", "", "reset that to another snapshot");
	for (i = 1; i < t->n_branches; i++)
		if (t->branch[i].has_snapshot && t->branch[i].snapshot[0] == '\0')
			return cli_error(text, name, "branch ", "\"", t->branch[i].name, "\"", "delete that");
	for (i = 0; i < t->n_snapshots; i++)
		if (t->snapshot[i].has_parent && t->snapshot[i].parent[0] == '\0')
			return cli_error(text, name, "snapshot ", "\"", t->snapshot[i].name, "\"", "delete that");
	return 0;
}

/* Each other snapshot has to say on what it stands. */
static int
check_snapshots(const struct layered *l)
{
	const struct layered_snapshot *s = layered_find_snapshot(l, l->options->snapshot);
	unsigned i;

	if (s == NULL || s->is_damaged)
		return check_missing(l);
	for (i = 0; i < l->found->n_snapshots; i++)
		if (l->found->snapshot[i].is_damaged)
			return cli_error("snapshot \"%s\" is damaged, and may stand on snapshot \"%s\": pbkfs delete -d \"%s\" --snapshot"
			    " %s first", l->found->snapshot[i].name, s->name, l->path, l->found->snapshot[i].name);
	return 0;
}

static int
check(const struct layered *l)
{
	int rc;

	if (l->options->snapshot != NULL && ((rc = check_branches(l)) != 0 || (rc = check_snapshots(l)) != 0))
		return rc;

	if (branch_goes[0])
		return cli_error("\"%s\" itself stands on snapshot \"%s\": pbkfs reset -d \"%s\" --to another one first, or pbkfs"
		    " cleanup all", l->path, l->options->snapshot, l->path);
	if ((rc = check_protected(l)) != 0)
		return rc;
	return count() > 1 && !l->options->recursive ? tell_above(l) : 0;
}

static void
list(const struct layered *l)
{
	unsigned i;

	for (i = 0; i < LAYERED_MAX; i++)
		if (branch_goes[i])
			cli_say("to be deleted: branch \"%s\"", l->found->branch[i].name);
	for (i = 0; i < LAYERED_MAX; i++)
		if (snapshot_goes[i])
			cli_say("to be deleted: snapshot \"%s\"", l->found->snapshot[i].name);
	cli_flush();
}

/* ---- in the confined child: branches, then snapshots, each after what stands on it ------- */

static int
delete_branches(struct layered *l)
{
	int branches autoclose = layered_branches(l, false), rc = branches < 0 ? branches : 0;
	unsigned i;

	for (i = 0; i < LAYERED_MAX; i++)
		if (branch_goes[i]) {
			if (rc == 0 && (rc = layered_discard(l, branches, l->found->branch[i].name)) == 0 && fsync(branches) != 0)
				rc = -errno;
			if (rc != 0)
				return cli_error("could not delete branch \"%s\": %s", l->found->branch[i].name, strerror(-rc));
			cli_say("deleted branch \"%s\"", l->found->branch[i].name);
		}
	return 0;
}

static bool
is_stood_on(const struct layered *l, unsigned k)
{
	const struct layered_told *t = l->found;
	unsigned i;

	for (i = 0; i < t->n_snapshots; i++)
		if (snapshot_goes[i] && i != k && t->snapshot[i].has_parent &&
		    strcmp(t->snapshot[i].parent, t->snapshot[k].name) == 0)
			return true;
	return false;
}

static int
delete_snapshots(struct layered *l)
{
	int layers autoclose = layered_layers(l), rc = layers < 0 ? layers : 0;
	bool more = true;
	unsigned i;

	while (more) {
		more = false;
		for (i = 0; i < l->found->n_snapshots; i++) {
			if (!snapshot_goes[i] || is_stood_on(l, i))
				continue;
			if (rc < 0 || (rc = layers_remove(layers, l->found->snapshot[i].name)) < 0)
				return cli_error("could not delete snapshot \"%s\": %s", l->found->snapshot[i].name, strerror(-rc));
			cli_say("deleted snapshot \"%s\"", l->found->snapshot[i].name);
			snapshot_goes[i] = false;
			more = true;
		}
	}
	for (i = 0; i < l->found->n_snapshots; i++)
		if (snapshot_goes[i])
			return cli_error("could not delete snapshot \"%s\": it stands on itself, by what others say", l->found->snapshot[i].name);
	return 0;
}

static int
delete(struct layered *l)
{
	int rc = delete_branches(l);

	return rc != 0 ? rc : delete_snapshots(l);
}

/* ---- protection --------------------------------------------------------------------------- */

static int
open_it(const struct layered *l)
{
	int layers autoclose = -1, fd;

	if (l->options->branch != NULL)
		return layered_directory(l, l->options->branch);
	if ((layers = layered_layers(l)) < 0)
		return layers;
	fd = openat(layers, l->options->snapshot, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int
protect(struct layered *l)
{
	int dir autoclose = open_it(l), fd autoclose = -1, rc = 0;
	const struct options *o = l->options;
	const char *name = o->branch != NULL ? o->branch : o->snapshot;

	if (dir == -ENOENT)
		return cli_error("\"%s\" has no snapshot \"%s\": pbkfs tree -d \"%s\" shows what there is", l->path, name, l->path);
	if (dir < 0)
		return layered_failed(l, "open", dir);
	/* Whatever lies there protects, and the owner may have put a pipe there. */
	if (o->protect && (fd = openat(dir, ONDISK_PROTECTED, O_WRONLY | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0600)) < 0 &&
	    errno != EEXIST)
		rc = -errno;
	else if (!o->protect && unlinkat(dir, ONDISK_PROTECTED, 0) != 0 && errno != ENOENT)
		rc = -errno;
	else if (fsync(dir) != 0)
		rc = -errno;
	if (rc != 0)
		return cli_error("could not %s \"%s\": %s", o->protect ? "protect" : "unprotect", name, strerror(-rc));
	cli_say("%s \"%s\" is %s", o->branch != NULL ? "branch" : "snapshot", name,
	    o->protect ? "protected: pbkfs delete refuses it" : "not protected any more");
	return 0;
}

/* ---- the command --------------------------------------------------------------------------- */

/* Root forgets what it has decided about branches that are gone. */
static int
forget(const struct layered *l)
{
	char path[PATH_MAX];
	unsigned i;
	int rc;

	for (i = 0; i < LAYERED_MAX && identity_is_root(); i++)
		if (branch_goes[i] && branchname_path(l->path, l->found->branch[i].name, path) == 0 &&
		    (rc = record_remove(path)) != 0)
			cli_warn("could not remove the record of \"%s\" in \"%s\": %s", path, RECORD_DIRECTORY, strerror(-rc));
	return 0;
}

static int
act(struct layered *l)
{
	unsigned i;
	int rc;

	if (l->options->protect || l->options->unprotect)
		return layered_confine(l, protect);
	if ((rc = layered_look(l)) != 0 || (rc = mark(l)) != 0 || (rc = check(l)) != 0)
		return rc;
	for (i = 1; i < LAYERED_MAX && rc == 0; i++)
		if (branch_goes[i] && (l->target != &l->branch || strcmp(l->found->branch[i].name, l->options->branch) != 0))
			rc = layered_lock_also(l, l->found->branch[i].name);
	if (rc != 0)
		return rc;
	if (l->options->recursive)
		list(l);
	return (rc = layered_confine(l, delete)) != 0 ? rc : forget(l);
}

int
cmd_delete(const struct options *o)
{
	const struct layered_work work = {
		.participle = "deleted", .so_what = "nothing was deleted",
		.changes_target = o->branch != NULL && !o->protect && !o->unprotect, .act = act,
	};
	const struct cli_need need[] = { { "--diff-dir", o->diff != NULL } };

	if (cli_require(need, ARRAY_SIZE(need)) != 0 || branchname_check("--branch", o->branch) != 0 ||
	    branchname_check("--snapshot", o->snapshot) != 0)
		return EXIT_USAGE;
	if ((o->branch != NULL) == (o->snapshot != NULL))
		return cli_usage("one of --branch and --snapshot is required");
	if (o->protect + o->unprotect + o->recursive > 1)
		return cli_usage("--protect, --unprotect and --recursive exclude one another");
	return layered_run(o, &work);
}
