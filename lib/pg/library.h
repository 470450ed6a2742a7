/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Libraries that a server preloads: reading such a list, and what is known of
 * each.  Bytes in memory only.
 */
#ifndef PG_LIBRARY_H
#define PG_LIBRARY_H

#include <stddef.h>

enum library_kind {
	LIBRARY_UNKNOWN,
	LIBRARY_NEEDED,		/* data cannot be read, or rights are not guarded, without it */
	LIBRARY_WATCHES,	/* observes, or helps whoever asks it; not missed */
	LIBRARY_ACTS,		/* does something by itself: runs jobs, talks to other machines */
};

#define LIBRARY_NAME_MAX	1024	/* bytes, NUL included */

/*
 * Takes the next name from a list as shared_preload_libraries has it: names between
 * commas, perhaps in double quotes.  *list is advanced.  Returns 1, 0 at the end,
 * or -EINVAL if the rest is no such list (the server would ignore all of it).
 */
int	library_next(const char **list, char name[LIBRARY_NAME_MAX]);

/*
 * Appends a name to a list of such names in buf, quoted where it needs it.
 * Returns 0 or -ENAMETOOLONG.
 */
int	library_append(char *buf, size_t size, const char *name);

/* The kind of a library; directories before its name, and ".so", do not count. */
enum library_kind library_kind(const char *name);

#endif
