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
 * from word j on, so that a compiler can vectorise it.  The multiplication is
 * joined by a shifted xor, as plain FNV-1a carries no bit downwards, and two
 * rounds of zeroes at the end let the last words mix.
 */
#define LANES		32
#define FNV_PRIME	16777619U
#define WORDS		(BLCKSZ / sizeof(uint32_t))
#define FINAL_ROUNDS	2

/* Where each lane starts: arbitrary numbers, part of the format. */
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

static inline void
mix(uint32_t lane[LANES], const uint32_t word[LANES])
{
	uint32_t t;
	int j;

	for (j = 0; j < LANES; j++) {
		t = lane[j] ^ word[j];
		lane[j] = t * FNV_PRIME ^ t >> 17;
	}
}

uint16_t
page_checksum(const unsigned char page[BLCKSZ], uint32_t blkno)
{
	static const uint32_t zeroes[LANES];
	uint32_t lane[LANES], word[LANES], sum = 0;
	size_t i;

	memcpy(lane, lane_start, sizeof(lane));
	for (i = 0; i < WORDS; i += LANES) {
		memcpy(word, page + i * sizeof(uint32_t), sizeof(word));
		if (i == 0)
			memset((unsigned char *)word + PD_CHECKSUM, 0, sizeof(uint16_t));
		mix(lane, word);
	}
	for (i = 0; i < FINAL_ROUNDS; i++)
		mix(lane, zeroes);
	for (i = 0; i < LANES; i++)
		sum ^= lane[i];
	return (uint16_t)((sum ^ blkno) % 65535 + 1);
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
