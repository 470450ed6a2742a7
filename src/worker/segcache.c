/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A few decompressed segments, one stream each.  A segment that nobody uses
 * gives its place to another.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "ipc/shared.h"
#include "probackup/segstream.h"
#include "worker/segcache.h"

#define SLOTS_MAX	16
#define SLOTS_BYTES	(1024 * MiB)	/* of decompressed segments, as far as threads allow */
#define CHUNK		(128 * KiB)	/* decompressed in one go */
#define LEAST		8192u		/* the same, for a header at least */
#define IDLE_SECONDS	10

_Static_assert(SHARED_SLOTS <= SLOTS_MAX, "a slot for each thread, so that nobody waits for one");

/* One segment. */
struct slot {
	/* protected by the cache's lock */
	struct archive_file file;	/* which one; name is "" at first */
	unsigned users;
	time_t	used;
	/* protected by lock, or nobody's while there are no users */
	pthread_mutex_t lock;
	bool	begun;		/* the rest is about file */
	int	fd;		/* what was decompressed so far, or -1 */
	uint64_t have;		/* bytes of it */
	struct segstream *stream;	/* NULL: all of it is there, or failed */
	unsigned char *chunk;	/* CHUNK bytes, while there is a stream */
	int	failed;		/* damaged from have on: negative errno */
};

struct segcache {
	int	diff_fd;
	const struct archive *archive;
	pthread_mutex_t lock;
	unsigned n;
	struct slot slot[SLOTS_MAX];
};

static void
file_name(unsigned i, char name[32])
{
	snprintf(name, 32, ONDISK_SEGMENTS "%u", i);
}

int
segcache_new(int diff_fd, const struct archive *a, struct segcache **out)
{
	struct segcache *c = calloc(1, sizeof(*c));
	char name[32];
	unsigned i;

	if (c == NULL)
		return -ENOMEM;
	c->diff_fd = diff_fd;
	c->archive = a;
	c->n = (unsigned)MIN(MAX(SLOTS_BYTES / a->seg_size, (size_t)SHARED_SLOTS),
	    (size_t)SLOTS_MAX);
	pthread_mutex_init(&c->lock, NULL);
	for (i = 0; i < SLOTS_MAX; i++) {
		pthread_mutex_init(&c->slot[i].lock, NULL);
		c->slot[i].fd = -1;
		file_name(i, name);
		unlinkat(diff_fd, name, 0);
	}
	*out = c;
	return 0;
}

/* Ends the stream: nothing is left to decompress. */
static void
end_stream(struct slot *s)
{
	segstream_free(s->stream);
	free(s->chunk);
	s->stream = NULL;
	s->chunk = NULL;
}

static void
forget(struct slot *s)
{
	end_stream(s);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->have = 0;
	s->failed = 0;
	s->begun = false;
}

void
segcache_free(struct segcache *c)
{
	unsigned i;

	if (c == NULL)
		return;
	for (i = 0; i < SLOTS_MAX; i++)
		forget(&c->slot[i]);
	free(c);
}

/* Whether it is the same file, as far as one can tell without reading it. */
static bool
is_same(const struct archive_file *a, const struct archive_file *b)
{
	return strcmp(a->name, b->name) == 0 && a->st.st_dev == b->st.st_dev &&
	    a->st.st_ino == b->st.st_ino && a->st.st_size == b->st.st_size &&
	    a->st.st_mtim.tv_sec == b->st.st_mtim.tv_sec &&
	    a->st.st_mtim.tv_nsec == b->st.st_mtim.tv_nsec;
}

/*
 * Takes the slot of the file, or the one that nobody has used for longest; in
 * use from now on.
 */
static struct slot *
take(struct segcache *c, const struct archive_file *f)
{
	struct slot *s, *oldest = NULL;
	unsigned i;

	pthread_mutex_lock(&c->lock);
	for (i = 0, s = NULL; i < c->n && s == NULL; i++) {
		if (is_same(&c->slot[i].file, f))
			s = &c->slot[i];
		else if (c->slot[i].users == 0 &&
		    (oldest == NULL || c->slot[i].used < oldest->used))
			oldest = &c->slot[i];
	}
	if (s == NULL && (s = oldest) != NULL) {
		forget(s);
		s->file = *f;
	}
	if (s != NULL) {
		s->users++;
		s->used = clock_monotonic_seconds();
	}
	pthread_mutex_unlock(&c->lock);
	return s;
}

static void
give_back(struct segcache *c, struct slot *s)
{
	pthread_mutex_lock(&c->lock);
	s->users--;
	s->used = clock_monotonic_seconds();
	pthread_mutex_unlock(&c->lock);
}

