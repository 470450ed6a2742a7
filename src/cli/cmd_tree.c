/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command tree: shows the snapshots and branches of a diff directory, and where they are mounted.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/branchname.h"
#include "cli/cli.h"
#include "cli/layered.h"
#include "supervisor/lock.h"
#include "supervisor/mountinfo.h"

#define LINE_MAX_BYTES	(2 * LAYERED_NAME + 4 * SEAL_LAYERS_MAX + 64)

struct tree {
	const struct layered *l;
	struct mountinfo_list mounts;
	int64_t	now;		/* s since the epoch */
	int	width;		/* of what stands before the sizes; 0: it is measured */
	int	widest;
	bool	seen[LAYERED_MAX];	/* snapshots */
};

/* ---- where it is mounted ---------------------------------------------------------- */

static void
path_of(const struct tree *t, const struct layered_branch *b, char path[PATH_MAX])
{
	if (b->name[0] == '\0' || branchname_path(t->l->path, b->name, path) != 0)
		strlcpy(path, t->l->path, PATH_MAX);
}

static const char *
mountpoint_of(const struct tree *t, const struct layered_branch *b)
{
	char path[PATH_MAX];
	size_t i;

	path_of(t, b, path);
	for (i = 0; i < t->mounts.n; i++)
		if (strcmp(t->mounts.mount[i].source, path) == 0 &&
		    (!t->mounts.mount[i].has_user || t->mounts.mount[i].uid == t->l->whole.uid || t->mounts.mount[i].uid == 0))
			return t->mounts.mount[i].mountpoint;
	return NULL;
}

/* Whether somebody has its lock, who may have mounted it elsewhere. */
static bool
is_used(const struct tree *t, const struct layered_branch *b)
{
	int dir autoclose = layered_directory(t->l, b->name);
	int fd autoclose = dir < 0 ? -1 : lock_open(dir, t->l->whole.uid, O_RDWR);

	return fd >= 0 && lock_user(fd) != 0;
}

/* ---- text --------------------------------------------------------------------------- */

/* The part before the sizes is measured first, and then printed. */
static void
print_line(struct tree *t, const char *left, uint64_t bytes, int64_t since, const char *more)
{
	char size[TEXT_NUMBER_MAX], age[TEXT_NUMBER_MAX] = "";

	t->widest = MAX(t->widest, (int)strlen(left));
	if (t->width == 0)
		return;
	text_size(bytes, size);
	if (since > 0)
		text_duration((uint64_t)MAX(t->now - since, (int64_t)0), age);
	cli_say("%-*s  %6s  %6s%s%s", t->width, left, size, age, more[0] != '\0' ? "  " : "", more);
}

static void
print_branch(struct tree *t, const struct layered_branch *b, const char *before, const char *knot)
{
	const char *mnt = mountpoint_of(t, b);
	char left[LINE_MAX_BYTES], more[PATH_MAX + 64];

	if (b->name[0] == '\0')
		snprintf(left, sizeof(left), "%s%s(the diff directory itself)", before, knot);
	else
		snprintf(left, sizeof(left), "%s%sbranch %s", before, knot, b->name);
	snprintf(more, sizeof(more), "%s%s%s%s%s", mnt != NULL ? "mounted at \"" : is_used(t, b) ? "in use" : "",
	    mnt != NULL ? mnt : "", mnt != NULL ? "\"" : "", b->is_protected ? " protected" : "",
	    b->is_damaged ? " DAMAGED" : "");
	print_line(t, left, b->bytes, layered_time(b->created), more + (more[0] == ' '));
}

static bool
is_below(const struct layered_branch *b, const char *base)
{
	return strcmp(b->snapshot, base) == 0 && (b->snapshot[0] != '\0' || (!b->has_snapshot && !b->is_damaged));
}

static bool
stands_on(const struct layered_snapshot *s, const char *base)
{
	return strcmp(s->parent, base) == 0 && (s->parent[0] != '\0' || (!s->has_parent && !s->is_damaged));
}

static unsigned
count(const struct tree *t, const char *base)
{
	const struct layered_told *told = t->l->found;
	unsigned i, n = 0;

	for (i = 0; i < told->n_branches; i++)
		n += is_below(&told->branch[i], base);
	for (i = 0; i < told->n_snapshots; i++)
		n += !t->seen[i] && stands_on(&told->snapshot[i], base);
	return n;
}

static void	print_below(struct tree *t, const char *base, const char *before, unsigned depth);

static void
print_snapshot(struct tree *t, unsigned i, const char *before, const char *knot, bool last, unsigned depth)
{
	const struct layered_snapshot *s = &t->l->found->snapshot[i];
	char left[LINE_MAX_BYTES], more[SEAL_MESSAGE_MAX + 64], next[LINE_MAX_BYTES];

	t->seen[i] = true;
	snprintf(left, sizeof(left), "%s%ssnapshot %s", before, knot, s->name);
	snprintf(more, sizeof(more), "%s%s%s%s%s", s->message[0] != '\0' ? "\"" : "", s->message,
	    s->message[0] != '\0' ? "\"" : "", s->is_protected ? " protected" : "", s->is_damaged ? " DAMAGED" : "");
	print_line(t, left, s->bytes, s->time / 1000000000, more + (more[0] == ' '));
	snprintf(next, sizeof(next), "%s%s", before, knot[0] == '\0' ? "" : last ? "   " : "|  ");
	if (!s->is_damaged && depth < SEAL_LAYERS_MAX)
		print_below(t, s->name, next, depth + 1);
}

