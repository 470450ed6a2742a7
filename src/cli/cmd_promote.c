/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command promote: a diff directory that needs no catalog becomes a data directory (promoting.h).
 *
 * Root acts as the owner of the diff directory, but in directories that the user has named and the owner may
 * not change: there it makes, renames and removes the temporary directories, which are the owner's.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/clone_args.h"
#include "cli/confined.h"
#include "cli/diffhold.h"
#include "cli/figures.h"
#include "cli/headway.h"
#include "cli/limited.h"
#include "cli/mountref.h"
#include "cli/promoting.h"
#include "cli/snapshot.h"
#include "cli/startline.h"
#include "cow/origins.h"
#include "sandbox/sandbox.h"
#include "supervisor/identity.h"
#include "supervisor/record.h"

#define GO_ON		"pbkfs promote -d \"%s\" --to \"%s\""

/* ---- the diff directory ------------------------------------------------------- */

static int
not_detached(const struct promoting *m)
{
	return cli_error("\"%s\" still needs the catalog: mount it, and pbkfs hydrate --wait -D the mountpoint first",
	    m->diff);
}

static int
load_binding(struct promoting *m)
{
	int rc;

	if ((rc = diffhold_load_binding(&m->dir, &m->binding)) != 0 ||
	    (rc = diffhold_check_changes(&m->dir, &m->binding, "promoted")) != 0)
		return rc;
	if (m->binding.branch != NULL || diffdir_has_layers(&m->dir))
		return cli_error("\"%s\" has snapshots below it, and pbkfs does not copy out of these yet: nothing was promoted",
		    m->diff);
	if (!m->binding.detached)
		return not_detached(m);
	return 0;
}

static int
open_diff(struct promoting *m)
{
	char error[DIFFDIR_ERROR_MAX] = "";
	int rc;

	if ((rc = diffhold_open(&m->dir, m->options->diff, m->diff, "promote")) != 0 ||
	    (rc = diffhold_check_content(&m->dir, "promoted")) != 0 ||
	    (rc = diffhold_lock(&m->dir, "pbkfs promote -D the mountpoint --to DIR unmounts it first", &m->lock_fd)) != 0)
		return rc;
	rc = promotion_load(m->dir.fd, &m->state);
	m->begun = rc == 0;
	if (rc != 0 && rc != -ENOENT)
		return cli_error("could not read \"%s/" ONDISK_PROMOTE "\": %s", m->diff,
		    rc == -EUCLEAN ? "it is not what pbkfs writes" : strerror(-rc));
	if (m->begun && m->state.step == PROMOTION_EMPTYING) {
		binding_load(m->dir.fd, &m->binding);	/* for the version, if it is still there */
		return 0;
	}
	if ((rc = load_binding(m)) != 0)
		return rc;
	return diffdir_open_changes(&m->dir, error) == 0 ? 0 : cli_error("%s", error);
}

/* ---- places -------------------------------------------------------------------------- */

/* Kind and name of what the tree shows so; the name is a number. */
static int
know_shown(struct place *p, const char *shown)
{
	static const struct { const char *prefix; enum place_kind kind; } kinds[] = {
		{ ONDISK_TABLESPACES "/", PLACE_TABLESPACE }, { ONDISK_EXTERNAL "/", PLACE_EXTERNAL },
	};
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		len = strlen(kinds[i].prefix);
		if (strncmp(shown, kinds[i].prefix, len) != 0)
			continue;
		p->kind = kinds[i].kind;
		p->name = shown + len;
		return p->name[0] != '\0' && strspn(p->name, "0123456789") == strlen(p->name) ? 0 : -EUCLEAN;
	}
	return -EUCLEAN;
}

static bool
is_mapping_of(const struct promoting *m, const struct promoting_mapping *g, unsigned i)
{
	const struct place *p = &m->place[i];

	return p->name != NULL && g->external == (p->kind == PLACE_EXTERNAL) &&
	    (strcmp(g->from, p->name) == 0 || (m->origin[i][0] != '\0' && strcmp(g->from, m->origin[i]) == 0));
}

