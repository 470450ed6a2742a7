/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "cow/dirty.h"
#include "cow/frozen.h"
#include "cow/impl.h"
#include "cow/maps.h"
#include "cow/relfile.h"
#include "cow/room.h"
#include "cow/source.h"
#include "diff/disk.h"

/*
 * Regular files in memory: what the diff directory has of one, and the states of that.
 * Where a block comes from: source.c.
 */

struct relfile *
relfile_new(struct cow *c, uint32_t base, uint64_t serial)
{
	struct relfile *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	pthread_rwlock_init(&f->lock, NULL);
	pthread_mutex_init(&f->blocks.copyup, NULL);
	pthread_mutex_init(&f->map.lock, NULL);
	pthread_mutex_init(&f->sync.lock, NULL);
	pthread_mutex_init(&f->times.lock, NULL);
	f->base = base;
	f->serial = f->content.number = serial;
	f->content.cut = RELFILE_UNCUT;
	f->times.atime = f->times.mtime = c->created;
	if (base != INDEX_NONE)
		f->size = f->blocks.limit = c->store.ix.entries[base].size;
	return f;
}

void
relfile_free(struct cow *c, struct relfile *f)
{
	dirty_remove(c, f);
	maps_drop(c, f);
	kinds_free(f->blocks.kinds);
	free(f->frozen);
	pthread_rwlock_destroy(&f->lock);
	pthread_mutex_destroy(&f->blocks.copyup);
	pthread_mutex_destroy(&f->map.lock);
	pthread_mutex_destroy(&f->sync.lock);
	pthread_mutex_destroy(&f->times.lock);
	free(f);
}

/*
 * Finishes a truncation that a crash interrupted, or whose end it kept out of
 * the journal: left there, it would cut what is written from now on.
 */
int
relfile_finish_cut(struct cow *c, struct relfile *f)
{
	struct journal_record rec = {
		.type = JOURNAL_TRUNCATED, .serial = f->serial, .time = clock_real_ns()
	};
	struct fdref *ref;
	struct stat st;
	int fd, rc = 0;

	if (relfile_has_content(f)) {
		if ((fd = content_fd(c->contents, f->content.number, false, &ref)) < 0)
			return fd;
		/* The content file counts: size may have been cut already. */
		if (fstat(fd, &st) != 0)
			rc = -errno;
		else if ((uint64_t)st.st_size > f->content.cut)
			rc = disk_truncate(fd, f->content.cut);
		if (rc == 0)
			rc = disk_sync(fd);
		fdcache_put(c->fds, ref);
		if (rc == 0)
			f->size = MIN((uint64_t)f->size, f->content.cut);
	}
	if (rc == 0 && (rc = journal_append(c->journal, &rec)) == 0)
		f->content.cut = RELFILE_UNCUT;
	return rc;
}

/* Where the blocks are, with the content file's. */
static int
load_kinds(struct cow *c, struct relfile *f, struct kinds **out)
{
	struct kinds *kinds;
	int rc = frozen_kinds(c, f, &kinds);

	*out = NULL;
	if (rc == 0 && kinds != NULL &&
	    (rc = content_map_read(c->contents, f->content.number, kinds, kinds_count(kinds), CONTENT_FULL)) < 0)
		kinds_free(kinds);
	if (rc == 0)
		*out = kinds;
	return rc;
}

static int
load_content(struct cow *c, struct relfile *f)
{
	struct kinds *kinds;
	struct stat st;
	int rc;

	rc = content_stat(c->contents, f->content.number, &st);
	if (rc == -ENOENT && f->content.recorded) {
		log_error("\"data/%016" PRIx64 "\" is missing from the diff directory",
		    f->content.number);
		return -EUCLEAN;
	}
	if (rc == -ENOENT)
		return 0;
	if (rc < 0 || (rc = load_kinds(c, f, &kinds)) < 0)
		return rc;
	/* An earlier worker may have written what no fsync has covered yet. */
	if (!c->config.first && (rc = dirty_add(c, f)) < 0) {
		kinds_free(kinds);
		return rc;
	}
	f->blocks.kinds = kinds;
	f->size = MIN((uint64_t)st.st_size, f->content.cut);
	f->sync.unsynced = true;	/* for all we know */
	relfile_times_found(f, &st);
	f->content.names = 0;
	f->content.state = RELFILE_FOUND;
	return 0;
}

