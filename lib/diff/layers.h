/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layers of a diff directory: the active one, and frozen ones beneath it.
 *
 *	DIFF/changes/			the active layer: what a worker writes
 *	DIFF/layers/NAME/		a frozen one, with a seal (diff/seal.h): nobody writes there
 *	DIFF/branches/B/changes/	the active layer of a branch, over the same DIFF/layers
 *
 * Two names stand beside "changes" for a while: "changes.next", a new active layer that is
 * being made, and "changes.old", one that was thrown away.  Each operation is made of steps that
 * are one rename and durable one after the other, so that a crash leaves one of these:
 *
 *	changes, changes.next		the operation is taken back: changes.next goes, and a seal in changes
 *	changes.next alone		the old one was frozen, and the layer is there: changes.next gets its name
 *	changes.old, changes.next	a reset: the same, and then changes.old goes
 *	changes, changes.old		a reset that is done: changes.old goes
 *
 * diff_fd is the directory of an active layer (DIFF, or a branch), layers_fd is DIFF/layers; both
 * borrowed.  The caller holds the lock of diff_fd, and flock(2) on layers_fd: exclusively to
 * freeze, rename or remove a layer, at least shared to stand a new active layer on one.  He calls
 * layers_recover() first of all.  Nothing in a path is resolved twice, no link is followed, and what is read
 * is input.  Whoever acts for another user has that user's rights.  All functions return 0
 * or negative errno unless said otherwise; -EUCLEAN and what kept us from the disk are logged, in one line.
 */
#ifndef DIFF_LAYERS_H
#define DIFF_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "diff/seal.h"

/*
 * Whether name can be a layer's or a branch's: 1 to SEAL_NAME_MAX of A-Z a-z 0-9 . _ -, with neither dot
 * nor dash at the beginning.
 */
bool	layers_name_is_valid(const char *name);

/* Opens DIFF/layers, made durably if it is missing and make.  Returns a descriptor, -ENOENT, or another negative errno. */
int	layers_directory(int diff_fd, bool make);

/* --- what there is --- */

struct layers_info {
	char	name[SEAL_NAME_MAX + 1];
	int	damage;			/* 0, or -EUCLEAN: the seal is damaged or missing (logged), and what follows is not known */
	struct seal_id id;
	bool	has_parent;
	char	parent[SEAL_NAME_MAX + 1];	/* its name today; "" if it is missing, or there is none */
	struct seal_id parent_id;
	unsigned depth;			/* layers below */
	int64_t	time;			/* ns since the epoch */
	char	message[SEAL_MESSAGE_MAX + 1];	/* somebody's text */
	uint64_t disk_bytes;		/* that are freed if it goes */
	uint64_t contents;		/* content files */
};

/* All frozen layers, by name; *out is malloc'ed.  Judges each by its seal alone. */
int	layers_list(int layers_fd, struct layers_info **out, size_t *n);

/*
 * Finds the layer below the active one in changes_fd.  Returns 1 and *parent, where name is what it was called then; 0 if it stands
 * on the backup; or negative errno (-EUCLEAN: its journal does not say).
 */
int	layers_parent(int changes_fd, struct seal_parent *parent);
/* The name that a layer has today; the one that it had is tried first.  Returns 0, -ENOENT, or another negative errno. */
int	layers_find(int layers_fd, const struct seal_parent *layer, char name[SEAL_NAME_MAX + 1]);

/*
 * Whether an active layer is as layers_freeze() and layers_reset() leave it: it stands on the layer that is called name today, and
 * no worker has served it since.  False also where that cannot be told.
 */
bool	layers_is_begun(int diff_fd, int layers_fd, const char *name);

/* A chain of frozen layers, oldest first: for cow_config.  Descriptors of directories, O_RDONLY. */
struct layers_chain {
	unsigned n;
	struct layers_open {
		int	fd;
		char	name[SEAL_NAME_MAX + 1];
	} layer[SEAL_LAYERS_MAX];
};

/*
 * Opens all that the active layer in changes_fd stands on.  layers_fd may be -1: then it has to stand on the backup.
 * Returns 0 and *chain (layers_close()), -EUCLEAN where one is missing, damaged, or not the one that was stood on
 * (logged, by name), -E2BIG for more than SEAL_LAYERS_MAX (logged), or negative errno.
 */
int	layers_open(int layers_fd, int changes_fd, struct layers_chain *chain);
void	layers_close(struct layers_chain *chain);

/* --- what can be done --- */

struct layers_freeze {
	int	diff_fd, layers_fd;
	const char *name;		/* of the new frozen layer */
	const char *message;		/* or NULL */
	bool	mounted;		/* its worker has flushed and is gone, and the mount goes on: the next layer has "cut" and the reserve */
};

struct layers_frozen {
	struct seal_id id;
	uint64_t disk_bytes, contents;
	uint64_t wal_bytes;		/* of --wal=direct: copied */
	int64_t	wal_ns;			/* the time of that copy */
};

/*
 * Freezes the active layer and begins an empty one above it.  It has to be at rest: its last mount has ended in order, or
 * cow_settle() has put it there.  Returns -EAGAIN if it is not ("cut" is there), -EINVAL for a name or a message, -EEXIST if a layer has it, -E2BIG if SEAL_LAYERS_MAX are below (logged),
 * -ENODATA if there is no active layer yet; then all is as it was.  Else negative errno: layers_recover() tells what it came to.
 */
int	layers_freeze(const struct layers_freeze *f, struct layers_frozen *out);

/*
 * Whether an active layer can stand on layer name: it and those below have the names that their seals tell of, and content of those lengths.
 * Reads only.  Returns 0, -ENOENT if there is no such layer, -EUCLEAN if it, or one below, is damaged or missing (logged), -E2BIG if too many
 * are below (logged), or negative errno.
 */
int	layers_check(int layers_fd, const char *name);

/*
 * Throws the active layer away, if there is one, and begins an empty one above layer name.  What was thrown away still takes its room:
 * layers_sweep() removes it, which takes time.  What layers_check() refuses is refused before anything is done.  This begins a branch, too,
 * in a directory that has no active layer.
 */
int	layers_reset(int diff_fd, int layers_fd, const char *name);

/* Removes what layers_reset() has thrown away, and what layers_remove() could not finish; layers_fd may be -1. */
int	layers_sweep(int diff_fd, int layers_fd);

/* Removes a frozen layer.  Whether somebody stands on it, the caller has found out.  -ENOENT if there is none. */
int	layers_remove(int layers_fd, const char *name);

/* Gives a frozen layer another name: who stands on it finds it by its id.  -ENOENT, -EEXIST, -EINVAL. */
int	layers_rename(int layers_fd, const char *from, const char *to);

enum layers_recovered {
	LAYERS_NOTHING,		/* no operation was left unfinished */
	LAYERS_TAKEN_BACK,	/* all is as it was before it */
	LAYERS_FROZEN,		/* name was frozen, and an empty layer stands on it */
	LAYERS_RESET,		/* an empty layer stands on name */
};

/*
 * Finishes what a crash has interrupted, or takes it back, durably.  layers_fd may be -1.  Returns one of enum layers_recovered, with the
 * name of the layer that changes stands on where it says so, or negative errno.  What was thrown away still has to be
 * removed: layers_sweep().
 */
int	layers_recover(int diff_fd, int layers_fd, char name[SEAL_NAME_MAX + 1]);

#endif
