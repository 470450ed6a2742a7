/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The crc that a list gives for a stored file.  That of the list itself is
 * listread.c's.
 */
#ifndef PROBACKUP_FILECRC_H
#define PROBACKUP_FILECRC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILECRC_WHOLE	20300	/* first version whose crc of a page stream never leaves record headers out */

/*
 * Returns crc with len more bytes of a file, as a backup of that version has it
 * in its list: a CRC-32C, and in 2.0.22 to 2.0.24 a CRC-32.  crc is 0 for the
 * first bytes.
 */
uint32_t filecrc_add(uint32_t version, uint32_t crc, const void *buf, size_t len);

/*
 * Whether the bytes are a pg_control with that crc inside, which a list has since
 * 2.0.25: the file ends with a CRC-32C of what is before it; where it stands
 * depends on the server's version.  Zeroes follow.
 */
bool	filecrc_is_control(uint32_t version, const unsigned char *bytes, size_t len, uint32_t crc);

#endif