/* Frozen layers say where the blocks are, where there is no content file above them. */
static int
load_frozen(struct cow *c, struct relfile *f)
{
	int rc;

	if (f->frozen == NULL || relfile_has_content(f))
		return 0;
	if ((rc = frozen_times(c, f)) < 0)
		return rc;
	return frozen_kinds(c, f, &f->blocks.kinds);
}

int
relfile_load(struct cow *c, struct relfile *f)
{
	int rc = 0;

	pthread_rwlock_wrlock(&f->lock);
	/* Below a visible chain, content counts only if it is known to be whole. */
	if (!relfile_is_known(f) && f->serial != 0 &&
	    (f->blocks.limit == 0 || f->content.recorded || f->content.taken_up))
		rc = load_content(c, f);
	/* Where that fails, readers see no more than size, and writers try again. */
	if (rc == 0 && f->content.cut != RELFILE_UNCUT)
		relfile_finish_cut(c, f);
	if (rc == 0 && !relfile_is_known(f) && (rc = load_frozen(c, f)) == 0)
		f->content.state = RELFILE_BARE;
	pthread_rwlock_unlock(&f->lock);
	return rc;
}

int
relfile_make_content(struct cow *c, struct relfile *f)
{
	uint64_t blocks = relfile_chain_blocks(f);
	bool fresh = f->frozen == NULL || f->blocks.stale;
	struct kinds *kinds = NULL;
	struct fdref *ref;
	int fd, rc;

	if (relfile_has_content(f))
		return 0;
	if (blocks > RELFILE_BLOCKS_MAX)
		return -EFBIG;
	if ((fd = content_fd(c->contents, f->content.number, true, &ref)) < 0)
		return fd;
	/* Something of this number can only be what a crash left unfinished. */
	if ((rc = disk_truncate(fd, 0)) == 0)
		rc = disk_truncate(fd, f->size);
	fdcache_put(c->fds, ref);
	if (rc == 0 && blocks > 0)
		rc = source_pend(c, f, 0, 0);
	if (rc == 0 && fresh)
		rc = frozen_kinds(c, f, &kinds);
	if (rc < 0)
		return rc;
	/* Those of content that was discarded may be there still. */
	if (fresh) {
		kinds_free(f->blocks.kinds);
		f->blocks.kinds = kinds;
		f->blocks.stale = false;
	}
	/* The kernel may have told the time of this write before the write. */
	relfile_times_unsaved(f, true);
	f->sync.unsynced = false;
	f->content.names = contents_names(c->contents);
	f->content.state = RELFILE_FRESH;
	return 0;
}

void
relfile_discard(struct cow *c, struct relfile *f, uint64_t seq)
{
	pthread_rwlock_wrlock(&f->lock);
	dirty_remove(c, f);
	if (f->content.state == RELFILE_FRESH)
		content_remove(c->contents, f->content.number);
	else if (f->content.state != RELFILE_BARE)
		room_remove_later(c, f->content.number, seq);
	f->content.state = RELFILE_BARE;
	f->blocks.stale = true;
	pthread_rwlock_unlock(&f->lock);
}

/*
 * The chain has no more to say of f: its content file is all there is.  lock
 * exclusively held.
 */
void
relfile_forget_chain(struct cow *c, struct relfile *f)
{
	kinds_free(f->blocks.kinds);
	f->blocks.kinds = NULL;
	f->blocks.limit = 0;
	maps_drop(c, f);
}
