/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Timeline history files: the ancestors of a timeline, and where each was left.
 */
#ifndef PG_TIMELINE_H
#define PG_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

#define TIMELINE_HISTORY_MAX	(1024 * 1024)	/* bytes of a history file that is read */
#define TIMELINE_ANCESTORS_MAX	16384

/* A timeline owns the WAL from begin to end. */
struct timeline {
	uint32_t id;
	uint64_t begin, end;	/* LSNs; UINT64_MAX: it has no end */
};

/* The oldest first; the last one is the timeline that the file is about. */
struct timelines {
	unsigned n;
	struct timeline *list;	/* freed by timelines_free() */
};

/*
 * Reads the text of id.history (len bytes; NULL with 0: there is none, and the
 * timeline has no ancestors).  As PostgreSQL does it, a line is an id, an LSN
 * and a comment; "#" begins a comment line.  Ids have to grow, and to stay
 * below id; LSNs must not shrink.  Returns 0 and *t, -ENOMEM, or -EUCLEAN with
 * the number of the line in *line.
 */
int	timelines_parse(const char *text, size_t len, uint32_t id, struct timelines *t,
	    unsigned *line);
void	timelines_free(struct timelines *t);

/* The number of timeline id in t, or -1. */
int	timelines_find(const struct timelines *t, uint32_t id);

#endif
