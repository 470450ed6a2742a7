/*
 * Inside cow: nodes, dentries and files, and who locks what.
 *
 * Locks, in this order; nobody waits for one to the left while holding one to the right:
 *
 *	gate -> tree_lock -> file_lock
 *	gate -> tree_lock -> sync.lock -> lock -> blocks.copyup -> map.lock
 *	any of these -> pending_lock, list_lock, times.lock
 *
 * Those with a dot, and lock, are a relfile's, and nobody holds those of two: with
 * list_lock held, lock is only ever tried.  gate is held shared by whoever writes
 * content, exclusively by whoever empties the pending log.
 */
#ifndef COW_IMPL_H
#define COW_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "cow/cow.h"
#include "diff/content.h"
#include "diff/journal.h"
#include "diff/reserve.h"
#include "pg/pg_types.h"
#include "probackup/blockmap.h"

struct dentry {
	struct dentry *next;		/* in the hash bucket */
	uint64_t dir;			/* nodeid of the directory */
	uint64_t nodeid;		/* what the name is; 0: nothing, it hides the backup's */
	uint64_t seq;			/* twice that of the record that made it: its cookie */
	uint16_t len;
	bool	charged;		/* to tree_bytes: the backup has no such name */
	char	name[];			/* NUL terminated */
};

/* The names that a directory has beyond the backup's. */
struct dir {
	struct dirslot { uint64_t seq; struct dentry *d; } *slot;	/* ascending seq; d NULL: gone */
	uint32_t n, room, live;
	uint32_t hidden;		/* names of the backup that a dentry hides or replaces */
};

/*
 * A file that the journal knows, or is about to.  Protected by tree_lock; a
 * backup's file without a node is as the index says.
 */
struct node {
	struct node *next;		/* in the hash of serials */
	uint64_t nodeid, serial;	/* serial 0: the journal does not know it */
	uint32_t base;			/* index entry or INDEX_NONE */
	uint32_t mode, uid, gid, nlink;
	uint32_t names;			/* verify.c: how many there are */
	int64_t	atime, mtime, ctime;
	uint64_t dirnode;		/* nodeid of a directory that holds it: the last one known */
	char	*target;		/* symbolic links */
	struct dir *dir;		/* directories: NULL if just as in the backup */
	struct relfile *file;		/* created files; the backup's are in cow.base_file */
	_Atomic uint64_t lookups;	/* created files */
	bool	inexact;		/* an earlier worker may have counted lookups, too */
};

/*
 * One file.  Its blocks come from sources (cow/source.h): the chain below
 * blocks.limit, and the content file, number content.number in data/.
 *
 * content.state, changed only with lock held exclusively:
 *
 *	RELFILE_UNKNOWN	nobody has looked into the diff directory yet
 *	RELFILE_BARE	there is no content file: all is the chain's, or zeroes
 *	RELFILE_FRESH	this worker made the content file; no sync covers any of it
 *	RELFILE_FOUND	an earlier worker or mount made it; its name may not be durable
 *	RELFILE_SYNCED	a sync covered some content, and the name in data/
 *
 *	from		to		moved by
 *	UNKNOWN		BARE, FOUND	relfile_load()
 *	BARE		FRESH		relfile_make_content()
 *	FRESH, FOUND	SYNCED		relfile_sync()
 *	the last three	BARE		relfile_truncate(), to nothing: the next
 *					content file has another number
 *	any		BARE		relfile_discard(): the last name is gone
 *
 * Beside it, of a content file: sync.dirty says that writes came which no sync has
 * taken yet; sync.unsynced that a sync failed, or that somebody before us wrote;
 * content.recorded that the journal says that it rules (JOURNAL_CONTENT).
 */
enum relfile_state {
	RELFILE_UNKNOWN,
	RELFILE_BARE,
	RELFILE_FRESH,
	RELFILE_FOUND,
	RELFILE_SYNCED,
};

#define RELFILE_UNCUT	UINT64_MAX	/* content.cut: no truncation is unfinished */

struct relfile {
	uint32_t base;			/* index entry or INDEX_NONE; for good */
	bool	wal;			/* --no-wal: never synced; for good */
	_Atomic uint64_t serial;	/* tree_lock; 0: not in the journal yet */