/*
 * Locks a slot.  Who waits for another's decompression does not hang: the clock
 * of this thread starts anew each second.  (The other one's is its own.)
 */
static void
lock_patiently(struct slot *s)
{
	struct timespec until;

	for (;;) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		if (pthread_mutex_timedlock(&s->lock, &until) == 0)
			return;
		io_enter();
		io_leave();
	}
}

/*
 * Makes a file that goes with its last descriptor.  A leftover of that name is
 * nobody's.
 */
static int
make_file(const struct segcache *c, const struct slot *s)
{
	char name[32];
	int fd;

	file_name((unsigned)(s - c->slot), name);
	unlinkat(c->diff_fd, name, 0);
	fd = openat(c->diff_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	unlinkat(c->diff_fd, name, 0);
	return fd;
}

static int
no_room(const struct segcache *c, const struct slot *s, int rc)
{
	archive_complain(c->archive, &s->file, "could not decompress it into the diff directory: %s",
	    strerror(-rc));
	return -EIO;
}

static int
begin(struct segcache *c, struct slot *s)
{
	struct archive_file opened = s->file;
	int fd autoclose = -1, rc;

	if (s->begun)
		return 0;
	if ((fd = archive_open(c->archive, &opened)) < 0)
		return fd;
	if ((rc = archive_check(c->archive, &opened, NULL)) < 0)
		return rc;
	if ((s->chunk = malloc(CHUNK)) == NULL)
		return -ENOMEM;
	if ((rc = segstream_new(opened.format, steal_fd(&fd), c->archive->seg_size, &s->stream)) < 0)
		return rc;
	if ((s->fd = make_file(c, s)) < 0)
		return no_room(c, s, s->fd);
	s->begun = true;
	return 0;
}

/*
 * Decompresses the next piece.  Damage is for good; any other failure may be
 * tried again.
 */
static int
decompress(struct segcache *c, struct slot *s, uint64_t wanted)
{
	uint64_t left = c->archive->seg_size - s->have;
	size_t len = (size_t)MIN(MIN(MAX(wanted, (uint64_t)LEAST), (uint64_t)CHUNK), left);
	ssize_t n = segstream_read(s->stream, s->chunk, len);
	int rc;

	if (n == -EUCLEAN)
		archive_complain(c->archive, &s->file, "%s", segstream_why(s->stream));
	else if (n < 0)
		archive_complain(c->archive, &s->file, "%s", strerror((int)-n));
	if (n >= 0 && s->have == 0 && archive_check(c->archive, &s->file, s->chunk) < 0)
		n = -EUCLEAN;
	if (n < 0)
		return (int)n;
	if ((rc = io_pwrite(s->fd, s->chunk, len, (off_t)s->have)) < 0)
		return no_room(c, s, rc);
	s->have += len;
	return 0;
}

/* Goes on until the segment is there up to end. */
static int
reach(struct segcache *c, struct slot *s, uint64_t end)
{
	int rc;

	if ((rc = begin(c, s)) < 0) {
		forget(s);
		return rc;
	}
	while (s->have < end) {
		if (s->failed < 0)
			return s->failed;
		if ((rc = decompress(c, s, end - s->have)) == -EUCLEAN)
			s->failed = rc;
		else if (rc < 0) {
			forget(s);
			return rc;
		}
		if (s->failed < 0 || s->have == c->archive->seg_size)
			end_stream(s);
	}
	return 0;
}

ssize_t
segcache_read(struct segcache *c, const struct archive_file *f, uint64_t off, size_t size,
    void *buf)
{
	uint64_t length = c->archive->seg_size;
	struct slot *s;
	ssize_t n;

	if (off >= length)
		return 0;
	size = (size_t)MIN((uint64_t)size, length - off);
	if ((s = take(c, f)) == NULL)
		return -EBUSY;
	lock_patiently(s);
	if ((n = reach(c, s, off + size)) == 0)
		n = io_pread(s->fd, buf, size, (off_t)off);
	pthread_mutex_unlock(&s->lock);
	give_back(c, s);
	return n >= 0 && (size_t)n < size ? -EIO : n;
}

void
segcache_idle(struct segcache *c)
{
	time_t before = clock_monotonic_seconds() - IDLE_SECONDS;
	unsigned i;

	pthread_mutex_lock(&c->lock);
	for (i = 0; i < c->n; i++)
		if (c->slot[i].begun && c->slot[i].users == 0 && c->slot[i].used < before)
			forget(&c->slot[i]);
	pthread_mutex_unlock(&c->lock);
}
