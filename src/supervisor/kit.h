/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kit: all that the workers of a mount get, one after the other, and that outlives them.
 */
#ifndef SUPERVISOR_KIT_H
#define SUPERVISOR_KIT_H

#include <stddef.h>

#include "ipc/shared.h"

struct kit {
	int	image_fd;	/* the program */
	int	shared_fd;	/* of *shared */
	int	index_fd;
	struct shared *shared;
};

/* Opens the program, makes the memfds and maps one.  Returns 0 or negative errno. */
int	kit_make(struct kit *k);

/*
 * Nothing may change the index any more.  Returns 0, -EFBIG if it has more than max bytes, or
 * negative errno.
 */
/* For another mount with the same index: no request is left, and the mount has another id.  Returns 0 or negative errno. */
int	kit_renew(struct kit *k);

int	kit_seal_index(const struct kit *k, size_t max);

/* For processes that need no more than the descriptors. */
void	kit_unmap(struct kit *k);

#endif
