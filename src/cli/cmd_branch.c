/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command branch: makes a diff directory over a snapshot of another one, in that.  It is made under a name that is
 * no branch's, and renamed when it is whole and durable; who is killed before that leaves what the next command removes.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/ondisk.h"
#include "base/util.h"
#include "cli/branchname.h"
#include "cli/cli.h"
#include "cli/layered.h"
#include "diff/disk.h"
#include "supervisor/identity.h"
#include "supervisor/record.h"

#define ORPHAN_SECONDS	600	/* for a run to mount its branch, and to remove it */

/* ---- in the confined child ------------------------------------------------------- */

/* The snapshot that was named, or that on which the whole stands. */
static int
find_base(struct layered *l, int layers)
{
	int dir autoclose = layered_directory(l, ""), changes autoclose = dir < 0 ? dir : layered_changes(dir), rc;
	const char *from = l->options->from;
	struct seal_parent parent;

	if (from != NULL) {
		strlcpy(l->told->base, from, sizeof(l->told->base));
		return 0;
	}
	if (changes < 0 && changes != -ENOENT)
		return layered_failed(l, "open", changes);
	rc = changes < 0 ? 0 : layers_parent(changes, &parent);
	if (rc < 0)
		return layered_failed(l, "read", rc);
	if (rc == 0)
		return cli_error("\"%s\" has no snapshot to begin with: pbkfs snapshot -d \"%s\" NAME makes one, --from names another",
		    l->path, l->path);
	if (layers_find(layers, &parent, l->told->base) != 0)
		return cli_error("snapshot \"%s\", on which \"%s\" stands, is missing", parent.name, l->path);
	return 0;
}

/* The binding of a branch is that of the whole, but for what it stands on and when it was made. */
static int
store_binding(struct layered *l, int dir)
{
	struct binding b = l->binding;	/* borrows */
	char created[32], name[LAYERED_NAME];
	time_t now = time(NULL);
	struct tm tm;
	int changes autoclose = layered_changes(dir), rc;
	struct seal_parent parent;

	if (changes < 0 || (rc = layers_parent(changes, &parent)) < 0)
		return changes < 0 ? changes : rc;
	binding_write_id(parent.id.byte, l->told->base_id);
	gmtime_r(&now, &tm);
	strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &tm);
	strlcpy(name, l->options->name, sizeof(name));
	b.branch = name;
	b.snapshot = l->told->base;
	b.snapshot_id = l->told->base_id;
	b.created = created;
	b.hydrates = false;
	return binding_store(dir, &b);
}

