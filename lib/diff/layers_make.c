/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Freezes layers, throws them away, and ends what a crash has interrupted.
 *
 * The next active layer is whole and durable, under a name of its own, before anything else
 * changes; then come the seal and the renames, each durable before the one after it.  So whatever
 * a crash leaves is told by which of three names there are (layers.h).
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/rmtree.h"
#include "base/util.h"
#include "diff/disk.h"
#include "diff/journal.h"
#include "diff/layers.h"
#include "diff/layers_walk.h"

#define GONE	".gone."	/* before the name of a layer that is being removed */

static bool
is_there(int dir_fd, const char *name)
{
	return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
open_directory(int dir_fd, const char *name)
{
	return io_open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY, 0);
}

/* Removes a tree, durably. */
static int
remove_tree(int dir_fd, const char *name)
{
	char failed[NAME_MAX + 1];
	int rc;

	if (!is_there(dir_fd, name))
		return 0;
	if ((rc = rmtree(dir_fd, name, failed)) < 0) {
		log_error("could not remove \"%s\": %s", name, strerror(-rc));
		return rc;
	}
	return disk_sync_all(dir_fd);
}

static int
rename_durably(int dir_fd, const char *from, const char *to)
{
	int rc = disk_rename(dir_fd, from, to);

	return rc < 0 ? rc : disk_sync_all(dir_fd);
}

/* ---- the next active layer ------------------------------------------------------ */

struct next {
	const struct seal_parent *parent;
	int64_t	created;		/* of the journals */
	int	from_fd;		/* the layer that WAL and tree are copied from */
	bool	cut;			/* and that a mount is on */
	uint64_t wal_bytes;
	int64_t	wal_ns;
};

static int
fill_next(int fd, struct next *n)
{
	uint64_t bytes = 0;
	int64_t began;
	int rc;

	/* It is empty: there is nothing in it to be synced. */
	if ((rc = disk_mkdir(fd, ONDISK_CONTENT)) < 0 ||
	    (rc = layers_walk_copy(n->from_fd, fd, ONDISK_TREE, &bytes)) < 0 ||
	    (rc = layers_walk_copy(n->from_fd, fd, ONDISK_ORIGINS, &bytes)) < 0 ||
	    (n->cut && (rc = layers_walk_copy(n->from_fd, fd, ONDISK_CUT, &bytes)) < 0))
		return rc;
	began = (int64_t)clock_monotonic_ns();
	if ((rc = layers_walk_copy(n->from_fd, fd, ONDISK_WAL, &n->wal_bytes)) < 0)
		return rc;
	n->wal_ns = (int64_t)clock_monotonic_ns() - began;
	/* Last: where it is, all is. */
	if ((rc = journal_begin(fd, n->created, n->parent)) < 0)
		return rc;
	return disk_sync_all(fd);
}

static int
make_next(int diff_fd, struct next *n)
{
	int fd autoclose = -1, rc;

	if ((rc = remove_tree(diff_fd, ONDISK_NEXT)) < 0)
		return rc;
	if ((rc = disk_mkdir(diff_fd, ONDISK_NEXT)) == 0 && (rc = fd = open_directory(diff_fd, ONDISK_NEXT)) >= 0 &&
	    (rc = fill_next(fd, n)) == 0)
		rc = disk_sync_all(diff_fd);
	if (rc < 0)
		log_error("could not make a new layer: %s", strerror(-rc));
	return rc;
}

/* Nothing has got another name yet. */
static int
take_back(int diff_fd)
{
	int fd autoclose = open_directory(diff_fd, ONDISK_CHANGES), rc = 0;

	if (fd >= 0 && (rc = seal_remove(fd)) < 0)
		return rc;
	return remove_tree(diff_fd, ONDISK_NEXT);
}

/* ---- freezing ------------------------------------------------------------------- */

/* The serial behind those that a record has given out. */
static uint64_t
serial_behind(const struct journal_record *rec, uint64_t next)
{
	uint64_t given = rec->type == JOURNAL_SERIAL ? rec->serial : rec->serial + 1;

	switch (rec->type) {
	case JOURNAL_TRUNCATE:
	case JOURNAL_CONTENT:
		given = MAX(given, rec->content + 1);
		break;
	case JOURNAL_MOUNT:
		return next;
	}
	return MAX(next, given);
}

