/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The namespace journal: every change of names and attributes, append-only.
 *
 * Problem.  The tree of a backup never changes; what is created, renamed,
 * removed on top of it must survive the worker at once, and the machine once
 * it was synced, and a request that is run a second time after a worker died
 * must get the answer that it would have got the first time.
 *
 * Idea.  Everything that has a history has a serial, never used twice.  The
 * root has serial 1.  A file of the backup gets its serial at its first change
 * (JOURNAL_BIND, by its path in the backup); what is created gets one when it
 * is created.  Names are (serial of the directory, name).  Replaying the
 * records from the start gives the tree.
 *
 * Exactly once.  A record carries the FUSE unique of the request that it
 * serves, valid together with the latest JOURNAL_MOUNT record before it.
 *
 * Crash order.  A record is written before the reply, and durable after
 * journal_sync().  The header keeps how much was durable once (journal_mark()).
 * A record behind that whose checksum or sequence number is wrong is the end: a
 * crash tore the tail, which is cut off.  One before it was damaged by something
 * else, and the journal is refused.
 *
 * Format: doc/format.md.
 */
#ifndef DIFF_JOURNAL_H
#define DIFF_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "diff/seal.h"

#define JOURNAL_ROOT_SERIAL	1
#define JOURNAL_NAME_MAX	4096	/* bytes of a name, a path or a link's target */

enum journal_type {
	JOURNAL_MOUNT = 1,	/* length: random id of the mount that begins here */
	JOURNAL_BIND,		/* serial is the backup's file name (a path); flag ORPHAN */
	JOURNAL_CREATE,		/* serial is new: parent/name, mode, uid, gid, name2: link target */
	JOURNAL_LINK,		/* serial gets the further name parent/name */
	JOURNAL_UNLINK,		/* parent/name goes; serial 0 if it never had one */
	JOURNAL_RENAME,		/* parent/name, which is serial, becomes parent2/name2 */
	JOURNAL_ATTR,		/* serial: what valid says of mode, uid, gid, atime, mtime, ctime (length) */
	JOURNAL_TRUNCATE,	/* serial: length; content: its content file from now on */
	JOURNAL_TRUNCATED,	/* the content file of serial was cut: see TRUNCATE */
	JOURNAL_CONTENT,	/* the content file of serial is durable, and has to be there */
	/* A compacted journal begins with these: the tree as it was, not how it came about. */
	JOURNAL_SERIAL,		/* serial: the next one to be given out */
	JOURNAL_NODE,		/* serial: mode, uid, gid, valid: nlink, atime, mtime, time: ctime;
				   name: the backup's path of it, or none; name2: link target */
	JOURNAL_NAME,		/* parent/name is serial, or nothing (0) */
	/* A journal that stands on a frozen layer begins with this, and has no other. */
	JOURNAL_LAYER,		/* parent, parent2: its id; name: what it was called; length: its last
				   record; serial: the first that it has not given out */
	JOURNAL_TYPE_MAX
};

enum {	/* flags */
	JOURNAL_ORPHAN		= 1 << 0,	/* BIND: the file has lost its name already */
	JOURNAL_EXCHANGE	= 1 << 1,	/* RENAME: the two names change places */
	JOURNAL_CUT		= 1 << 2,	/* TRUNCATE: the content file is to be cut, TRUNCATED follows */
};

enum {	/* valid */
	JOURNAL_MODE	= 1 << 0,
	JOURNAL_UID	= 1 << 1,
	JOURNAL_GID	= 1 << 2,
	JOURNAL_ATIME	= 1 << 3,
	JOURNAL_MTIME	= 1 << 4,
	JOURNAL_CTIME	= 1 << 5,	/* else ctime is the record's time */
};

