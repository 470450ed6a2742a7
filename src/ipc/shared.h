/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The memory that outlives a worker: one memfd, which the supervisor makes
 * before its first worker (kit_make()) and every worker maps.  A worker
 * may have scribbled over it before it died: whoever reads it treats it as input.
 *
 * Request slots.  Serving thread i receives into the buffer of slot i.  The
 * length in the FUSE header that begins the buffer is zeroed before each
 * read(2) of /dev/fuse, so a buffer whose length is not zero holds a request
 * that the kernel has handed out.  When a handler replies, a short reply is
 * saved in the slot before it is sent; when the handler is done the length is
 * zeroed again.  The next worker therefore finds, for each slot: nothing; a
 * request that may have been executed in part (it executes it, see
 * diff/journal.h for what must not run twice); or a saved reply (it sends the
 * reply again and executes nothing: a write that came late could undo a newer
 * one).  The kernel answers ENOENT to a reply that it already had.
 */
#ifndef IPC_SHARED_H
#define IPC_SHARED_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/iostats.h"
#include "diff/pending.h"

#define SHARED_MAGIC		0x53464b4250ULL		/* "PBKFS" */
#define SHARED_SLOTS		8
#define SHARED_REPLY_MAX	512	/* bytes of a saved reply, with its header */
#define SHARED_BUFFER		((1u << 20) + (64u << 10))	/* one request */
#define SHARED_INIT_MAX		256	/* bytes of the kernel's FUSE_INIT */

enum slot_state {
	SLOT_IDLE,		/* waits in read(2) of /dev/fuse */
	SLOT_COMPUTING,		/* runs a handler: may be hung */
	SLOT_IN_IO,		/* waits for storage: may be slow, is not hung */
};

struct shared_slot {
	_Atomic uint32_t state;		/* enum slot_state */
	_Atomic uint32_t reply_len;	/* bytes in reply, 0 = none saved */
	_Atomic uint64_t unique;	/* of the request, 0 when idle */
	_Atomic uint64_t since;		/* CLOCK_MONOTONIC ns when state was last set */
	unsigned char reply[SHARED_REPLY_MAX];
};

/* FUSE operations that are counted; the names are the JSON keys of stat. */
enum shared_op {
	OP_LOOKUP, OP_GETATTR, OP_SETATTR, OP_READLINK, OP_MKNOD, OP_MKDIR, OP_UNLINK,
	OP_RMDIR, OP_SYMLINK, OP_RENAME, OP_LINK, OP_CREATE, OP_READ, OP_WRITE, OP_FSYNC,
	OP_READDIR, OP_READDIRPLUS, OP_FSYNCDIR, OP_STATFS, OP_FALLOCATE, OP_LSEEK,
	OP_FORGET, OP_OTHER, OP_COUNT
};

extern const char *const shared_op_names[OP_COUNT];

#define SHARED_BUCKETS	40	/* latency bucket b: less than 2^b ns, not less than half of it */

struct shared_op_counter {
	_Atomic uint64_t count, errors, bytes, total_ns;
	_Atomic uint64_t bucket[SHARED_BUCKETS];
};

/* One per slot, so that no two threads share a cache line. */
struct shared_counters {
	struct shared_op_counter op[OP_COUNT];
	struct iostats io;
} __attribute__((aligned(128)));

enum shared_hydration {
	HYDRATION_OFF, HYDRATION_COUNTING, HYDRATION_COPYING,
	HYDRATION_FULL,		/* waits for room on the disk */
	HYDRATION_RECOVERY,	/* complete, but recovery.signal or standby.signal is there */
	HYDRATION_FAILED,	/* complete but for files that cannot be read; tries again later */
	HYDRATION_STALLED,	/* cannot write to the diff directory; tries again */
	HYDRATION_DETACHED,	/* nothing needs the store */
	HYDRATION_STATES
};

/* How far hydration is, by the worker. */
struct shared_hydrate {
	_Atomic uint32_t state;		/* enum shared_hydration */
	_Atomic uint64_t blocks, blocks_left, files, files_left, files_failed;
	_Atomic uint64_t speed;		/* bytes a second, of late */
	_Atomic uint64_t room;		/* bytes that may still be copied before the disk counts as full */
};

struct shared {
	uint64_t magic;
	uint64_t mount_id;		/* random, of this mount; never 0 */
	_Atomic uint64_t infodir_version;	/* versions of the files under .pbkfs: see worker/infodir.h */
	_Atomic uint32_t started;	/* the supervisor answered FUSE_INIT */
	uint32_t init_len;		/* bytes in init */
	unsigned char init[SHARED_INIT_MAX];	/* FUSE_INIT as the kernel sent it */
	struct shared_slot slot[SHARED_SLOTS];
	struct shared_counters counters[SHARED_SLOTS];
	struct shared_hydrate hydrate;
	struct pending pending;
	unsigned char buffer[SHARED_SLOTS][SHARED_BUFFER] __attribute__((aligned(4096)));
};

#endif