/* Reads the journal to its end, which is made durable. */
static int
read_journal(int changes_fd, struct seal *s, int64_t *created)
{
	struct journal_record rec;
	struct journal *j;
	int rc;

	if ((rc = journal_open(changes_fd, &j)) < 0)
		return rc;
	s->next_serial = JOURNAL_ROOT_SERIAL + 1;
	if (journal_parent(j) != NULL) {
		s->has_parent = true;
		s->parent = *journal_parent(j);
		s->next_serial = s->parent.next_serial;
	}
	while ((rc = journal_next(j, &rec)) > 0)
		s->next_serial = serial_behind(&rec, s->next_serial);
	if (rc == 0 && (rc = journal_settle(j, changes_fd)) == 0) {
		s->last = journal_last(j);
		s->journal_length = journal_size(j);
		s->journal_crc = journal_crc(j);
		*created = journal_created(j);
	}
	journal_close(j);
	if (rc == 0 && (s->next_serial >= SEAL_NUMBER_MAX || s->last >= SEAL_NUMBER_MAX)) {
		log_error("\"%s\" in the diff directory has numbers that are too large", ONDISK_JOURNAL);
		rc = -EUCLEAN;
	}
	return rc;
}

static int
find_depth(int layers_fd, int changes_fd, struct seal *s)
{
	struct layers_chain chain;
	int rc;

	if ((rc = layers_open(layers_fd, changes_fd, &chain)) < 0)
		return rc;
	s->depth = chain.n;
	layers_close(&chain);
	if (s->depth < SEAL_LAYERS_MAX)
		return 0;
	log_error("%u layers stand upon one another, and there can be no more", s->depth);
	return -E2BIG;
}

/* Fills in all of the seal. */
static int
make_seal(const struct layers_freeze *f, int changes_fd, struct seal *s, int64_t *created)
{
	int rc;

	if ((rc = read_journal(changes_fd, s, created)) < 0 || (rc = find_depth(f->layers_fd, changes_fd, s)) < 0 ||
	    (rc = layers_walk_clean(changes_fd, f->mounted)) < 0 || (rc = layers_walk_contents(changes_fd, s)) < 0)
		return rc;
	if (getrandom(s->id.byte, sizeof(s->id.byte), 0) != sizeof(s->id.byte))
		return -EIO;
	s->time = clock_real_ns();
	strlcpy(s->message, f->message != NULL ? f->message : "", sizeof(s->message));
	return 0;
}

/* From here on there is no way back; changes_fd is what gets the name. */
static int
switch_frozen(const struct layers_freeze *f)
{
	int rc;

	if ((rc = disk_sync_all(f->layers_fd)) < 0 || (rc = disk_sync_all(f->diff_fd)) < 0)
		return rc;
	return rename_durably(f->diff_fd, ONDISK_NEXT, ONDISK_CHANGES);
}

/* The reserve is the mount's, and goes on with that: the disk may be full. */
static int
pass_reserve(const struct layers_freeze *f, int changes_fd)
{
	int fd autoclose = open_directory(f->diff_fd, ONDISK_NEXT), rc;

	if (fd < 0)
		return fd;
	rc = disk_move(changes_fd, ONDISK_RESERVE, fd, ONDISK_RESERVE);
	return rc == -ENOENT ? 0 : rc;
}

static int
freeze(const struct layers_freeze *f, int changes_fd, struct seal *s, struct layers_frozen *out)
{
	struct seal_parent self;
	struct next next = { .parent = &self, .from_fd = changes_fd, .cut = f->mounted };
	int rc;

	if ((rc = make_seal(f, changes_fd, s, &next.created)) < 0)
		return rc;
	self = (struct seal_parent){ .id = s->id, .last = s->last, .next_serial = s->next_serial };
	strlcpy(self.name, f->name, sizeof(self.name));
	if ((rc = make_next(f->diff_fd, &next)) < 0 || (rc = seal_write(changes_fd, s)) < 0 ||
	    (f->mounted && (rc = pass_reserve(f, changes_fd)) < 0) || (rc = disk_move(f->diff_fd, ONDISK_CHANGES, f->layers_fd, f->name)) < 0) {
		take_back(f->diff_fd);
		return rc;
	}
	*out = (struct layers_frozen){
		.id = s->id, .disk_bytes = s->disk_bytes, .contents = s->n_contents,
		.wal_bytes = next.wal_bytes, .wal_ns = next.wal_ns,
	};
	if ((rc = switch_frozen(f)) < 0)
		return rc;
	if (f->mounted)
		disk_unlink(changes_fd, ONDISK_CUT);
	return 0;
}