/* A record in memory.  Names are not NUL terminated and not owned. */
struct journal_record {
	uint64_t seq;		/* set by journal_append(); 1, 2, 3, ... */
	uint64_t unique;	/* FUSE request, 0 if none */
	uint16_t type;		/* enum journal_type */
	uint16_t flags;
	uint16_t name_len, name2_len;
	uint64_t serial, parent, parent2, content, length;
	uint32_t mode, uid, gid, valid;
	int64_t	time;		/* when, ns since the epoch */
	int64_t	atime, mtime;	/* ns since the epoch */
	const char *name, *name2;
};

struct journal;

/*
 * Opens the journal in the diff directory, or makes an empty one.  Returns 0
 * and *out (journal_close), -EUCLEAN if the file is not a journal of a format
 * version that this program knows (logged), or negative errno.
 */
int	journal_open(int diff_fd, struct journal **out);
/*
 * Opens the journal of a frozen layer, which is only read, and refused where it is not just what the seal says.  layer
 * is its name, for messages.  Nothing can be appended.  As journal_open().
 */
int	journal_open_frozen(int layer_fd, const char *layer, const struct seal *seal, struct journal **out);
/*
 * Reads what the journal in dir_fd stands on, and nothing else.  Returns 1 and *parent, 0 for the backup or where there is no
 * journal, or as journal_open().
 */
int	journal_read_parent(int dir_fd, struct seal_parent *parent);
/* The same, but 0 also where anything is recorded besides: no worker has served since journal_begin(). */
int	journal_read_begun(int dir_fd, struct seal_parent *parent);
/*
 * Makes a journal, which must not be there, of a layer that stands on parent, as the oldest of them was made at created:
 * where it has its name, it is whole and durable, and so are all other names in dir_fd; that name is not synced.  Returns 0
 * or negative errno.
 */
int	journal_begin(int dir_fd, int64_t created, const struct seal_parent *parent);
void	journal_close(struct journal *j);

/* The layer below, NULL for the backup: numbers of records go on where that ended. */
const struct seal_parent *journal_parent(const struct journal *j);

/* CRC-32C of the checksums of all records that were read: tells one journal from another. */
uint32_t journal_crc(const struct journal *j);

/* When the diff directory was made, ns since the epoch. */
int64_t	journal_created(const struct journal *j);

/*
 * Reads the next record during replay, which has to come before the first
 * append.  Returns 1 with *rec, whose names are valid until the next call; 0 at
 * the end, where a torn tail has been cut off; -EUCLEAN where the journal is
 * damaged (logged), and is left as it is; or another negative errno.  Not for
 * several threads.
 */
int	journal_next(struct journal *j, struct journal_record *rec);

/*
 * Appends a record and sets its seq.  Returns 0, or negative errno with the
 * journal as it was (-ENOSPC, -EIO).  Safe from several threads.
 */
int	journal_append(struct journal *j, struct journal_record *rec);

/* Makes everything appended so far durable.  Returns 0 or negative errno.  Safe from several threads. */
int	journal_sync(struct journal *j);

/*
 * Notes in the header how much of the journal is durable, so that damage to it can
 * be told from a torn tail.  Takes one write where there is something new to note, and
 * no sync: the mark is true whenever it arrives.  Safe from several threads.
 */
void	journal_mark(struct journal *j);

/* Number of the last record appended, and of the last one known to be durable. */
uint64_t journal_last(const struct journal *j);
uint64_t journal_durable(const struct journal *j);

/*
 * Makes the journal durable, with its name and that of data/.  Call it before
 * the first record that says that a mount began: whoever made the file, or put
 * it in the place of another, may have died before he could.
 */
int	journal_settle(struct journal *j, int diff_fd);

/*
 * Compaction: begins an empty journal beside j, for the caller to fill with
 * journal_append(); then puts it durably in j's place.  Both are to be closed.
 * Returns 0 or negative errno; after a failure j's file is as it was.
 */
int	journal_rewrite(const struct journal *j, int diff_fd, struct journal **fresh);
int	journal_replace(struct journal *fresh, int diff_fd);

/* Bytes of the file. */
uint64_t journal_size(const struct journal *j);

#endif
