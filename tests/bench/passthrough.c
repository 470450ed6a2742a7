/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * passthrough: forwards everything to a directory.  It does nothing of its
 * own, so what it reaches is what FUSE allows on this machine.
 *
 *	passthrough [-amps] [-c UID] [-l PID] [-u UID:GID] DIRECTORY MOUNTPOINT
 *
 * The kernel is asked for the same as by pbkfs: writeback cache, requests of
 * 1 MiB, entries and attributes that are valid for ever, four threads, no
 * splice.  With -m, reads are answered from memory instead of from the file: the
 * price of a read when only the way through FUSE is paid.  -u gives up root
 * once it is mounted, so that new files belong to the server's user.
 *
 * Two more for tests of who may read a store.  With -p the mount is that user's
 * private one, as by his fusermount3 without allow_other: the kernel lets nobody
 * else in.  -s is a server of NFS with root_squash: everything is done with the
 * ids and groups of who asks, whose capabilities count for nothing, and root is
 * nobody.
 *
 * And some for what a hostile one can do.  -a is as -p, but with allow_other, for which
 * fuse.conf needs user_allow_other.  With -c everything is said to belong to UID.  With -l
 * F_GETLK says that process PID holds every lock, and whoever wants one gets it.  After SIGUSR1
 * requests are taken and never answered, until SIGUSR2.
 *
 * An inode is an O_PATH descriptor.  The kernel's writeback cache reads files
 * that were opened for writing only, and appends by itself, hence open_flags().
 */
#include "config.h"

#define FUSE_USE_VERSION 312
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <grp.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FOREVER		(365.0 * 86400)
#define THREADS		4
#define REQUEST_MAX	(1u << 20)
#define BUCKETS		65536u
#define GROUPS_MAX	64
#define NOBODY		65534u

struct inode {
	struct inode *next;	/* of the bucket; protected by lock */
	int	fd;
	dev_t	dev;
	ino_t	ino;
	uint64_t lookups;	/* protected by lock */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct inode *buckets[BUCKETS];	/* protected by lock */
static struct inode root;
static bool from_memory, is_users, is_open, squashes, claims;
static unsigned liar_pid, claimed_uid;
static volatile sig_atomic_t is_mute;
static _Thread_local unsigned char data[REQUEST_MAX] __attribute__((aligned(4096)));

static struct inode *
inode_of(fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? &root : (struct inode *)(uintptr_t)ino;
}

static int
fd_of(fuse_ino_t ino)
{
	return inode_of(ino)->fd;
}

/* How to name what an O_PATH descriptor stands for. */
static const char *
proc_path(char buf[64], fuse_ino_t ino)
{
	snprintf(buf, 64, "/proc/self/fd/%d", fd_of(ino));
	return buf;
}

static struct inode **
bucket_of(const struct stat *st)
{
	return &buckets[(st->st_ino ^ st->st_dev) % BUCKETS];
}

/* Takes fd over.  NULL if memory is short. */
static struct inode *
inode_get(int fd, const struct stat *st)
{
	struct inode *i, **bucket = bucket_of(st);

	pthread_mutex_lock(&lock);
	for (i = *bucket; i != NULL && (i->ino != st->st_ino || i->dev != st->st_dev); i = i->next)
		;
	if (i != NULL) {
		close(fd);
	} else if ((i = calloc(1, sizeof(*i))) != NULL) {
		*i = (struct inode){ *bucket, fd, st->st_dev, st->st_ino, 0 };
		*bucket = i;
	}
	if (i != NULL)
		i->lookups++;
	pthread_mutex_unlock(&lock);
	return i;
}

static void
inode_put(struct inode *i, uint64_t n)
{
	const struct stat st = { .st_ino = i->ino, .st_dev = i->dev };
	struct inode **at = bucket_of(&st);

	pthread_mutex_lock(&lock);
	if (i != &root && (i->lookups -= n) == 0) {
		while (*at != i)
			at = &(*at)->next;
		*at = i->next;
		close(i->fd);
		free(i);
	}
	pthread_mutex_unlock(&lock);
}

static void
claim(struct stat *st)
{
	if (claims)
		st->st_uid = claimed_uid;
}

/*
 * With squashed users an answer for one does not hold for another, so everybody asks
 * for himself.
 */
static double
valid_for(void)
{
	return squashes ? 0 : FOREVER;
}

/* Returns 0 with one more lookup counted, or an errno. */
static int
find(fuse_ino_t parent, const char *name, struct fuse_entry_param *e)
{
	int fd = openat(fd_of(parent), name, O_PATH | O_NOFOLLOW | O_CLOEXEC), error;
	struct inode *i;

	memset(e, 0, sizeof(*e));
	e->attr_timeout = e->entry_timeout = valid_for();
	if (fd < 0)
		return errno;
	if (fstatat(fd, "", &e->attr, AT_EMPTY_PATH) < 0 || (i = inode_get(fd, &e->attr)) == NULL) {
		error = errno;
		close(fd);
		return error;
	}
	e->ino = (uintptr_t)i;
	claim(&e->attr);
	return 0;
}

static void
reply_found(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e;
	int error = find(parent, name, &e);

	if (error != 0 && error != ENOENT)
		fuse_reply_err(req, error);
	else
		fuse_reply_entry(req, &e);	/* no inode: the kernel remembers that too */
}

/* For calls that return 0 or -1. */
static void
reply_status(fuse_req_t req, int rc)
{
	fuse_reply_err(req, rc < 0 ? errno : 0);
}

/* --- names --- */

static void
op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	reply_found(req, parent, name);
}

