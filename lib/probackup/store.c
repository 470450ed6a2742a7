/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens files of the backups for those who read them, through the descriptor
 * cache and staleness.c; reads plain files.  Pages are pagefile.c's.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/logonce.h"
#include "base/util.h"
#include "pg/pg_types.h"
#include "probackup/staleness.h"
#include "probackup/store.h"
#include "probackup/tablespace.h"

static _Atomic bool failed;	/* see store_took_failure() */

bool
store_took_failure(void)
{
	return atomic_exchange(&failed, false);
}

ssize_t
store_pread(int fd, void *buf, size_t len, off_t off)
{
	ssize_t n = io_pread(fd, buf, len, off);

	if (n < 0)
		atomic_store(&failed, true);
	return n;
}

int
store_fstat(int fd, struct stat *st)
{
	if (fstat(fd, st) == 0)
		return 0;
	atomic_store(&failed, true);
	return -errno;
}

/* Opens what path names in a backup, by the way from the root of the store. */
static int
open_from_root(int store_fd, const char *instance, const char *id, const char *path, int flags)
{
	char whole[2 * PATH_MAX];

	snprintf(whole, sizeof(whole), "backups/%s/%s%s%s", instance, id,
	    path[0] != '\0' ? "/" : "", path);
	return io_open_beneath(store_fd, whole, flags, 0);
}

static void
open_backups(struct store *s)
{
	const char *id;
	uint32_t i;
	int fd;

	for (i = 0; i < s->ix.n_backups; i++) {
		id = s->ix.backups[i].id;
		fd = open_from_root(s->store_fd, s->instance, id, "", O_PATH | O_DIRECTORY);
		if (fd < 0) {
			log_error("could not open backup %s of instance \"%s\": %s", id,
			    s->instance, strerror(-fd));
			atomic_store(&failed, true);
		}
		s->backup_fd[i] = MAX(fd, -1);
	}
}

int
store_open(struct store *s, int store_fd, const char *instance, int index_fd,
    struct fdcache *fds)
{
	int i, rc;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < CHAIN_MAX; i++)
		s->backup_fd[i] = -1;
	s->store_fd = store_fd;
	s->instance = instance;
	s->fds = fds;
	if ((rc = index_open(index_fd, &s->ix)) == 0 && store_fd >= 0)
		open_backups(s);
	return rc;
}

void
store_close(struct store *s)
{
	int i;

	for (i = 0; i < CHAIN_MAX; i++)
		if (s->backup_fd[i] >= 0)
			close(s->backup_fd[i]);
	s->fds = NULL;
	staleness_free(s->staleness);
	s->staleness = NULL;
	index_close(&s->ix);
}

int
store_refuse_stale(struct store *s)
{
	s->staleness = staleness_new(&s->ix, s->store_fd, s->instance);
	return s->staleness != NULL ? 0 : -ENOMEM;
}

int
reader_init(struct reader *rd, struct iostats *stats)
{
	rd->codec = codec_new();
	rd->scratch = aligned_alloc(4096, (READER_SCRATCH + 4095) / 4096 * 4096);
	rd->stats = stats;
	if (rd->codec != NULL && rd->scratch != NULL)
		return 0;
	reader_fini(rd);
	return -ENOMEM;
}

void
reader_fini(struct reader *rd)
{
	codec_free(rd->codec);
	free(rd->scratch);
	memset(rd, 0, sizeof(*rd));
}

/* Keys of the descriptor cache: backups take the lower half of the numbers. */
static uint64_t
key(uint16_t backup, uint32_t e)
{
	return (uint64_t)backup << 32 | e;
}

/*
 * The kernel asks by halves again for pages that it could not read ahead: one
 * fault would make several lines.
 */
static bool
is_due(const struct store *s, uint16_t backup, uint32_t e, uint32_t blkno)
{
	static struct logonce faults = LOGONCE_INIT;

	return !s->quiet && logonce_is_due(&faults, key(backup, e), blkno);
}