	/*
	 * Exclusive: changes of content and blocks.limit.  Shared: reading and writing
	 * of blocks.  What is _Atomic is also read without.
	 */
	pthread_rwlock_t lock;
	_Atomic uint64_t size;		/* lock, shared: writers make it longer */
	struct {			/* lock; before the serial is set: tree_lock */
		uint64_t number;	/* of the content file, whether it exists or not */
		_Atomic enum relfile_state state;
		_Atomic uint64_t cut;	/* the content file has yet to be cut to this */
		bool	recorded;	/* the journal says JOURNAL_CONTENT */
		bool	taken_up;	/* the pending log has entries for it */
	} content;
	struct {
		uint64_t limit;		/* lock: bytes that the chain may show; only ever shrinks */
		pthread_mutex_t copyup;
		struct kinds *kinds;	/* lock; copyup: a block's step to the content file */
	} blocks;
	struct {
		pthread_mutex_t lock;	/* building it */
		struct blockmap *built;	/* set under map.lock and list_lock, dropped under lock and list_lock */
		_Atomic bool used;	/* since the last round of relfile_evict_maps() */
		TAILQ_ENTRY(relfile) link;	/* list_lock: cow.maps while it is built */
	} map;
	struct {
		pthread_mutex_t lock;	/* one sync at a time */
		_Atomic bool dirty;	/* set under lock, shared, and list_lock; taken under lock */
		bool	unsynced;	/* lock */
		int	failed;		/* lock: a sync nobody asked for failed with this */
		struct fdref *pinned;	/* list_lock; not NULL: in cow.dirty, or a write error could be lost */
		TAILQ_ENTRY(relfile) link;	/* list_lock */
	} sync;
	struct {
		pthread_mutex_t lock;	/* all that follows */
		int64_t	atime, mtime;	/* of a content file; else the node's count */
		int64_t	ctime;		/* of its writes; the node's may be later */
		int64_t	said_atime, said_mtime;	/* what the journal says, and when it was told */
		int64_t	said_at;
		bool	unsaved;	/* mtime and ctime are newer than the journal's */
	} times;
};

static inline bool
relfile_is_known(const struct relfile *f)
{
	return f->content.state != RELFILE_UNKNOWN;
}

static inline bool
relfile_has_content(const struct relfile *f)
{
	return f->content.state >= RELFILE_FRESH;
}

/* Whether power loss could leave something of the content file. */
static inline bool
relfile_may_last(const struct relfile *f)
{
	return f->content.state >= RELFILE_FOUND;
}

/* The blocks that the chain may show. */
static inline uint64_t
relfile_chain_blocks(const struct relfile *f)
{
	return (f->blocks.limit + BLCKSZ - 1) / BLCKSZ;
}

/* Blocks are counted in 32 bits wherever they are written: files of 32 TiB. */
#define COW_BLOCKS_MAX	UINT32_MAX

/* Content that may go once the journal is durable up to seq. */
struct removal {
	struct removal *next;
	uint64_t content, seq;
};

struct outcome {
	uint64_t unique, nodeid;	/* nodeid 0: no attributes to tell */
};

#define NODE_LINK_MAX	64	/* bytes of what a link of the index holds, NUL included */

/* Serials and numbers of content files stay below: nodeids are made of them. */
#define SERIAL_MAX	(COW_PROVIDED - COW_CREATED)

struct cow {
	struct cow_config config;
	struct fdcache *fds;
	struct store store;
	struct contents *contents;
	struct reserve *reserve;	/* NULL: none */
	struct journal *journal;
	struct reader reader;		/* for what happens before the first request */
	int64_t	created;		/* times of what the backup holds */
	uint32_t wal_entry;		/* index entry of pg_wal, or INDEX_NONE */
	uint32_t tblspc_entry;		/* of pg_tblspc */

	pthread_rwlock_t tree_lock;	/* all that follows up to the next comment */
	struct node **base_node;	/* by index entry */
	struct node **by_serial;	/* hash */
	size_t	n_buckets, n_nodes;
	struct dentry **dentries;	/* hash */
	size_t	n_dentry_buckets, n_dentries;
	size_t	tree_bytes;		/* memory of created nodes and their names */
	struct outcome *outcomes;	/* one for each of in_flight; complete after replay */
	bool	replaying;		/* records come from the journal */
	bool	this_mount;		/* replay is behind this mount's JOURNAL_MOUNT */
	bool	settled;		/* the journal has a JOURNAL_MOUNT of any mount */
	_Atomic bool inherited;		/* an earlier worker or mount may not have synced what it wrote */

