/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes ready where a backup is restored to.
 *
 * Root resolves names that only root and the owner can change, and gives away what is its own and
 * empty; beneath that, and where the catalog says where to go, it has the owner's rights alone.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/owner.h"
#include "cli/place.h"
#include "cli/restoring.h"
#include "probackup/tablespace.h"
#include "restore/mark.h"
#include "supervisor/identity.h"
#include "supervisor/mountinfo.h"
#include "supervisor/paths.h"
#include "supervisor/username.h"
#include "supervisor/walk.h"

#define DEFAULT_OWNER	"postgres"
#define LOCK_MS		5000

/* ---- which directories ------------------------------------------------------- */

static struct place *
add_place(struct landing *l, enum place_kind kind, const char *name, const char *given, bool named)
{
	static const char *const shown[] = {
		[PLACE_PGDATA] = "", [PLACE_WAL] = ONDISK_WAL,
		[PLACE_TABLESPACE] = ONDISK_TABLESPACES "/", [PLACE_EXTERNAL] = ONDISK_EXTERNAL "/",
	};
	struct place *p = &l->place[l->n++];

	*p = (struct place){
		.kind = kind, .name = name, .given = given, .named = named, .parent_fd = -1, .fd = -1,
		.if_not_empty = "; --incremental makes it of a copy of another backup",
	};
	snprintf(p->shown, sizeof(p->shown), "%s%s", shown[kind], name);
	return p;
}

/* Where -T or --external-mapping leads from a location; NULL: nowhere. */
static const char *
mapped_to(const struct clone_config *c, const struct survey_place *p)
{
	unsigned i;

	for (i = 0; i < c->n_mappings; i++)
		if (c->mapping[i].external == p->external && strcmp(c->mapping[i].from, p->location) == 0)
			return c->mapping[i].to;
	return NULL;
}

/* Where a tablespace of the copy that is there is; NULL: it has none. */
static const char *
link_of(const char *pgdata, const char *oid)
{
	char path[PATH_MAX], to[PATH_MAX];
	ssize_t n;

	if (snprintf(path, sizeof(path), "%s/" TABLESPACE_DIR "/%s", pgdata, oid) >= (int)sizeof(path) ||
	    (n = readlink(path, to, sizeof(to) - 1)) <= 0)
		return NULL;
	to[n] = '\0';
	return to[0] == '/' ? strdup(to) : NULL;
}

static int
check_mappings(const struct landing *l)
{
	const struct clone_config *c = &l->r->clone;
	const struct survey *s = l->r->found;
	char known[512] = "none";
	size_t len = 0;
	unsigned i, k;

	for (i = 0; i < c->n_mappings; i++) {
		for (k = 0; k < s->n_places && (s->place[k].external != c->mapping[i].external ||
		    strcmp(s->place[k].location, c->mapping[i].from) != 0); k++)
			;
		if (k < s->n_places)
			continue;
		for (k = 0; k < s->n_places && len < sizeof(known); k++)
			if (s->place[k].external == c->mapping[i].external)
				len += (size_t)snprintf(known + len, sizeof(known) - len, "%s\"%s\"",
				    len > 0 ? ", " : "", s->place[k].location);
		return cli_error("backup %s has no %s \"%s\", only: %s", s->id, c->mapping[i].external ?
		    "external directory" : "tablespace at", c->mapping[i].from, known);
	}
	return 0;
}

static int
list_places(struct landing *l)
{
	const struct options *o = l->r->options;
	const struct survey *s = l->r->found;
	struct place *p;
	const char *to;	/* lives as long as the process */
	bool named;
	uint32_t i;

	p = add_place(l, PLACE_PGDATA, "", o->to, true);
	p->bytes = s->bytes;
	p->files = s->files;
	if (o->waldir != NULL)
		p = add_place(l, PLACE_WAL, "", o->waldir, true);
	p->bytes += s->wal_bytes;
	p->files += s->wal_files;
	for (i = 0; i < s->n_places; i++) {
		named = (to = mapped_to(&l->r->clone, &s->place[i])) != NULL;
		if (to == NULL && o->incremental && !s->place[i].external)
			to = link_of(o->to, s->place[i].name);
		p = add_place(l, s->place[i].external ? PLACE_EXTERNAL : PLACE_TABLESPACE, s->place[i].name,
		    to != NULL ? to : s->place[i].location, named);
		p->found = to != NULL && !named;
		p->bytes = s->place[i].bytes;
		p->files = s->place[i].files;
	}
	return check_mappings(l);
}

static int
resolve_all(struct landing *l)
{
	int rc;

	if ((rc = paths_resolve(l->r->options->store, l->store)) != 0)
		return cli_error("could not use store \"%s\": %s", l->r->options->store, paths_strerror(rc));
	if ((rc = place_resolve_all(l->place, l->n, "store", l->store)) == 0)
		strlcpy(l->r->restored->path, l->place[0].path, PATH_MAX);
	return rc;
}

