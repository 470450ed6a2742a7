/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codecspeed: how fast one thread decompresses the pages of a relation.
 *
 *	codecspeed ALGORITHM FILE
 *
 * FILE is a data file of a FULL backup of pg_probackup 2.4 or newer, which is
 * a sequence of records (block number, compressed size, payload).  Prints MB
 * of pages per second and microseconds per page.  Nothing is read or written
 * while the clock runs, and the result stays in the processor's caches: this
 * is what no reader of the backup can surpass.
 *
 * Then what checking adds: nanoseconds of processor time that a page takes
 * without and with its checksum, the best round of each, and their ratio.
 */
#include "config.h"

#include <err.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/io.h"
#include "base/util.h"
#include "codec/codec.h"
#include "pg/page.h"

#define HEADER		8
#define FILE_MAX	((size_t)1 << 31)
#define SECONDS_MIN	0.5

static double
now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Decodes all records once; returns how many. */
static unsigned
decode_all(struct codec *codec, enum codec_alg alg, const unsigned char *bytes, size_t len,
    bool with_sum)
{
	static unsigned char page[BLCKSZ];
	unsigned n = 0;
	size_t at, size;

	for (at = 0; at + HEADER <= len; at += HEADER + size, n++) {
		size = get_le32(bytes + at + 4);
		if (size == 0 || size > BLCKSZ || len - at - HEADER < size)
			errx(1, "no record of a page at offset %zu", at);
		if (codec_decode(codec, size == BLCKSZ ? CODEC_NONE : alg, bytes + at + HEADER,
		    size, page, BLCKSZ) != 0)
			errx(1, "the page at offset %zu does not decompress", at);
		if (with_sum && page_checksum(page, get_le32(bytes + at)) == 0)
			errx(1, "the page at offset %zu has a checksum of 0", at);
	}
	return n;
}

/* Nanoseconds of processor time per page. */
static double
one_round(struct codec *codec, enum codec_alg alg, const unsigned char *bytes, size_t len,
    bool with_sum)
{
	double start = now(CLOCK_THREAD_CPUTIME_ID);
	unsigned n = decode_all(codec, alg, bytes, len, with_sum);

	return (now(CLOCK_THREAD_CPUTIME_ID) - start) * 1e9 / n;
}

/* By turns: whatever else the machine does is no difference between the two. */
static void
compare_rounds(struct codec *codec, enum codec_alg alg, const unsigned char *bytes, size_t len,
    double *plain, double *checked)
{
	double start = now(CLOCK_MONOTONIC), ns;

	*plain = *checked = HUGE_VAL;
	while (now(CLOCK_MONOTONIC) - start < 2 * SECONDS_MIN) {
		ns = one_round(codec, alg, bytes, len, false);
		*plain = ns < *plain ? ns : *plain;
		ns = one_round(codec, alg, bytes, len, true);
		*checked = ns < *checked ? ns : *checked;
	}
}

int
main(int argc, char **argv)
{
	struct codec *codec = codec_new();
	char *bytes autofree = NULL;
	double start, seconds, plain, checked, n = 0;
	size_t len;
	int alg, fd;

	if (argc != 3 || (alg = codec_by_name(argv[1], strlen(argv[1]))) < 0)
		errx(2, "usage: codecspeed ALGORITHM FILE");
	if ((fd = open(argv[2], O_RDONLY)) < 0 || io_read_file(fd, FILE_MAX, &bytes, &len) < 0 ||
	    codec == NULL)
		err(1, "could not read \"%s\"", argv[2]);
	start = now(CLOCK_MONOTONIC);
	do {
		n += decode_all(codec, (enum codec_alg)alg, (unsigned char *)bytes, len, false);
		seconds = now(CLOCK_MONOTONIC) - start;
	} while (seconds < SECONDS_MIN && n > 0);
	if (n == 0)
		errx(1, "\"%s\" has no pages", argv[2]);
	compare_rounds(codec, (enum codec_alg)alg, (unsigned char *)bytes, len, &plain, &checked);
	printf("%.1f %.2f %.0f %.0f %.3f\n", n * BLCKSZ / 1e6 / seconds, seconds * 1e6 / n,
	    plain, checked, checked / plain);
	codec_free(codec);
	close(fd);
	return 0;
}