static void
op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	inode_put(inode_of(ino), n);
	fuse_reply_none(req);
}

static void
op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t k = 0; k < count; k++)
		inode_put(inode_of(forgets[k].ino), forgets[k].nlookup);
	fuse_reply_none(req);
}

static void
op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	if (mkdirat(fd_of(parent), name, mode) < 0)
		fuse_reply_err(req, errno);
	else
		reply_found(req, parent, name);
}

static void
op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	if (mknodat(fd_of(parent), name, mode, dev) < 0)
		fuse_reply_err(req, errno);
	else
		reply_found(req, parent, name);
}

static void
op_symlink(fuse_req_t req, const char *to, fuse_ino_t parent, const char *name)
{
	if (symlinkat(to, fd_of(parent), name) < 0)
		fuse_reply_err(req, errno);
	else
		reply_found(req, parent, name);
}

static void
op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	char path[64];

	if (linkat(AT_FDCWD, proc_path(path, ino), fd_of(parent), name, AT_SYMLINK_FOLLOW) < 0)
		fuse_reply_err(req, errno);
	else
		reply_found(req, parent, name);
}

static void
op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	reply_status(req, unlinkat(fd_of(parent), name, 0));
}

static void
op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	reply_status(req, unlinkat(fd_of(parent), name, AT_REMOVEDIR));
}

static void
op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to,
    const char *to_name, unsigned int flags)
{
	reply_status(req, renameat2(fd_of(parent), name, fd_of(to), to_name, flags));
}

static void
op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char to[4096];
	ssize_t n = readlinkat(fd_of(ino), "", to, sizeof(to) - 1);

	if (n < 0) {
		fuse_reply_err(req, errno);
		return;
	}
	to[n] = '\0';
	fuse_reply_readlink(req, to);
}

/* --- attributes --- */

static void
op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	if (fstatat(fd_of(ino), "", &st, AT_EMPTY_PATH) < 0) {
		fuse_reply_err(req, errno);
		return;
	}
	claim(&st);
	fuse_reply_attr(req, &st, valid_for());
}

static struct timespec
time_to_set(int set, int omit_unless, int now_if, struct timespec ts)
{
	if ((set & omit_unless) == 0)
		ts.tv_nsec = UTIME_OMIT;
	else if (set & now_if)
		ts.tv_nsec = UTIME_NOW;
	return ts;
}

