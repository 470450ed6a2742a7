/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Root's record of a diff directory of somebody else: a copy of its binding, which
 * its owner can write, where only root writes.
 */
#ifndef SUPERVISOR_RECORD_H
#define SUPERVISOR_RECORD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor/binding.h"
#include "supervisor/diffdir.h"

#define RECORD_DIRECTORY	STATE_DIRECTORY		/* --localstatedir, /lib/pbkfs */
#define RECORD_MAX		(BINDING_MAX + 64u * 1024)	/* bytes of a file */

enum record_state {
	RECORD_NONE,		/* root has decided nothing yet about this path */
	RECORD_FITS,		/* it is of this directory */
	RECORD_STRANGE,		/* it is of another one that was there, or cannot be used */
};

/* How a directory is distinguished from others, even after a boot. */
struct record_identity {
	uint64_t fsid, inode;
	uint64_t born;		/* ns since the epoch; 0 where the file system does not know */
	uid_t	owner;
};

struct record {
	enum record_state state;
	int	why;		/* negative errno of one that cannot be used */
	char	*diff;		/* owned */
	struct record_identity identity;
	struct binding binding;
};

/*
 * Reads a record from len bytes of text, which it changes; text[len] is
 * writable.  Returns 0 or as binding_parse(); *r is valid for record_fini() in
 * any case, and its state is not set.
 */
int	record_parse(char *text, size_t len, struct record *r);

/* Looks for the record of d, whose owner is known, as root; *r is for record_fini(). */
void	record_load(const struct diffdir *d, struct record *r);

/*
 * Writes it durably in one step, as root.  Returns 0; -EEXIST if the record of another
 * path, which has the same checksum, has its place; or negative errno.
 */
int	record_store(const struct diffdir *d, const struct binding *b);

/* Removes what there is about a path, which is canonical, as root.  Returns 0 or negative errno. */
int	record_remove(const char *diff);

/* Why a record could not be read or written, from a negative errno: "it" is RECORD_DIRECTORY. */
const char *record_strerror(int rc);

void	record_fini(struct record *r);

#endif