	_Atomic uint64_t next_serial;
	_Atomic uint32_t *base_lookups;	/* by index entry */
	struct relfile *_Atomic *base_file;	/* by index entry */
	pthread_mutex_t file_lock;	/* setting base_file */

	pthread_rwlock_t gate;
	pthread_mutex_t pending_lock;	/* appending to config.pending */
	pthread_mutex_t list_lock;	/* dirty, maps, removals */
	TAILQ_HEAD(relfile_list, relfile) dirty;
	_Atomic uint32_t n_dirty;
	struct relfile_list maps;
	_Atomic uint64_t map_bytes;
	struct removal *removals;
};

static inline bool
cow_is_base(const struct cow *c, uint64_t nodeid)
{
	return nodeid > 0 && nodeid <= c->store.ix.n_entries;
}

int64_t	cow_now(void);		/* CLOCK_REALTIME, ns */

/* node.c: with tree_lock held; _get creates (exclusively held) what the backup has. */
struct node *node_find(struct cow *c, uint64_t nodeid);
struct node *node_by_serial(struct cow *c, uint64_t serial);
int	node_get(struct cow *c, uint64_t nodeid, struct node **out);
int	node_create(struct cow *c, uint64_t serial, struct node **out);
/* What a link holds. */
int	node_set_target(struct cow *c, struct node *n, const char *target, size_t len);
/*
 * What the journal makes costs memory, and whoever wrote it may have wanted all of it: takes
 * bytes from the budget, or returns -ENOSPC.  A live operation asks beforehand whether
 * there is room for the largest record, so that none is appended in vain.
 */
int	node_charge(struct cow *c, size_t bytes);
int	node_check_room(struct cow *c);
int	node_set_serial(struct cow *c, struct node *n, uint64_t serial);
void	node_free(struct cow *c, struct node *n);
void	node_free_all(struct cow *c);
bool	node_exists(struct cow *c, uint64_t nodeid);
uint32_t node_mode(struct cow *c, uint64_t nodeid);
/* What the link nodeid holds, NUL terminated; returns its length or negative errno. */
int	node_target(struct cow *c, uint64_t nodeid, char *buf, size_t size);
uint64_t node_parent(struct cow *c, uint64_t nodeid);
void	node_count_lookup(struct cow *c, uint64_t nodeid);
/* Makes the journal know n (a record of its own).  Exclusively held. */
int	node_bind(struct cow *c, struct node *n);

/* dentry.c: with tree_lock held. */
bool	dentry_name_is_valid(const char *name, size_t len);
struct dentry *dentry_find(struct cow *c, uint64_t dir, const char *name, size_t len);
/* What name is: nodeid, or 0. */
uint64_t dentry_resolve(struct cow *c, uint64_t dir, const char *name, size_t len);
/* Makes name stand for nodeid, or hides it (nodeid 0). */
int	dentry_set(struct cow *c, struct node *dir, const char *name, size_t len,
	    uint64_t nodeid, uint64_t seq);
bool	dentry_dir_is_empty(struct cow *c, uint64_t dir);
void	dentry_free_all(struct cow *c);
void	dir_free(struct dir *d);

/* apply.c: changes the tree as a record says; exclusively held, or during replay. */
int	apply_record(struct cow *c, const struct journal_record *rec);
/* After the last name and lookup of n went. */
void	apply_gone(struct cow *c, struct node *n, uint64_t seq);

/* attr.c */
/* tree_lock held. */
int	attr_get(struct cow *c, uint64_t nodeid, struct cow_attr *attr);
/* Changes what the journal keeps. */
int	attr_record(struct cow *c, uint64_t nodeid, unsigned set, const struct cow_attr *attr);

