/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Settings of PostgreSQL 12 to 18 that hold text, or a port: which of them
 * reach out of the data directory (files, directories, commands, libraries,
 * hosts), and what a clone does about each.
 *
 * postgresql.auto.conf wins over every other file.  The server does not take
 * data_directory and config_file from it (it has read them by then) and stops at a name
 * that it does not know, so every row says which versions know it.
 */
#ifndef PG_OUTWARD_H
#define PG_OUTWARD_H

#include <stdbool.h>

enum outward_kind {
	OUTWARD_SET,		/* postgresql.auto.conf of a clone says value */
	OUTWARD_COMPUTED,	/* it says what the mount finds out */
	OUTWARD_WARNED,		/* stays; a warning if it leads outside */
	OUTWARD_KEPT,		/* stays: harmless, or the user's to choose */
	OUTWARD_INSIDE,		/* stays: names nothing outside */
};

struct outward {
	const char *name;	/* in lower case */
	unsigned since, until;	/* major versions that know it; 0: no limit */
	enum outward_kind kind;
	bool	path;		/* holds a name of a file or directory */
	const char *value;	/* OUTWARD_SET: what a clone has; else why nothing is set */
};

extern const struct outward outward_settings[];
extern const unsigned outward_n;

/* Whether a server of that major version has the setting. */
bool	outward_known(const struct outward *o, unsigned version);

#endif
