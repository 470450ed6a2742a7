/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checksum and header of a page, computed from its bytes alone.
 * lib/probackup/pagecheck.c says which pages are compared, and with what.
 */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "pg/page.h"

/* PageHeaderData, by the offsets of its members. */
enum {
	PD_LSN = 0,		/* two uint32: high half first */
	PD_CHECKSUM = 8,
	PD_FLAGS = 10,
	PD_LOWER = 12,
	PD_UPPER = 14,
	PD_SPECIAL = 16,
	PD_PAGESIZE_VERSION = 18,
	PAGE_HEADER_SIZE = 24,
};

#define PD_VALID_FLAG_BITS	0x0007
#define PG_PAGE_LAYOUT_VERSION	4	/* since PostgreSQL 8.3 */
#define MAXALIGN_MASK		7

/*
 * The checksum is 32 FNV-1a hashes side by side, lane j over every 32nd word
 * from word j on.  The multiplication is joined by a shifted xor, as plain
 * FNV-1a carries no bit downwards, and two rounds of zeroes at the end let the
 * last words mix.
 *
 * Eight lanes are one vector, of which the compiler makes whatever registers
 * the target has.  32-bit multiplication of vectors came to x86 late and is
 * emulated before SSE 4.1, so that the function is compiled twice there.
 */
#define LANES		32
#define FNV_PRIME	16777619U
#define VECTORS		4	/* of a round */
#define FINAL_ROUNDS	2

typedef uint32_t vector __attribute__((vector_size(32)));
typedef uint32_t vector_in_bytes __attribute__((vector_size(32), aligned(1), may_alias));

#define VECTOR(bytes, i)	(((const vector_in_bytes *)(const void *)(bytes))[i])
#define ROUNDS			(BLCKSZ / sizeof(vector) / VECTORS)

/* The start value of each lane: arbitrary numbers, part of the format. */
static const uint32_t lane_start[LANES] = {
	0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A,
	0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
	0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA,
	0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
	0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE,
	0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
	0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E,
	0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756,
};

/* PD_CHECKSUM: half of the third word. */
static const vector field = { 0, 0, 0xffff };

#define MIX(lanes, words) do {						\
	vector mixed_ = (lanes) ^ (words);				\
	(lanes) = mixed_ * prime ^ mixed_ >> 17;			\
} while (0)

static inline __attribute__((always_inline)) uint32_t
sum_lanes(const unsigned char *page)
{
	vector a = VECTOR(lane_start, 0), b = VECTOR(lane_start, 1);
	vector c = VECTOR(lane_start, 2), d = VECTOR(lane_start, 3);
	const vector zeroes = { 0 };
	uint32_t sum = 0, prime = FNV_PRIME;
	size_t i;

	/* A compiler that knows the number makes shifts and additions of it. */
	__asm__("" : "+r"(prime));
	MIX(a, VECTOR(page, 0) & ~field);
	MIX(b, VECTOR(page, 1));
	MIX(c, VECTOR(page, 2));
	MIX(d, VECTOR(page, 3));
	for (i = VECTORS; i < ROUNDS * VECTORS; i += VECTORS) {
		MIX(a, VECTOR(page, i));
		MIX(b, VECTOR(page, i + 1));
		MIX(c, VECTOR(page, i + 2));
		MIX(d, VECTOR(page, i + 3));
	}
	for (i = 0; i < FINAL_ROUNDS; i++) {
		MIX(a, zeroes);
		MIX(b, zeroes);
		MIX(c, zeroes);
		MIX(d, zeroes);
	}
	a ^= b ^ c ^ d;
	for (i = 0; i < LANES / VECTORS; i++)
		sum ^= a[i];
	return sum;
}

static uint32_t
sum_portable(const unsigned char *page)
{
	return sum_lanes(page);
}

#if defined(__x86_64__)
__attribute__((target("avx2")))
static uint32_t
sum_avx2(const unsigned char *page)
{
	return sum_lanes(page);
}

bool
page_checksum_is_fast(void)
{
	return __builtin_cpu_supports("avx2");
}

static inline uint32_t
sum_best(const unsigned char *page)
{
	return page_checksum_is_fast() ? sum_avx2(page) : sum_portable(page);
}
#else
bool
page_checksum_is_fast(void)
{
#ifdef __aarch64__
	return true;
#else
	return false;
#endif
}

static inline uint32_t
sum_best(const unsigned char *page)
{
	return sum_portable(page);
}
#endif

uint16_t
page_checksum(const unsigned char page[BLCKSZ], uint32_t blkno)
{
	return (uint16_t)((sum_best(page) ^ blkno) % 65535 + 1);
}

uint16_t
page_stored_checksum(const unsigned char page[BLCKSZ])
{
	return get_le16(page + PD_CHECKSUM);
}

bool
page_is_zero(const unsigned char page[BLCKSZ])
{
	return page[0] == 0 && memcmp(page, page + 1, BLCKSZ - 1) == 0;
}

uint64_t
page_lsn(const unsigned char page[BLCKSZ])
{
	return (uint64_t)get_le32(page + PD_LSN) << 32 | get_le32(page + PD_LSN + 4);
}

bool
page_header_plausible(const unsigned char page[BLCKSZ])
{
	uint16_t lower = get_le16(page + PD_LOWER);
	uint16_t upper = get_le16(page + PD_UPPER);
	uint16_t special = get_le16(page + PD_SPECIAL);

	return get_le16(page + PD_PAGESIZE_VERSION) == (BLCKSZ | PG_PAGE_LAYOUT_VERSION) &&
	    (get_le16(page + PD_FLAGS) & ~PD_VALID_FLAG_BITS) == 0 &&
	    lower >= PAGE_HEADER_SIZE && lower <= upper && upper <= special &&
	    special <= BLCKSZ && (special & MAXALIGN_MASK) == 0;
}