static int
set_attributes(const char *path, const struct stat *st, int set)
{
	const struct timespec times[2] = {
		time_to_set(set, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW, st->st_atim),
		time_to_set(set, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW, st->st_mtim),
	};

	if ((set & FUSE_SET_ATTR_MODE) && chmod(path, st->st_mode) < 0)
		return -1;
	if ((set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) &&
	    chown(path, set & FUSE_SET_ATTR_UID ? st->st_uid : (uid_t)-1,
	    set & FUSE_SET_ATTR_GID ? st->st_gid : (gid_t)-1) < 0)
		return -1;
	if ((set & FUSE_SET_ATTR_SIZE) && truncate(path, st->st_size) < 0)
		return -1;
	return utimensat(AT_FDCWD, path, times, 0);
}

static void
op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int set, struct fuse_file_info *fi)
{
	char path[64];

	if (set_attributes(proc_path(path, ino), st, set) < 0)
		fuse_reply_err(req, errno);
	else
		op_getattr(req, ino, fi);
}

static void
op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;

	if (fstatvfs(fd_of(ino), &st) < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_statfs(req, &st);
}

/* --- files --- */

static int
open_flags(int flags)
{
	if ((flags & O_ACCMODE) == O_WRONLY)
		flags = (flags & ~O_ACCMODE) | O_RDWR;
	return (flags & ~(O_APPEND | O_NOFOLLOW)) | O_CLOEXEC;
}

static void
op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	char path[64];
	int fd = open(proc_path(path, ino), open_flags(fi->flags));

	if (fd < 0) {
		fuse_reply_err(req, errno);
		return;
	}
	fi->fh = (uint64_t)fd;
	fi->keep_cache = 1;
	fi->noflush = 1;
	fuse_reply_open(req, fi);
}

static void
op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
    struct fuse_file_info *fi)
{
	int fd = openat(fd_of(parent), name, open_flags(fi->flags) | O_CREAT, mode), error;
	struct fuse_entry_param e;

	if (fd < 0) {
		fuse_reply_err(req, errno);
		return;
	}
	if ((error = find(parent, name, &e)) != 0) {
		close(fd);
		fuse_reply_err(req, error);
		return;
	}
	fi->fh = (uint64_t)fd;
	fi->keep_cache = 1;
	fi->noflush = 1;
	fuse_reply_create(req, &e, fi);
}

static void
op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	close((int)fi->fh);
	fuse_reply_err(req, 0);
}

static void
op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	ssize_t n;

	(void)ino;
	if (size > sizeof(data))
		size = sizeof(data);
	n = from_memory ? (ssize_t)size : pread((int)fi->fh, data, size, off);
	if (n < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_buf(req, (const char *)data, (size_t)n);
}

static void
op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
    struct fuse_file_info *fi)
{
	ssize_t n = pwrite((int)fi->fh, buf, size, off);

	(void)ino;
	if (n < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_write(req, (size_t)n);
}

static void
op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	reply_status(req, datasync ? fdatasync((int)fi->fh) : fsync((int)fi->fh));
}

static void
op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
    struct fuse_file_info *fi)
{
	(void)ino;
	reply_status(req, fallocate((int)fi->fh, mode, off, len));
}

/* --- directories --- */

static void
op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	int fd = openat(fd_of(ino), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL) {
		fuse_reply_err(req, errno);
		return;
	}
	fi->fh = (uintptr_t)dir;
	fuse_reply_open(req, fi);
}

