#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/io.h"
#include "base/util.h"
#include "probackup/gzfile.h"

#define IN_SIZE		(64 * KiB)
#define GZIP_ONLY	(15 + 16)	/* of inflateInit2(): the largest window, a gzip header */

struct gzfile {
	z_stream z;
	int	fd;
	uint64_t at;		/* of the file, behind what is in in[] */
	uint64_t made, size;
	bool	ended;
	int	failed;		/* negative errno */
	char	why[128];
	unsigned char in[IN_SIZE];
};

int
gzfile_new(int fd, uint64_t size, struct gzfile **out)
{
	struct gzfile *g = calloc(1, sizeof(*g));

	if (g == NULL || inflateInit2(&g->z, GZIP_ONLY) != Z_OK) {
		free(g);
		close(fd);
		return -ENOMEM;
	}
	g->fd = fd;
	g->size = size;
	*out = g;
	return 0;
}

void
gzfile_free(struct gzfile *g)
{
	if (g == NULL)
		return;
	inflateEnd(&g->z);
	close(g->fd);
	free(g);
}

const char *
gzfile_why(const struct gzfile *g)
{
	return g->why;
}

static int
damaged(struct gzfile *g, const char *why)
{
	snprintf(g->why, sizeof(g->why), "%s at byte %llu of %llu", why,
	    (unsigned long long)g->made, (unsigned long long)g->size);
	return -EUCLEAN;
}

static int
fill(struct gzfile *g)
{
	ssize_t n = io_pread(g->fd, g->in, IN_SIZE, (off_t)g->at);

	if (n < 0) {
		snprintf(g->why, sizeof(g->why), "%s", strerror((int)-n));
		return (int)n;
	}
	if (n == 0)
		return damaged(g, "it is truncated");
	g->at += (uint64_t)n;
	g->z.next_in = g->in;
	g->z.avail_in = (uInt)n;
	return 0;
}

/* One step of zlib's; next_out and avail_out are set. */
static int
step(struct gzfile *g)
{
	uInt room = g->z.avail_out;
	int r;

	if (g->z.avail_in == 0 && (r = fill(g)) < 0)
		return r;
	r = inflate(&g->z, Z_NO_FLUSH);
	g->made += room - g->z.avail_out;
	if (r == Z_STREAM_END) {
		g->ended = true;
		return g->made == g->size ? 0 : damaged(g, "it ends");
	}
	if (r == Z_OK || r == Z_BUF_ERROR)
		return 0;
	return r == Z_MEM_ERROR ? -ENOMEM : damaged(g, g->z.msg != NULL ? g->z.msg : "it is damaged");
}

/* Everything was made: what is left has to be the trailer. */
static int
finish(struct gzfile *g)
{
	unsigned char more;
	int r;

	while (!g->ended) {
		g->z.next_out = &more;
		g->z.avail_out = 1;
		if ((r = step(g)) < 0)
			return r;
		if (g->z.avail_out == 0) {
			g->made = g->size;
			return damaged(g, "it does not end");
		}
	}
	return 0;
}

static int
inflate_all(struct gzfile *g, void *buf, size_t len)
{
	int r;

	g->z.next_out = buf;
	g->z.avail_out = (uInt)len;
	while (g->z.avail_out > 0)
		if ((r = step(g)) < 0)
			return r;
	return g->made == g->size ? finish(g) : 0;
}

ssize_t
gzfile_read(struct gzfile *g, void *buf, size_t len)
{
	len = (size_t)MIN((uint64_t)MIN(len, 1024 * MiB), g->size - g->made);
	if (g->failed == 0 && len > 0)
		g->failed = inflate_all(g, buf, len);
	return g->failed < 0 ? g->failed : (ssize_t)len;
}
