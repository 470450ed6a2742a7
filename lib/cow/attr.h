/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Attributes inside cow; what others use is in cow.h.
 */
#ifndef COW_ATTR_H
#define COW_ATTR_H

#include <stdint.h>

struct cow;
struct cow_attr;

/* As cow_getattr(), with tree_lock held. */
int	attr_get(struct cow *c, uint64_t nodeid, struct cow_attr *attr);

#endif