static void
op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	closedir((DIR *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

/* Adds one entry; false if it does not fit. */
static bool
add_entry(fuse_req_t req, fuse_ino_t ino, const struct dirent *d, size_t size, size_t *used)
{
	bool dots = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
	struct fuse_entry_param e = { .attr.st_ino = d->d_ino, .attr.st_mode = DTTOIF(d->d_type) };
	char *to = (char *)data + *used;
	size_t n;

	if (!dots && find(ino, d->d_name, &e) != 0)
		return true;		/* it has just gone */
	n = fuse_add_direntry_plus(req, to, size - *used, d->d_name, &e, d->d_off);
	if (n > size - *used) {
		if (!dots)
			inode_put(inode_of(e.ino), 1);
		return false;
	}
	*used += n;
	return true;
}

static void
op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	DIR *dir = (DIR *)(uintptr_t)fi->fh;
	struct dirent *d;
	size_t used = 0;

	if (size > sizeof(data))
		size = sizeof(data);
	seekdir(dir, off);
	while ((d = readdir(dir)) != NULL && add_entry(req, ino, d, size, &used))
		;
	fuse_reply_buf(req, (const char *)data, used);
}

static void
op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino; (void)datasync;
	reply_status(req, fsync(dirfd((DIR *)(uintptr_t)fi->fh)));
}

static void
op_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *l)
{
	(void)ino; (void)fi;
	l->l_type = F_WRLCK;
	l->l_pid = (pid_t)liar_pid;
	fuse_reply_lock(req, l);
}

static void
op_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *l, int wait)
{
	(void)ino; (void)fi; (void)l; (void)wait;
	fuse_reply_err(req, 0);
}

static void
op_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	conn->want |= conn->capable & (FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_ASYNC_READ |
	    FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_READDIRPLUS);
	conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
	    FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_READDIRPLUS_AUTO);
	conn->max_write = REQUEST_MAX;
	conn->max_background = 64;
	conn->congestion_threshold = 48;
}

static struct fuse_lowlevel_ops ops = {
	.init = op_init, .lookup = op_lookup, .forget = op_forget,
	.forget_multi = op_forget_multi, .getattr = op_getattr, .setattr = op_setattr,
	.readlink = op_readlink, .mkdir = op_mkdir, .unlink = op_unlink, .rmdir = op_rmdir,
	.mknod = op_mknod, .symlink = op_symlink, .rename = op_rename, .link = op_link, .open = op_open,
	.create = op_create, .release = op_release, .read = op_read, .write = op_write,
	.fsync = op_fsync, .fallocate = op_fallocate, .opendir = op_opendir,
	.readdirplus = op_readdirplus, .releasedir = op_releasedir, .fsyncdir = op_fsyncdir,
	.statfs = op_statfs,
};

/* --- start --- */

static void
raise_fd_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

/* Changing the user hides /proc/self from us, unless we say otherwise. */
static void
become(unsigned uid, unsigned gid)
{
	if (setgroups(0, NULL) < 0 || setgid(gid) < 0 || setuid(uid) < 0 ||
	    prctl(PR_SET_DUMPABLE, 1) < 0)
		err(1, "could not become user %u", uid);
}

/* As fusermount3 does for that user, to whom the mount belongs then. */
static int
mount_users(const char *mnt, unsigned uid, unsigned gid)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char data_of_mount[160];

	snprintf(data_of_mount, sizeof(data_of_mount), "fd=%d,rootmode=40000,user_id=%u,group_id=%u%s",
	    fd, uid, gid, is_open ? ",default_permissions,allow_other" : "");
	if (fd < 0 || mount("passthrough", mnt, "fuse.passthrough", MS_NOSUID | MS_NODEV,
	    data_of_mount) < 0)
		err(1, "could not mount on \"%s\"", mnt);
	return fd;
}