/* Finds the directory to which the user maps a place; *to NULL: none. */
static int
find_mapping(const struct promoting *m, unsigned i, const char **to)
{
	unsigned k;

	*to = NULL;
	for (k = 0; k < m->n_mappings; k++) {
		if (!is_mapping_of(m, &m->mapping[k], i))
			continue;
		if (*to != NULL)
			return cli_error("%s \"%s\" is mapped twice", place_kind_name(&m->place[i]), m->place[i].name);
		*to = m->mapping[k].to;
	}
	return 0;
}

/* Beside the data directory.  Lives as long as the process. */
static const char *
default_place(const char *pgdata, const struct place *p)
{
	char *path;

	return asprintf(&path, "%s-%s-%s", pgdata, p->kind == PLACE_TABLESPACE ? "tablespace" : "external", p->name) > 0 ?
	    path : NULL;
}

static struct place *
add_place(struct promoting *m, const char *shown, const char *given)
{
	struct place *p = &m->place[m->n];

	*p = (struct place){ .given = given, .named = true, .if_not_empty = "", .parent_fd = -1, .fd = -1 };
	m->parent_fd[m->n] = m->fd[m->n] = -1;
	strlcpy(p->shown, shown, sizeof(p->shown));
	m->n++;
	return p;
}

static int
add_outside(struct promoting *m, const char *origins, const char *shown)
{
	unsigned i = m->n;
	struct place *p;

	if (i == PROMOTE_PLACES_MAX)
		return cli_error("\"%s\" has more than %u tablespaces and external directories", m->diff, PROMOTE_PLACES_MAX);
	p = add_place(m, shown, NULL);
	if (know_shown(p, p->shown) != 0)
		return cli_error("\"%s\" contradicts itself: it has a tablespace \"%s\"", m->diff, shown);
	if (!origins_find(origins, p->kind == PLACE_EXTERNAL, p->name, m->origin[i]))
		m->origin[i][0] = '\0';
	if (find_mapping(m, i, &p->given) != 0)
		return EXIT_FAILURE;
	if (p->given == NULL)
		p->given = default_place(m->place[0].path, p);
	return p->given != NULL ? 0 : cli_error("out of memory");
}

/* Lists what can be mapped, by path and number. */
static void
list_known(const struct promoting *m, bool external, char *text, size_t size)
{
	enum place_kind kind = external ? PLACE_EXTERNAL : PLACE_TABLESPACE;
	size_t len = 0;
	unsigned i;

	strlcpy(text, "none", size);
	for (i = 0; i < m->n && len < size; i++)
		if (m->place[i].kind == kind)
			len += (size_t)snprintf(text + len, size - len, m->origin[i][0] != '\0' ? "%s%s (\"%s\")" : "%s%s",
			    len > 0 ? ", " : "", m->place[i].name, m->origin[i]);
}

static int
check_mapping(const struct promoting *m, const struct promoting_mapping *g)
{
	char known[2048];
	unsigned i;

	for (i = 0; i < m->n; i++)
		if (is_mapping_of(m, g, i))
			return 0;
	list_known(m, g->external, known, sizeof(known));
	if (g->external)
		return cli_error("\"%s\" has no external directory \"%s\"; it has these, by number and path: %s", m->diff,
		    g->from, known);
	return cli_error("\"%s\" has no tablespace \"%s\" of its own; it has these, by OID and path: %s", m->diff, g->from,
	    known);
}

static int
check_mappings(const struct promoting *m)
{
	unsigned i;
	int rc = 0;

	for (i = 0; i < m->n_mappings && rc == 0; i++)
		rc = check_mapping(m, &m->mapping[i]);
	return rc;
}

