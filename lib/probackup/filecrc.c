/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Computes the crc of a stored file as the version of its backup did.  It opens
 * and reads nothing.
 */
#include "config.h"

#include <zlib.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "probackup/filecrc.h"

#define CRC32_FIRST	20022	/* versions whose lists have a CRC-32 */
#define CRC32_LAST	20024
#define CONTROL_CRC	20025	/* first whose list has the crc inside pg_control */

uint32_t
filecrc_add(uint32_t version, uint32_t crc, const void *buf, size_t len)
{
	if (version >= CRC32_FIRST && version <= CRC32_LAST)
		return (uint32_t)crc32_z(crc, buf, len);
	return crc32c(crc, buf, len);
}

bool
filecrc_is_control(uint32_t version, const unsigned char *bytes, size_t len, uint32_t crc)
{
	size_t at, i;

	if (version < CONTROL_CRC)
		return false;
	for (at = 0; at + sizeof(crc) <= len; at += sizeof(crc)) {
		if (get_le32(bytes + at) != crc || crc32c(0, bytes, at) != crc)
			continue;
		for (i = at + sizeof(crc); i < len && bytes[i] == 0; i++)
			;
		return i == len;
	}
	return false;
}
