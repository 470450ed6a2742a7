/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sets of capabilities.  Raw system calls stand for libcap, which would be a library for
 * two lines.
 */
#ifndef SANDBOX_CAPS_H
#define SANDBOX_CAPS_H

#include <stdint.h>

#define CAP_BIT(c)	(UINT64_C(1) << (c))

struct cap_sets {
	uint64_t effective, permitted, inheritable;
};

/* Each returns 0 or negative errno, and is about the calling thread. */
int	caps_get(struct cap_sets *c);

/* The inheritable set becomes empty. */
int	caps_set(uint64_t effective, uint64_t permitted);

/*
 * Takes all but keep out of the bounding set.  Without CAP_SETPCAP it stays, and bounds
 * nothing where there is no capability and no_new_privs holds.
 */
int	caps_bound(uint64_t keep);

/* Takes all but keep out of every set, and adds none to any. */
int	caps_limit(uint64_t keep);

#endif
