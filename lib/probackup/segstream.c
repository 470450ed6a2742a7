/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Three libraries behind one step, which takes some of the input and fills some
 * of the output.  If it does neither it needs more input; some libraries hold
 * output back until they have none left, so only then more is read.
 *
 * As for the commands of these formats, a file may be several frames in a row,
 * and frames of LZ4 and zstd that hold nothing for the reader may stand between
 * them.
 */
#include "config.h"

#include <errno.h>
#include <lz4frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/io.h"
#include "base/util.h"
#include "probackup/segstream.h"

#define IN_SIZE		(64 * KiB)
#define GZIP_ONLY	(15 + 16)	/* of inflateInit2(): the largest window, a gzip header */

/*
 * A decoder of zstd takes as much memory as the frame's window.  Every decoder
 * has to take 8 MiB.  A frame that says how much it holds needs no more than
 * that; so larger segments get as much as they are long, up to a limit.
 */
#define WINDOW_LOG_MIN	23
#define WINDOW_LOG_MAX	27

/* Input and output of one step. */
struct move {
	const unsigned char *in;
	size_t	in_len;		/* becomes what was taken of it */
	unsigned char *out;
	size_t	out_len;	/* becomes what was made */
	const char *why;	/* after -EUCLEAN */
};

/*
 * begin() returns 0 or -ENOMEM; step() 1 at the end of a frame, ready for another, 0,
 * -EUCLEAN or -ENOMEM.
 */
struct decoder {
	int	(*begin)(struct segstream *s);
	int	(*step)(struct segstream *s, struct move *m);
	void	(*end)(struct segstream *s);
};

struct segstream {
	const struct decoder *decoder;
	union {
		z_stream z;
		LZ4F_dctx *lz4;
		ZSTD_DCtx *zstd;
	} state;
	int	fd;
	uint64_t at;		/* of the file, behind what is in in[] */
	size_t	in_pos, in_len;
	uint64_t made, size;
	bool	between;	/* the last frame has ended */
	bool	ended;		/* it did with all that the file is to hold */
	int	failed;		/* negative errno */
	char	why[160];
	unsigned char in[IN_SIZE];
};

/* --- gzip --- */

static int
gzip_begin(struct segstream *s)
{
	return inflateInit2(&s->state.z, GZIP_ONLY) == Z_OK ? 0 : -ENOMEM;
}

static int
gzip_step(struct segstream *s, struct move *m)
{
	z_stream *z = &s->state.z;
	int rc;

	z->next_in = (Bytef *)(uintptr_t)m->in;
	z->avail_in = (uInt)m->in_len;
	z->next_out = m->out;
	z->avail_out = (uInt)m->out_len;
	rc = inflate(z, Z_NO_FLUSH);
	m->in_len -= z->avail_in;
	m->out_len -= z->avail_out;
	m->why = z->msg;
	if (rc == Z_STREAM_END)
		return inflateReset(z) == Z_OK ? 1 : -ENOMEM;
	if (rc == Z_OK || rc == Z_BUF_ERROR)
		return 0;
	return rc == Z_MEM_ERROR ? -ENOMEM : -EUCLEAN;
}

static void
gzip_end(struct segstream *s)
{
	inflateEnd(&s->state.z);
}

/* --- LZ4 frames --- */

static int
lz4_begin(struct segstream *s)
{
	return LZ4F_isError(LZ4F_createDecompressionContext(&s->state.lz4, LZ4F_VERSION)) ?
	    -ENOMEM : 0;
}

static int
lz4_step(struct segstream *s, struct move *m)
{
	size_t left = LZ4F_decompress(s->state.lz4, m->out, &m->out_len, m->in, &m->in_len, NULL);

	if (LZ4F_isError(left)) {
		m->in_len = m->out_len = 0;
		m->why = LZ4F_getErrorName(left);
		return -EUCLEAN;
	}
	return left == 0;
}

static void
lz4_end(struct segstream *s)
{
	LZ4F_freeDecompressionContext(s->state.lz4);
}

/* --- zstd frames --- */

static int
window_log(uint64_t size)
{
	int log = WINDOW_LOG_MIN;

	while (log < WINDOW_LOG_MAX && UINT64_C(1) << log < size)
		log++;
	return log;
}

static int
zstd_begin(struct segstream *s)
{
	if ((s->state.zstd = ZSTD_createDCtx()) == NULL)
		return -ENOMEM;
	ZSTD_DCtx_setParameter(s->state.zstd, ZSTD_d_windowLogMax, window_log(s->size));
	return 0;
}