int
layers_freeze(const struct layers_freeze *f, struct layers_frozen *out)
{
	int fd autoclose = -1, rc;
	struct seal s = { 0 };

	if (!layers_name_is_valid(f->name) || (f->message != NULL && strlen(f->message) > SEAL_MESSAGE_MAX))
		return -EINVAL;
	if (is_there(f->layers_fd, f->name))
		return -EEXIST;
	if ((fd = open_directory(f->diff_fd, ONDISK_CHANGES)) < 0)
		return fd == -ENOENT ? -ENODATA : fd;
	if (!is_there(fd, ONDISK_JOURNAL))
		return -ENODATA;
	if (!f->mounted && is_there(fd, ONDISK_CUT))
		return -EAGAIN;
	rc = freeze(f, fd, &s, out);
	seal_fini(&s);
	if (rc < 0 && rc != -EUCLEAN && rc != -E2BIG)
		log_error("could not freeze the diff directory as \"%s\": %s", f->name, strerror(-rc));
	return rc;
}

/* ---- standing on a layer -------------------------------------------------------- */

/* When the journals of a layer were made, all of which have the same time. */
static int
read_created(int layer_fd, const char *name, const struct seal *s, int64_t *created)
{
	struct journal *j;
	int rc = journal_open_frozen(layer_fd, name, s, &j);

	if (rc == 0) {
		*created = journal_created(j);
		journal_close(j);
	}
	return rc;
}

static int
make_above(int diff_fd, int layer_fd, const char *name, const struct seal *s)
{
	struct seal_parent parent = { .id = s->id, .last = s->last, .next_serial = s->next_serial };
	struct next next = { .parent = &parent, .from_fd = layer_fd };
	int rc;

	strlcpy(parent.name, name, sizeof(parent.name));
	if ((rc = read_created(layer_fd, name, s, &next.created)) < 0)
		return rc;
	return make_next(diff_fd, &next);
}

int
layers_reset(int diff_fd, int layers_fd, const char *name)
{
	int fd autoclose = -1, rc;
	struct seal s;

	if ((rc = layers_check(layers_fd, name)) < 0)
		return rc;
	if ((fd = open_directory(layers_fd, name)) < 0)
		return fd;
	if ((rc = seal_read(fd, name, &s)) < 0)
		return rc;
	if ((rc = remove_tree(diff_fd, ONDISK_OLD)) == 0 && (rc = make_above(diff_fd, fd, name, &s)) < 0)
		take_back(diff_fd);
	seal_fini(&s);
	if (rc == 0 && is_there(diff_fd, ONDISK_CHANGES))
		rc = rename_durably(diff_fd, ONDISK_CHANGES, ONDISK_OLD);
	return rc < 0 ? rc : rename_durably(diff_fd, ONDISK_NEXT, ONDISK_CHANGES);
}

/* ---- removing ------------------------------------------------------------------- */

int
layers_remove(int layers_fd, const char *name)
{
	char gone[sizeof(GONE) + SEAL_NAME_MAX];
	int rc;

	if (!layers_name_is_valid(name) || !is_there(layers_fd, name))
		return -ENOENT;
	snprintf(gone, sizeof(gone), GONE "%s", name);
	if ((rc = remove_tree(layers_fd, gone)) < 0 || (rc = rename_durably(layers_fd, name, gone)) < 0)
		return rc;
	return remove_tree(layers_fd, gone);
}

static int
sweep_layers(int layers_fd)
{
	const struct dirent *d;
	DIR *dir;
	int rc;

	if ((rc = io_opendir(layers_fd, ".", &dir)) < 0)
		return rc;
	while ((rc = io_readdir(dir, &d)) > 0)
		if (strncmp(d->d_name, GONE, strlen(GONE)) == 0 && (rc = remove_tree(layers_fd, d->d_name)) < 0)
			break;
	closedir(dir);
	return rc;
}

