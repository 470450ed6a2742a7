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

/* Those of l->told that go. */
static bool	snapshot_goes[LAYERED_MAX], branch_goes[LAYERED_MAX];

/* ---- what stands on what ------------------------------------------------------------- */

static bool
goes(const struct layered *l, const char *snapshot)
{
	unsigned i;

	for (i = 0; i < l->told->n_snapshots; i++)
		if (snapshot_goes[i] && strcmp(l->told->snapshot[i].name, snapshot) == 0)
			return true;
	return false;
}

/* Marks what stands on what goes, until there is no more. */
static void
mark_above(const struct layered *l)
{
	const struct layered_told *t = l->told;
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
		branch_goes[b - l->told->branch] = true;
		return 0;
	}
	if (o->branch != NULL)
		return cli_error("\"%s\" has no branch \"%s\" any more", l->path, o->branch);
	if ((s = layered_find_snapshot(l, o->snapshot)) == NULL)
		return cli_error("\"%s\" has no snapshot \"%s\": pbkfs tree -d \"%s\" shows what there is", l->path, o->snapshot,
		    l->path);
	snapshot_goes[s - l->told->snapshot] = true;
	mark_above(l);
	return 0;
}

/* ---- what is refused -------------------------------------------------------------------- */

static int
check_protected(const struct layered *l)
{
	const struct layered_told *t = l->told;
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
	const struct layered_told *t = l->told;
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

static int
check(const struct layered *l)
{
	int rc;

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
			cli_say("to be deleted: branch \"%s\"", l->told->branch[i].name);
	for (i = 0; i < LAYERED_MAX; i++)
		if (snapshot_goes[i])
			cli_say("to be deleted: snapshot \"%s\"", l->told->snapshot[i].name);
	cli_flush();
}

/* ---- in the confined child: branches, then snapshots, each after what stands on it ------- */

static int
delete_branches(struct layered *l)
{
	int branches autoclose = layered_branches(l, false), rc = branches < 0 ? branches : 0;
	unsigned i;

	for (i = 0; i < LAYERED_MAX && rc == 0; i++)
		if (branch_goes[i]) {
			if ((rc = layered_discard(l, branches, l->told->branch[i].name)) == 0 && fsync(branches) != 0)
				rc = -errno;
			if (rc != 0)
				return cli_error("could not delete branch \"%s\": %s", l->told->branch[i].name, strerror(-rc));
			cli_say("deleted branch \"%s\"", l->told->branch[i].name);
		}
	return 0;
}

static bool
is_stood_on(const struct layered *l, unsigned k)
{
	const struct layered_told *t = l->told;
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
		for (i = 0; i < l->told->n_snapshots; i++) {
			if (!snapshot_goes[i] || is_stood_on(l, i))
				continue;
			if (rc < 0 || (rc = layers_remove(layers, l->told->snapshot[i].name)) < 0)
				return cli_error("could not delete snapshot \"%s\": %s", l->told->snapshot[i].name, strerror(-rc));
			cli_say("deleted snapshot \"%s\"", l->told->snapshot[i].name);
			snapshot_goes[i] = false;
			more = true;
		}
	}
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
	if (o->protect && (fd = openat(dir, ONDISK_PROTECTED, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0)
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
		if (branch_goes[i] && branchname_path(l->path, l->told->branch[i].name, path) == 0 &&
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
		if (branch_goes[i] && (l->target != &l->branch || strcmp(l->told->branch[i].name, l->options->branch) != 0))
			rc = layered_lock_also(l, l->told->branch[i].name);
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
