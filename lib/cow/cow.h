/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The copy-on-write file system: an immutable backup below, the journal and
 * the content files of the diff directory above.
 *
 * Files are known by nodeid.  An entry of the index has nodeid entry + 1, so
 * the root is 1; what was created since has COW_CREATED + its serial.  Both
 * stay the same for all workers of one mount.
 *
 * Everything here is safe from several threads unless said otherwise.  All
 * functions return 0 or negative errno unless said otherwise; -EUCLEAN means
 * that the backup or the diff directory contradicts itself, and was logged.
 *
 * unique is the FUSE request that a change serves, 0 for none.
 */
#ifndef COW_COW_H
#define COW_COW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "diff/pending.h"
#include "probackup/store.h"

#define COW_ROOT	1
#define COW_CREATED	(UINT64_C(1) << 40)
#define COW_NODEID_END	(UINT64_C(1) << 62)	/* from here on: nodeids of the caller's own */
#define COW_NAME_MAX	255

struct cow;

#define COW_TREE_MAX	((size_t)640 << 20)	/* most of what a worker may have */

/* A frozen layer below the diff directory (diff/layers.h). */
struct cow_layer {
	int	fd;			/* its directory; borrowed, and only read */
	const char *name;		/* for messages; stays with the caller */
};

struct cow_config {
	int	store_fd, diff_fd, index_fd;	/* borrowed; store_fd -1: nothing needs the store any more */
	const struct cow_layer *layers;	/* n_layers of them, oldest first: all that diff_fd stands on; borrowed */
	unsigned n_layers;
	const char *instance;
	uid_t	uid;			/* owner of what the backup holds */
	gid_t	gid;
	struct pending *pending;	/* shared; its entries are taken up */
	uint64_t mount_id;
	bool	first;			/* the first worker of the mount: sweep what no name holds */
	bool	no_sync;		/* --perf-unsafe */
	bool	no_wal;			/* files in pg_wal are never synced */
	enum pagecheck_level check;		/* of pages that come from a backup */
	bool	kernel_times;		/* writeback cache: the kernel tells mtime, no write implies it */
	const char *wal_link;		/* what the link pg_wal holds; NULL: pg_wal is a directory */
	/*
	 * Where the mount is, for links of tablespaces to hold an absolute path, and
	 * the directory that they lead to is reachable and not listed.  NULL: they are
	 * relative, and it is listed.
	 */
	const char *tablespace_root;
	size_t	cache_size;		/* bytes of block maps */
	uint64_t reserve;		/* bytes of disk kept back for what the kernel holds */
	size_t	tree_max;		/* bytes of memory for what the journal makes; 0: COW_TREE_MAX */
	unsigned max_fds;
	void	(*on_durable)(void);	/* called by cow_flush() for each file, and by writers; or NULL */
	const uint64_t *in_flight;	/* uniques whose outcome may be asked for */
	unsigned n_in_flight;
};

struct cow_attr {
	uint64_t nodeid, size;
	uint32_t mode, nlink, uid, gid;
	int64_t	atime, mtime, ctime;	/* ns since the epoch */
};

/*
 * Opens the index, replays the journal and takes up the pending log.  Needs
 * one reader for itself.  Returns 0 and *out, or negative errno with the
 * reason logged.
 */
int	cow_open(const struct cow_config *config, struct cow **out);
/* Frees everything without writing: cow_flush() comes first. */
void	cow_close(struct cow *c);
/*
 * Brings the diff directory of a mount that has not ended in order to rest: opens it as the first worker of a mount does, makes all
 * durable, removes what nobody can reach, and closes it.  Then it can be frozen (diff/layers.h).
 */
int	cow_settle(const struct cow_config *config);
/* How many frozen layers there are below. */
unsigned cow_layers(const struct cow *c);

/* --- names (cow/names.c) --- */

/* Finds a name; counts one lookup.  name has len bytes, no NUL needed. */
int	cow_lookup(struct cow *c, uint64_t dir, const char *name, size_t len,
	    struct cow_attr *attr);
/* The same of a text, for who keeps nothing of it: no lookup is counted. */
int	cow_find(struct cow *c, uint64_t dir, const char *name, struct cow_attr *attr);
/* Takes n lookups back: a file without names and lookups goes. */
void	cow_forget(struct cow *c, uint64_t nodeid, uint64_t n);
/*
 * Makes a file of type and permissions mode; target is what a symbolic link
 * holds, else NULL.  Device nodes: -EPERM.  Counts one lookup.
 */
int	cow_create(struct cow *c, uint64_t unique, uint64_t dir, const char *name, uint32_t mode,
	    uid_t uid, gid_t gid, const char *target, struct cow_attr *attr);
/* Counts one lookup. */
int	cow_link(struct cow *c, uint64_t unique, uint64_t nodeid, uint64_t dir, const char *name,
	    struct cow_attr *attr);
/* directory: rmdir(2), else unlink(2). */
int	cow_remove(struct cow *c, uint64_t unique, uint64_t dir, const char *name, bool directory);
/* Takes away a directory that the backup has, with all that is in it. */
int	cow_hide(struct cow *c, uint64_t dir, const char *name);
/* flags: 0, RENAME_NOREPLACE or RENAME_EXCHANGE; others -EINVAL. */
int	cow_rename(struct cow *c, uint64_t unique, uint64_t dir, const char *name, uint64_t dir2,
	    const char *name2, unsigned flags);
