/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command reset: throws away what was changed in a diff directory, or in a branch in it, be it mounted or not.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ondisk.h"
#include "base/util.h"
#include "cli/branchname.h"
#include "cli/cli.h"
#include "cli/freezing.h"
#include "cli/layered.h"

static const char *
branch_of(const struct layered *l)
{
	return l->options->branch != NULL ? l->options->branch : "";
}

/* The snapshot that was named, or the one that it stands on. */
static int
find_base(struct layered *l, int layers, int dir)
{
	int changes autoclose = layered_changes(dir), rc;
	struct seal_parent parent;

	if (l->options->to != NULL) {
		strlcpy(l->told->base, l->options->to, sizeof(l->told->base));
		return 0;
	}
	if (changes < 0)
		return layered_failed(l, "open", changes);
	if ((rc = layers_parent(changes, &parent)) < 0)
		return cli_error("\"%s\" is damaged, and does not say on which snapshot it stands: --to names one",
		    layered_target(l));
	if (rc == 0)
		return cli_error("\"%s\" stands on no snapshot: --to names one, and pbkfs cleanup empties it", layered_target(l));
	if (layers_find(layers, &parent, l->told->base) != 0)
		return cli_error("snapshot \"%s\", on which \"%s\" stands, is missing: --to names another", parent.name,
		    layered_target(l));
	return 0;
}

/* The binding of a branch names its snapshot for people; where it stands its journal says. */
static int
note_base(struct layered *l, int dir)
{
	int changes autoclose = layered_changes(dir), rc;
	struct seal_parent parent;
	struct binding b;

	if (l->target != &l->branch)
		return 0;
	if ((rc = changes < 0 ? changes : layers_parent(changes, &parent)) < 0)
		return rc;
	binding_write_id(parent.id.byte, l->told->base_id);
	if ((rc = binding_load(dir, &b)) == 0 && b.snapshot != NULL && strcmp(b.snapshot_id, l->told->base_id) != 0 &&
	    (rc = binding_set_snapshot(&b, l->told->base, parent.id.byte)) == 0)
		rc = binding_store(dir, &b);
	binding_fini(&b);
	return rc;
}

/* Changes of --perf-unsafe that may be damaged are gone with the others. */
static int
forget_dirt(int dir)
{
	if (unlinkat(dir, ONDISK_DIRTY, 0) != 0)
		return errno == ENOENT ? 0 : -errno;
	return fsync(dir) != 0 ? -errno : 0;
}

static int
reset(struct layered *l)
{
	int layers autoclose = layered_layers(l), dir autoclose = layered_directory(l, branch_of(l)), rc;

	if (layers < 0 || dir < 0)
		return layered_failed(l, "open", layers < 0 ? layers : dir);
	if ((rc = find_base(l, layers, dir)) != 0)
		return rc;
	rc = layers_reset(dir, layers, l->told->base);
	if (rc == -ENOENT)
		return cli_error("\"%s\" has no snapshot \"%s\": pbkfs tree -d \"%s\" shows what there is", l->path, l->told->base,
		    l->path);
	if (rc < 0 || (rc = forget_dirt(dir)) < 0 || (rc = note_base(l, dir)) < 0 ||
	    ((rc = layered_discard(l, dir, ONDISK_OLD)) < 0 && rc != -ENOENT))
		return layered_failed(l, "reset", rc);
	cli_say("\"%s\" is as snapshot \"%s\" again", layered_target(l), l->told->base);
	return 0;
}

static int
act(struct layered *l)
{
	return layered_confine(l, reset);
}

static int
reset_mounted(const struct options *o, const char *diff)
{
	static struct command_frame a;
	static struct mountref t;
	int rc;

	if (mountref_find(&t, o->mnt, diff) != 0)
		return EXIT_FAILURE;
	/* Who calls from inside of the mount is no user of it. */
	if (chdir("/") != 0)
		cli_warn("could not leave the working directory: %s", strerror(errno));
	mountref_contact(&t);
	if ((rc = freezing_reset(&t, o->to, &a)) == 0)
		cli_say("\"%s\" is as %s%s%s again; \"%s\" was not mounted for %.1f ms", t.diff,
		    o->to != NULL ? "snapshot \"" : "its snapshot", o->to != NULL ? o->to : "", o->to != NULL ? "\"" : "", t.mnt,
		    (double)a.arg[STEPPED_GAP_NS] / 1e6);
	mountref_close(&t);
	return rc;
}

int
cmd_reset(const struct options *o)
{
	static const struct layered_work work = {
		.participle = "reset", .so_what = "nothing was reset", .changes_target = true, .act = act,
	};
	char path[PATH_MAX];

	if (o->diff == NULL && o->mnt == NULL)
		return cli_usage("--diff-dir or --mnt-path is required");
	if (o->branch != NULL && o->diff == NULL)
		return cli_usage("--branch needs --diff-dir");
	if (branchname_check("--branch", o->branch) != 0 || branchname_check("--to", o->to) != 0)
		return EXIT_USAGE;
	if (o->diff != NULL && branchname_path(o->diff, o->branch, path) != 0)
		return EXIT_FAILURE;
	if (o->mnt != NULL || mountref_is_served(path))
		return reset_mounted(o, o->diff != NULL ? path : NULL);
	return layered_run(o, &work);
}
