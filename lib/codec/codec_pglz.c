/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PostgreSQL's own LZ variant, written from the description of its format.
 *
 * A control byte announces up to eight items, lowest bit first.  A clear bit
 * is one literal byte.  A set bit is a match, in two or three bytes:
 *
 *	high nibble of byte 0, byte 1	distance, 1 to 4095
 *	low nibble of byte 0		length - 3, or 15: byte 2 + 18 is the length
 *
 * There is no header and no end mark.  The stream ends where the input ends,
 * which must be where the page is full.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/util.h"
#include "codec/codec_impl.h"

#define ITEMS_PER_CONTROL	8
#define MATCH_MIN		3
#define MATCH_LONG		18	/* from here on a third byte adds to it */
#define STRIDE			16	/* bytes that one step of a long copy moves */

struct pglz {
	const uint8_t *in, *in_end;
	uint8_t	*out, *out_end;
	const uint8_t *out_start;
};

/*
 * Repeats the n bytes that begin distance bytes back.  The caller has checked
 * that both ends lie in the output.
 */
static inline void
copy_match(struct pglz *z, size_t distance, size_t n)
{
	const uint8_t *from = z->out - distance;
	uint8_t *to = z->out, *end = to + n;
	size_t step;

	z->out = end;
	if (distance >= STRIDE && (size_t)(z->out_end - to) >= n + STRIDE) {
		/* May write past end, where later items overwrite it. */
		for (; to < end; to += STRIDE, from += STRIDE)
			memcpy(to, from, STRIDE);
		return;
	}
	/* A match may overlap itself: each step doubles the pattern that it can use. */
	for (; to < end; to += step) {
		step = MIN((size_t)(to - from), (size_t)(end - to));
		memcpy(to, from, step);
	}
}

static inline bool
take_match(struct pglz *z)
{
	size_t distance, n;

	if (z->in_end - z->in < 2)
		return false;
	n = (z->in[0] & 0x0fU) + MATCH_MIN;
	distance = (z->in[0] & 0xf0U) << 4 | z->in[1];
	z->in += 2;
	if (n == MATCH_LONG) {
		if (z->in == z->in_end)
			return false;
		n += *z->in++;
	}
	if (distance == 0 || distance > (size_t)(z->out - z->out_start) ||
	    n > (size_t)(z->out_end - z->out))
		return false;
	copy_match(z, distance, n);
	return true;
}

static inline bool
more_wanted(const struct pglz *z)
{
	return z->in < z->in_end && z->out < z->out_end;
}

static inline bool
take_items(struct pglz *z)
{
	unsigned control = *z->in++;
	int i;

	if (control == 0 && z->in_end - z->in >= ITEMS_PER_CONTROL &&
	    z->out_end - z->out >= ITEMS_PER_CONTROL) {
		memcpy(z->out, z->in, ITEMS_PER_CONTROL);
		z->in += ITEMS_PER_CONTROL;
		z->out += ITEMS_PER_CONTROL;
		return true;
	}
	for (i = 0; i < ITEMS_PER_CONTROL && more_wanted(z); i++, control >>= 1) {
		if ((control & 1) == 0)
			*z->out++ = *z->in++;
		else if (!take_match(z))
			return false;
	}
	return true;
}

static int
pglz_decode(void *ctx, const uint8_t *src, size_t len, uint8_t *dst, size_t size)
{
	struct pglz z = {
		.in = src, .in_end = src + len,
		.out = dst, .out_end = dst + size, .out_start = dst,
	};

	(void)ctx;
	while (more_wanted(&z))
		if (!take_items(&z))
			return -EUCLEAN;
	return z.in == z.in_end && z.out == z.out_end ? 0 : -EUCLEAN;
}

const struct codec_impl codec_pglz = {
	.name = "pglz",
	.decode = pglz_decode,
};