/* relfile.c */
struct relfile *relfile_new(struct cow *c, uint32_t base, uint64_t serial);
void	relfile_free(struct cow *c, struct relfile *f);
/* The file of nodeid, loaded.  Makes it on first use. */
int	relfile_of(struct cow *c, uint64_t nodeid, struct relfile **out);
/* The same for a node; no loading; tree_lock held exclusively or replay. */
int	relfile_of_node(struct cow *c, struct node *n, struct relfile **out);
int	relfile_finish_cut(struct cow *c, struct relfile *f);	/* lock exclusively held */
int	relfile_load(struct cow *c, struct relfile *f);
/* The size of nodeid's content, and its times where the content file has them; tree_lock held. */
int	relfile_attr(struct cow *c, uint64_t nodeid, struct cow_attr *attr);
/* Forgets the content: at once, or when the journal is durable up to seq. */
void	relfile_discard(struct cow *c, struct relfile *f, uint64_t seq);
int	relfile_content(struct cow *c, struct relfile *f, struct fdref **ref);
void	relfile_evict_maps(struct cow *c, struct reader *r);
int	relfile_map(struct cow *c, struct relfile *f, struct reader *r);
void	relfile_forget_chain(struct cow *c, struct relfile *f);	/* lock exclusively held */

/* relfile_times.c */
/* The times of a content file: into *attr, where ctime is the node's and may be later. */
void	relfile_times_get(struct relfile *f, struct cow_attr *attr);
/*
 * known: ctime as the journal has it.  Returns whether that is all; else, and where there is no
 * content file, the journal has to be told.
 */
bool	relfile_times_set(struct relfile *f, unsigned set, const struct cow_attr *attr, int64_t known);
/* A change of content that, without the writeback cache, changes mtime. */
void	relfile_times_touch(const struct cow *c, struct relfile *f);
/* The journal says these; those of a content file that was written later are newer. */
void	relfile_times_told(struct relfile *f, int64_t atime, int64_t mtime, int64_t when);
/* The content file was found like this. */
void	relfile_times_found(struct relfile *f, const struct stat *st);
/* Sets whether memory has newer times than the journal; returns whether that was so. */
bool	relfile_times_unsaved(struct relfile *f, bool then);

/* relfile_write.c */
int	relfile_own(struct cow *c, uint64_t nodeid, struct relfile *f);
int	relfile_make_content(struct cow *c, struct relfile *f);	/* lock exclusively held */
int	relfile_copy_up(struct cow *c, struct relfile *f, uint32_t blkno, struct reader *r);

/* relfile_trunc.c */
int	relfile_truncate(struct cow *c, struct relfile *f, uint64_t len, struct reader *r);

/* relfile_sync.c */
/*
 * Makes f durable for an fsync, with its times or without.  Returns 0, or negative errno:
 * also once for what an earlier sync met that nobody had asked for.
 */
int	relfile_sync(struct cow *c, struct relfile *f, bool times);
/* The same for a flush: the next relfile_sync() tells of a failure, too. */
int	relfile_sync_unasked(struct cow *c, struct relfile *f);

/* dirty.c: files that were written and not synced since. */
/* f->lock held, at least shared, with a content file there.  Returns 0 or negative errno. */
int	dirty_add(struct cow *c, struct relfile *f);
/* Takes f out, or, _settle, if no write came since a sync took its work.  f->lock exclusively held. */
void	dirty_remove(struct cow *c, struct relfile *f);
void	dirty_settle(struct cow *c, struct relfile *f);
/* The oldest, but not that one; or NULL.  tree_lock keeps it from being freed. */
struct relfile *dirty_first(struct cow *c, const struct relfile *not_this);

/* flush.c */
/* Syncs all dirty files and the journal, and empties the pending log.  No lock held. */
int	flush_dirty(struct cow *c);
/*
 * Called by writers before they take a lock: the pending log must not overflow
 * and the files that are dirty, each with a descriptor, must not be too many.
 */
int	flush_make_room(struct cow *c);

/* verify.c: whether what was replayed is a tree. */
int	verify_tree(struct cow *c);

/* compact.c: rewrites the journal if that makes it much shorter; 1 if it did. */
int	compact_journal(struct cow *c);

/* cow.c */
/* After -ENOSPC: whether some room was found, so that trying again is worth it. */
bool	cow_find_room(struct cow *c);
void	cow_remove_later(struct cow *c, uint64_t content, uint64_t seq);
uint64_t cow_next_serial(struct cow *c);

#endif