static int
add_all_outside(struct promoting *m)
{
	char *origins autofree = origins_load(m->dir.changes_fd);
	unsigned i;
	int rc = 0;

	for (i = 0; !m->begun && i < m->told->outside.n && rc == 0; i++)
		rc = add_outside(m, origins, m->told->outside.shown[i]);
	for (i = 1; m->begun && i < m->state.n && rc == 0; i++)
		if (strcmp(m->state.place[i].shown, ONDISK_WAL) != 0)
			rc = add_outside(m, origins, m->state.place[i].shown);
	return rc;
}

/* Finds the paths of all places; what lies outside is told by the tree, or by an earlier command. */
static int
find_places(struct promoting *m)
{
	int rc;

	add_place(m, "", m->options->to);
	if ((rc = place_resolve(&m->place[0])) != 0)
		return rc;
	if (m->options->waldir != NULL)
		add_place(m, ONDISK_WAL, m->options->waldir)->kind = PLACE_WAL;
	if ((rc = add_all_outside(m)) != 0 || (rc = check_mappings(m)) != 0)
		return rc;
	strlcpy(m->told->path, m->place[0].path, PATH_MAX);
	return place_resolve_all(m->place, m->n, "diff directory", m->diff);
}

/* Another command began; it may have had other ideas. */
static int
compare_places(const struct promoting *m)
{
	const struct promotion *s = &m->state;
	unsigned i;

	for (i = 0; i < s->n && i < m->n; i++)
		if (strcmp(s->place[i].shown, m->place[i].shown) != 0 || strcmp(s->place[i].path, m->place[i].path) != 0)
			break;
	if (i == s->n && i == m->n)
		return 0;
	return cli_error("the promotion of \"%s\" to \"%s\" is unfinished, and had other directories%s%s%s: repeat that"
	    " command%s", m->diff, s->place[0].path, i > 0 && i < s->n ? ", like \"" : "",
	    i > 0 && i < s->n ? s->place[i].path : "", i > 0 && i < s->n ? "\"" : "",
	    s->step == PROMOTION_BUILDING ? ", or take it back with pbkfs promote --abort" : "");
}

/* ---- directories ---------------------------------------------------------------------- */

static void
use_rights(bool on)
{
	if (on)
		identity_raise();
	else
		identity_drop();
}

