/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * .pbkfs at the root of the mount: what pbkfs says about itself, read-only.  It
 * is found by its name and not listed: whoever walks or copies a data directory
 * never meets it, nor the archive in it.
 * The files live in .pbkfs of the diff directory, where the supervisor
 * replaces them.  Under the writeback cache the kernel believes no size but
 * its own, so a file gets a new nodeid whenever its content changes: the
 * nodeid holds the number of the file and shared.infodir_version at lookup.
 * .pbkfs/wal is archivedir.c's, and so are nodeids for which archivedir_is().
 */
#ifndef WORKER_INFODIR_H
#define WORKER_INFODIR_H

#include "worker/thread.h"

#define INFODIR_ROOT	COW_NODEID_END

static inline bool
infodir_is(uint64_t nodeid)
{
	return nodeid >= COW_NODEID_END;
}

/* Whether name in dir is .pbkfs itself, which nobody may make or remove. */
bool	infodir_is_name(uint64_t dir, const char *name);

/* All return 0 or negative errno. */
int	infodir_lookup(struct thread *t, uint64_t dir, const char *name, struct cow_attr *attr);
int	infodir_getattr(struct thread *t, uint64_t nodeid, struct cow_attr *attr);
ssize_t	infodir_read(struct thread *t, uint64_t nodeid, uint64_t off, size_t size, void *buf);
/*
 * Tells how long the kernel may believe a name that leads to nodeid, and its
 * attributes, in seconds.
 */
void	infodir_timeouts(uint64_t nodeid, uint64_t *entry, uint64_t *attr);
/*
 * Returns the inode number of a nodeid: below 2^53, where every program can
 * count, and the same at each mount, whatever version of the file the nodeid is
 * of.
 */
uint64_t infodir_inode(uint64_t nodeid);
/* Fills *d with the i-th name in .pbkfs, from 0; returns 1, or 0 at the end. */
int	infodir_list(struct thread *t, unsigned i, struct cow_dirent *d);

#endif