static struct fuse_session *
mount_at(const char *mnt, unsigned uid, unsigned gid)
{
	char name[] = "passthrough", o[] = "-o", fd_path[32],
	    usual[] = "allow_other,default_permissions,fsname=passthrough",
	    unchecked[] = "allow_other,fsname=passthrough";
	char *argv[] = { name, o, squashes ? unchecked : usual, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(is_users ? 1 : 3, argv);
	struct fuse_session *session = fuse_session_new(&args, &ops, sizeof(ops), NULL);

	fuse_opt_free_args(&args);
	if (is_users) {
		snprintf(fd_path, sizeof(fd_path), "/dev/fd/%d", mount_users(mnt, uid, gid));
		mnt = fd_path;
	}
	if (session == NULL || fuse_session_mount(session, mnt) != 0)
		errx(1, "could not mount on \"%s\"", mnt);
	return session;
}

/* The supplementary groups of a process.  Returns how many. */
static size_t
groups_of(unsigned pid, gid_t list[GROUPS_MAX])
{
	char path[64], line[1024], *at, *end;
	size_t n = 0;
	FILE *fp;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	if ((fp = fopen(path, "re")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), fp) != NULL)
		if (strncmp(line, "Groups:", 7) == 0)
			for (at = line + 7; n < GROUPS_MAX; at = end) {
				list[n] = (gid_t)strtoul(at, &end, 10);
				if (end == at)
					break;
				n++;
			}
	fclose(fp);
	return n;
}

/* This thread alone: glibc's functions change all of them. */
static void
act_for(const struct fuse_in_header *in)
{
	gid_t list[GROUPS_MAX];
	size_t n = in->uid == 0 ? 0 : groups_of(in->pid, list);

	syscall(SYS_setfsuid, 0);
	if (syscall(SYS_setgroups, n, list) != 0)
		abort();
	syscall(SYS_setfsgid, in->uid == 0 ? NOBODY : in->gid);
	syscall(SYS_setfsuid, in->uid == 0 ? NOBODY : in->uid);
}

static void
note_signal(int number)
{
	is_mute = number == SIGUSR1;
}

/* Looks again now and then: a signal wakes one thread alone. */
static void
stay_mute(void)
{
	while (is_mute)
		usleep(10000);
}

static void *
serve(void *session)
{
	struct fuse_buf buf = { 0 };
	int n;

	while ((n = fuse_session_receive_buf(session, &buf)) > 0 || n == -EINTR)
		if (n > 0) {
			stay_mute();
			if (squashes)
				act_for(buf.mem);
			fuse_session_process_buf(session, &buf);
		}
	free(buf.mem);
	return NULL;
}

/* All threads at once, as pbkfs has them: libfuse would start them as it sees need. */
static void
serve_all(struct fuse_session *session)
{
	pthread_t thread[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, serve, session) != 0)
			errx(1, "could not start a thread");
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

int
main(int argc, char **argv)
{
	struct fuse_session *session;
	unsigned uid = 0, gid = 0;
	int opt;

	while ((opt = getopt(argc, argv, "ampsc:l:u:")) != -1)
		if (opt == 'm')
			from_memory = true;
		else if (opt == 'a' || opt == 'p')
			is_users = true, is_open = opt == 'a';
		else if (opt == 'c')
			claims = true, claimed_uid = (unsigned)atoi(optarg);
		else if (opt == 's')
			squashes = true;
		else if (opt == 'l')
			liar_pid = (unsigned)atoi(optarg);
		else if (opt != 'u' || sscanf(optarg, "%u:%u", &uid, &gid) != 2)
			optind = argc;
	if (argc - optind != 2)
		errx(2, "usage: passthrough [-amps] [-c UID] [-l PID] [-u UID:GID] DIRECTORY MOUNTPOINT");
	if ((root.fd = open(argv[optind], O_PATH | O_CLOEXEC)) < 0)
		err(1, "could not open \"%s\"", argv[optind]);
	raise_fd_limit();
	umask(0);
	signal(SIGUSR1, note_signal);
	signal(SIGUSR2, note_signal);
	if (liar_pid != 0) {
		ops.getlk = op_getlk;
		ops.setlk = op_setlk;
	}
	session = mount_at(argv[optind + 1], uid, gid);
	if (uid != 0)
		become(uid, gid);
	serve_all(session);
	fuse_session_destroy(session);
	return 0;
}
