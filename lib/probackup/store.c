#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "pg/pg_types.h"
#include "probackup/store.h"

_Static_assert(IOSTATS_BACKUPS == CHAIN_MAX, "one counter for each backup");

static int
open_backups(struct store *s, int store_fd, const char *instance)
{
	char path[PATH_MAX];
	uint32_t i;

	for (i = 0; i < s->ix.n_backups; i++) {
		snprintf(path, sizeof(path), "backups/%s/%s", instance, s->ix.backups[i].id);
		s->backup_fd[i] = io_open_beneath(store_fd, path, O_PATH | O_DIRECTORY, 0);
		if (s->backup_fd[i] < 0) {
			log_error("could not open backup %s of instance \"%s\": %s",
			    s->ix.backups[i].id, instance, strerror(-s->backup_fd[i]));
			return s->backup_fd[i];
		}
	}
	return 0;
}

int
store_open(struct store *s, int store_fd, const char *instance, int index_fd,
    struct fdcache *fds)
{
	int i, r;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < CHAIN_MAX; i++)
		s->backup_fd[i] = -1;
	s->fds = fds;
	if ((r = index_open(index_fd, &s->ix)) < 0)
		return r;
	if ((r = open_backups(s, store_fd, instance)) < 0)
		store_close(s);
	return r;
}

void
store_close(struct store *s)
{
	int i;

	for (i = 0; i < CHAIN_MAX; i++)
		if (s->backup_fd[i] >= 0)
			close(s->backup_fd[i]);
	s->fds = NULL;
	index_close(&s->ix);
}

int
reader_init(struct reader *r, struct iostats *stats)
{
	r->codec = codec_new();
	r->scratch = aligned_alloc(4096, (READER_SCRATCH + 4095) / 4096 * 4096);
	r->stats = stats;
	if (r->codec != NULL && r->scratch != NULL)
		return 0;
	reader_fini(r);
	return -ENOMEM;
}

void
reader_fini(struct reader *r)
{
	codec_free(r->codec);
	free(r->scratch);
	memset(r, 0, sizeof(*r));
}

/* Keys of the descriptor cache: backups take the lower half of the numbers. */
static uint64_t
key(uint16_t backup, uint32_t e)
{
	return (uint64_t)backup << 32 | e;
}

/*
 * The kernel asks for a page that it could not read ahead once more, by halves:
 * one fault would make several lines.
 */
#define TOLD		64	/* faults that are remembered */
#define TOLD_SECONDS	60	/* for so long */

static bool
was_told(uint16_t backup, uint32_t e, uint32_t blkno)
{
	static struct { uint64_t what; uint32_t blkno; time_t when; } told[TOLD];
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	uint64_t what = key(backup, e);
	struct timespec now;
	unsigned i = (unsigned)(what * 31 + blkno) % TOLD;
	bool known;

	clock_gettime(CLOCK_MONOTONIC, &now);
	pthread_mutex_lock(&lock);
	known = told[i].when != 0 && told[i].what == what && told[i].blkno == blkno &&
	    now.tv_sec - told[i].when < TOLD_SECONDS;
	if (!known) {
		told[i].what = what;
		told[i].blkno = blkno;
		told[i].when = now.tv_sec;
	}
	pthread_mutex_unlock(&lock);
	return known;
}

static int
open_stored(const struct store *s, uint32_t e, const struct index_provider *p)
{
	static const char prefix[] = "database/";
	char path[PATH_MAX + sizeof(prefix)];
	struct stat st;
	int r;

	if (e == INDEX_NONE) {
		strcpy(path, "page_header_map");
	} else {
		memcpy(path, prefix, sizeof(prefix));
		if ((r = index_path(&s->ix, e, path + sizeof(prefix) - 1, PATH_MAX)) < 0)
			return r;
	}
	r = io_open_beneath(s->backup_fd[p->backup], path, O_RDONLY | O_NONBLOCK, 0);
	if (r >= 0 && (fstat(r, &st) != 0 || !S_ISREG(st.st_mode))) {
		close(r);
		r = -EINVAL;
	}
	if (r < 0 && !s->quiet && !was_told(p->backup, e, InvalidBlockNumber))
		log_error("could not open \"%s\" in backup %s: %s", path,
		    s->ix.backups[p->backup].id,
		    r == -EINVAL ? "it is not a file" : strerror(-r));
	return r;
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

	if (s->quiet || was_told(p->backup, e, blkno) || !log_allowed(&budget, &skipped))
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
    struct reader *r)
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
	n = io_pread(fd, dst, len, (off_t)off);
	fdcache_put(s->fds, ref);
	if (n < 0) {
		store_complain(s, e, p, InvalidBlockNumber, "%s", strerror((int)-n));
		return (int)n;
	}
	if ((size_t)n == len) {
		iostats_add(&r->stats->blocks_chain[p->backup], (len + BLCKSZ - 1) / BLCKSZ);
		return 0;
	}
	store_complain(s, e, p, InvalidBlockNumber, "expected %llu bytes, found %llu",
	    (unsigned long long)f->size, (unsigned long long)(off + (uint64_t)n));
	return -EUCLEAN;
}
