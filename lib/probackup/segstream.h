/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A compressed file of known length, a WAL segment as a rule, decompressed
 * from its beginning to its end, as far as somebody wants it.  Memory does not
 * grow with the file, and no file makes more than it should hold.
 */
#ifndef PROBACKUP_SEGSTREAM_H
#define PROBACKUP_SEGSTREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum segstream_format {
	SEGSTREAM_PLAIN,	/* not compressed: no stream is needed */
	SEGSTREAM_GZIP,
	SEGSTREAM_LZ4,		/* frames */
	SEGSTREAM_ZSTD,		/* frames */
};

struct segstream;

/*
 * Takes over fd, also on failure; size is what the file has to hold
 * decompressed, format not SEGSTREAM_PLAIN.  Returns 0 and *out, or -ENOMEM.
 */
int	segstream_new(enum segstream_format format, int fd, uint64_t size, struct segstream **out);
void	segstream_free(struct segstream *s);

/*
 * Reads the next len bytes; fewer only at the end.  The call that reads the
 * last byte also checks that the stream ends there and that its checksum, if
 * it has one, is right.  Returns their number, -EUCLEAN if the file is damaged,
 * or negative errno; after a failure nothing more can be read.
 */
ssize_t	segstream_read(struct segstream *s, void *buf, size_t len);

/* After a failure: what was wrong. */
const char *segstream_why(const struct segstream *s);

/* Bytes of the file that were read. */
uint64_t segstream_consumed(const struct segstream *s);

/*
 * Call it once everything was read.  Returns whether anything but a frame
 * without content follows the end, or negative errno.  Nothing can be read
 * after it.
 */
int	segstream_has_more(struct segstream *s);

#endif
