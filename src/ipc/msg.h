/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The messages between supervisor and worker: fixed-size frames over a pipe in
 * each direction.  A frame is a header and at most MSG_BODY_MAX bytes, written
 * with one write(2) of at most PIPE_BUF bytes, so frames of several threads
 * never mix.
 */
#ifndef IPC_MSG_H
#define IPC_MSG_H

#include <stddef.h>
#include <stdint.h>

#include "base/backupid.h"

#define MSG_PROTOCOL	6
#define MSG_BODY_MAX	2048
#define MSG_ZONE_MAX	63
#define MSG_SNAPSHOT_MAX 64	/* bytes of its name, NUL included */

enum msg_type {
	/* worker -> supervisor */
	MSG_CONFINED = 1,	/* struct msg_confined: the sandbox is on; nothing of the store was read yet */
	MSG_PROGRESS,		/* struct msg_progress: copying WAL */
	MSG_MEMBER,		/* struct msg_member: one backup of the chain, newest first */
	MSG_PREPARED,		/* struct msg_prepared: the index is complete */
	MSG_READY,		/* the worker serves */
	MSG_FAILED,		/* text: why it cannot go on; it exits next */
	MSG_HEARTBEAT,		/* once a second while serving */
	MSG_DIRTY,		/* --perf-unsafe: wants .pbkfs-dirty before its first write */
	MSG_CLEAN,		/* everything is flushed; it exits next */
	MSG_STATS,		/* struct msg_stats: the answer to MSG_DUMP */
	MSG_LOG,		/* one byte enum log_level, then text */
	MSG_WARNING,		/* text for the user: what will not work as it is */
	MSG_STORE_FAILED,	/* the store could not be read: at most once a second */
	MSG_NOTE,		/* text for the user: what was chosen for him */
	MSG_ZONE,		/* the server's setting timezone */
	MSG_FLUSHING,		/* the connection has ended; then one more file is durable: at most once a second */
	MSG_ADVICE,		/* text for the user once the mount exists: how to use it */
	MSG_DETACHED,		/* nothing needs the store any more, and that is durable */
	MSG_HYDRATION,		/* hydration is in another state: in shared memory */
	MSG_RESTED,		/* struct msg_rested: the answer to MSG_REST */
	MSG_STEPPED,		/* struct msg_stepped: what worker_step() has come to */
	/* supervisor -> worker */
	MSG_DIRTY_DONE = 64,	/* the marker is durable */
	MSG_DUMP,		/* send MSG_STATS */
	MSG_RESET,		/* zero the counters */
	MSG_HYDRATE,		/* struct msg_hydrate: begin, stop, or go on otherwise */
	MSG_REST,		/* take no requests, and make all durable: send MSG_RESTED */
	MSG_RESUME,		/* after that: serve again */
	MSG_END,		/* after that: exit */
};

struct msg_header {
	uint16_t type;		/* enum msg_type */
	uint16_t protocol;	/* MSG_PROTOCOL */
	uint32_t len;		/* bytes of the body */
};

/* Bits; for the first two: with a tree of files of its own, with rights of its own. */
enum msg_namespace {
	MSG_NS_MOUNT = 1, MSG_NS_USER = 2, MSG_NS_NET = 4, MSG_NS_IPC = 8, MSG_NS_UTS = 16,
	MSG_NS_CGROUP = 32, MSG_NS_ALL = 63,
};

struct msg_confined {
	uint32_t landlock;	/* its version; 0: without it */
	uint32_t namespaces;	/* of those asked for, that it or, of a preparer, the next ones have */
	char	why[120];	/* "" or why there is no mount namespace */
};

struct msg_progress {
	uint64_t done, total;	/* bytes */
};

struct msg_member {
	char	id[BACKUP_ID_MAX];
	uint32_t version;	/* program-version as a number */
	uint32_t list_crc;	/* CRC-32C of its backup_content.control */
};

struct msg_prepared {
	uint64_t tree_digest;	/* see probackup/index.h */
	uint64_t n_entries, n_members;
	uint32_t server_version;	/* PostgreSQL major version */
	uint32_t root_mode;	/* 0700 or 0750 */
	uint32_t wal_segment;	/* bytes of a file of WAL, 0 if unknown */
	uint64_t wal_copied;	/* bytes */
	uint32_t layers;	/* snapshots that the diff directory stands on, one upon another */
	char	snapshot[MSG_SNAPSHOT_MAX];	/* the last of them; "" */
	char	warning[512];	/* "" or one line for the user */
};

struct msg_stats {
	uint64_t diff_bytes;	/* allocated in the diff directory */
	uint64_t diff_files, journal_bytes;
	uint64_t map_bytes, map_bytes_max;	/* block maps in memory, and --cache-size */
	uint64_t open_files;
	uint64_t inodes;	/* in memory */
	uint64_t dirty_files;	/* with writes that no fsync covered yet */
	uint64_t store_changed;	/* 1: the last look at a backup found it changed under the mount */
};

/* How to copy what still is the chain's: see worker/hydrator.h. */
struct msg_hydrate {
	uint64_t rate;		/* bytes a second; 0 = no limit */
	uint32_t jobs;		/* files at a time; 0 = default */
	uint32_t on;		/* 0 or 1 */
};

struct msg_rested {
	uint64_t since;		/* CLOCK_MONOTONIC ns: when it took no requests any more */
	uint32_t error;		/* 0: no request is in flight, and nothing is to be written; else an errno, and it serves */
	uint32_t unused;
};

struct msg_stepped {
	uint32_t done;		/* 1: the step is done; 0: all is as it was, MSG_FAILED has said why */
	uint32_t layers;	/* reset: below it now, */
	char	snapshot[MSG_SNAPSHOT_MAX];	/* the last of them, */
	unsigned char snapshot_id[16];	/* and what tells it from others of its name */
	uint64_t disk_bytes;	/* that the frozen layer takes */
	uint64_t wal_bytes, wal_ns;	/* of --wal=direct: copied, and how long that took */
};

/* Incoming bytes of one pipe, until they make a frame. */
struct msg_reader {
	size_t	have;		/* bytes in buf */
	size_t	taken;		/* of these, the frame that msg_next() returned */
	unsigned char buf[sizeof(struct msg_header) + MSG_BODY_MAX];
};

/*
 * Sends one frame.  Returns 0, -EPIPE when nobody reads any more, -EAGAIN when
 * fd is non-blocking and the pipe is full, or another negative errno.  SIGPIPE
 * must be ignored.  Safe from several threads.
 */
int	msg_send(int fd, enum msg_type type, const void *body, size_t len);

/*
 * Reads what fd has into r: one read(2).  Returns the number of bytes, 0 at
 * end of file, -EAGAIN, or negative errno.
 */
int	msg_fill(int fd, struct msg_reader *r);

/*
 * Takes the next complete frame out of r.  Returns 1 with *h and *body (valid
 * until the next call on r), 0 when a frame is not complete yet, or -EPROTO
 * for a wrong protocol number or a length over MSG_BODY_MAX.
 */
int	msg_next(struct msg_reader *r, struct msg_header *h, const unsigned char **body);

#endif