/* Opens a file of a backup and finds what it is. */
static int
open_in_backup(const struct store *s, uint16_t backup, const char *path, struct stat *st)
{
	int fd autoclose = io_open_beneath(s->backup_fd[backup], path, O_RDONLY | O_NONBLOCK, 0);
	int rc;

	/*
	 * Opens the backup again: a directory that was moved away may have been
	 * put back as another one.
	 */
	if (fd == -ENOENT || fd == -ESTALE || fd == -EBADF)
		fd = open_from_root(s->store_fd, s->instance, s->ix.backups[backup].id, path,
		    O_RDONLY | O_NONBLOCK);
	if (fd < 0) {
		atomic_store(&failed, true);
		return fd;
	}
	/*
	 * Asks for the status, too: a file system that died may open what it
	 * remembers.
	 */
	if ((rc = store_fstat(fd, st)) < 0)
		return rc;
	return S_ISREG(st->st_mode) ? steal_fd(&fd) : -EINVAL;
}

static int
open_stored(const struct store *s, uint32_t e, const struct index_provider *p)
{
	char shown[PATH_MAX], path[2 * PATH_MAX];
	int rc, fd autoclose = -1;
	struct stat st;

	if (e == INDEX_NONE)
		strcpy(path, "page_header_map");
	else if ((rc = index_path(&s->ix, e, shown, sizeof(shown))) < 0 ||
	    (rc = tablespace_stored_path(shown, path, sizeof(path))) < 0)
		return rc;
	if ((fd = open_in_backup(s, p->backup, path, &st)) < 0) {
		rc = fd;
	} else if (s->staleness == NULL || (rc = staleness_check(s->staleness, p->backup, s->backup_fd[p->backup], &st)) == 0) {
		return steal_fd(&fd);
	} else if (rc == -ESTALE) {
		return rc;		/* which staleness_check() has logged */
	} else {
		atomic_store(&failed, true);
	}
	if (is_due(s, p->backup, e, InvalidBlockNumber))
		log_error("could not open \"%s\" in backup %s: %s", path,
		    s->ix.backups[p->backup].id,
		    io_plain_error(rc));
	return rc;
}

int
store_fd_of(const struct store *s, uint32_t e, const struct index_provider *p, struct fdref **ref)
{
	int fd = fdcache_find(s->fds, key(p->backup, e), ref);

	if (fd >= 0)
		return fd;
	if ((fd = open_stored(s, e, p)) < 0)
		return fd;
	return fdcache_add(s->fds, key(p->backup, e), fd, ref);
}

void
store_complain(const struct store *s, uint32_t e, const struct index_provider *p,
    uint32_t blkno, const char *fmt, ...)
{
	static struct log_budget budget;
	char path[PATH_MAX], why[256];
	unsigned skipped;
	va_list ap;

	if (!is_due(s, p->backup, e, blkno) || !log_allowed(&budget, &skipped))
		return;
	if (skipped > 0)
		log_warn("%u messages about unreadable blocks were left out", skipped);
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (index_path(&s->ix, e, path, sizeof(path)) < 0)
		strcpy(path, "?");
	if (blkno == InvalidBlockNumber)
		log_error("could not read \"%s\" in backup %s: %s", path,
		    s->ix.backups[p->backup].id, why);
	else
		log_error("could not read block %u of \"%s\" in backup %s: %s", blkno, path,
		    s->ix.backups[p->backup].id, why);
}

int
plainfile_read(const struct store *s, uint32_t e, uint64_t off, size_t len, void *dst,
    struct reader *rd)
{
	const struct index_entry *f = &s->ix.entries[e];
	const struct index_provider *p = &s->ix.providers[f->first];
	struct fdref *ref;
	ssize_t n;
	int fd;

	if (f->count != 1)
		return -EUCLEAN;
	if ((fd = store_fd_of(s, e, p, &ref)) < 0)
		return fd;
	n = store_pread(fd, dst, len, (off_t)off);
	fdcache_put(s->fds, ref);
	if (n < 0) {
		store_complain(s, e, p, InvalidBlockNumber, "%s", strerror((int)-n));
		return (int)n;
	}
	if ((size_t)n == len) {
		iostats_add(&rd->stats->blocks_chain[p->backup], (len + BLCKSZ - 1) / BLCKSZ);
		return 0;
	}
	store_complain(s, e, p, InvalidBlockNumber, "expected %llu bytes, found %llu",
	    (unsigned long long)f->size, (unsigned long long)(off + (uint64_t)n));
	return -EUCLEAN;
}
