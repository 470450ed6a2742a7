/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads five settings from pg_control, by the layout of the version that the
 * file names.  It judges nothing: src/worker/minima.c does.
 */
#include "config.h"

#include <errno.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/util.h"
#include "pg/pgcontrol.h"

/* Offsets in bytes. */
#define CONTROL_VERSION	8
#define MINIMA		180	/* five integers in the order of the enum */

const struct pgcontrol_minimum pgcontrol_minima[MINIMUM_COUNT] = {
	[MINIMUM_CONNECTIONS] = { "max_connections", 100 },
	[MINIMUM_WORKERS] = { "max_worker_processes", 8 },
	[MINIMUM_SENDERS] = { "max_wal_senders", 10 },
	[MINIMUM_PREPARED] = { "max_prepared_transactions", 0 },
	[MINIMUM_LOCKS] = { "max_locks_per_transaction", 64 },
};

static const struct {
	uint32_t version;
	size_t	crc;		/* where the checksum of all before it stands */
} layouts[] = {
	{ 1201, 288 },		/* PostgreSQL 12 */
	{ 1300, 288 },		/* 13 to 16 */
	{ 1700, 288 },		/* 17 */
	{ 1800, 292 },		/* 18 */
};

int
pgcontrol_read(const void *data, size_t len, uint32_t value[MINIMUM_COUNT])
{
	const unsigned char *p = data;
	size_t i, k;

	if (len < CONTROL_VERSION + sizeof(uint32_t))
		return -EUCLEAN;
	for (i = 0; i < ARRAY_SIZE(layouts); i++)
		if (layouts[i].version == get_le32(p + CONTROL_VERSION))
			break;
	if (i == ARRAY_SIZE(layouts))
		return -ENOTSUP;
	if (len < layouts[i].crc + sizeof(uint32_t) ||
	    crc32c(0, p, layouts[i].crc) != get_le32(p + layouts[i].crc))
		return -EUCLEAN;
	for (k = 0; k < MINIMUM_COUNT; k++)
		value[k] = get_le32(p + MINIMA + k * sizeof(uint32_t));
	return 0;
}
