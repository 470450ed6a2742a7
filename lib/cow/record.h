/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes that the journal keeps.  All return 0 or negative errno, with nothing changed.
 */
#ifndef COW_RECORD_H
#define COW_RECORD_H

#include <stdint.h>

struct cow;
struct cow_attr;
struct journal_record;
struct node;
struct relfile;

/* Appends a record and applies it.  tree_lock exclusively held. */
int	record_change(struct cow *c, struct journal_record *rec);
/* Makes the journal know n (a record of its own), if it does not.  The same lock. */
int	record_bind(struct cow *c, struct node *n);
/* Attributes: what set names (COW_SET_*) but the size.  No lock held. */
int	record_attr(struct cow *c, uint64_t nodeid, unsigned set, const struct cow_attr *attr);
/*
 * Before f, which is nodeid's, is changed: it gets a serial, and what a crash left of a
 * truncation is finished.  No lock held.
 */
int	record_own(struct cow *c, uint64_t nodeid, struct relfile *f);

#endif