/* Copies the target, NUL terminated, into buf (PATH_MAX bytes). */
int	cow_readlink(struct cow *c, uint64_t nodeid, char *buf);

/*
 * Tells what became of an earlier worker's request: returns 1 if it took effect,
 * with *attr filled (one lookup counted) where it made or linked a file, else 0.
 */
int	cow_outcome(struct cow *c, uint64_t unique, struct cow_attr *attr);

/* --- attributes (cow/attr.c) --- */

enum {	/* of cow_setattr() */
	COW_SET_MODE	= 1 << 0,
	COW_SET_UID	= 1 << 1,
	COW_SET_GID	= 1 << 2,
	COW_SET_ATIME	= 1 << 3,
	COW_SET_MTIME	= 1 << 4,
	COW_SET_SIZE	= 1 << 5,
	COW_SET_CTIME	= 1 << 6,	/* the kernel keeps it; else it is now */
};

int	cow_getattr(struct cow *c, uint64_t nodeid, struct cow_attr *attr);
/* Takes from *attr what set names; *attr then has all attributes. */
int	cow_setattr(struct cow *c, uint64_t nodeid, unsigned set, struct cow_attr *attr);

/* --- directories (cow/dirlist.c) --- */

struct cow_dirent {
	const char *name;	/* NUL terminated; valid until cow_list_end() */
	size_t	len;
	uint64_t nodeid;
	uint64_t cookie;	/* to go on behind this entry */
	uint32_t mode;		/* type bits */
};

/* A listing in progress: no name changes until cow_list_end(). */
struct cow_list {
	struct cow *c;
	uint64_t dir, cookie;
};

/* cookie 0 begins; "." and ".." come first. */
int	cow_list_begin(struct cow_list *l, struct cow *c, uint64_t dir, uint64_t cookie);
/* Returns 1 with *d, or 0 at the end. */
int	cow_list_next(struct cow_list *l, struct cow_dirent *d);
/* The attributes of an entry just listed; counts one lookup, which _uncount takes back. */
int	cow_list_attr(struct cow_list *l, const struct cow_dirent *d, struct cow_attr *attr);
void	cow_list_uncount(struct cow_list *l, const struct cow_dirent *d);
void	cow_list_end(struct cow_list *l);

/* --- content (cow/relfile*.c, cow/flush.c) --- */

/* Returns the number of bytes read, less than size only at the end of the file, or negative errno. */
ssize_t	cow_read(struct cow *c, uint64_t nodeid, uint64_t off, size_t size, void *buf,
	    struct reader *rd);
/* Writes all of size bytes. */
int	cow_write(struct cow *c, uint64_t nodeid, uint64_t off, size_t size, const void *buf,
	    struct reader *rd);
/* fallocate(2): mode 0, KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE; others -EOPNOTSUPP. */
int	cow_fallocate(struct cow *c, uint64_t nodeid, int mode, uint64_t off, uint64_t len,
	    struct reader *rd);
/* datasync: times need not be durable. */
int	cow_fsync(struct cow *c, uint64_t nodeid, bool datasync);
/* Names and attributes made so far are durable. */
int	cow_fsync_names(struct cow *c);

/* --- content for others (cow/give.c) --- */

/*
 * Gives the content file of a regular file, cut to its length, the further name dir_fd/name on the same
 * file system.  Returns 1; 0 where it has none: all that the file shows is zeroes; -ENODATA if blocks of it are the
 * backup's; -EMLINK if somebody has given the content file a name already; or negative errno.
 * Nothing may be served any more.
 */
int	cow_give_content(struct cow *c, uint64_t nodeid, int dir_fd, const char *name);
/* A descriptor for reading that the caller closes; -ENOENT where there is none, -ENODATA, or negative errno, as above. */
int	cow_open_content(struct cow *c, uint64_t nodeid);

/* --- upkeep (cow/cow.c) --- */

/* Makes everything durable, whatever no_sync says. */
int	cow_flush(struct cow *c);
/*
 * Removes content that nobody can reach any more, and notes how much of the journal is durable.
 * To be called about once a second.
 */
void	cow_idle(struct cow *c);
/* Puts into the journal the times that so far only memory has; nothing may be served any more. */
void	cow_save_times(struct cow *c);
/* Removes the reserve from the diff directory: the mount is over. */
void	cow_drop_reserve(struct cow *c);
/* --no-wal: removes what pg_wal holds; nothing may be served any more. */
void	cow_drop_wal(struct cow *c);

/*
 * Whether others than the mount's owner may make names: he keeps the second half of the
 * memory for what the journal makes.
 */
bool	cow_has_room_for_others(struct cow *c);

/* The index of the mounted backup, as the preparer found it. */
const struct index *cow_index(const struct cow *c);

struct cow_figures {
	uint64_t diff_bytes, diff_files;	/* allocated under data/ */
	uint64_t journal_bytes, map_bytes, inodes, dirty_files;
	unsigned open_files;
};
void	cow_figures(struct cow *c, struct cow_figures *f);

#endif
