/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command snapshot: freezes the state of a diff directory, or of a branch in it, be it mounted or not.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"
#include "cli/branchname.h"
#include "cli/cli.h"
#include "cli/diffhold.h"
#include "cli/freezing.h"
#include "cli/layered.h"

/* The way out of each of these is another command. */
static int
refuse(const struct layered *l, int rc)
{
	const char *name = l->options->name;

	switch (rc) {
	case -EEXIST:
		return cli_error("\"%s\" has a snapshot \"%s\" already: choose another name", l->path, name);
	case -EAGAIN:
		return cli_error("the last mount of \"%s\" did not end in order: mount and unmount it, then it can be frozen",
		    layered_target(l));
	case -ENODATA:
		return cli_error("no backup was mounted with \"%s\": nothing is to be frozen", layered_target(l));
	case -E2BIG:
		return cli_error("\"%s\" stands on %d snapshots, one upon another, and on no more can it stand: nothing was frozen",
		    layered_target(l), SEAL_LAYERS_MAX);
	}
	return layered_failed(l, "freeze", rc);
}

static void
tell(const struct layered *l, const struct layers_frozen *f)
{
	char size[TEXT_NUMBER_MAX], wal[TEXT_NUMBER_MAX];

	text_size(f->disk_bytes, size);
	cli_say("snapshot \"%s\" of \"%s\": %s in %llu files", l->options->name, layered_target(l), size,
	    (unsigned long long)f->contents);
	if (f->wal_bytes == 0)
		return;
	text_size(f->wal_bytes, wal);
	cli_say("%s of WAL were copied in %.3f seconds", wal, (double)f->wal_ns / 1e9);
}

static int
freeze(struct layered *l)
{
	const struct options *o = l->options;
	int layers autoclose = layered_layers(l), dir autoclose = layered_directory(l, o->branch != NULL ? o->branch : "");
	const struct layers_freeze f = { .diff_fd = dir, .layers_fd = layers, .name = o->name, .message = o->message };
	struct layers_frozen frozen;
	int rc;

	if (l->told->is_done)
		return 0;
	if (layers < 0 || dir < 0)
		return layered_failed(l, "open", layers < 0 ? layers : dir);
	if ((rc = layers_freeze(&f, &frozen)) < 0)
		return refuse(l, rc);
	tell(l, &frozen);
	return 0;
}

/* No snapshot can have what lies outside of the diff directory. */
static int
check(const struct layered *l, const struct binding *b)
{
	int rc;

	if ((rc = diffhold_check_changes(l->target, b, "frozen")) != 0)
		return rc;
	if (b->n_mapped > 0)
		return cli_error("\"%s\" has \"%s\" in \"%s\", where -T or --external-mapping has put it, and no snapshot"
		    " could have that", l->path, b->mapped[0].from, b->mapped[0].to);
	if (b->hydrates && !b->detached)
		return cli_error("the hydration of \"%s\" is unfinished: mount it, and pbkfs hydrate --wait or --stop -D the"
		    " mountpoint, first", l->path);
	return 0;
}

static int
act(struct layered *l)
{
	struct binding b = { 0 };
	int rc = 0;

	if (l->target == &l->branch && (rc = diffhold_load_binding(l->target, &b)) != 0)
		return rc;
	rc = check(l, l->target == &l->branch ? &b : &l->binding);
	binding_fini(&b);
	return rc != 0 ? rc : layered_confine(l, freeze);
}

static int
freeze_mounted(const struct options *o, const char *diff)
{
	char size[TEXT_NUMBER_MAX], wal[TEXT_NUMBER_MAX];
	static struct command_frame a;
	static struct mountref t;
	int rc;

	if (mountref_find(&t, o->mnt, diff) != 0)
		return EXIT_FAILURE;
	mountref_contact(&t);
	if ((rc = freezing_ask(&t, o->name, o->message, &a)) == 0) {
		text_size(a.arg[STEPPED_DISK_BYTES], size);
		cli_say("snapshot \"%s\" of \"%s\": %s; after %.1f ms to make all durable, \"%s\" was not served for %.1f ms",
		    o->name, t.diff, size, (double)a.arg[STEPPED_FLUSH_NS] / 1e6, t.mnt, (double)a.arg[STEPPED_GAP_NS] / 1e6);
		if (a.arg[STEPPED_WAL_BYTES] > 0) {
			text_size(a.arg[STEPPED_WAL_BYTES], wal);
			cli_say("%s of WAL were copied in %.3f seconds of these", wal, (double)a.arg[STEPPED_WAL_NS] / 1e9);
		}
	}
	mountref_close(&t);
	return rc;
}

int
cmd_snapshot(const struct options *o)
{
	static const struct layered_work work = {
		.participle = "frozen", .so_what = "nothing was frozen", .turn = LAYERED_BEGINS, .changes_target = true, .act = act,
	};
	char path[PATH_MAX];

	if (o->diff == NULL && o->mnt == NULL)
		return cli_usage("--diff-dir or --mnt-path is required");
	if (o->branch != NULL && o->diff == NULL)
		return cli_usage("--branch needs --diff-dir");
	if (branchname_check("NAME", o->name) != 0 ||
	    branchname_check("--branch", o->branch) != 0)
		return EXIT_USAGE;
	if (o->message != NULL && strlen(o->message) > SEAL_MESSAGE_MAX)
		return cli_usage("--message has more than %d bytes", SEAL_MESSAGE_MAX);
	if (o->diff != NULL && branchname_path(o->diff, o->branch, path) != 0)
		return EXIT_FAILURE;
	if (o->mnt != NULL || mountref_is_served(path))
		return freeze_mounted(o, o->diff != NULL ? path : NULL);
	return layered_run(o, &work);
}
