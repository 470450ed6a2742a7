/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every name that pbkfs itself gives on disk and at the mount, once.  What the
 * files hold is in doc/format.md, and in the headers of those who write them.
 */
#ifndef BASE_ONDISK_H
#define BASE_ONDISK_H

/* In a diff directory, and the supervisor's but for what is in the second list. */
#define ONDISK_LOCK		".pbkfs-lock"
#define ONDISK_BINDING		".pbkfs-binding.json"
#define ONDISK_DIRTY		".pbkfs-dirty"	/* a mount with --perf-unsafe has not ended in order */
#define ONDISK_INFODIR		".pbkfs"	/* shown under the same name at the root of the mount */
#define ONDISK_CHANGES		"changes"	/* all that a worker writes: the active layer */
#define ONDISK_NEXT		"changes.next"	/* the next one, while it is made: diff/layers.h */
#define ONDISK_OLD		"changes.old"	/* one that was thrown away, and is being removed */
#define ONDISK_LAYERS		"layers"	/* frozen ones, by name */
#define ONDISK_BRANCHES		"branches"	/* directories like this one, over the same layers */
#define ONDISK_RUN		".pbkfs-run"	/* in a branch that goes with a run */
#define ONDISK_PROTECTED	".pbkfs-protected"	/* pbkfs delete refuses to; of a branch, and in a frozen layer */

/* In ONDISK_CHANGES. */
#define ONDISK_JOURNAL		"journal"
#define ONDISK_CONTENT		"data"
#define ONDISK_TREE		"tree"		/* takes the place of the chain */
#define ONDISK_ORIGINS		"origins"	/* of what lies outside of the data directory */
#define ONDISK_RESERVE		"reserve"
#define ONDISK_WAL		"pg_wal"	/* --wal=direct */
#define ONDISK_SEGMENTS		"walcache."	/* without a name as soon as it is open */
#define ONDISK_CUT		"cut"		/* the mount has not ended in order; a worker removes it */

/* In a directory of ONDISK_LAYERS, beside what it had as ONDISK_CHANGES. */
#define ONDISK_SEAL		"seal"		/* diff/seal.h */

/* In ONDISK_INFODIR. */
#define ONDISK_LOG		"pbkfs.log"
#define ONDISK_STAT		"stat"
#define ONDISK_WORKER_PID	"worker.pid"
#define ONDISK_SOCKET		"socket"
#define ONDISK_ARCHIVEDIR	"wal"		/* at the mount only */

/* In a data directory that is being restored: restore/mark.h. */
#define ONDISK_RESTORE		".pbkfs-restore"

/* In a diff directory that becomes a data directory, and in names beside that: promote/promotion.h. */
#define ONDISK_PROMOTE		".pbkfs-promote"

/* At the root of the mount: what lies outside of PGDATA, probackup/tablespace.h. */
#define ONDISK_TABLESPACES	".pbkfs-tblspc"
#define ONDISK_EXTERNAL		".pbkfs-external"

/* The bytes of ONDISK_LOCK on which a record lock says who has the directory: supervisor/lock.h. */
enum ondisk_lock_byte { ONDISK_LOCK_SUPERVISOR, ONDISK_LOCK_WORKER };

#endif
