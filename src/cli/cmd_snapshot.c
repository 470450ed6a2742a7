/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command snapshot: freezes the state of a diff directory, or of a branch in it, that is not mounted.
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

int
cmd_snapshot(const struct options *o)
{
	static const struct layered_work work = {
		.participle = "frozen", .so_what = "nothing was frozen", .turn = LAYERED_BEGINS, .changes_target = true, .act = act,
	};
	const struct cli_need need[] = { { "--diff-dir", o->diff != NULL } };

	if (cli_require(need, ARRAY_SIZE(need)) != 0 || branchname_check("NAME", o->name) != 0 ||
	    branchname_check("--branch", o->branch) != 0)
		return EXIT_USAGE;
	if (o->message != NULL && strlen(o->message) > SEAL_MESSAGE_MAX)
		return cli_usage("--message has more than %d bytes", SEAL_MESSAGE_MAX);
	return layered_run(o, &work);
}
