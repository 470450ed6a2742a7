/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The backup store as a serving worker sees it: an index and the directories
 * of its backups.  Everything here reads; nothing writes.
 */
#ifndef PROBACKUP_STORE_H
#define PROBACKUP_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fdcache.h"
#include "base/iostats.h"
#include "probackup/index.h"

struct stat;

/*
 * How far a page that was read is checked, beside its record; each includes
 * those before.
 */
enum pagecheck_level {
	PAGECHECK_NOTHING,
	PAGECHECK_SUMS,	/* its own checksum, if the cluster had data checksums */
	PAGECHECK_HEADERS,	/* LSN and checksum in page_header_map, where there is one */
};

struct store {
	enum pagecheck_level check;	/* set by the caller before the first block map; 0 after opening */
	bool	quiet;		/* nothing is logged about what cannot be read */
	struct index ix;
	int	store_fd;		/* borrowed */
	const char *instance;		/* borrowed */
	int	backup_fd[CHAIN_MAX];	/* O_PATH of each backup's directory; -1: out of reach */
	struct fdcache *fds;		/* borrowed */
	struct staleness *staleness;		/* owned; NULL: no backup is refused as stale */
};

/* The buffers of a thread that reads pages.  Not shared. */
struct reader {
	struct codec *codec;
	unsigned char *scratch;		/* READER_SCRATCH bytes: records as they are stored */
	struct iostats *stats;
};

#define READER_BLOCKS	128		/* blocks that one call reads at most */
#define RECORD_HEADER	8
#define READER_SCRATCH	(READER_BLOCKS * (8192 + RECORD_HEADER + 8))

/*
 * Maps the index in index_fd and opens the backups of instance beneath
 * store_fd.  A backup that is out of reach is logged and looked for again when
 * it is needed: what the diff directory holds can be served without it.  With a store_fd of -1
 * no backup is looked for.
 * Returns 0 or negative errno; store_close() undoes it.
 */
int	store_open(struct store *s, int store_fd, const char *instance, int index_fd,
	    struct fdcache *fds);
void	store_close(struct store *s);

/*
 * Makes store_fd_of() refuse the files of a backup that has changed since it was
 * prepared: see staleness.h.  Returns 0 or -ENOMEM.
 */
int	store_refuse_stale(struct store *s);

/* Allocates what a thread needs.  Returns 0 or -ENOMEM. */
int	reader_init(struct reader *rd, struct iostats *stats);
void	reader_fini(struct reader *rd);

/*
 * The stored file of provider p of entry e, or with e == INDEX_NONE the
 * page_header_map of its backup.  Returns a descriptor and fills *ref (to be
 * given back with fdcache_put()), or negative errno after one log line.
 */
int	store_fd_of(const struct store *s, uint32_t e, const struct index_provider *p,
	    struct fdref **ref);

/*
 * Logs, once a minute at most, that backup p stores entry e otherwise than it
 * should: `could not read block 7 of "base/1/2" in backup X: why`.
 */
void	store_complain(const struct store *s, uint32_t e, const struct index_provider *p,
	    uint32_t blkno, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/*
 * io_pread() and fstat() of a file of the store: a failure is remembered for
 * store_took_failure().
 */
ssize_t	store_pread(int fd, void *buf, size_t len, off_t off);
int	store_fstat(int fd, struct stat *st);

/*
 * Returns whether opening or reading a file of any store of this process has
 * failed since the last call: its file system may be gone.
 */
bool	store_took_failure(void);

/*
 * Copies len bytes at off of a plain file into dst; the caller keeps within
 * the file's length.  Returns 0, -EUCLEAN if the store has fewer bytes than
 * the list says (logged), or negative errno.
 */
int	plainfile_read(const struct store *s, uint32_t e, uint64_t off, size_t len, void *dst,
	    struct reader *rd);

#endif
