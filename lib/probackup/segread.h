/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A segment of the archive, read from its beginning to its end, compressed or not.
 */
#ifndef PROBACKUP_SEGREAD_H
#define PROBACKUP_SEGREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "probackup/archive.h"

struct segread {
	int	fd;
	struct segstream *stream;	/* NULL: fd is what is read */
	uint64_t off;
};

/* Opens what archive_find() found.  Returns 0 or negative errno; segread_close() in any case. */
int	segread_open(const struct archive *a, struct archive_file *f, struct segread *s);

/* Reads the next len bytes, or returns false. */
bool	segread_next(struct segread *s, unsigned char *to, size_t len);

void	segread_close(struct segread *s);

#endif