/* Branches first: what grows on is at the end. */
static void
print_below(struct tree *t, const char *base, const char *before, unsigned depth)
{
	const struct layered_told *told = t->l->found;
	unsigned i, left = count(t, base);

	for (i = 0; i < told->n_branches; i++)
		if (is_below(&told->branch[i], base))
			print_branch(t, &told->branch[i], before, --left > 0 ? "+- " : "`- ");
	for (i = 0; i < told->n_snapshots; i++)
		if (!t->seen[i] && stands_on(&told->snapshot[i], base)) {
			left--;
			print_snapshot(t, i, before, left > 0 ? "+- " : "`- ", left == 0, depth);
		}
}

/* Those that stand on something missing or damaged, and those that are damaged themselves. */
static void
print_rest(struct tree *t)
{
	const struct layered_told *told = t->l->found;
	const struct layered_branch *b;
	unsigned i;

	for (i = 0; i < told->n_snapshots; i++)
		if (!t->seen[i])
			print_snapshot(t, i, "? ", "", true, 0);
	for (i = 0; i < told->n_branches; i++) {
		b = &told->branch[i];
		if (b->is_damaged || (b->has_snapshot && b->snapshot[0] == '\0'))
			print_branch(t, b, "? ", "");
	}
}

static void
print_all(struct tree *t)
{
	memset(t->seen, 0, sizeof(t->seen));
	print_below(t, "", "", 0);
	print_rest(t);
}

static void
print_text(struct tree *t)
{
	const struct layered *l = t->l;

	print_all(t);
	cli_say("backup %s of instance %s, in \"%s\"", l->binding.backup_id, l->binding.instance, l->binding.store);
	t->width = t->widest;
	print_all(t);
}

/* ---- JSON ----------------------------------------------------------------------------- */

static void
put_snapshot(struct json_out *o, const struct layered_snapshot *s)
{
	json_open(o, NULL, '{');
	json_put_string(o, "name", s->name);
	json_put_bool(o, "damaged", s->is_damaged);
	if (!s->is_damaged) {
		json_put_string(o, "id", s->id);
		if (s->has_parent)
			json_put_string(o, "snapshot", s->parent);
		json_put_u64(o, "time", (uint64_t)(s->time / 1000000000));
		json_put_u64(o, "bytes", s->bytes);
		json_put_string(o, "message", s->message);
	}
	json_put_bool(o, "protected", s->is_protected);
	json_close(o, '}');
}

static void
put_branch(struct json_out *o, const struct tree *t, const struct layered_branch *b)
{
	const char *mnt = mountpoint_of(t, b);

	json_open(o, NULL, '{');
	json_put_string(o, "name", b->name);
	json_put_bool(o, "damaged", b->is_damaged);
	if (b->has_snapshot)
		json_put_string(o, "snapshot", b->snapshot);
	json_put_u64(o, "time", (uint64_t)layered_time(b->created));
	json_put_u64(o, "bytes", b->bytes);
	json_put_bool(o, "protected", b->is_protected);
	json_put_bool(o, "in_use", mnt != NULL || is_used(t, b));
	if (mnt != NULL)
		json_put_string(o, "mountpoint", mnt);
	json_close(o, '}');
}

static int
print_json(const struct tree *t)
{
	const struct layered *l = t->l;
	struct json_out o = { 0 };
	char *text autofree = NULL;
	size_t len;
	unsigned i;
	int rc;

	json_open(&o, NULL, '{');
	json_put_string(&o, "format", "pbkfs-tree");
	json_put_u64(&o, "version", 1);
	json_put_string(&o, "diff_dir", l->path);
	json_put_string(&o, "store", l->binding.store);
	json_put_string(&o, "instance", l->binding.instance);
	json_put_string(&o, "backup_id", l->binding.backup_id);
	json_open(&o, "snapshots", '[');
	for (i = 0; i < l->found->n_snapshots; i++)
		put_snapshot(&o, &l->found->snapshot[i]);
	json_close(&o, ']');
	json_open(&o, "branches", '[');
	for (i = 0; i < l->found->n_branches; i++)
		put_branch(&o, t, &l->found->branch[i]);
	json_close(&o, ']');
	json_close(&o, '}');
	if ((rc = json_take(&o, &text, &len)) != 0 || (rc = cli_put_json(text, len)) != 0)
		return cli_error("could not write JSON: %s", strerror(-rc));
	return 0;
}

/* ---- the command ------------------------------------------------------------------------ */

static int
act(struct layered *l)
{
	struct tree *t autofree = calloc(1, sizeof(*t));
	int rc;

	if (t == NULL)
		return cli_error("out of memory");
	t->l = l;
	t->now = (int64_t)time(NULL);
	if ((rc = layered_look(l)) != 0)
		return rc;
	if ((rc = mountinfo_list(MOUNTINFO_SELF, MOUNT_FSTYPE, &t->mounts)) != 0)
		rc = cli_error("could not read the table of mounts: %s", strerror(-rc));
	else if (l->options->format == 1)
		rc = print_json(t);
	else
		print_text(t);
	mountinfo_free(&t->mounts);
	return rc;
}

int
cmd_tree(const struct options *o)
{
	static const struct layered_work work = {
		.participle = "shown", .so_what = "nothing was shown", .turn = LAYERED_LOOKS, .act = act,
	};
	const struct cli_need need[] = { { "--diff-dir", o->diff != NULL } };

	if (cli_require(need, ARRAY_SIZE(need)) != 0)
		return EXIT_USAGE;
	return layered_run(o, &work);
}
