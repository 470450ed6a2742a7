/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which transaction ids had been given away when WAL was written.
 */
#ifndef PG_WALXID_H
#define PG_WALXID_H

#include "pg/walrecord.h"

struct walxid {
	bool	is_seen;	/* highest holds, */
	bool	is_bound;	/* and no transaction behind it has a record before the end of what was looked at */
	uint32_t highest;	/* that a record is of, or speaks of */
};

/*
 * Adds a window of WAL.  Windows may come in any order; the bound holds once they, without a gap, reach the end.
 * Zero-initialise *x.
 */
void	walxid_look(const struct walrecord_window *w, struct walxid *x);

/* Whether a comes behind b: ids go round, and half of them are behind any other one. */
bool	walxid_is_behind(uint32_t a, uint32_t b);

#endif