static int
open_parent(struct promoting *m, unsigned i)
{
	struct place *p = &m->place[i];

	m->parent_fd[i] = openat(p->parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->parent_fd[i] < 0 && errno == EACCES) {
		identity_raise();
		m->parent_fd[i] = openat(p->parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		identity_drop();
	}
	return m->parent_fd[i] >= 0 ? 0 : cli_error("could not open the directory of \"%s\": %s", p->path, strerror(errno));
}

static int
open_parents(struct promoting *m)
{
	unsigned i;

	for (i = 0; i < m->n; i++)
		if (place_open_parent(&m->place[i], m->dir.uid) != 0 || open_parent(m, i) != 0)
			return EXIT_FAILURE;
	return 0;
}

static int
refuse_elsewhere(const struct place *p, const char *diff)
{
	return cli_error("%s \"%s\" is on another file system than \"%s\": name one there, or --copy copies",
	    place_kind_name(p), p->path, diff);
}

/* Each is made under a longer name beside its own. */
static int
check_name(const struct promoting *m, const struct place *p)
{
	char name[NAME_MAX + 1];
	int rc = promotion_temporary(m->dir.fd, p->path, name);

	if (rc == -ENAMETOOLONG)
		return cli_error("the name of %s \"%s\" is too long to be promoted to: name one with at most %d bytes behind"
		    " the last \"/\"", place_kind_name(p), p->path, PROMOTION_NAME_MAX);
	return rc == 0 ? 0 : cli_error("could not stat \"%s\": %s", m->diff, strerror(-rc));
}

/* Before anything changes: each has to be a directory that is empty, or to be made; these go again then. */
static int
check_places(struct promoting *m)
{
	struct stat st, other;
	unsigned i;
	int rc;

	for (i = 0; i < m->n; i++) {
		if ((rc = check_name(m, &m->place[i])) != 0 || (rc = place_open(&m->place[i], m->dir.uid, m->dir.gid)) != 0 ||
		    (rc = place_check_empty(&m->place[i])) != 0 || (rc = open_parent(m, i)) != 0)
			return rc;
		if (fstat(m->dir.fd, &st) != 0 || fstat(m->parent_fd[i], &other) != 0)
			return cli_error("could not stat \"%s\": %s", m->place[i].path, strerror(errno));
		if (st.st_dev != other.st_dev && !m->options->copy)
			return refuse_elsewhere(&m->place[i], m->diff);
		if (fstat(m->place[i].fd, &st) == 0 && st.st_dev != other.st_dev)
			return cli_error("%s \"%s\" is a mountpoint, which no directory can take the place of: name a directory in it",
			    place_kind_name(&m->place[i]), m->place[i].path);
	}
	return 0;
}

static void
take_size(struct place *p, const struct promote_size *s)
{
	p->bytes += s->bytes;
	p->files += s->files;
}

/* Of a copy that goes on nobody knows how much is there. */
static int
check_rooms(struct promoting *m)
{
	const struct promote_sizes *s = &m->told->sizes;
	unsigned first = m->options->waldir != NULL ? 2 : 1, i;

	if (!m->options->copy || m->begun)
		return 0;
	take_size(&m->place[0], &s->root);
	take_size(&m->place[first - 1], &s->wal);
	for (i = first; i < m->n; i++)
		take_size(&m->place[i], &s->outside[i - first]);
	return place_check_rooms(m->place, m->n, "copy");
}

/* Links between directories are a right that Landlock has known how to give since Linux 5.19. */
static int
check_kernel(const struct promoting *m)
{
	if (m->options->copy || sandbox_level(m->options->sandbox) != SANDBOX_FULL || !sandbox_parts_directories())
		return 0;
	return cli_error("the sandbox of this kernel (before Linux 5.19) allows no links from one directory to another:"
	    " --copy copies, --sandbox=seccomp-only links with less confinement");
}

/* ---- the steps ------------------------------------------------------------------------- */

static int
fail(const struct promoting *m, const char *what, int rc)
{
	return cli_error("could not %s \"%s\": %s", what, m->diff, strerror(-rc));
}

static int
begin(struct promoting *m)
{
	unsigned i;
	int rc;

	for (i = 0; i < m->n; i++)
		if ((rc = place_take(&m->place[i], m->dir.uid, m->dir.gid)) != 0)
			return rc;
	if (m->begun)
		return compare_places(m);
	m->state = (struct promotion){ .step = PROMOTION_BUILDING, .n = m->n };
	for (i = 0; i < m->n; i++) {
		strlcpy(m->state.place[i].shown, m->place[i].shown, sizeof(m->state.place[i].shown));
		strlcpy(m->state.place[i].path, m->place[i].path, sizeof(m->state.place[i].path));
	}
	if ((rc = promotion_store(m->dir.fd, &m->state)) == -EINVAL)
		return cli_error("a directory whose name has a line feed in it cannot be promoted to");
	return rc == 0 ? 0 : fail(m, "begin to promote", rc);
}

static int
make_temporaries(struct promoting *m)
{
	char name[NAME_MAX + 1];
	unsigned i;
	int rc;

	for (i = 0; i < m->n; i++)
		if ((rc = promotion_temporary(m->dir.fd, m->place[i].path, name)) < 0 ||
		    (rc = m->fd[i] = promotion_make(m->parent_fd[i], name, m->dir.uid, m->dir.gid,
		    m->options->copy)) < 0)
			return cli_error("could not make a directory beside \"%s\": %s", m->place[i].path, strerror(-rc));
	return 0;
}

/* All that can be said against it is said before the first step. */
static int
build(struct promoting *m)
{
	int rc;

	if ((rc = check_kernel(m)) != 0 || (!m->begun && (rc = promote_tree_survey(m)) != 0) ||
	    (rc = find_places(m)) != 0 || (m->begun && (rc = compare_places(m)) != 0) || (rc = check_places(m)) != 0 ||
	    (rc = check_rooms(m)) != 0 || (rc = begin(m)) != 0 || (rc = make_temporaries(m)) != 0 ||
	    (rc = promote_tree_build(m)) != 0)
		return rc;
	rc = promotion_ready(m->dir.fd, &m->state, m->fd);
	return rc == 0 ? 0 : fail(m, "finish", rc);
}

static int
switch_over(struct promoting *m)
{
	char error[CHAIN_ERROR_MAX];

	if (m->n == 0 && (find_places(m) != 0 || compare_places(m) != 0 || open_parents(m) != 0))
		return EXIT_FAILURE;
	return promotion_switch(m->dir.fd, &m->state, m->parent_fd, error) == 0 ? 0 : cli_error("%s", error);
}

/* All has its place: the diff directory is not needed any more, and is emptied. */
static int
empty(struct promoting *m)
{
	int rc;

	m->told->uid = m->dir.uid;
	m->told->server_version = m->binding.server_version;
	strlcpy(m->told->path, m->state.place[0].path, PATH_MAX);
	if ((rc = promotion_empty(m->dir.fd)) != 0 || (rc = diffdir_wipe(&m->dir, true)) != 0 ||
	    (rc = promotion_forget(m->dir.fd)) != 0)
		return cli_error("\"%s\" is whole, and could not be taken out of \"%s\": %s; the same command tries again",
		    m->state.place[0].path, m->diff, strerror(-rc));
	if (identity_is_root() && (rc = record_remove(m->diff)) != 0)
		return cli_error("could not remove the record of \"%s\" in \"%s\": %s", m->diff, RECORD_DIRECTORY, strerror(-rc));
	return 0;
}

static int
go_on(struct promoting *m)
{
	int rc = 0;

	if (m->begun && m->state.step != PROMOTION_BUILDING)
		cli_note("going on with the unfinished promotion to \"%s\"", m->state.place[0].path);
	if (!m->begun || m->state.step == PROMOTION_BUILDING)
		rc = build(m);
	if (rc == 0 && m->state.step == PROMOTION_SWITCHING)
		rc = switch_over(m);
	return rc != 0 ? rc : empty(m);
}

static int
take_back(struct promoting *m)
{
	unsigned i;
	int rc;

	if (!m->begun)
		return cli_error("no promotion of \"%s\" is under way", m->diff);
	if (m->state.step != PROMOTION_BUILDING)
		return cli_error("the promotion of \"%s\" to \"%s\" cannot be taken back any more: " GO_ON " finishes it",
		    m->diff, m->state.place[0].path, m->diff, m->state.place[0].path);
	for (i = 0; i < m->state.n; i++) {
		strlcpy(add_place(m, m->state.place[i].shown, NULL)->path, m->state.place[i].path, PATH_MAX);
		if (place_open_parent(&m->place[i], m->dir.uid) != 0 || open_parent(m, i) != 0)
			return EXIT_FAILURE;
	}
	if ((rc = promotion_take_back(m->dir.fd, &m->state, m->parent_fd)) != 0)
		return fail(m, "take back the promotion of", rc);
	if (!m->options->quiet)
		cli_say("the promotion of \"%s\" is taken back: it can be mounted", m->diff);
	return 0;
}

static void
close_all(struct promoting *m, bool keep)
{
	unsigned i;

	for (i = 0; i < m->n; i++) {
		if (m->fd[i] >= 0)
			close(m->fd[i]);
		if (m->parent_fd[i] >= 0)
			close(m->parent_fd[i]);
		place_close(&m->place[i], keep);
	}
	diffdir_close(&m->dir);
	binding_fini(&m->binding);
	if (m->lock_fd >= 0)
		close(m->lock_fd);
}

/* Runs in a child: names may not answer. */
static int
promote(void *arg)
{
	struct promoting *m = arg;
	int rc;

	log_set_sink(confined_log);
	umask(077);
	promotion_use_rights(use_rights);
	if ((rc = open_diff(m)) == 0)
		rc = m->options->abort ? take_back(m) : go_on(m);
	close_all(m, rc == 0 || m->state.step != PROMOTION_BUILDING);
	return rc;
}

/* ---- the mount ------------------------------------------------------------------------------ */

static int
check_detached(const struct mountref *t)
{
	struct json_node *nodes autofree = calloc(SNAPSHOT_NODES, sizeof(*nodes));
	char *text autofree = NULL;
	size_t len;

	if (nodes == NULL)
		return cli_error("out of memory");
	if (figures_ask(t, false, &text, &len) != 0)
		return EXIT_FAILURE;
	if (json_parse(text, len, nodes, SNAPSHOT_NODES) >= 0 && figures_is_true(nodes, nodes, "detached"))
		return 0;
	return cli_error("\"%s\" still needs the catalog: pbkfs hydrate --wait -D \"%s\" first", t->mnt, t->mnt);
}

/* A mount that is to be left, and for which command. */
struct leaving {
	const char *mnt, *diff;
	const struct options *options;
};

static int
check_server(const char *mnt)
{
	struct place p = { .fd = open(mnt, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .parent_fd = -1 };
	int rc;

	if (p.fd < 0)
		return cli_error("could not open \"%s\": %s", mnt, strerror(errno));
	strlcpy(p.path, mnt, sizeof(p.path));
	rc = place_check_no_server(&p);
	place_close(&p, true);
	return rc;
}

/* A mistake in the name is told while the mount is still there.  All else is checked when it is used. */
static int
check_target(const struct leaving *l)
{
	struct place p = { .given = l->options->to, .named = true, .if_not_empty = "", .parent_fd = -1, .fd = -1 };
	struct stat st, other;
	char parent[PATH_MAX];
	int rc;

	if ((rc = place_resolve(&p)) != 0)
		return rc;
	snprintf(parent, sizeof(parent), "%.*s/", (int)(strrchr(p.path, '/') - p.path), p.path);
	if (!l->options->copy && stat(parent, &st) == 0 && stat(l->diff, &other) == 0 && st.st_dev != other.st_dev)
		return refuse_elsewhere(&p, l->diff);
	p.fd = open(p.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	rc = p.fd >= 0 ? place_check_empty(&p) : 0;
	place_close(&p, true);
	return rc;
}

static int
check_leaving(void *arg)
{
	const struct leaving *l = arg;
	int rc = check_server(l->mnt);

	return rc != 0 ? rc : check_target(l);
}

/* Unmounts what is at o->mnt, unless a server runs there, and finds its diff directory. */
static int
leave_mount(const struct options *o, char diff[PATH_MAX])
{
	static struct mountref t;
	const struct options u = { .mnt = o->mnt, .diff = o->diff };
	struct leaving l = { .mnt = t.mnt, .diff = t.diff, .options = o };
	int cwd autoclose = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), failed = 0, rc;

	if (mountref_find(&t, o->mnt, o->diff) != 0)
		return EXIT_FAILURE;
	mountref_contact(&t);
	strlcpy(diff, t.diff, PATH_MAX);
	if ((rc = check_detached(&t)) == 0)
		rc = limited_program(check_leaving, &l, LIMITED_SECONDS, &failed);
	if (rc == -ETIMEDOUT)
		rc = limited_tell("mountpoint", t.mnt, LIMITED_SECONDS, "nothing was unmounted");
	else if (rc < 0)
		rc = cli_error("could not look for a server at \"%s\": %s", t.mnt, strerror(-rc));
	mountref_close(&t);
	if (rc != 0 || (rc = cmd_unmount(&u)) != 0)
		return rc;
	/* That was left for the unmount. */
	if (cwd >= 0 && fchdir(cwd) != 0)
		return cli_error("could not go back to the working directory: %s", strerror(errno));
	return 0;
}

/* ---- the command ------------------------------------------------------------------------------ */

static int
take_mappings(struct promoting *m, const struct option_list *list, bool external)
{
	struct promoting_mapping *g;
	unsigned i;

	for (i = 0; i < list->n; i++) {
		g = &m->mapping[m->n_mappings++];
		g->external = external;
		if (clone_args_split_mapping(list->item[i], &g->from, &g->to) != 0)
			return cli_usage("\"%s\" is no mapping: it has to be OLD=NEW", list->item[i]);
	}
	return 0;
}

static int
check_arguments(const struct options *o)
{
	if (o->mnt == NULL && o->diff == NULL)
		return cli_usage("--diff-dir or --mnt-path is required");
	if (o->abort && (o->mnt != NULL || o->to != NULL || o->copy || o->waldir != NULL))
		return cli_usage("--abort takes no other option than --diff-dir");
	return o->abort || o->to != NULL ? 0 : cli_usage("--to is required");
}

static void
tell(const struct promoting *m, double seconds)
{
	const struct promote_figures *f = &m->told->figures;

	if (!m->options->quiet)
		cli_say("promoted \"%s\" to \"%s\": %llu files in %llu directories, %.2f seconds", m->options->diff,
		    m->told->path, (unsigned long long)f->files, (unsigned long long)f->directories, seconds);
	if (f->given > 0)
		cli_warn("%llu files of other users were given to the owner of \"%s\"", (unsigned long long)f->given,
		    m->told->path);
	if (!m->options->quiet && m->told->server_version != 0)
		startline_print(m->told->server_version, m->told->uid, m->told->path);
}

int
cmd_promote(const struct options *o)
{
	int index_fd autoclose = memfd_create("pbkfs-index", MFD_CLOEXEC), failed = 0, rc;
	struct promoting *m autofree = calloc(1, sizeof(*m));
	struct options with_diff = *o;
	char diff[PATH_MAX];
	uint64_t begun = clock_monotonic_ns();

	if ((rc = check_arguments(o)) != 0)
		return rc;
	if (o->quiet)
		cli_leave_out_notes();
	if (m == NULL)
		return cli_error("out of memory");
	if ((rc = take_mappings(m, &o->tablespaces, false)) != 0 || (rc = take_mappings(m, &o->externals, true)) != 0)
		return rc;
	if (index_fd < 0 || (m->told = limited_share(sizeof(*m->told))) == NULL)
		return cli_error("out of memory");
	headway_raise_limits();
	if (o->mnt != NULL && (rc = leave_mount(o, diff)) != 0)
		return rc;
	if (o->mnt != NULL)
		with_diff.diff = diff;
	m->options = &with_diff;
	m->lock_fd = m->dir.fd = m->dir.changes_fd = m->dir.infodir_fd = m->dir.parent_fd = -1;
	m->index_fd = index_fd;
	if (!o->abort)
		cli_if_interrupted("interrupted: the promotion of \"%s\" is unfinished, and no mount takes it: pbkfs promote"
		    " -d \"%s\" goes on, with the same directories, or takes it back, with --abort", with_diff.diff,
		    with_diff.diff);
	rc = limited_program(promote, m, LIMITED_SECONDS, &failed);
	if (rc == -ETIMEDOUT)
		rc = limited_tell("diff directory", with_diff.diff, LIMITED_SECONDS, "it is not promoted");
	else if (rc < 0)
		rc = cli_error("the process that promotes was killed: the same command goes on with it");
	if (rc != 0 && o->mnt != NULL)
		cli_warn("\"%s\" is unmounted: promote it by -d \"%s\" now, not by -D", o->mnt, diff);
	if (rc == 0 && !o->abort)
		tell(m, headway_seconds_since(begun));
	return rc;
}
