/*
 * What the supervisor hands to a worker at fork: plain values and descriptors.
 */
#ifndef IPC_JOB_H
#define IPC_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum sandbox_level { SANDBOX_FULL, SANDBOX_SECCOMP_ONLY, SANDBOX_NONE };
enum wal_mode { WAL_MOUNT, WAL_DIRECT };
enum cache_mode { CACHE_WRITEBACK, CACHE_WRITETHROUGH };
enum verify_mode { VERIFY_AUTO, VERIFY_ON, VERIFY_OFF };	/* VERIFY_AUTO: what costs little */

#define JOB_CUT_NAME	".pbkfs-dirty-cut"	/* in the diff directory: the mount has not ended in order */
#define OWNER_NAME_MAX	64	/* bytes, NUL included */

struct shared;
struct provision;
struct provision_databases;
struct msg_member;

struct job {
	/* descriptors; -1 where the role has no use for one */
	int	store_fd;	/* catalog root, O_PATH | O_DIRECTORY */
	int	diff_fd;	/* diff directory, O_RDONLY | O_DIRECTORY */
	int	index_fd;	/* memfd: written by the preparer, sealed for the others */
	int	fuse_fd;	/* /dev/fuse of the mount; -1 for the preparer */
	int	in_fd, out_fd;	/* pipes: from and to the supervisor */
	int	lock_fd;	/* .pbkfs-lock, shared file description */
	const int *mapped_fds;	/* for worker_fill(): a directory for each mapping of provision; else NULL */

	/* identity and confinement */
	enum sandbox_level sandbox;
	bool	switch_user;	/* as root: become uid:gid */
	bool	keep_read_search;	/* and keep CAP_DAC_READ_SEARCH */
	uid_t	uid;		/* owner of what the mount shows */
	gid_t	gid;
	char	owner_name[OWNER_NAME_MAX];	/* of uid; "" if there is none */

	/* what is mounted */
	const char *store_name;	/* as the user called it, for messages */
	const char *instance;
	const char *backup_id;	/* NULL: the preparer chooses it, see probackup/choose.h */
	bool	force;

	/* how */
	enum wal_mode wal;
	enum cache_mode cache;
	enum verify_mode verify;
	bool	no_wal, perf_unsafe, debug;
	bool	fresh;		/* the diff directory was empty */
	const struct provision *provision;	/* what the preparer adds: ipc/provision.h */
	const struct provision_databases *databases;	/* which the preparer shows */
	const char *wal_link;	/* WAL_DIRECT: what the link pg_wal holds */
	const char *mnt;	/* where the mount is */
	bool	keep_locations;	/* --keep-settings: tablespaces that WAL makes go where it says */
	unsigned threads;	/* serving threads, = slots in use */
	size_t	cache_size;	/* bytes for block maps */

	/* what outlives a worker */
	struct shared *shared;	/* mapped shared and writable: ipc/shared.h */
	size_t	index_max;	/* bytes that the index may take */
	const struct msg_member *member;	/* check_store: the chain as it was prepared */
	unsigned n_members;
	unsigned generation;	/* 1 for the first serving worker */
	bool	careful;	/* take requests up one by one: one of them may be fatal */
};

/*
 * The programs that a supervisor forks.  Each returns an exit status, 0 for an
 * orderly end; the child calls _exit() with it.  worker_prepare() reads the
 * chain, builds the index into index_fd, fills pg_wal, reports MSG_MEMBER for
 * each backup and MSG_PREPARED or MSG_FAILED.  worker_fill(), after it and only
 * where there are mappings, makes real copies in mapped_fds, beneath which it may
 * write besides.  worker_serve() reports MSG_READY and serves until the mount is
 * gone.  worker_check_store() has no pipes: its status says whether a store is
 * the one that was prepared.
 */
typedef int (*job_main)(const struct job *job);

#endif
