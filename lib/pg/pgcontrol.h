/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * global/pg_control of PostgreSQL 12 to 18: what recovery compares with the
 * configuration.  Bytes in memory only.  Source: struct ControlFileData, where
 * the versions differ behind the fields that are read here.
 */
#ifndef PG_PGCONTROL_H
#define PG_PGCONTROL_H

#include <stddef.h>
#include <stdint.h>

/* The settings that a standby must have no less of than its primary had. */
enum {
	MINIMUM_CONNECTIONS, MINIMUM_WORKERS, MINIMUM_SENDERS, MINIMUM_PREPARED,
	MINIMUM_LOCKS, MINIMUM_COUNT
};
struct pgcontrol_minimum {
	const char *name;
	unsigned fallback;	/* what the server takes where nothing is set */
};
extern const struct pgcontrol_minimum pgcontrol_minima[MINIMUM_COUNT];

/*
 * Reads the five from the bytes of the file.  Returns 0, -ENOTSUP for another
 * version, or -EUCLEAN if it is short or does not match its checksum.
 */
int	pgcontrol_read(const void *data, size_t len, uint32_t value[MINIMUM_COUNT]);

#endif