int
layers_sweep(int diff_fd, int layers_fd)
{
	int rc = remove_tree(diff_fd, ONDISK_OLD);

	return rc < 0 || layers_fd < 0 ? rc : sweep_layers(layers_fd);
}

int
layers_rename(int layers_fd, const char *from, const char *to)
{
	int rc;

	if (!layers_name_is_valid(to))
		return -EINVAL;
	if (!layers_name_is_valid(from))
		return -ENOENT;
	rc = disk_move(layers_fd, from, layers_fd, to);
	return rc < 0 ? rc : disk_sync_all(layers_fd);
}

/* ---- after a crash -------------------------------------------------------------- */

/* The layer that the next active one stands on, by its name today.  Returns 1, 0 if the next one is not whole, or negative errno. */
static int
read_next(int diff_fd, int layers_fd, char name[SEAL_NAME_MAX + 1])
{
	int fd autoclose = open_directory(diff_fd, ONDISK_NEXT), rc;
	struct seal_parent parent;

	if (fd < 0)
		return fd;
	if ((rc = layers_parent(fd, &parent)) <= 0)
		return rc;
	rc = layers_fd >= 0 ? layers_find(layers_fd, &parent, name) : -ENOENT;
	if (rc == -ENOENT)
		log_error("the diff directory stands on layer \"%s\", which is missing", parent.name);
	return rc == -ENOENT ? -EUCLEAN : rc < 0 ? rc : 1;
}

/* changes is gone, and the next one is there. */
static int
finish(int diff_fd, int layers_fd, char name[SEAL_NAME_MAX + 1])
{
	bool old = is_there(diff_fd, ONDISK_OLD);
	int fd autoclose = -1, rc = read_next(diff_fd, layers_fd, name);

	if (rc < 0)
		return rc;
	if (rc == 0)
		rc = old ? rename_durably(diff_fd, ONDISK_OLD, ONDISK_CHANGES) : 0;
	else if ((rc = rename_durably(diff_fd, ONDISK_NEXT, ONDISK_CHANGES)) == 0)
		rc = old ? LAYERS_RESET : LAYERS_FROZEN;
	/* A freeze looks like a reset where an earlier reset has left the layer that it threw away. */
	if (rc > 0 && (fd = open_directory(layers_fd, name)) >= 0)
		disk_unlink(fd, ONDISK_CUT);
	if (rc != 0)
		return rc;
	rc = take_back(diff_fd);
	return rc < 0 ? rc : LAYERS_TAKEN_BACK;
}

/* A seal without anything else is of an operation that was being taken back. */
static int
find_rest(int diff_fd, char name[SEAL_NAME_MAX + 1])
{
	int fd autoclose = open_directory(diff_fd, ONDISK_CHANGES), rc;
	struct seal_parent parent;

	if (fd < 0)
		return fd == -ENOENT ? LAYERS_NOTHING : fd;
	if (is_there(fd, ONDISK_SEAL)) {
		rc = seal_remove(fd);
		return rc < 0 ? rc : LAYERS_TAKEN_BACK;
	}
	/* One that a worker has served since is of a reset that was done, and what it threw away is being removed. */
	if (!is_there(diff_fd, ONDISK_OLD) || (rc = journal_read_begun(fd, &parent)) == 0)
		return LAYERS_NOTHING;
	if (rc < 0)
		return rc;
	strlcpy(name, parent.name, SEAL_NAME_MAX + 1);
	return LAYERS_RESET;
}

int
layers_recover(int diff_fd, int layers_fd, char name[SEAL_NAME_MAX + 1])
{
	bool changes = is_there(diff_fd, ONDISK_CHANGES), next = is_there(diff_fd, ONDISK_NEXT);
	int rc;

	name[0] = '\0';
	if (changes && next) {
		rc = take_back(diff_fd);
		return rc < 0 ? rc : LAYERS_TAKEN_BACK;
	}
	if (next)
		return finish(diff_fd, layers_fd, name);
	if (!changes && is_there(diff_fd, ONDISK_OLD)) {
		rc = rename_durably(diff_fd, ONDISK_OLD, ONDISK_CHANGES);
		return rc < 0 ? rc : LAYERS_TAKEN_BACK;
	}
	return find_rest(diff_fd, name);
}
