/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The format is described in lib/codec/codec_pglz.c.  Greedy: at each place
 * the longest match among the last few places that begin with the same three
 * bytes.  Not what PostgreSQL would choose, but what it can read.
 */
#include "config.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "pglz_compress.h"

#define MATCH_MIN	3
#define MATCH_LONG	18
#define MATCH_MAX	(MATCH_LONG + 255)
#define DISTANCE_MAX	4095
#define HASH_SIZE	4096
#define TRIES		16
#define NOWHERE		(-1)

struct pglz_writer {
	const unsigned char *src;
	size_t	len;
	unsigned char *dst;
	size_t	max, n;		/* room at dst, bytes used */
	size_t	control;	/* where the current control byte stands */
	unsigned bit;		/* its next bit; 256: a new one is due */
	int	head[HASH_SIZE];	/* latest place of a hash */
	int	before[DISTANCE_MAX + 1];	/* of a place (modulo), the one before it */
};

static unsigned
hash_at(const struct pglz_writer *w, size_t at)
{
	const unsigned char *p = w->src + at;

	return ((unsigned)p[0] << 6 ^ (unsigned)p[1] << 3 ^ p[2]) % HASH_SIZE;
}

static void
remember(struct pglz_writer *w, size_t at)
{
	unsigned h;

	if (w->len - at < MATCH_MIN)
		return;
	h = hash_at(w, at);
	w->before[at % (DISTANCE_MAX + 1)] = w->head[h];
	w->head[h] = (int)at;
}

static size_t
match_length(const struct pglz_writer *w, size_t a, size_t at)
{
	size_t n = 0, max = w->len - at;

	if (max > MATCH_MAX)
		max = MATCH_MAX;
	while (n < max && w->src[a + n] == w->src[at + n])
		n++;
	return n;
}

/* Returns the length of the best match, 0 if there is none worth it. */
static size_t
find_match(const struct pglz_writer *w, size_t at, size_t *distance)
{
	size_t best = 0, n;
	int a, tries;

	if (w->len - at < MATCH_MIN)
		return 0;
	a = w->head[hash_at(w, at)];
	for (tries = 0; tries < TRIES && a != NOWHERE && at - (size_t)a <= DISTANCE_MAX; tries++) {
		n = match_length(w, (size_t)a, at);
		if (n > best) {
			best = n;
			*distance = at - (size_t)a;
		}
		a = w->before[a % (DISTANCE_MAX + 1)];
	}
	return best < MATCH_MIN ? 0 : best;
}

static bool
put_byte(struct pglz_writer *w, unsigned byte)
{
	if (w->n == w->max)
		return false;
	w->dst[w->n++] = (unsigned char)byte;
	return true;
}

static bool
begin_item(struct pglz_writer *w, bool is_match)
{
	if (w->bit > 0x80) {
		w->control = w->n;
		w->bit = 1;
		if (!put_byte(w, 0))
			return false;
	}
	if (is_match)
		w->dst[w->control] |= (unsigned char)w->bit;
	w->bit <<= 1;
	return true;
}

static bool
put_match(struct pglz_writer *w, size_t distance, size_t n)
{
	unsigned code = n < MATCH_LONG ? (unsigned)n - MATCH_MIN : MATCH_LONG - MATCH_MIN;

	return begin_item(w, true) &&
	    put_byte(w, (unsigned)(distance >> 8) << 4 | code) &&
	    put_byte(w, distance & 0xff) &&
	    (n < MATCH_LONG || put_byte(w, (unsigned)n - MATCH_LONG));
}

static bool
put_literal(struct pglz_writer *w, unsigned char byte)
{
	return begin_item(w, false) && put_byte(w, byte);
}

int
pglz_compress_page(const unsigned char *src, size_t len, unsigned char *dst, size_t dst_max)
{
	struct pglz_writer w = { .src = src, .len = len, .dst = dst, .bit = 0x100 };
	size_t at, n, distance = 0;

	if (len == 0 || len > PGLZ_COMPRESS_MAX)
		return -1;
	w.max = dst_max < len - 1 ? dst_max : len - 1;
	memset(w.head, 0xff, sizeof(w.head));	/* NOWHERE */
	for (at = 0; at < len; ) {
		n = find_match(&w, at, &distance);
		if (!(n > 0 ? put_match(&w, distance, n) : put_literal(&w, src[at])))
			return -1;
		for (n = n > 0 ? n : 1; n > 0; n--)
			remember(&w, at++);
	}
	return (int)w.n;
}
