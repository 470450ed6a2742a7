/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compares the header of a WAL page with what is expected.  waltblspc.c looks
 * at records, and at one kind alone.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/util.h"
#include "pg/walpage.h"

#define KNOWN_INFO	0x000F	/* flags of WALPAGE_INFO */

/* XLOG_PAGE_MAGIC of each major version; it only ever grows. */
static const struct {
	uint32_t server_version;
	uint16_t magic;
} magics[] = {
	{ 12, 0xD101 }, { 13, 0xD106 }, { 14, 0xD10D }, { 15, 0xD110 }, { 16, 0xD113 },
	{ 17, 0xD116 }, { 18, 0xD118 },
};
#define MAGIC_END	0xD200	/* what no version to come will reach soon */

static bool
magic_is_good(uint16_t magic, uint32_t version)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(magics); i++)
		if (magics[i].server_version == version)
			return magic == magics[i].magic;
	return magic >= magics[version == 0 ? 0 : ARRAY_SIZE(magics) - 1].magic &&
	    magic < MAGIC_END;
}

static int
check_place(const unsigned char *page, const struct walpage_expected *e, char *why)
{
	uint64_t addr = get_le64(page + WALPAGE_ADDR), expected = e->segno * e->seg_size;
	uint32_t tli = get_le32(page + WALPAGE_TIMELINE);

	/* A segment in which a timeline began has the pages of the one before. */
	if (tli == 0 || tli > e->timeline) {
		snprintf(why, WALPAGE_WHY_MAX, "expected timeline %u or an ancestor, found %u",
		    e->timeline, tli);
		return -EUCLEAN;
	}
	if (addr == expected)
		return 0;
	snprintf(why, WALPAGE_WHY_MAX, "expected the page at %X/%X, found the one at %X/%X",
	    (unsigned)(expected >> 32), (unsigned)expected, (unsigned)(addr >> 32), (unsigned)addr);
	return -EUCLEAN;
}

bool
walpage_is_at(const unsigned char page[WALPAGE_SHORT], uint64_t lsn)
{
	return magic_is_good(get_le16(page + WALPAGE_MAGIC), 0) &&
	    get_le64(page + WALPAGE_ADDR) == lsn;
}

uint32_t
walpage_size(const unsigned char page[WALPAGE_LONG])
{
	uint32_t size = get_le32(page + WALPAGE_BLOCK_SIZE);

	return size < 1024 || size > 65536 || (size & (size - 1)) != 0 ? 0 : size;
}

static int
check_cluster(const unsigned char *page, const struct walpage_expected *e, char *why)
{
	uint64_t sysid = get_le64(page + WALPAGE_SYSID);
	uint32_t seg_size = get_le32(page + WALPAGE_SEG_SIZE), block = get_le32(page + WALPAGE_BLOCK_SIZE);

	if (seg_size != e->seg_size) {
		snprintf(why, WALPAGE_WHY_MAX, "expected segments of %u bytes, found %u",
		    e->seg_size, seg_size);
		return -EUCLEAN;
	}
	if (walpage_size(page) == 0) {
		snprintf(why, WALPAGE_WHY_MAX, "%u is no size of a WAL block", block);
		return -EUCLEAN;
	}
	if (e->sysid == 0 || sysid == e->sysid)
		return 0;
	snprintf(why, WALPAGE_WHY_MAX, "expected system identifier %llu, found %llu",
	    (unsigned long long)e->sysid, (unsigned long long)sysid);
	return -EUCLEAN;
}

int
walpage_check(const unsigned char page[WALPAGE_LONG], const struct walpage_expected *e,
    char why[WALPAGE_WHY_MAX])
{
	uint16_t magic = get_le16(page + WALPAGE_MAGIC), info = get_le16(page + WALPAGE_INFO);
	int rc;

	if (!magic_is_good(magic, e->server_version)) {
		snprintf(why, WALPAGE_WHY_MAX, "%04X is no magic number of WAL pages", magic);
		return -EUCLEAN;
	}
	if ((info & WALPAGE_IS_LONG) == 0 || (info & ~KNOWN_INFO) != 0) {
		snprintf(why, WALPAGE_WHY_MAX, "the flags %04X are not those of a first page", info);
		return -EUCLEAN;
	}
	if ((rc = check_place(page, e, why)) < 0)
		return rc;
	return check_cluster(page, e, why);
}