/* ---- whose ------------------------------------------------------------------------ */

/* Root acts for whom the target belongs to; no server runs as root, so that this is the last choice. */
static int
choose_owner(struct landing *l)
{
	const char *given = l->r->options->owner;
	const struct passwd *pw;
	struct stat st;

	l->uid = geteuid();
	l->gid = getegid();
	if (given != NULL)
		return owner_parse(given, &l->uid, &l->gid) != 0;
	if (geteuid() != 0)
		return 0;
	if (lstat(l->place[0].path, &st) == 0 && st.st_uid != 0) {
		pw = getpwuid(st.st_uid);
		l->uid = st.st_uid;
		l->gid = pw != NULL ? pw->pw_gid : st.st_gid;
		return 0;
	}
	return owner_parse(DEFAULT_OWNER, &l->uid, &l->gid) != 0;
}

/* ---- what is there ---------------------------------------------------------------------- */

/* An incremental restore is of a copy of the same cluster, which no server uses. */
static int
check_copy(const struct landing *l)
{
	const struct place *p = &l->place[0];
	unsigned char bytes[8];
	struct stat st;
	int fd autoclose = -1;

	if (place_check_no_server(p) != 0)
		return EXIT_FAILURE;
	fd = io_open_plain(p->fd, MARK_CONTROL_FILE, &st);
	if (fd < 0 || io_pread(fd, bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return cli_error("target \"%s\" is no data directory: could not read \"" MARK_CONTROL_FILE "\": %s",
		    p->path, fd < 0 ? io_plain_error(fd) : "it is too short");
	if (get_le64(bytes) == l->r->found->sysid)
		return 0;
	return cli_error("target \"%s\" is of another cluster: its system identifier is %" PRIu64 ", that of the"
	    " backup %" PRIu64, p->path, get_le64(bytes), l->r->found->sysid);
}

/* Whether pg_wal of what is there is where it is going to be. */
static int
check_wal(const struct landing *l)
{
	bool apart = l->r->options->waldir != NULL;
	char to[PATH_MAX], name[NAME_MAX + 1];
	const char *path = l->place[0].path;
	ssize_t n = readlinkat(l->place[0].fd, ONDISK_WAL, to, sizeof(to) - 1);
	int fd autoclose = -1;

	to[MAX(n, (ssize_t)0)] = '\0';
	if (n >= 0 && !apart)
		return cli_error("\"%s/" ONDISK_WAL "\" is a link to \"%s\": keep it there by --waldir \"%s\"", path,
		    to, to);
	if (n >= 0 || !apart)
		return 0;
	fd = openat(l->place[0].fd, ONDISK_WAL, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || (place_first_name(fd, name) == 0 && name[0] == '\0'))
		return 0;
	return cli_error("\"%s/" ONDISK_WAL "\" is a directory that is not empty: leave out --waldir, or empty it",
	    path);
}

/* The line of a mark about a place. */
static size_t
describe_place(const struct place *p, char *line, size_t size)
{
	char path[4 * PATH_MAX];

	mountinfo_escape(p->path, path, sizeof(path));
	return (size_t)snprintf(line, size, "place %s %s\n", p->shown, path);
}

/*
 * Where only the backup says that a place is this copy's, what is there may be another server's: the one's that the
 * backup was made of.  An earlier restore, whose mark is `other`, may have begun with it; NULL: there was none.
 */
static int
check_foreign(const struct landing *l, const char *other)
{
	char line[5 * PATH_MAX], name[NAME_MAX + 1];
	const struct place *p;
	unsigned i;

	for (i = 1; i < l->n; i++) {
		p = &l->place[i];
		describe_place(p, line, sizeof(line));
		if (p->named || p->found || (other != NULL && strstr(other, line) != NULL) ||
		    (place_first_name(p->fd, name) == 0 && name[0] == '\0'))
			continue;
		return cli_error("%s \"%s\" is not empty, and \"%s\" has no link to it: it may be another server's; name it, or"
		    " another directory, with %s", place_kind_name(p), p->path, l->place[0].path,
		    p->kind == PLACE_EXTERNAL ? "--external-mapping, or --skip-external-dirs" : "-T");
	}
	return 0;
}

/* ---- the mark ------------------------------------------------------------------------------- */

/* The mark of this restore: equal for the same command. */
static char *
describe(const struct landing *l)
{
	const struct survey *s = l->r->found;
	char *text = malloc(MARK_STATE_MAX);
	size_t n, size = MARK_STATE_MAX;
	unsigned i;

	if (text == NULL)
		return NULL;
	n = (size_t)snprintf(text, size, "pbkfs-restore 1\nbackup %s\ninstance %s\nsystem-identifier %" PRIu64
	    "\ntree %016" PRIx64 "\nlists %08" PRIx64 "\nincremental %s\n", s->id, l->r->options->instance,
	    s->sysid, s->tree, s->lists, l->r->options->incremental ? "yes" : "no");
	for (i = 1; i < l->n && n < size; i++)
		n += describe_place(&l->place[i], text + n, size - n);
	return text;
}

static int
other_restore(const struct landing *l, const char *other)
{
	char id[BACKUP_ID_MAX] = "?";
	const char *line = strstr(other, "\nbackup ");

	if (line != NULL)
		snprintf(id, sizeof(id), "%.*s", (int)strcspn(line + 8, "\n"), line + 8);
	return cli_error("\"%s\" holds an unfinished restore of backup %s, by another command: repeat that, or empty"
	    " the directory", l->place[0].path, id);
}

/* Whether the unfinished restore is of the cluster whose backup this one is of. */
static bool
is_same_cluster(const struct landing *l, const char *other)
{
	char line[64];

	snprintf(line, sizeof(line), "\nsystem-identifier %" PRIu64 "\n", l->r->found->sysid);
	return strstr(other, line) != NULL;
}

/*
 * A mark that says that all is done but its end may be of another command, which is not done by that: an incremental
 * restore ends the other one first.
 */
static int
check_complete(struct landing *l)
{
	char *state autofree = describe(l), *other autofree = NULL;
	const struct place *p = &l->place[0];
	int rc;

	if (state == NULL)
		return cli_error("out of memory");
	if (place_check_no_server(p) != 0)
		return EXIT_FAILURE;
	rc = mark_read_complete(p->fd, &other);
	if (rc == 0 && strcmp(state, other) == 0) {
		l->complete = true;
		return 0;
	}
	if (rc == 0 && !l->r->options->incremental)
		return other_restore(l, other);
	if (rc == 0)
		rc = mark_finish(p->fd);
	return rc == 0 ? 0 : cli_error("could not end the earlier restore in \"%s\": %s", p->path, strerror(-rc));
}

static int
check_content(struct landing *l)
{
	bool is_empty = l->place[0].is_roots;	/* the owner may not look into that yet */
	int found = is_empty ? MARK_NONE : mark_find(l->place[0].fd), rc = 0;
	bool incremental = l->r->options->incremental;
	unsigned i;

	if (found < 0)
		return cli_error("could not look into target \"%s\": %s", l->place[0].path, strerror(-found));
	if ((l->resumed = found == MARK_UNFINISHED))
		return place_check_no_server(&l->place[0]);
	if (found == MARK_DONE_ALL && ((rc = check_complete(l)) != 0 || l->complete))
		return rc;
	if (incremental && is_empty)
		return cli_error("target \"%s\" is no data directory: it is empty", l->place[0].path);
	if (incremental)
		return (rc = check_copy(l)) != 0 || (rc = check_wal(l)) != 0 ? rc : check_foreign(l, NULL);
	for (i = 0; i < l->n && rc == 0; i++)
		rc = place_check_empty(&l->place[i]);
	return rc;
}

/* ---- marking --------------------------------------------------------------------------------- */

/* Waits a while for who was killed, and holds it for a moment yet.  Returns 0, or EXIT_FAILURE after one line. */
static int
lock(const struct landing *l, int fd)
{
	int64_t until = clock_monotonic_ms() + LOCK_MS;
	const struct timespec pause = { .tv_nsec = 20000000 };

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return cli_error("could not lock \"%s\": %s", l->place[0].path, strerror(errno));
		if (clock_monotonic_ms() >= until)
			return cli_error("another restore is at work in \"%s\"", l->place[0].path);
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* The child that copies holds the lock, too, for as long as it lives. */
static int
open_marked(struct landing *l)
{
	static const int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC;

	if ((l->state_fd = openat(l->mark_fd, MARK_STATE, flags)) < 0)
		return -errno;
	if (lock(l, l->state_fd) != 0)
		return 1;
	l->trust = mark_is_of_this_boot(l->mark_fd);
	l->done_fd = openat(l->mark_fd, MARK_DONE, flags | O_CREAT, 0600);
	return l->done_fd < 0 ? -errno : 0;
}

static int
mark(struct landing *l)
{
	char *state autofree = describe(l), *other autofree = NULL;
	int rc;

	if (state == NULL)
		return cli_error("out of memory");
	l->mark_fd = mark_make(l->place[0].fd, state, &other);
	if (l->mark_fd == -EEXIST && other != NULL) {
		if (!l->r->options->incremental || !is_same_cluster(l, other))
			return other_restore(l, other);
		if (check_foreign(l, other) != 0)
			return EXIT_FAILURE;
		/* Nothing of it is believed: all that is there is compared. */
		l->mark_fd = mark_replace(l->place[0].fd, state);
	}
	if ((rc = MIN(l->mark_fd, 0)) == 0 && (rc = open_marked(l)) > 0)
		return EXIT_FAILURE;
	if (rc == 0 && l->r->options->incremental)
		rc = mark_disarm(l->place[0].fd, l->mark_fd);
	return rc == 0 ? 0 : cli_error("could not mark target \"%s\" as unfinished: %s", l->place[0].path,
	    strerror(-rc));
}

/* ---- all of it ---------------------------------------------------------------------------------- */

/* All directories of a cluster have the mode of its root; others stay as they are. */
static int
set_modes(const struct landing *l)
{
	unsigned i;

	for (i = 0; i < l->n; i++)
		if (l->place[i].kind != PLACE_EXTERNAL &&
		    fchmod(l->place[i].fd, l->r->found->root_mode) != 0)
			return cli_error("could not set the mode of \"%s\": %s", l->place[i].path, strerror(errno));
	return 0;
}

int
landing_prepare(struct landing *l)
{
	char name[USERNAME_MAX];
	unsigned i;
	int rc;

	l->mark_fd = l->state_fd = l->done_fd = -1;
	if ((rc = list_places(l)) != 0 || (rc = resolve_all(l)) != 0 || (rc = choose_owner(l)) != 0)
		return rc;
	l->r->restored->uid = l->uid;
	if ((rc = identity_assume(l->uid, l->gid)) != 0)
		return cli_error("could not act as user %s: %s", username_of(l->uid, name), strerror(-rc));
	for (i = 0; i < l->n; i++)
		if ((rc = place_open(&l->place[i], l->uid, l->gid)) != 0)
			return rc;
	if ((rc = lock(l, l->place[0].fd)) != 0)
		return rc;
	if ((rc = check_content(l)) != 0 || l->complete)
		return rc;
	/* Of what goes on, or is there, nobody knows how much that is. */
	if (!l->resumed && !l->r->options->incremental && (rc = place_check_rooms(l->place, l->n, "restore")) != 0)
		return rc;
	/* From here on there are changes. */
	for (i = 0; i < l->n; i++)
		if ((rc = place_take(&l->place[i], l->uid, l->gid)) != 0)
			return rc;
	return (rc = mark(l)) != 0 ? rc : set_modes(l);
}

/* ---- the end ------------------------------------------------------------------------------------ */

/* Makes a link, or replaces one that leads elsewhere. */
static int
make_link(int dir_fd, const char *name, const char *to)
{
	char found[PATH_MAX];
	ssize_t n = readlinkat(dir_fd, name, found, sizeof(found));

	if (n >= 0 && (size_t)n == strlen(to) && memcmp(found, to, (size_t)n) == 0)
		return 0;
	if (n >= 0 ? unlinkat(dir_fd, name, 0) != 0 :
	    unlinkat(dir_fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
		return -errno;
	return symlinkat(to, dir_fd, name) == 0 ? 0 : -errno;
}

static int
link_place(const struct landing *l, const struct place *p)
{
	int dir autoclose = -1, rc;

	dir = openat(l->place[0].fd, p->kind == PLACE_WAL ? "." : TABLESPACE_DIR,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	rc = dir < 0 ? -errno : make_link(dir, p->kind == PLACE_WAL ? ONDISK_WAL : p->name, p->path);
	if (rc == 0 && fsync(dir) != 0)
		rc = -errno;
	return rc == 0 ? 0 : cli_error("could not make the link to %s \"%s\": %s", place_kind_name(p), p->path,
	    strerror(-rc));
}

/* Makes the names of new directories durable, as far as their parents may be read. */
static void
sync_parents(const struct landing *l)
{
	unsigned i;

	for (i = 0; i < l->n; i++) {
		int fd autoclose = openat(l->place[i].parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0)
			fsync(fd);
	}
}

int
landing_finish(struct landing *l)
{
	unsigned i;
	int rc;

	for (i = 1; i < l->n && !l->complete; i++)
		if (l->place[i].kind != PLACE_EXTERNAL && (rc = link_place(l, &l->place[i])) != 0)
			return rc;
	sync_parents(l);
	rc = mark_finish(l->place[0].fd);
	return rc == 0 ? 0 : cli_error("could not finish \"%s\": %s", l->place[0].path, strerror(-rc));
}

void
landing_close(struct landing *l)
{
	const int fds[] = { l->mark_fd, l->state_fd, l->done_fd };
	struct place *p;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	while (l->n > 0) {
		p = &l->place[--l->n];
		place_close(p, l->finished);
	}
}