static int
zstd_step(struct segstream *s, struct move *m)
{
	ZSTD_inBuffer in = { m->in, m->in_len, 0 };
	ZSTD_outBuffer out = { m->out, m->out_len, 0 };
	size_t left = ZSTD_decompressStream(s->state.zstd, &out, &in);

	m->in_len = in.pos;
	m->out_len = out.pos;
	if (ZSTD_isError(left)) {
		m->why = ZSTD_getErrorName(left);
		return -EUCLEAN;
	}
	return left == 0;
}

static void
zstd_end(struct segstream *s)
{
	ZSTD_freeDCtx(s->state.zstd);
}

static const struct decoder decoders[] = {
	[SEGSTREAM_GZIP] = { gzip_begin, gzip_step, gzip_end },
	[SEGSTREAM_LZ4] = { lz4_begin, lz4_step, lz4_end },
	[SEGSTREAM_ZSTD] = { zstd_begin, zstd_step, zstd_end },
};

/* --- all of them --- */

int
segstream_new(enum segstream_format format, int fd, uint64_t size, struct segstream **out)
{
	struct segstream *s = calloc(1, sizeof(*s));

	if (s != NULL) {
		s->decoder = &decoders[format];
		s->size = size;
	}
	if (s == NULL || s->decoder->begin(s) < 0) {
		free(s);
		close(fd);
		return -ENOMEM;
	}
	s->fd = fd;
	*out = s;
	return 0;
}

void
segstream_free(struct segstream *s)
{
	if (s == NULL)
		return;
	s->decoder->end(s);
	close(s->fd);
	free(s);
}

const char *
segstream_why(const struct segstream *s)
{
	return s->why;
}

uint64_t
segstream_consumed(const struct segstream *s)
{
	return s->at;
}

static int
damaged(struct segstream *s, const char *why)
{
	snprintf(s->why, sizeof(s->why), "%s at byte %llu of %llu", why,
	    (unsigned long long)s->made, (unsigned long long)s->size);
	return -EUCLEAN;
}

static int
fill(struct segstream *s)
{
	ssize_t n = io_pread(s->fd, s->in, IN_SIZE, (off_t)s->at);

	if (n < 0) {
		snprintf(s->why, sizeof(s->why), "%s", strerror((int)-n));
		return (int)n;
	}
	if (n == 0)
		return damaged(s, s->between ? "it ends" : "it is truncated");
	s->at += (uint64_t)n;
	s->in_pos = 0;
	s->in_len = (size_t)n;
	return 0;
}

/* Makes up to *len bytes; *len becomes how many. */
static int
step(struct segstream *s, void *buf, size_t *len)
{
	struct move m = { .in = s->in + s->in_pos, .in_len = s->in_len - s->in_pos, .out = buf };
	int rc;

	m.out_len = *len;
	rc = s->decoder->step(s, &m);
	s->in_pos += m.in_len;
	s->made += m.out_len;
	*len = m.out_len;
	if (rc == -EUCLEAN)
		return damaged(s, m.why != NULL ? m.why : "it is damaged");
	if (rc < 0) {
		snprintf(s->why, sizeof(s->why), "%s", strerror(-rc));
		return rc;
	}
	if (m.in_len > 0 || m.out_len > 0) {
		s->between = rc > 0;
		s->ended = s->between && s->made == s->size;
		return 0;
	}
	return s->in_pos == s->in_len ? fill(s) : damaged(s, "it is damaged");
}

/* All output was made: the rest of the input has to be the trailer. */
static int
finish(struct segstream *s)
{
	unsigned char more;
	size_t len;
	int rc;

	while (!s->ended) {
		len = 1;
		if ((rc = step(s, &more, &len)) < 0)
			return rc;
		if (len > 0) {
			s->made = s->size;
			return damaged(s, "it does not end");
		}
	}
	return 0;
}

static int
read_all(struct segstream *s, unsigned char *buf, size_t len)
{
	size_t done, n;
	int rc;

	for (done = 0; done < len; done += n) {
		n = len - done;
		if ((rc = step(s, buf + done, &n)) < 0)
			return rc;
	}
	return s->made == s->size ? finish(s) : 0;
}

ssize_t
segstream_read(struct segstream *s, void *buf, size_t len)
{
	len = (size_t)MIN((uint64_t)MIN(len, 1024 * MiB), s->size - s->made);
	if (s->failed == 0 && len > 0)
		s->failed = read_all(s, buf, len);
	return s->failed < 0 ? s->failed : (ssize_t)len;
}

int
segstream_has_more(struct segstream *s)
{
	unsigned char more;
	size_t len;
	int rc;

	do {
		if (s->between && s->in_pos == s->in_len &&
		    (rc = (int)io_pread(s->fd, &more, 1, (off_t)s->at)) <= 0)
			return rc;
		len = 1;
		rc = step(s, &more, &len);
	} while (rc == 0 && len == 0);
	return rc == 0 || rc == -EUCLEAN ? 1 : rc;
}