/* It goes with a run; if that was killed, by the next one. */
static int
mark(int dir)
{
	int fd autoclose = openat(dir, ONDISK_RUN, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : 0;
}

static int
fill(struct layered *l, int layers, int dir)
{
	int rc = layers_reset(dir, layers, l->told->base);

	if (rc == -ENOENT)
		return cli_error("\"%s\" has no snapshot \"%s\": pbkfs tree -d \"%s\" shows what there is", l->path, l->told->base,
		    l->path);
	if (rc < 0)
		return cli_error("could not stand branch \"%s\" on snapshot \"%s\": %s", l->options->name, l->told->base,
		    rc == -EUCLEAN ? "that is damaged" : strerror(-rc));
	if ((rc = store_binding(l, dir)) == 0 && l->options->discard)
		rc = mark(dir);
	if (rc == 0 && fsync(dir) != 0)
		rc = -errno;
	return rc == 0 ? 0 : cli_error("could not make branch \"%s\": %s", l->options->name, strerror(-rc));
}

static int
make_unfinished(int branches)
{
	int fd;

	if (mkdirat(branches, LAYERED_UNFINISHED, 0700) != 0)
		return -errno;
	fd = openat(branches, LAYERED_UNFINISHED, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int
name_it(const struct layered *l, int branches)
{
	int rc;

	if ((rc = disk_move(branches, LAYERED_UNFINISHED, branches, l->options->name)) < 0 || (rc = disk_sync_all(branches)) < 0)
		return rc == -EEXIST ? cli_error("\"%s\" has a branch \"%s\" already", l->path, l->options->name) :
		    cli_error("could not name branch \"%s\": %s", l->options->name, strerror(-rc));
	if (!l->options->discard)
		cli_say("branch \"%s\" of \"%s\" stands on snapshot \"%s\"; mount it with: pbkfs mount -d \"%s\" --branch %s -D DIR",
	    l->options->name, l->path, l->told->base, l->path, l->options->name);
	return 0;
}

/* Others are locked, too, which a command has left unfinished; and a name alone makes no orphan. */
static bool
is_orphan(const struct layered *l, const struct layered_locked *k)
{
	int dir autoclose = k->is_orphan && layered_is_of_run(k->name) ? layered_directory(l, k->name) : -1;
	struct stat st;

	return dir >= 0 && fstatat(dir, ONDISK_RUN, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
discard_orphans(struct layered *l, int branches)
{
	unsigned i;
	int rc = 0;

	for (i = 0; l->options->discard && i < l->n_locked && rc == 0; i++)
		if (is_orphan(l, &l->locked[i]))
			rc = layered_discard(l, branches, l->locked[i].name);
	return rc == 0 || rc == -ENOENT ? 0 : cli_error("could not remove what an unfinished run left in \"%s\": %s", l->path,
	    strerror(-rc));
}

static int
make(struct layered *l)
{
	int layers autoclose = layered_layers(l), branches autoclose = -1, dir autoclose = -1, rc;
	struct stat st;

	if (layers < 0 || (branches = layered_branches(l, true)) < 0)
		return layered_failed(l, "open", layers < 0 ? layers : branches);
	if (fstatat(branches, l->options->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return cli_error("\"%s\" has a branch \"%s\" already", l->path, l->options->name);
	if ((rc = discard_orphans(l, branches)) != 0 || (rc = find_base(l, layers)) != 0)
		return rc;
	if ((dir = make_unfinished(branches)) < 0)
		return cli_error("could not make a directory in \"%s/" ONDISK_BRANCHES "\": %s", l->path, strerror(-dir));
	if ((rc = fill(l, layers, dir)) != 0 || (rc = name_it(l, branches)) != 0)
		layered_discard(l, branches, LAYERED_UNFINISHED);
	return rc;
}

/* ---- outside ------------------------------------------------------------------------- */

/*
 * Where root has decided for the whole, it has for each branch: these show nothing else of a backup.  Without it the
 * next mount has to name the backup.
 */
static int
record(const struct layered *l)
{
	struct record whole = { 0 };

	if (!identity_is_root() || l->whole.uid == 0)
		return 0;
	record_load(&l->whole, &whole);
	if (whole.state == RECORD_FITS && binding_difference(&l->binding, &whole.binding) == NULL)
		layered_record(l, &whole.binding, "first");
	record_fini(&whole);
	return 0;
}

/* Branches of runs that were killed, with all that could have removed them. */
static int
find_orphans(struct layered *l)
{
	const struct layered_branch *b;
	unsigned i;
	int rc = layered_look(l);

	for (i = 1; rc == 0 && i < l->found->n_branches; i++) {
		b = &l->found->branch[i];
		if (b->is_of_run && layered_time(b->created) + ORPHAN_SECONDS < (int64_t)time(NULL))
			rc = layered_lock_idle(l, b->name);
	}
	return rc;
}

static int
act(struct layered *l)
{
	int rc = l->options->discard ? find_orphans(l) : 0;

	return rc != 0 || (rc = layered_confine(l, make)) != 0 ? rc : record(l);
}

int
cmd_branch(const struct options *o)
{
	static const struct layered_work work = {
		.participle = "branched", .so_what = "no branch was made", .act = act,
	};
	const struct cli_need need[] = { { "--diff-dir", o->diff != NULL } };

	if (cli_require(need, ARRAY_SIZE(need)) != 0 || branchname_check("NAME", o->name) != 0 ||
	    branchname_check("--from", o->from) != 0)
		return EXIT_USAGE;
	if (!o->discard && layered_check_name("NAME", o->name) != 0)
		return EXIT_USAGE;
	return layered_run(o, &work);
}
