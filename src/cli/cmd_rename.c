/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command rename: gives a branch, or a snapshot, another name.  Whoever stands on a snapshot finds it by its id.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/branchname.h"
#include "cli/cli.h"
#include "cli/layered.h"
#include "diff/disk.h"
#include "supervisor/identity.h"
#include "supervisor/record.h"

static int
refuse(const struct layered *l, int rc)
{
	const struct options *o = l->options;
	const char *what = o->branch != NULL ? "branch" : "snapshot", *from = o->branch != NULL ? o->branch : o->snapshot;

	if (rc == -EEXIST)
		return cli_error("\"%s\" has a %s \"%s\" already", l->path, what, o->name);
	if (rc == -ENOENT)
		return cli_error("\"%s\" has no %s \"%s\": pbkfs tree -d \"%s\" shows what there is", l->path, what, from, l->path);
	return cli_error("could not rename %s \"%s\": %s", what, from, strerror(-rc));
}

static int
rename_snapshot(struct layered *l)
{
	int layers autoclose = layered_layers(l), rc = layers;

	if (layers < 0 || (rc = layers_rename(layers, l->options->snapshot, l->options->name)) < 0)
		return refuse(l, rc);
	cli_say("snapshot \"%s\" is called \"%s\" now", l->options->snapshot, l->options->name);
	return 0;
}

/* The name in its binding is for people. */
static int
note_name(int dir, const char *name)
{
	struct binding b;
	int rc = binding_load(dir, &b);

	if (rc == 0) {
		free(b.branch);
		b.branch = strdup(name);
		rc = b.branch != NULL && b.snapshot != NULL ? binding_store(dir, &b) : -ENOMEM;
	}
	binding_fini(&b);
	return rc;
}

static int
rename_branch(struct layered *l)
{
	int branches autoclose = layered_branches(l, false), dir autoclose = layered_directory(l, l->options->branch), rc = 0;

	if (branches < 0 || dir < 0)
		return refuse(l, branches < 0 ? branches : dir);
	if ((rc = disk_move(branches, l->options->branch, branches, l->options->name)) < 0 || (rc = disk_sync_all(branches)) < 0 ||
	    (rc = note_name(dir, l->options->name)) != 0)
		return refuse(l, rc);
	cli_say("branch \"%s\" is called \"%s\" now", l->options->branch, l->options->name);
	return 0;
}

/* Root's record of a branch goes with its name; the directory is the same. */
static int
move_record(struct layered *l)
{
	struct record r = { 0 };
	int rc;

	if (!identity_is_root() || l->whole.uid == 0)
		return 0;
	record_load(&l->branch, &r);
	if (r.state == RECORD_FITS && layered_record(l, &r.binding, "next") && (rc = record_remove(l->branch_path)) != 0)
		cli_warn("could not remove the record of \"%s\" in \"%s\": %s", l->branch_path, RECORD_DIRECTORY, record_strerror(rc));
	record_fini(&r);
	return 0;
}

static int
act(struct layered *l)
{
	int rc;

	if (l->options->branch == NULL)
		return layered_confine(l, rename_snapshot);
	return (rc = layered_confine(l, rename_branch)) != 0 ? rc : move_record(l);
}

int
cmd_rename(const struct options *o)
{
	const struct layered_work work = {
		.participle = "renamed", .so_what = "nothing was renamed", .changes_target = o->branch != NULL, .act = act,
	};
	const struct cli_need need[] = { { "--diff-dir", o->diff != NULL } };

	if (cli_require(need, ARRAY_SIZE(need)) != 0 || branchname_check("NEW", o->name) != 0 ||
	    branchname_check("--branch", o->branch) != 0 || branchname_check("--snapshot", o->snapshot) != 0)
		return EXIT_USAGE;
	if ((o->branch != NULL) == (o->snapshot != NULL))
		return cli_usage("one of --branch and --snapshot is required");
	if (o->branch != NULL && layered_check_name("NEW", o->name) != 0)
		return EXIT_USAGE;
	return layered_run(o, &work);
}
