/*
 * A worker that has turned hostile: tries, from its main thread and from a
 * thread started inside, whatever might lead out of the sandbox.  Each attempt
 * runs in a child of its own that enters the worker's own sandbox first, as
 * several identities.  Prints TAP with the answers as comments; with --table
 * the same as a table for the manual.
 *
 * An attempt that would fail anyway shows nothing, so each is also made
 * without the sandbox, and the table has that answer next to the others.
 */
#include "config.h"

#ifdef ENABLE_SANDBOX

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "ipc/job.h"
#include "sandbox/sandbox.h"
#include "sandbox/layers.h"
#include "supervisor/rights.h"
#include "worker/confine.h"

/* ---- the place: made once, by us, before any child ---- */

static char root[PATH_MAX];	/* root/{store,diff/{changes,.pbkfs},outside} */
static uid_t user_uid;
static gid_t user_gid;
static bool as_root;
static pid_t parent;
static int forced_abi = -1;	/* -1: what the kernel has */

/* What a child has open before it enters, as a worker may have. */
static struct {
	int	store, diff, provided;	/* the directories themselves; diff is changes/ */
	int	outside;		/* a directory beside them */
	int	etc, etc_path;		/* /etc, and the same with O_PATH */
	int	passwd_path;		/* /etc/passwd with O_PATH */
	int	store_file;		/* store/file, read-only */
	int	diff_file;		/* diff/file, read and write */
	int	fuse;			/* /dev/fuse if we may, else /dev/null; opened by main() */
	int	ns;			/* our own UTS namespace */
	int	pidfd;			/* of the parent */
	int	tcp, udp;		/* sockets without an address; -1 if impossible */
	struct {
		struct file_handle h;
		unsigned char room[MAX_HANDLE_SZ];
	} handle;			/* of outside/secret */
	int	handle_mount;
} have;

/* Stands in for the weak symbol of the worker. */
int
sandbox_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 0)
		abi = 0;
	return forced_abi >= 0 && forced_abi < abi ? forced_abi : (int)abi;
}

static int
answer(long r)
{
	return r < 0 ? -errno : 0;
}

#define TRY(name)	static int name(void)

/* ---- taking the machine ---- */

static void *
end_at_once(void *arg)
{
	return arg;
}

TRY(take_thread)
{
	pthread_t id;

	return -pthread_create(&id, NULL, end_at_once, NULL);
}

/* What a process without the sandbox may have depends on who started it: 2000 suffice. */
TRY(take_descriptors)
{
	struct rlimit limit = { 2048, 2048 };
	int i, fd;

	setrlimit(RLIMIT_NOFILE, &limit);
	for (i = 0; i < 2000; i++)
		if ((fd = openat(have.diff, "file", O_RDONLY)) < 0)
			return -errno;
	return 0;
}

TRY(take_memory)
{
	return mmap(NULL, 3 << 28, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	    MAP_FAILED ? -errno : 0;
}

TRY(take_core)
{
	struct rlimit limit = { 0, 0 };

	if (getrlimit(RLIMIT_CORE, &limit) != 0)
		return -errno;
	return limit.rlim_max == 0 ? -EPERM : 0;
}

/* ---- reading outside ---- */

TRY(read_etc_passwd)	{ return answer(open("/etc/passwd", O_RDONLY)); }
TRY(read_by_old_dirfd)	{ return answer(openat(have.etc, "passwd", O_RDONLY)); }
TRY(read_by_old_opath)	{ return answer(openat(have.etc_path, "passwd", O_RDONLY)); }
TRY(read_own_outside)	{ return answer(openat(have.outside, "secret", O_RDONLY)); }
TRY(read_dotdot)	{ return answer(openat(have.store, "../outside/secret", O_RDONLY)); }
TRY(read_by_symlink)	{ return answer(openat(have.store, "way-out", O_RDONLY)); }
TRY(list_old_dirfd)	{ return answer(openat(have.outside, ".", O_RDONLY | O_DIRECTORY)); }

/* Without Landlock it may list what it has. */
TRY(list_root)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	if (dir == NULL)
		return -errno;
	while ((d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, "etc") == 0)
			return 0;
	return -ENOENT;
}

/* As far up as a descriptor that was granted leads. */
TRY(read_far_up)
{
	return answer(openat(have.store, "../../../../../../../../etc/passwd", O_RDONLY));
}

TRY(read_far_up_diff)
{
	return answer(openat(have.diff, "../../../../../../../../etc/passwd", O_RDONLY));
}

TRY(read_shadow)
{
	return answer(open("/etc/shadow", O_RDONLY));
}

TRY(reopen_opath)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", have.passwd_path);
	return answer(open(path, O_RDONLY));
}

TRY(open_parent_memory)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)parent);
	return answer(open(path, O_RDONLY));
}

TRY(open_own_memory)	{ return answer(open("/proc/self/mem", O_RDWR)); }

TRY(openat2_outside)
{
	struct open_how how = { .flags = O_RDONLY };

	return answer(syscall(SYS_openat2, have.outside, "secret", &how, sizeof(how)));
}

TRY(by_handle)
{
	return answer(open_by_handle_at(have.handle_mount, &have.handle.h, O_RDONLY));
}

TRY(change_directory)	{ return answer(chdir("/etc")); }
TRY(change_to_old_dir)	{ return answer(fchdir(have.etc)); }

/* ---- writing in the store ---- */

TRY(store_open_write)	{ return answer(openat(have.store, "file", O_WRONLY)); }
TRY(store_open_rdwr)	{ return answer(openat(have.store, "file", O_RDWR)); }
TRY(store_open_trunc)	{ return answer(openat(have.store, "file", O_RDONLY | O_TRUNC)); }
TRY(store_open_trunc3)	{ return answer(openat(have.store, "file", O_ACCMODE | O_TRUNC)); }
TRY(store_open_truncw)	{ return answer(openat(have.store, "file", O_WRONLY | O_TRUNC)); }
TRY(store_create)	{ return answer(openat(have.store, "new", O_WRONLY | O_CREAT, 0600)); }
TRY(store_tmpfile)	{ return answer(openat(have.store, ".", O_RDWR | O_TMPFILE, 0600)); }
TRY(store_ftruncate)	{ return answer(ftruncate(have.store_file, 0)); }
TRY(store_write)	{ return answer(pwrite(have.store_file, "x", 1, 0)); }
TRY(store_unlink)	{ return answer(unlinkat(have.store, "file", 0)); }
TRY(store_rmdir)	{ return answer(unlinkat(have.store, "empty", AT_REMOVEDIR)); }
TRY(store_mkdir)	{ return answer(mkdirat(have.store, "newdir", 0700)); }
TRY(store_rename)	{ return answer(renameat(have.store, "file", have.store, "other")); }
TRY(store_to_diff)	{ return answer(renameat(have.store, "file", have.diff, "stolen")); }
TRY(diff_to_store)	{ return answer(renameat(have.diff, "file", have.store, "planted")); }
TRY(diff_over_store)	{ return answer(renameat(have.diff, "file", have.store, "file")); }
TRY(store_link_diff)	{ return answer(linkat(have.store, "file", have.diff, "linked", 0)); }
TRY(diff_link_store)	{ return answer(linkat(have.diff, "file", have.store, "linked", 0)); }
TRY(store_symlink)	{ return answer(symlinkat("/etc", have.store, "link")); }
TRY(store_chmod)	{ return answer(fchmodat(have.store, "file", 0644, 0)); }
TRY(store_fchmod)	{ return answer(fchmod(have.store_file, 0644)); }
TRY(store_chown)	{ return answer(fchownat(have.store, "file", geteuid(), getegid(), 0)); }
TRY(store_utimes)	{ return answer(utimensat(have.store, "file", NULL, 0)); }
TRY(store_futimens)	{ return answer(futimens(have.store_file, NULL)); }
TRY(store_xattr)	{ return answer(fsetxattr(have.store_file, "user.x", "x", 1, 0)); }

TRY(store_exchange)
{
	return answer(renameat2(have.store, "file", have.diff, "file", RENAME_EXCHANGE));
}

TRY(store_truncate)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/store/file", root);
	return answer(truncate(path, 0));
}

TRY(store_reopen)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", have.store_file);
	return answer(open(path, O_WRONLY));
}

TRY(store_map_shared)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, have.store_file, 0);

	return p == MAP_FAILED ? -errno : 0;
}

TRY(store_clone_into)	{ return answer(ioctl(have.store_file, FICLONE, have.diff_file)); }

/* ---- harm by way of the diff directory ---- */

TRY(outside_create)	{ return answer(openat(have.outside, "new", O_WRONLY | O_CREAT, 0600)); }
TRY(outside_unlink)	{ return answer(unlinkat(have.outside, "secret", 0)); }
TRY(outside_chmod)	{ return answer(fchmodat(have.outside, "secret", 0666, 0)); }
TRY(outside_mkdir)	{ return answer(mkdirat(have.outside, "newdir", 0700)); }
TRY(diff_to_outside)	{ return answer(renameat(have.diff, "file", have.outside, "moved")); }
TRY(outside_to_diff)	{ return answer(renameat(have.outside, "secret", have.diff, "moved")); }
TRY(outside_link)	{ return answer(linkat(have.outside, "secret", have.diff, "linked", 0)); }
TRY(diff_symlink)	{ return answer(symlinkat("/etc/passwd", have.diff, "link")); }
TRY(diff_link)		{ return answer(linkat(have.diff, "file", have.diff, "linked", 0)); }
TRY(diff_chmod_suid)	{ return answer(fchmodat(have.diff, "file", 04755, 0)); }
TRY(diff_fchmod_suid)	{ return answer(fchmod(have.diff_file, 04755)); }
TRY(diff_chmod)		{ return answer(fchmodat(have.diff, "file", 0777, 0)); }
TRY(diff_create_suid)	{ return answer(openat(have.diff, "s", O_WRONLY | O_CREAT, 04755)); }
TRY(diff_create_sgid)	{ return answer(openat(have.diff, "s", O_WRONLY | O_CREAT, 02755)); }
TRY(diff_tmpfile_suid)	{ return answer(openat(have.diff, ".", O_RDWR | O_TMPFILE, 04755)); }
TRY(diff_fifo)		{ return answer(mknodat(have.diff, "fifo", S_IFIFO | 0600, 0)); }
TRY(diff_socket)	{ return answer(mknodat(have.diff, "sock", S_IFSOCK | 0600, 0)); }
TRY(diff_char)		{ return answer(mknodat(have.diff, "char", S_IFCHR | 0600, 0x103)); }
TRY(diff_block)		{ return answer(mknodat(have.diff, "block", S_IFBLK | 0600, 0x700)); }
TRY(diff_xattr)		{ return answer(fsetxattr(have.diff_file, "user.x", "x", 1, 0)); }

TRY(diff_whiteout)
{
	return answer(renameat2(have.diff, "file", have.diff, "gone", RENAME_WHITEOUT));
}

/* ---- beside the part of the diff directory that is the worker's ---- */

TRY(lock_replace)	{ return answer(renameat(have.diff, "file", have.diff, "../.pbkfs-lock")); }
TRY(binding_read)	{ return answer(openat(have.diff, "../.pbkfs-binding.json", O_RDONLY)); }
TRY(binding_remove)	{ return answer(unlinkat(have.diff, "../.pbkfs-binding.json", 0)); }
TRY(dirty_make)		{ return answer(openat(have.diff, "../.pbkfs-dirty", O_WRONLY | O_CREAT, 0600)); }
TRY(changes_away)	{ return answer(renameat(have.diff, "../changes", have.diff, "../away")); }
TRY(pid_replace)	{ return answer(renameat(have.diff, "file", have.provided, "worker.pid")); }
TRY(pid_remove)		{ return answer(unlinkat(have.provided, "worker.pid", 0)); }
TRY(log_write)		{ return answer(openat(have.provided, "pbkfs.log", O_WRONLY | O_APPEND)); }
TRY(log_make)		{ return answer(openat(have.provided, "new", O_WRONLY | O_CREAT, 0600)); }

TRY(diff_openat2_suid)
{
	struct open_how how = { .flags = O_WRONLY | O_CREAT, .mode = 04755 };

	return answer(syscall(SYS_openat2, have.diff, "s2", &how, sizeof(how)));
}

/* ---- network ---- */

TRY(net_udp)		{ return answer(socket(AF_INET, SOCK_DGRAM, 0)); }
TRY(net_tcp)		{ return answer(socket(AF_INET, SOCK_STREAM, 0)); }
TRY(net_tcp6)		{ return answer(socket(AF_INET6, SOCK_STREAM, 0)); }
TRY(net_unix)		{ return answer(socket(AF_UNIX, SOCK_STREAM, 0)); }
TRY(net_netlink)	{ return answer(socket(AF_NETLINK, SOCK_RAW, 0)); }
TRY(net_packet)		{ return answer(socket(AF_PACKET, SOCK_RAW, 0)); }

TRY(net_pair)
{
	int pair[2];

	return answer(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static const struct sockaddr_in local = {
	.sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f, .sin_port = 0x0900,
};

TRY(net_old_bind)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f };

	return answer(bind(have.tcp, (void *)&any, sizeof(any)));
}

/* ECONNREFUSED would mean that it went out. */
TRY(net_old_connect)
{
	int r = answer(connect(have.tcp, (const void *)&local, sizeof(local)));

	return r == -ECONNREFUSED ? 0 : r;
}

TRY(net_old_sendto)
{
	return answer(sendto(have.udp, "x", 1, 0, (const void *)&local, sizeof(local)));
}

/* ---- processes ---- */

static char *const no_args[] = { (char *)(uintptr_t)"true", NULL };

TRY(proc_execve)
{
	return answer(execve("/bin/true", no_args, NULL));
}

TRY(proc_execveat)
{
	return answer(syscall(SYS_execveat, have.diff, "prog", no_args, NULL, 0));
}

TRY(proc_fork)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return answer(pid);
}

TRY(proc_vfork)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	return answer(pid);
}

TRY(proc_clone_fork)
{
	long pid = syscall(SYS_clone, (long)SIGCHLD, NULL, NULL, NULL, 0L);

	if (pid == 0)
		_exit(0);
	return answer(pid);
}

TRY(proc_clone_userns)
{
	long pid = syscall(SYS_clone, (long)(SIGCHLD | CLONE_NEWUSER), NULL, NULL, NULL, 0L);

	if (pid == 0)
		_exit(0);
	return answer(pid);
}

TRY(proc_clone3)
{
	uint64_t args[8] = { [4] = SIGCHLD };	/* exit_signal */
	long pid = syscall(SYS_clone3, args, sizeof(args));

	if (pid == 0)
		_exit(0);
	return answer(pid);
}

TRY(proc_ptrace)	{ return answer(ptrace(PTRACE_SEIZE, parent, NULL, NULL)); }
TRY(proc_kill)		{ return answer(kill(parent, SIGURG)); }
TRY(proc_kill_all)	{ return answer(kill(0, SIGURG)); }
TRY(proc_tkill)		{ return answer(syscall(SYS_tkill, parent, SIGURG)); }
TRY(proc_tgkill)	{ return answer(syscall(SYS_tgkill, parent, parent, SIGURG)); }
TRY(proc_setown)	{ return answer(fcntl(have.diff_file, F_SETOWN, parent)); }
TRY(proc_setsig)	{ return answer(fcntl(have.diff_file, F_SETSIG, SIGKILL)); }
TRY(proc_lease)		{ return answer(fcntl(have.store_file, F_SETLEASE, F_RDLCK)); }
TRY(proc_nice)		{ return answer(setpriority(PRIO_PROCESS, (id_t)parent, 1)); }
TRY(proc_pidfd)		{ return answer(syscall(SYS_pidfd_open, parent, 0)); }
TRY(proc_pidfd_getfd)	{ return answer(syscall(SYS_pidfd_getfd, have.pidfd, 0, 0)); }

TRY(proc_sigqueue)
{
	siginfo_t info = { .si_signo = SIGURG, .si_code = SI_QUEUE };

	return answer(syscall(SYS_rt_sigqueueinfo, parent, SIGURG, &info));
}

TRY(proc_pidfd_signal)
{
	return answer(syscall(SYS_pidfd_send_signal, have.pidfd, SIGURG, NULL, 0));
}

TRY(proc_read_parent)
{
	char byte;
	struct iovec to = { &byte, 1 }, from = { root, 1 };

	return answer(process_vm_readv(parent, &to, 1, &from, 1, 0));
}

TRY(proc_write_parent)
{
	struct iovec from = { root, 1 }, to = { root, 1 };

	return answer(process_vm_writev(parent, &from, 1, &to, 1, 0));
}

TRY(proc_limit_parent)
{
	struct rlimit big = { 100, 100 };

	return answer(prlimit(parent, RLIMIT_NOFILE, NULL, &big) != 0 ? -1 : 0);
}

/* ---- the kernel ---- */

TRY(sys_mount)		{ return answer(mount("none", root, "tmpfs", 0, NULL)); }
TRY(sys_umount)		{ return answer(umount2("/tmp/nothing-is-mounted-here", 0)); }
TRY(sys_fsopen)		{ return answer(syscall(SYS_fsopen, "tmpfs", 0)); }
TRY(sys_open_tree)	{ return answer(syscall(SYS_open_tree, have.diff, "", 0x1001)); }
TRY(sys_unshare_user)	{ return answer(unshare(CLONE_NEWUSER)); }
TRY(sys_unshare_mount)	{ return answer(unshare(CLONE_NEWNS)); }
TRY(sys_setns)		{ return answer(setns(have.ns, 0)); }
TRY(sys_chroot)		{ return answer(chroot(root)); }
TRY(sys_pivot_root)	{ return answer(syscall(SYS_pivot_root, ".", ".")); }
TRY(sys_open_fuse)	{ return answer(open("/dev/fuse", O_RDWR)); }
TRY(sys_open_null)	{ return answer(open("/dev/null", O_RDWR)); }
TRY(sys_bpf)		{ return answer(syscall(SYS_bpf, 0, NULL, 0)); }
TRY(sys_perf)		{ return answer(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0)); }
TRY(sys_userfaultfd)	{ return answer(syscall(SYS_userfaultfd, 1)); }
TRY(sys_add_key)	{ return answer(syscall(SYS_add_key, "user", "x", "x", 1, -2)); }
TRY(sys_keyctl)		{ return answer(syscall(SYS_keyctl, 0, -3, 1)); }
TRY(sys_module)		{ return answer(syscall(SYS_init_module, NULL, 0, "")); }
TRY(sys_kexec)		{ return answer(syscall(SYS_kexec_load, 0, 0, NULL, 1)); }
TRY(sys_syslog)		{ return answer(syscall(SYS_syslog, 10, NULL, 0)); }
TRY(sys_fanotify)	{ return answer(syscall(SYS_fanotify_init, 0, 0)); }
TRY(sys_inotify)	{ return answer(syscall(SYS_inotify_init1, 0)); }
TRY(sys_seccomp)	{ return answer(syscall(SYS_seccomp, 2, 0, &(uint32_t){ 0 })); }

TRY(sys_uring)
{
	unsigned char params[120] = { 0 };

	return answer(syscall(SYS_io_uring_setup, 4, params));
}

/* FUSE_DEV_IOC_CLONE, FUSE_DEV_IOC_BACKING_OPEN */
TRY(sys_fuse_clone)
{
	uint32_t fd = (uint32_t)have.fuse;

	return answer(ioctl(have.fuse, _IOR(229, 0, uint32_t), &fd));
}

TRY(sys_fuse_backing)
{
	uint32_t map[4] = { (uint32_t)have.store_file };

	return answer(ioctl(have.fuse, _IOC(_IOC_WRITE, 229, 1, 16), map));
}

TRY(sys_tiocsti)	{ return answer(ioctl(STDIN_FILENO, TIOCSTI, "x")); }

#ifdef __x86_64__
TRY(sys_int80)
{
	int r = 20;	/* getpid there, writev here */

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory");
	return r < 0 ? r : 0;
}

TRY(sys_x32)		{ return answer(syscall(0x40000000L + SYS_getpid)); }
TRY(sys_iopl)		{ return answer(syscall(SYS_iopl, 3)); }
#endif

/* ---- memory ---- */

static int
map_answer(void *p)
{
	return p == MAP_FAILED ? -errno : 0;
}

#define WX	(PROT_READ | PROT_WRITE | PROT_EXEC)

TRY(mem_wx)
{
	return map_answer(mmap(NULL, 4096, WX, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

TRY(mem_map_file_exec)
{
	return map_answer(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, have.diff_file, 0));
}

static void *
plain_page(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

TRY(mem_mprotect)	{ return answer(mprotect(plain_page(), 4096, PROT_READ | PROT_EXEC)); }
TRY(mem_personality)	{ return answer(syscall(SYS_personality, 0x0400000)); }
TRY(mem_memfd)		{ return answer(memfd_create("x", 0)); }

TRY(mem_pkey_mprotect)
{
	return answer(syscall(SYS_pkey_mprotect, plain_page(), 4096, PROT_READ | PROT_EXEC, -1));
}

TRY(mem_shm_exec)
{
	int id = shmget(IPC_PRIVATE, 4096, 0700 | IPC_CREAT), r;
	void *p;

	if (id < 0)
		return -errno;
	p = shmat(id, NULL, SHM_EXEC);
	r = p == (void *)-1 ? -errno : 0;
	shmctl(id, IPC_RMID, NULL);
	return r;
}

/* ---- privilege ---- */

/* The raw calls: what an attacker uses, for this thread alone. */
TRY(priv_setuid)	{ return answer(syscall(SYS_setuid, 0)); }
TRY(priv_setresuid)	{ return answer(syscall(SYS_setresuid, 0, 0, 0)); }
TRY(priv_setgid)	{ return answer(syscall(SYS_setgid, 0)); }
TRY(priv_setfsuid)	{ return answer(syscall(SYS_setfsuid, 0)); }
TRY(priv_setgroups)	{ return answer(syscall(SYS_setgroups, 0, NULL)); }
TRY(priv_securebits)	{ return answer(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0)); }
TRY(priv_keepcaps)	{ return answer(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)); }
TRY(priv_dumpable)	{ return answer(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); }
TRY(priv_ambient)
{
	return answer(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0));
}

TRY(priv_capset)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct half[2] = { { 1U << CAP_SYS_ADMIN, 1U << CAP_SYS_ADMIN, 0 } };

	return answer(syscall(SYS_capset, &head, half));
}

/* Not an attempt: whether the capabilities are the ones that were agreed. */
static uint64_t
permitted_caps(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct half[2] = { { 0 } };

	syscall(SYS_capget, &head, half);
	return half[0].permitted | (uint64_t)half[1].permitted << 32;
}

/* ---- what must work ---- */

TRY(can_read_store)
{
	char buf[8];
	int fd = openat(have.store, "file", O_RDONLY);

	if (fd < 0)
		return -errno;
	return pread(fd, buf, sizeof(buf), 0) == 5 ? 0 : -EIO;
}

TRY(can_read_open_store)
{
	char buf[8];

	return pread(have.store_file, buf, sizeof(buf), 0) == 5 ? 0 : -errno;
}

TRY(can_open_beneath)
{
	int fd = io_open_beneath(have.store, "dir/deep", O_RDONLY, 0);

	return fd < 0 ? fd : 0;
}

TRY(can_read_provided)	{ return answer(openat(have.provided, "worker.pid", O_RDONLY)); }

TRY(can_list_store)
{
	int fd = openat(have.store, ".", O_RDONLY | O_DIRECTORY), n = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL)
		return -errno;
	while (readdir(dir) != NULL)
		n++;
	return closedir(dir) == 0 && n >= 4 ? 0 : -EIO;
}

TRY(can_stat)
{
	struct stat st;
	struct statfs sfs;

	if (fstat(have.diff_file, &st) != 0 || fstatat(have.store, "file", &st, 0) != 0 ||
	    fstatfs(have.diff, &sfs) != 0)
		return -errno;
	return 0;
}

TRY(can_write_diff)
{
	int fd = openat(have.diff, "work", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct iovec v[2] = { { root, 4 }, { root, 4 } };

	if (fd < 0)
		return -errno;
	if (pwrite(fd, "abc", 3, 8192) != 3 || pwritev(fd, v, 2, 0) != 8 ||
	    write(fd, "x", 1) != 1 || lseek(fd, 0, SEEK_HOLE) < 0 ||
	    ftruncate(fd, 16384) != 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM) != 0 ||
	    fdatasync(fd) != 0 || fsync(fd) != 0 || close(fd) != 0)
		return -errno;
	return 0;
}

TRY(can_truncate_diff)	{ return answer(openat(have.diff, "file", O_WRONLY | O_TRUNC)); }

TRY(can_allocate_diff)
{
	if (fallocate(have.diff_file, 0, 0, 65536) != 0 && errno != EOPNOTSUPP)
		return -errno;
	if (fallocate(have.diff_file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 8192) != 0 &&
	    errno != EOPNOTSUPP)
		return -errno;
	return 0;
}

TRY(can_copy_to_diff)
{
	off_t from = 0, to = 0;

	if (ioctl(have.diff_file, FICLONE, have.store_file) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EXDEV && errno != EINVAL)
		return -errno;
	return answer(copy_file_range(have.store_file, &from, have.diff_file, &to, 5, 0));
}

TRY(can_rename_diff)
{
	if (renameat(have.diff, "file", have.diff, "renamed") != 0 ||
	    renameat2(have.diff, "renamed", have.diff, "file", RENAME_NOREPLACE) != 0)
		return -errno;
	return 0;
}

TRY(can_move_diff)
{
	if (renameat(have.diff, "file", have.diff, "sub/file") != 0)
		return -errno;
	return answer(renameat(have.diff, "sub/file", have.diff, "file"));
}

TRY(can_unlink_diff)
{
	if (mkdirat(have.diff, "d", 0700) != 0 || unlinkat(have.diff, "d", AT_REMOVEDIR) != 0)
		return -errno;
	return answer(unlinkat(have.diff, "file", 0));
}

TRY(can_lock)
{
	struct flock lock = { .l_type = F_WRLCK };

	return answer(fcntl(have.diff_file, F_SETLK, &lock));
}

static void *
touch_memory(void *size)
{
	char *p = malloc(*(size_t *)size);

	if (p == NULL)
		return NULL;
	memset(p, 1, *(size_t *)size);
	p = realloc(p, 2 * *(size_t *)size);
	free(p);
	return p == NULL ? NULL : size;
}

TRY(can_use_memory)
{
	size_t size = 64 * MiB;

	return touch_memory(&size) != NULL ? 0 : -ENOMEM;
}

TRY(can_start_threads)
{
	pthread_t t[8];
	size_t size = 1 * MiB, i;
	void *ret;
	int r;

	for (i = 0; i < ARRAY_SIZE(t); i++)
		if ((r = pthread_create(&t[i], NULL, touch_memory, &size)) != 0)
			return -r;
	for (i = 0; i < ARRAY_SIZE(t); i++)
		if ((r = pthread_join(t[i], &ret)) != 0 || ret == NULL)
			return r != 0 ? -r : -ENOMEM;
	return 0;
}

TRY(can_tell_time)
{
	struct timespec ts, ms = { 0, 1000000 };
	struct timeval tv;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0 || gettimeofday(&tv, NULL) != 0 ||
	    syscall(SYS_clock_gettime, CLOCK_REALTIME, &ts) != 0)
		return -errno;
	return -clock_nanosleep(CLOCK_MONOTONIC, 0, &ms, NULL);
}

TRY(can_know_itself)
{
	struct rlimit limit;
	struct rusage usage;
	cpu_set_t set;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || getrusage(RUSAGE_SELF, &usage) != 0 ||
	    sched_getaffinity(0, sizeof(set), &set) != 0 ||
	    prctl(PR_SET_NAME, "worker", 0, 0, 0) != 0 || getpid() <= 0)
		return -errno;
	return 0;
}

static void
do_nothing(int sig)
{
	(void)sig;
}

TRY(can_signal_itself)
{
	signal(SIGUSR1, do_nothing);
	return answer(raise(SIGUSR1) != 0 ? -1 : 0);
}

/* ---- the supervisor, to whom a worker that lies talks ---- */

TRY(store_read)		{ return answer(openat(have.store, "file", O_RDONLY)); }
TRY(store_list)		{ return answer(openat(have.store, ".", O_RDONLY | O_DIRECTORY)); }
TRY(write_sysctl)	{ return answer(open("/proc/sys/kernel/core_pattern", O_WRONLY)); }
TRY(priv_seteuid)	{ return answer(syscall(SYS_setresuid, -1, 0, -1)); }
TRY(read_processes)	{ return answer(open("/proc/1/status", O_RDONLY)); }

TRY(can_read_of_itself)
{
	int fd autoclose = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	int other autoclose = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);

	return answer(MIN(fd, other));
}

TRY(can_talk)
{
	int pipes[2];
	char byte = 'x';

	return answer(pipe2(pipes, O_CLOEXEC) != 0 || write(pipes[1], &byte, 1) != 1 ||
	    read(pipes[0], &byte, 1) != 1 ? -1 : 0);
}

TRY(can_wait)		{ return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? 0 : -errno; }

/* ---- the tables ---- */

static const struct attempt {
	const char *what;
	int	(*try)(void);
	int	also;		/* errno that is as good a refusal here */
} attempts[] = {
	{ "open /etc/passwd", read_etc_passwd, 0 },
	{ "open /etc/shadow", read_shadow, 0 },
	{ "openat(/etc opened before, \"passwd\")", read_by_old_dirfd, 0 },
	{ "openat(/etc opened before with O_PATH, \"passwd\")", read_by_old_opath, 0 },
	{ "reopen /etc/passwd from an O_PATH descriptor", reopen_opath, 0 },
	{ "open a file of its own user outside", read_own_outside, 0 },
	{ "openat(store, \"../outside/secret\")", read_dotdot, 0 },
	{ "openat(store, \"../../../etc/passwd\"), to the root", read_far_up, 0 },
	{ "openat(diff directory, \"../../../etc/passwd\"), to the root", read_far_up_diff, 0 },
	{ "open a symlink in the store that leads outside", read_by_symlink, 0 },
	{ "openat2 outside", openat2_outside, 0 },
	{ "open_by_handle_at outside", by_handle, 0 },
	{ "list /", list_root, 0 },
	{ "list a directory outside opened before", list_old_dirfd, 0 },
	{ "open the memory of the parent", open_parent_memory, 0 },
	{ "open its own memory by /proc", open_own_memory, 0 },
	{ "chdir", change_directory, 0 },
	{ "fchdir", change_to_old_dir, 0 },
	{ "store: open for writing", store_open_write, 0 },
	{ "store: open for reading and writing", store_open_rdwr, 0 },
	{ "store: open read-only with O_TRUNC", store_open_trunc, 0 },
	{ "store: open with access mode 3 and O_TRUNC", store_open_trunc3, 0 },
	{ "store: open for writing with O_TRUNC", store_open_truncw, 0 },
	{ "store: reopen for writing by /proc", store_reopen, 0 },
	{ "store: write to a read-only descriptor", store_write, EBADF },
	{ "store: map shared and writable", store_map_shared, 0 },
	{ "store: FICLONE into it", store_clone_into, EBADF },
	{ "store: create", store_create, 0 },
	{ "store: O_TMPFILE", store_tmpfile, 0 },
	{ "store: truncate", store_truncate, 0 },
	{ "store: ftruncate of a read-only descriptor", store_ftruncate, EINVAL },
	{ "store: unlink", store_unlink, 0 },
	{ "store: rmdir", store_rmdir, 0 },
	{ "store: mkdir", store_mkdir, 0 },
	{ "store: rename within", store_rename, 0 },
	{ "rename from the store to the diff directory", store_to_diff, 0 },
	{ "rename from the diff directory to the store", diff_to_store, 0 },
	{ "rename from the diff directory over a file of the store", diff_over_store, 0 },
	{ "exchange a file of the store with one of the diff directory", store_exchange, 0 },
	{ "link from the store to the diff directory", store_link_diff, 0 },
	{ "link from the diff directory to the store", diff_link_store, 0 },
	{ "store: symlink", store_symlink, 0 },
	{ "store: fchmodat", store_chmod, 0 },
	{ "store: fchmod of a read-only descriptor", store_fchmod, 0 },
	{ "store: fchownat", store_chown, 0 },
	{ "store: utimensat", store_utimes, 0 },
	{ "store: futimens of a read-only descriptor", store_futimens, 0 },
	{ "store: fsetxattr", store_xattr, 0 },
	{ "outside: create", outside_create, 0 },
	{ "outside: unlink", outside_unlink, 0 },
	{ "outside: chmod of a file of its own user", outside_chmod, 0 },
	{ "outside: mkdir", outside_mkdir, 0 },
	{ "rename from the diff directory to outside", diff_to_outside, 0 },
	{ "rename from outside to the diff directory", outside_to_diff, 0 },
	{ "link from outside to the diff directory", outside_link, 0 },
	{ "diff directory: replace .pbkfs-lock", lock_replace, 0 },
	{ "diff directory: read .pbkfs-binding.json", binding_read, 0 },
	{ "diff directory: remove .pbkfs-binding.json", binding_remove, 0 },
	{ "diff directory: make .pbkfs-dirty", dirty_make, 0 },
	{ "diff directory: rename changes/", changes_away, 0 },
	{ "diff directory: replace .pbkfs/worker.pid", pid_replace, 0 },
	{ "diff directory: remove .pbkfs/worker.pid", pid_remove, 0 },
	{ "diff directory: write to .pbkfs/pbkfs.log", log_write, 0 },
	{ "diff directory: create in .pbkfs/", log_make, 0 },
	{ "diff: symlink", diff_symlink, 0 },
	{ "diff: link", diff_link, 0 },
	{ "diff: fchmodat 0777", diff_chmod, 0 },
	{ "diff: fchmodat 04755", diff_chmod_suid, 0 },
	{ "diff: fchmod 04755", diff_fchmod_suid, 0 },
	{ "diff: create with mode 04755", diff_create_suid, 0 },
	{ "diff: create with mode 02755", diff_create_sgid, 0 },
	{ "diff: openat2 with mode 04755", diff_openat2_suid, 0 },
	{ "diff: O_TMPFILE with mode 04755", diff_tmpfile_suid, 0 },
	{ "diff: mknod of a pipe", diff_fifo, 0 },
	{ "diff: mknod of a socket", diff_socket, 0 },
	{ "diff: mknod of a character device", diff_char, 0 },
	{ "diff: mknod of a block device", diff_block, 0 },
	{ "diff: rename that leaves a whiteout device", diff_whiteout, 0 },
	{ "diff: fsetxattr", diff_xattr, 0 },
	{ "socket: UDP", net_udp, 0 },
	{ "socket: TCP", net_tcp, 0 },
	{ "socket: TCP over IPv6", net_tcp6, 0 },
	{ "socket: unix", net_unix, 0 },
	{ "socket: netlink", net_netlink, 0 },
	{ "socket: packet", net_packet, 0 },
	{ "socketpair", net_pair, 0 },
	{ "bind a TCP socket opened before", net_old_bind, 0 },
	{ "connect a TCP socket opened before", net_old_connect, 0 },
	{ "sendto by a UDP socket opened before", net_old_sendto, 0 },
	{ "execve /bin/true", proc_execve, 0 },
	{ "execveat of a file of the diff directory", proc_execveat, 0 },
	{ "fork", proc_fork, 0 },
	{ "vfork", proc_vfork, 0 },
	{ "clone of a process", proc_clone_fork, 0 },
	{ "clone with CLONE_NEWUSER", proc_clone_userns, 0 },
	{ "clone3 of a process", proc_clone3, 0 },
	{ "ptrace the parent", proc_ptrace, 0 },
	{ "process_vm_readv from the parent", proc_read_parent, 0 },
	{ "process_vm_writev to the parent", proc_write_parent, 0 },
	{ "pidfd_open of the parent", proc_pidfd, 0 },
	{ "pidfd_getfd", proc_pidfd_getfd, 0 },
	{ "kill the parent", proc_kill, 0 },
	{ "kill the process group", proc_kill_all, 0 },
	{ "tkill the parent", proc_tkill, 0 },
	{ "tgkill the parent", proc_tgkill, 0 },
	{ "rt_sigqueueinfo to the parent", proc_sigqueue, 0 },
	{ "pidfd_send_signal", proc_pidfd_signal, 0 },
	{ "fcntl F_SETOWN to the parent", proc_setown, 0 },
	{ "fcntl F_SETSIG", proc_setsig, 0 },
	{ "fcntl F_SETLEASE on the store", proc_lease, 0 },
	{ "setpriority of the parent", proc_nice, 0 },
	{ "prlimit of the parent", proc_limit_parent, 0 },
	{ "mount", sys_mount, 0 },
	{ "umount", sys_umount, 0 },
	{ "fsopen", sys_fsopen, 0 },
	{ "open_tree", sys_open_tree, 0 },
	{ "unshare CLONE_NEWUSER", sys_unshare_user, 0 },
	{ "unshare CLONE_NEWNS", sys_unshare_mount, 0 },
	{ "setns", sys_setns, 0 },
	{ "chroot", sys_chroot, 0 },
	{ "pivot_root", sys_pivot_root, 0 },
	{ "open /dev/fuse", sys_open_fuse, 0 },
	{ "open /dev/null", sys_open_null, 0 },
	{ "FUSE_DEV_IOC_CLONE on an open descriptor", sys_fuse_clone, ENOTTY },
	{ "FUSE_DEV_IOC_BACKING_OPEN on an open descriptor", sys_fuse_backing, ENOTTY },
	{ "TIOCSTI on standard input", sys_tiocsti, ENOTTY },
	{ "bpf", sys_bpf, 0 },
	{ "io_uring_setup", sys_uring, 0 },
	{ "perf_event_open", sys_perf, 0 },
	{ "userfaultfd", sys_userfaultfd, 0 },
	{ "add_key", sys_add_key, 0 },
	{ "keyctl", sys_keyctl, 0 },
	{ "init_module", sys_module, 0 },
	{ "kexec_load", sys_kexec, 0 },
	{ "syslog of the kernel", sys_syslog, 0 },
	{ "fanotify_init", sys_fanotify, 0 },
	{ "inotify_init1", sys_inotify, 0 },
	{ "seccomp", sys_seccomp, 0 },
#ifdef __x86_64__
	{ "a 32-bit system call", sys_int80, 0 },
	{ "an x32 system call", sys_x32, 0 },
	{ "iopl", sys_iopl, 0 },
#endif
	{ "mmap writable and executable", mem_wx, 0 },
	{ "mmap a file of the diff directory executable", mem_map_file_exec, 0 },
	{ "mprotect executable", mem_mprotect, 0 },
	{ "pkey_mprotect executable", mem_pkey_mprotect, 0 },
	{ "personality READ_IMPLIES_EXEC", mem_personality, 0 },
	{ "shmat executable", mem_shm_exec, 0 },
	{ "memfd_create", mem_memfd, 0 },
	{ "setuid(0)", priv_setuid, 0 },
	{ "setresuid(0, 0, 0)", priv_setresuid, 0 },
	{ "setgid(0)", priv_setgid, 0 },
	{ "setfsuid(0)", priv_setfsuid, 0 },
	{ "setgroups", priv_setgroups, 0 },
	{ "capset CAP_SYS_ADMIN", priv_capset, 0 },
	{ "prctl PR_SET_SECUREBITS", priv_securebits, 0 },
	{ "prctl PR_SET_KEEPCAPS", priv_keepcaps, 0 },
	{ "prctl PR_SET_DUMPABLE", priv_dumpable, 0 },
	{ "prctl PR_CAP_AMBIENT_RAISE", priv_ambient, 0 },
	{ "start one more thread", take_thread, 0 },
	{ "2000 descriptors", take_descriptors, EMFILE },
	{ "768 MiB of memory", take_memory, ENOMEM },
	{ "a core dump", take_core, 0 },
};

static const struct attempt controls[] = {
	{ "read the store", can_read_store, 0 },
	{ "read the store by a descriptor opened before", can_read_open_store, 0 },
	{ "open beneath the store", can_open_beneath, 0 },
	{ "list the store", can_list_store, 0 },
	{ "read .pbkfs/ of the diff directory", can_read_provided, 0 },
	{ "stat", can_stat, 0 },
	{ "create, write, sync in the diff directory", can_write_diff, 0 },
	{ "truncate in the diff directory", can_truncate_diff, 0 },
	{ "fallocate in the diff directory", can_allocate_diff, 0 },
	{ "copy from the store to the diff directory", can_copy_to_diff, 0 },
	{ "rename within a directory of the diff directory", can_rename_diff, 0 },
	{ "rename between directories of the diff directory", can_move_diff, 0 },
	{ "mkdir, rmdir, unlink in the diff directory", can_unlink_diff, 0 },
	{ "lock a file of the diff directory", can_lock, 0 },
	{ "64 MiB of memory", can_use_memory, 0 },
	{ "start threads", can_start_threads, 0 },
	{ "tell the time, sleep", can_tell_time, 0 },
	{ "ask about itself, name a thread", can_know_itself, 0 },
	{ "signal itself", can_signal_itself, 0 },
};

static const struct attempt supervisor_attempts[] = {
	{ "store: open for reading", store_read, 0 },
	{ "store: list", store_list, 0 },
	{ "write a setting of the kernel's", write_sysctl, 0 },
	{ "seteuid(0)", priv_seteuid, 0 },
	{ "read of another process in /proc", read_processes, 0 },
};

static const struct attempt supervisor_controls[] = {
	{ "read of itself in /proc", can_read_of_itself, 0 },
	{ "make a pipe", can_talk, 0 },
	{ "wait for children", can_wait, 0 },
	{ "truncate in the diff directory", can_truncate_diff, 0 },
	{ "rename within a directory of the diff directory", can_rename_diff, 0 },
	{ "mkdir, rmdir, unlink in the diff directory", can_unlink_diff, 0 },
	{ "lock a file of the diff directory", can_lock, 0 },
	{ "64 MiB of memory", can_use_memory, 0 },
	{ "tell the time, sleep", can_tell_time, 0 },
	{ "ask about itself", can_know_itself, 0 },
	{ "signal itself", can_signal_itself, 0 },
};

/*
 * Who tries.  Where the user owns store and outside, nothing but the sandbox
 * stands in the way; where root owns a closed store, CAP_DAC_READ_SEARCH opens
 * it and would open everything else.
 */
static const struct identity {
	const char *name;
	bool	needs_root, switch_user, read_search, store_is_roots, stay_root;
	int	abi;		/* Landlock as if it were no newer; -1 as it is */
	uint32_t namespaces;
	bool	supervisor;	/* confined as the supervisor of a mount */
} identities[] = {
	{ "ordinary user", false, false, false, false, false, -1, 0, false },
	{ "root switched to the user", true, true, false, false, false, -1, 0, false },
	{ "root switched, CAP_DAC_READ_SEARCH kept", true, true, true, true, false, -1, 0, false },
	{ "root without capabilities", true, false, false, false, true, -1, 0, false },
	{ "ordinary user, Landlock ABI 1", false, false, false, false, false, 1, 0, false },
	{ "a command of root's that writes", true, false, true, false, true, -1, 0, false },
	{ "ordinary user, second wall", false, false, false, false, false, 0, MSG_NS_ALL, false },
	{ "root switched to the user, second wall", true, true, false, false, false, 0, MSG_NS_ALL,
	    false },
	{ "root switched, CAP_DAC_READ_SEARCH kept, second wall", true, true, true, true, false, 0,
	    MSG_NS_ALL, false },
	{ "root without capabilities, second wall", true, false, false, false, true, 0, MSG_NS_ALL,
	    false },
	{ "ordinary user, both walls", false, false, false, false, false, -1, MSG_NS_ALL, false },
	{ "root switched to the user, both walls", true, true, false, false, false, -1, MSG_NS_ALL,
	    false },
	{ "supervisor of an ordinary user", false, false, false, false, false, -1, 0, true },
	{ "supervisor of root's for the user", true, true, false, false, false, -1, 0, true },
};
#define AS_USER		0	/* of them, whose answers without the sandbox are the manual's */
#define AS_ROOT		3
#define SECOND_WALL	6	/* the first of each group: without Landlock, */
#define BOTH_WALLS	10	/* with both, which the manual has no column for, */
#define SUPERVISORS	12	/* and those that are no workers */

/* ---- one attempt in a child ---- */

enum { ESCAPED = 0, NO_ANSWER = 1 };	/* beside negative errno */

struct outcome {
	int	answer;		/* of the attempt: negative errno or 0 */
	int	signal;		/* that the child died of */
};

static struct msg_confined ignored;	/* what a sandbox says that it has */
static int	tap_count, tap_failed;
static bool	table_only;

static void __attribute__((format(printf, 2, 3)))
report(bool ok, const char *fmt, ...)
{
	va_list ap;

	tap_count++;
	tap_failed += !ok;
	if (table_only && ok)
		return;
	printf("%s%sok %d - ", table_only ? "# " : "", ok ? "" : "not ", tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	return at->level == 0 ? 0 : remove(path);
}

static int
empty_root(void)
{
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void
remove_root(void)
{
	if (empty_root() != 0 || rmdir(root) != 0)
		perror(root);
}

static void __attribute__((noreturn))
bail(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	fflush(stdout);
	if (getpid() == parent && root[0] != '\0')
		remove_root();
	_exit(99);
}

static void __attribute__((noreturn))
give_up(void)
{
	remove_root();
	exit(99);
}

static int
must(int r, const char *what)
{
	if (r < 0)
		bail(what);
	return r;
}

static void
make_file(int dir, const char *name, uid_t uid, mode_t mode)
{
	int fd autoclose = must(openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, mode), name);

	must(io_write(fd, "plain", 5), name);
	must(fchmod(fd, mode), name);
	if (as_root)
		must(fchown(fd, uid, uid == 0 ? 0 : user_gid), name);
}

/* Something that a hostile worker might have left to be run. */
static void
make_program(int dir, uid_t uid)
{
	static const char text[] = "#!/bin/true\n";
	int fd autoclose = -1;

	make_file(dir, "prog", uid, 0700);
	fd = must(openat(dir, "prog", O_WRONLY | O_TRUNC), "prog");
	must(io_write(fd, text, sizeof(text) - 1), "prog");
}

static int
make_dir(const char *name, uid_t uid, mode_t mode)
{
	char path[PATH_MAX + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	if (mkdir(path, mode) != 0 && errno != EEXIST)
		bail(path);
	fd = must(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
	must(fchmod(fd, mode), path);
	if (as_root)
		must(fchown(fd, uid, uid == 0 ? 0 : user_gid), path);
	return fd;
}

/* Empties the three directories and fills them again: an escape must not help the next. */
static void
remake_place(const struct identity *id)
{
	uid_t owner = id->stay_root ? 0 : user_uid;
	uid_t store_owner = id->store_is_roots ? 0 : owner;
	int store, diff, provided, outside;

	must(empty_root(), root);
	store = make_dir("store", store_owner, 0700);
	diff = make_dir("diff", owner, 0700);
	make_file(diff, ".pbkfs-lock", owner, 0600);
	make_file(diff, ".pbkfs-binding.json", owner, 0600);
	close(diff);
	diff = make_dir("diff/changes", owner, 0700);
	provided = make_dir("diff/.pbkfs", owner, 0700);
	outside = make_dir("outside", owner, 0700);
	close(make_dir("store/dir", store_owner, 0700));
	close(make_dir("store/empty", store_owner, 0700));
	close(make_dir("diff/changes/sub", owner, 0700));
	make_file(provided, "worker.pid", owner, 0600);
	make_file(provided, "pbkfs.log", owner, 0600);
	make_file(store, "file", store_owner, 0600);
	make_file(store, "dir/deep", store_owner, 0600);
	make_file(diff, "file", owner, 0700);
	make_program(diff, owner);
	make_file(outside, "secret", owner, 0600);
	must(symlinkat("../outside/secret", store, "way-out"), "symlink");
	close(store);
	close(diff);
	close(provided);
	close(outside);
}

static int
open_in_root(const char *name, int flags)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return must(open(path, flags), path);
}

static void
open_before(void)
{
	have.store = open_in_root("store", O_PATH | O_DIRECTORY);
	have.diff = open_in_root("diff/changes", O_RDONLY | O_DIRECTORY);
	have.provided = open_in_root("diff/.pbkfs", O_RDONLY | O_DIRECTORY);
	have.outside = open_in_root("outside", O_RDONLY | O_DIRECTORY);
	have.store_file = open_in_root("store/file", O_RDONLY);
	have.diff_file = open_in_root("diff/changes/file", O_RDWR);
	have.etc = must(open("/etc", O_RDONLY | O_DIRECTORY), "/etc");
	have.etc_path = must(open("/etc", O_PATH | O_DIRECTORY), "/etc");
	have.passwd_path = must(open("/etc/passwd", O_PATH), "/etc/passwd");
	have.ns = open("/proc/self/ns/uts", O_RDONLY);
	have.pidfd = (int)syscall(SYS_pidfd_open, parent, 0);
	have.tcp = socket(AF_INET, SOCK_STREAM, 0);
	have.udp = socket(AF_INET, SOCK_DGRAM, 0);
	have.handle.h.handle_bytes = MAX_HANDLE_SZ;
	name_to_handle_at(have.outside, "secret", &have.handle.h, &have.handle_mount, 0);
	have.handle_mount = have.outside;
}

static void
become_user(const struct identity *id)
{
	if (!as_root || id->stay_root)
		return;
	must(setgroups(0, NULL), "setgroups");
	must(setresgid(user_gid, user_gid, user_gid), "setresgid");
	must(setresuid(user_uid, user_uid, user_uid), "setresuid");
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

#define FDS_MAX		1000
#define MEMORY_MAX	(256 * MiB)

static void
enter(const struct identity *id, bool debug)
{
	struct sandbox s = {
		.level = SANDBOX_FULL,
		.dir = {
			{ .name = "store", .fd = have.store }, { .name = "pbkfs", .fd = have.provided },
			{ .name = "changes", .fd = have.diff, .writable = true, .locked = true },
		},
		.n_dirs = 3, .namespaces = id->namespaces,
		.switch_user = id->switch_user, .uid = user_uid, .gid = user_gid,
		.keep_read_search = id->read_search, .debug = debug, .threads = true,
		.max_fds = FDS_MAX, .max_memory = MEMORY_MAX,
	};
	const struct rights rights = {
		.level = SANDBOX_FULL, .diff_fd = have.diff, .uid = user_uid, .gid = user_gid,
		.debug = debug,
	};
	struct msg_confined got = { .namespaces = id->namespaces };
	char error[RIGHTS_ERROR_MAX];
	int r;

	forced_abi = id->abi;
	r = id->supervisor ? rights_confine(&rights, error) : sandbox_enter(&s, &got, error);
	if (r != 0) {
		errno = -r;
		bail(error);
	}
	if ((got.namespaces | MSG_NS_USER) != (id->namespaces | MSG_NS_USER)) {
		errno = 0;
		bail(got.why);
	}
}

struct job_in_thread {
	int	(*try)(void);
	int	out;
};

/* Shut until no thread can start any more. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void
end_threads(void)
{
	const struct sandbox s = { .level = SANDBOX_FULL };

	must(sandbox_end_threads(&s), "end threads");
}

static void *
try_and_tell(void *arg)
{
	struct job_in_thread *j = arg;
	int r;

	pthread_mutex_lock(&gate);
	r = j->try();
	if (write(j->out, &r, sizeof(r)) != sizeof(r))
		_exit(98);
	return NULL;
}

enum where { FREE, MAIN_THREAD, SECOND_THREAD, DEBUGGED, DEBUGGED_THREAD };

static void __attribute__((noreturn))
child(const struct identity *id, enum where where, int (*try)(void), int out)
{
	struct job_in_thread j = { try, out };
	pthread_t thread;

	if (!id->switch_user)
		become_user(id);
	open_before();
	if (where == FREE && id->switch_user)
		become_user(id);
	if (where != FREE)
		enter(id, where >= DEBUGGED);
	if (where == SECOND_THREAD || where == DEBUGGED_THREAD) {
		pthread_mutex_lock(&gate);
		if (pthread_create(&thread, NULL, try_and_tell, &j) != 0)
			_exit(97);
		if (try != can_start_threads)
			end_threads();
		pthread_mutex_unlock(&gate);
		pthread_join(thread, NULL);
	} else {
		if (where != FREE && !id->supervisor && try != can_start_threads)
			end_threads();
		try_and_tell(&j);
	}
	_exit(0);
}

/*
 * A group of its own for kill(0); its own mounts, so that a mount that
 * succeeds without the sandbox stays there.
 */
static void
prepare_child(enum where where)
{
	setpgid(0, 0);
	if (where == FREE && as_root && unshare(CLONE_NEWNS) == 0)
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	alarm(20);
}

static struct outcome
run(const struct identity *id, enum where where, int (*try)(void))
{
	struct outcome o = { NO_ANSWER, 0 };
	int pipe_fds[2], status;
	pid_t pid;

	remake_place(id);
	must(pipe2(pipe_fds, O_CLOEXEC), "pipe");
	fflush(stdout);
	if ((pid = must(fork(), "fork")) == 0) {
		prepare_child(where);
		child(id, where, try, pipe_fds[1]);
	}
	close(pipe_fds[1]);
	if (read(pipe_fds[0], &o.answer, sizeof(o.answer)) < 0)
		bail("pipe");
	close(pipe_fds[0]);
	must(waitpid(pid, &status, 0), "waitpid");
	if (WIFSIGNALED(status))
		o.signal = WTERMSIG(status);
	else if (WEXITSTATUS(status) == 99)
		give_up();	/* the child has said why */
	else if (o.answer == NO_ANSWER)
		o.answer = 0;	/* it became another program */
	return o;
}

static const char *
outcome_name(const struct outcome *o)
{
	static char text[4][32];
	static unsigned next;
	char *buf = text[next++ % 4];

	if (o->signal != 0)
		snprintf(buf, 32, "SIG%s", sigabbrev_np(o->signal));
	else if (o->answer < 0)
		snprintf(buf, 32, "%s", strerrorname_np(-o->answer));
	else
		snprintf(buf, 32, "done");
	return buf;
}

static bool
is_refused(const struct identity *id, const struct outcome *o, const struct attempt *a)
{
	static const int refusals[] = { EPERM, EACCES, ENOSYS, EXDEV, ENOTTY };
	/* There is no such file, or no such descriptor any more. */
	static const int in_a_tree[] = { ENOENT, EBADF, EROFS };
	size_t i;

	if (o->signal != 0)
		return o->signal == SIGSYS || (o->signal == SIGSEGV && strstr(a->what, "32-bit"));
	for (i = 0; i < ARRAY_SIZE(refusals); i++)
		if (o->answer == -refusals[i])
			return true;
	for (i = 0; i < ARRAY_SIZE(in_a_tree) && id->namespaces & MSG_NS_MOUNT; i++)
		if (o->answer == -in_a_tree[i])
			return true;
	return a->also != 0 && o->answer == -a->also;
}

/* ---- the runs ---- */

static struct outcome answers[ARRAY_SIZE(identities)][ARRAY_SIZE(attempts)][3];

static bool
can_be(const struct identity *id)
{
	return as_root || !id->needs_root;
}

/* A supervisor has one thread, and cannot start another. */
static void
try_all_ways(const struct identity *id, const struct attempt *a, struct outcome o[3])
{
	o[FREE] = run(id, FREE, a->try);
	o[MAIN_THREAD] = run(id, MAIN_THREAD, a->try);
	o[SECOND_THREAD] = id->supervisor ? o[MAIN_THREAD] : run(id, SECOND_THREAD, a->try);
}

static void
run_supervisor(const struct identity *id)
{
	struct outcome o[3];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(supervisor_attempts); i++) {
		try_all_ways(id, &supervisor_attempts[i], o);
		report(is_refused(id, &o[MAIN_THREAD], &supervisor_attempts[i]),
		    "%s: %s: %s (without the sandbox: %s)", id->name, supervisor_attempts[i].what,
		    outcome_name(&o[MAIN_THREAD]), outcome_name(&o[FREE]));
	}
	for (i = 0; i < ARRAY_SIZE(supervisor_controls); i++) {
		o[0] = run(id, MAIN_THREAD, supervisor_controls[i].try);
		report(o->answer == 0 && o->signal == 0, "%s: may %s: %s", id->name,
		    supervisor_controls[i].what, outcome_name(o));
	}
}

static void
run_attempts(size_t n)
{
	const struct identity *id = &identities[n];
	struct outcome *o;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(attempts); i++) {
		o = answers[n][i];
		try_all_ways(id, &attempts[i], o);
		report(is_refused(id, &o[MAIN_THREAD], &attempts[i]) &&
		    is_refused(id, &o[SECOND_THREAD], &attempts[i]),
		    "%s: %s: %s, second thread %s", id->name, attempts[i].what,
		    outcome_name(&o[MAIN_THREAD]), outcome_name(&o[SECOND_THREAD]));
	}
}

/* Before ABI 2 Landlock refuses every rename between directories. */
static bool
control_holds(const struct identity *id, const struct attempt *a, const struct outcome *o)
{
	if (id->abi == 1 && a->try == can_move_diff)
		return o->answer == -EXDEV;
	return o->answer == 0 && o->signal == 0;
}

static void
run_controls(const struct identity *id)
{
	size_t i, w, last = id->namespaces != 0 ? SECOND_THREAD : DEBUGGED_THREAD;
	struct outcome o;

	for (i = 0; i < ARRAY_SIZE(controls); i++)
		for (w = MAIN_THREAD; w <= last; w++) {
			o = run(id, (enum where)w, controls[i].try);
			report(control_holds(id, &controls[i], &o), "%s: may %s%s%s: %s",
			    id->name, controls[i].what,
			    w == SECOND_THREAD || w == DEBUGGED_THREAD ? " (second thread)" : "",
			    w >= DEBUGGED ? " (debug)" : "", outcome_name(&o));
		}
}

/* ---- --debug, missing Landlock, threads ---- */

/* Runs it with standard error in a file and reads that back. */
static struct outcome
run_debugged(enum where where, int (*try)(void), char *text, size_t size)
{
	int saved = must(dup(STDERR_FILENO), "dup");
	FILE *f = tmpfile();
	struct outcome o;
	size_t n;

	if (f == NULL)
		bail("tmpfile");
	must(dup2(fileno(f), STDERR_FILENO), "dup2");
	o = run(&identities[0], where, try);
	must(dup2(saved, STDERR_FILENO), "dup2");
	close(saved);
	rewind(f);
	n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	fclose(f);
	return o;
}

static void
test_debug(void)
{
	static const struct {
		int	(*try)(void);
		const char *name;
		int	answer, signal;
	} cases[] = {
		{ proc_execve, "execve(", NO_ANSWER, SIGSYS },
		{ change_directory, "chdir(", -ENOSYS, 0 },
		{ sys_syslog, "?(", -ENOSYS, 0 },
		{ mem_wx, "mmap(", -EACCES, 0 },
		{ net_udp, "socket(", -EPERM, 0 },
	};
	char text[512], want[64];
	struct outcome o;
	size_t i, w;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		for (w = DEBUGGED; w <= DEBUGGED_THREAD; w++) {
			o = run_debugged((enum where)w, cases[i].try, text, sizeof(text));
			snprintf(want, sizeof(want), "pbkfs worker: system call %s", cases[i].name);
			report(o.answer == cases[i].answer && o.signal == cases[i].signal,
			    "debug: %s answers %s", cases[i].name, outcome_name(&o));
			report(strncmp(text, want, strlen(want)) == 0 &&
			    strstr(text, ") refused\n") != NULL, "debug: it is named: %.*s",
			    (int)strcspn(text, "\n"), text);
		}
}

static int
no_landlock(enum sandbox_level level, char *error)
{
	struct sandbox s = { .level = level };

	forced_abi = 0;
	error[0] = '\0';
	return sandbox_enter(&s, &ignored, error);
}

TRY(full_without_landlock)
{
	char error[SANDBOX_ERROR_MAX];
	int r = no_landlock(SANDBOX_FULL, error);

	return r == -EOPNOTSUPP && strcmp(error, "this kernel has no Landlock: use "
	    "--sandbox=seccomp-only to run with less confinement") == 0 ? 0 : -EINVAL;
}

/* The second wall does not stand where a directory is not found by its name. */
static int
with_a_tree(int abi, struct msg_confined *got, char *error)
{
	struct sandbox s = {
		.level = SANDBOX_FULL, .namespaces = MSG_NS_ALL, .n_dirs = 1,
		.dir = { { .name = "store", .fd = open_in_root("diff/changes/sub", O_PATH) } },
	};

	forced_abi = abi;
	if (unlinkat(open_in_root("diff/changes", O_PATH), "sub", AT_REMOVEDIR) != 0)
		return -errno;
	return sandbox_enter(&s, got, error);
}

TRY(landlock_without_tree)
{
	char error[SANDBOX_ERROR_MAX];
	struct msg_confined got;

	if (with_a_tree(-1, &got, error) != 0 || got.namespaces & MSG_NS_MOUNT)
		return -EINVAL;
	return strstr(got.why, "could not find the directories by their names: ") == got.why &&
	    open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? 0 : -EINVAL;
}

TRY(neither_of_both)
{
	char error[SANDBOX_ERROR_MAX];
	struct msg_confined got;

	return with_a_tree(0, &got, error) == -EOPNOTSUPP &&
	    strstr(error, "this kernel has no Landlock, and it could not find the directories") == error &&
	    strstr(error, "use --sandbox=seccomp-only") != NULL ? 0 : -EINVAL;
}

/* Without Landlock files outside are open, calls are not. */
TRY(seccomp_without_landlock)
{
	char error[SANDBOX_ERROR_MAX];

	if (no_landlock(SANDBOX_SECCOMP_ONLY, error) != 0)
		return -EINVAL;
	return open("/etc/passwd", O_RDONLY) >= 0 && socket(AF_INET, SOCK_DGRAM, 0) < 0 &&
	    errno == EPERM ? 0 : -EINVAL;
}

TRY(none_drops_capabilities)
{
	char error[SANDBOX_ERROR_MAX];

	if (no_landlock(SANDBOX_NONE, error) != 0 || permitted_caps() != 0 ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return -EINVAL;
	return answer(socket(AF_INET, SOCK_DGRAM, 0));
}

/* As root: the user, no groups, one capability, an empty bounding set. */
TRY(keeps_one_capability)
{
	struct sandbox s = {
		.level = SANDBOX_NONE,
		.switch_user = true, .uid = user_uid, .gid = user_gid, .keep_read_search = true,
	};
	char error[SANDBOX_ERROR_MAX];
	int cap;

	if (sandbox_enter(&s, &ignored, error) != 0)
		return -EINVAL;
	if (permitted_caps() != UINT64_C(1) << CAP_DAC_READ_SEARCH)
		return -EPERM;
	for (cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) > 0)
			return -EPERM;
	return geteuid() == user_uid && getegid() == user_gid && getgroups(0, NULL) == 0 &&
	    setuid(0) != 0 ? 0 : -EPERM;
}

/* As root: what the walls would bound; each level without them leaves it the whole host. */
static int
open_shadow_with_less(enum sandbox_level level)
{
	struct sandbox s = {
		.level = level,
		.switch_user = true, .uid = user_uid, .gid = user_gid, .keep_read_search = true,
	};
	char error[SANDBOX_ERROR_MAX];

	return sandbox_enter(&s, &ignored, error) != 0 ? -EINVAL : read_shadow();
}

TRY(capability_without_walls)	{ return open_shadow_with_less(SANDBOX_SECCOMP_ONLY); }
TRY(capability_without_any)	{ return open_shadow_with_less(SANDBOX_NONE); }
TRY(capability_with_a_wall)	{ return open_shadow_with_less(SANDBOX_FULL) == -EACCES ? 0 : -EINVAL; }

/* A supervisor with less: without Landlock files are open, without filters calls, too. */
static int
supervise_with(enum sandbox_level level)
{
	const struct rights rights = {
		.level = level, .diff_fd = have.diff, .uid = user_uid, .gid = user_gid,
	};
	char error[RIGHTS_ERROR_MAX];

	return rights_confine(&rights, error) == 0 ? read_etc_passwd() : -EINVAL;
}

TRY(supervise_behind_seccomp)
{
	int r = supervise_with(SANDBOX_SECCOMP_ONLY);

	return r != 0 ? r : net_udp() == -EPERM ? 0 : -EINVAL;
}

TRY(supervise_freely)
{
	int r = supervise_with(SANDBOX_NONE);

	return r != 0 ? r : net_udp();
}

/* As root: the user in exactly the groups that were asked for, whatever their order. */
TRY(keeps_groups)
{
	static const gid_t asked[] = { 4713, 4711, 4712 };
	struct sandbox s = {
		.level = SANDBOX_NONE, .switch_user = true,
		.uid = user_uid, .gid = user_gid, .groups = asked, .n_groups = ARRAY_SIZE(asked),
	};
	char error[SANDBOX_ERROR_MAX];
	gid_t now[4];

	if (sandbox_enter(&s, &ignored, error) != 0)
		return -EINVAL;
	return permitted_caps() == 0 && getgroups(ARRAY_SIZE(now), now) == 3 &&
	    now[0] == 4711 && now[1] == 4712 && now[2] == 4713 && setgroups(0, NULL) != 0 ?
	    0 : -EPERM;
}

/* As root: between the switch and the end of its rights the user cannot touch the process. */
TRY(is_not_the_users_yet)
{
	const struct sandbox s = { .switch_user = true, .uid = user_uid, .gid = user_gid };
	const char *step;
	pid_t self = getpid(), pid;
	struct rlimit limit;
	int status;

	if (sandbox_identity_switch(&s, &step) != 0 || geteuid() != user_uid)
		return -EINVAL;
	if ((pid = fork()) == 0) {
		if (seteuid(0) != 0 || setresuid(user_uid, user_uid, user_uid) != 0)
			_exit(2);
		_exit(kill(self, 0) == 0 || errno != EPERM ||
		    prlimit(self, RLIMIT_NOFILE, NULL, &limit) == 0 || errno != EPERM);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -EPERM;
}

static void *
sleep_long(void *arg)
{
	sleep(20);
	return arg;
}

TRY(refuses_with_threads)
{
	struct sandbox s = { .level = SANDBOX_FULL };
	char error[SANDBOX_ERROR_MAX];
	pthread_t t;

	forced_abi = -1;
	if (pthread_create(&t, NULL, sleep_long, NULL) != 0)
		return -EAGAIN;
	return sandbox_enter(&s, &ignored, error) == -EBUSY ? 0 : -EINVAL;
}

/* Only root can switch; an ordinary user is told what failed. */
TRY(refuses_switch_by_user)
{
	struct sandbox s = {
		.level = SANDBOX_FULL, 
		.switch_user = true, .uid = 0, .gid = 0,
	};
	char error[SANDBOX_ERROR_MAX];

	forced_abi = -1;
	return sandbox_enter(&s, &ignored, error) == -EPERM &&
	    strcmp(error, "could not drop the supplementary groups: "
	    "Operation not permitted") == 0 ? 0 : -EINVAL;
}

static void
expect_zero(const struct identity *id, const struct attempt *cases, size_t n)
{
	struct outcome o;
	size_t i;

	for (i = 0; i < n; i++) {
		o = run(id, FREE, cases[i].try);
		report(o.answer == 0 && o.signal == 0, "%s: %s", cases[i].what, outcome_name(&o));
	}
}

static void
test_levels(void)
{
	const struct identity root_itself = { .name = "root", .stay_root = true, .abi = -1, .namespaces = 0 };
	static const struct attempt cases[] = {
		{ "full without Landlock is refused, with a hint", full_without_landlock, 0 },
		{ "full with Landlock, without the second wall", landlock_without_tree, 0 },
		{ "full without both is refused, with a hint", neither_of_both, 0 },
		{ "seccomp-only without Landlock", seccomp_without_landlock, 0 },
		{ "none drops capabilities and sets no_new_privs", none_drops_capabilities, 0 },
		{ "a process with threads is refused", refuses_with_threads, 0 },
		{ "a switch by an ordinary user is refused", refuses_switch_by_user, 0 },
		{ "a supervisor with seccomp-only opens files, and no socket", supervise_behind_seccomp, 0 },
		{ "a supervisor with none does both", supervise_freely, 0 },
	}, of_root[] = {
		{ "root switched keeps CAP_DAC_READ_SEARCH and nothing else", keeps_one_capability, 0 },
		{ "root switched is in the groups asked for", keeps_groups, 0 },
		{ "who has rights left cannot be signalled by the user", is_not_the_users_yet, 0 },
		{ "CAP_DAC_READ_SEARCH with seccomp-only opens /etc/shadow", capability_without_walls, 0 },
		{ "with none, too", capability_without_any, 0 },
		{ "with full it does not", capability_with_a_wall, 0 },
	};

	expect_zero(&identities[0], cases, ARRAY_SIZE(cases));
	if (as_root)
		expect_zero(&root_itself, of_root, ARRAY_SIZE(of_root));
}

/* ---- the programs of the worker: who may start threads ---- */

static struct job
job_of(enum job_program program)
{
	return (struct job){
		.program = program, .sandbox = SANDBOX_FULL,
		.store_fd = have.store, .provided_fd = have.provided, .diff_fd = have.diff,
		.out_fd = open("/dev/null", O_WRONLY | O_CLOEXEC),
		.index_fd = -1, .fuse_fd = -1, .lock_fd = -1,
	};
}

static int
thread_in(enum job_program program)
{
	struct job job = job_of(program);

	forced_abi = -1;
	return confine_worker(&job) != 0 ? -EINVAL : take_thread();
}

TRY(thread_in_preparer)	{ return thread_in(JOB_PREPARE); }
TRY(thread_in_filler)	{ return thread_in(JOB_FILL); }
TRY(thread_in_looker)	{ return thread_in(JOB_CHECK_STORE); }
TRY(thread_in_server)	{ return thread_in(JOB_SERVE); }

TRY(thread_in_server_later)
{
	struct job job = job_of(JOB_SERVE);

	if (thread_in(JOB_SERVE) != 0 || confine_end_threads(&job) != 0)
		return -EINVAL;
	return take_thread();
}

static void
test_programs(void)
{
	static const struct {
		const char *who;
		int	(*try)(void);
		int	signal;
	} cases[] = {
		{ "the preparer may start threads", thread_in_preparer, 0 },
		{ "a filler may not", thread_in_filler, SIGSYS },
		{ "nor who looks at a store", thread_in_looker, SIGSYS },
		{ "who serves may", thread_in_server, 0 },
		{ "until it has them", thread_in_server_later, SIGSYS },
	};
	struct outcome o;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		o = run(&identities[0], FREE, cases[i].try);
		report(o.signal == cases[i].signal && (o.signal != 0 || o.answer == 0), "%s: %s",
		    cases[i].who, outcome_name(&o));
	}
}

static void
test_missing(void)
{
	static const struct { int abi; const char *text; } cases[] = {
		{ 0, "Landlock" },
		{ 1, "rename between directories, truncate, TCP, device ioctl, scopes" },
		{ 2, "truncate, TCP, device ioctl, scopes" },
		{ 3, "TCP, device ioctl, scopes" },
		{ 5, "scopes" },
		{ 6, "" },
		{ 7, "" },
	};
	char text[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		sandbox_landlock_missing(cases[i].abi, text, sizeof(text));
		report(strcmp(text, cases[i].text) == 0, "ABI %d lacks \"%s\"", cases[i].abi, text);
	}
	sandbox_landlock_missing(1, text, 8);
	report(strlen(text) == 7, "a small buffer is kept: \"%s\"", text);
}

static void
print_table(void)
{
	struct outcome *o;
	size_t i, n;

	printf("| attempt | without the sandbox");
	for (n = 0; n < ARRAY_SIZE(identities); n++)
		if (can_be(&identities[n]))
			printf(" | %s", identities[n].name);
	printf(" |\n|---|---");
	for (n = 0; n < ARRAY_SIZE(identities); n++)
		if (can_be(&identities[n]))
			printf("|---");
	puts("|");
	for (i = 0; i < ARRAY_SIZE(attempts); i++) {
		printf("| %s | %s", attempts[i].what, outcome_name(&answers[AS_USER][i][FREE]));
		if (as_root)
			printf(" / %s", outcome_name(&answers[AS_ROOT][i][FREE]));
		for (n = 0; n < ARRAY_SIZE(identities); n++) {
			if (!can_be(&identities[n]))
				continue;
			o = answers[n][i];
			printf(" | %s", outcome_name(&o[MAIN_THREAD]));
			if (o[MAIN_THREAD].answer != o[SECOND_THREAD].answer ||
			    o[MAIN_THREAD].signal != o[SECOND_THREAD].signal)
				printf(" / %s", outcome_name(&o[SECOND_THREAD]));
		}
		puts(" |");
	}
}

/* ---- the table in the manual ---- */

#define TABLE_HEAD	"| attempt | without | Landlock | second wall | supervisor |\n"

/* What may not be written to may not be, wherever it lies. */
static bool
is_roots(const struct identity *id, const struct outcome *o, const struct outcome *usual)
{
	return id->store_is_roots && o->answer == -EACCES && usual->answer == -EROFS;
}

/* Whether all from one to before another got the same answer, as the manual says. */
static bool
agree(size_t i, size_t from, size_t to)
{
	const struct outcome *first = &answers[from][i][MAIN_THREAD];
	size_t n, k;

	for (n = from; n < to; n++)
		for (k = MAIN_THREAD; k <= SECOND_THREAD; k++)
			if ((answers[n][i][k].answer != first->answer ||
			    answers[n][i][k].signal != first->signal) &&
			    !is_roots(&identities[n], &answers[n][i][k], first))
				return false;
	return true;
}

/*
 * What a kernel says to those who are free is its own affair: only told where it
 * differs.  One without 32-bit programs has nothing to refuse to anybody.
 */
static void
compare_row(size_t i, const char *line)
{
	bool lacking = answers[AS_USER][i][FREE].signal != 0;
	char begin[256], free_ones[64], end[128], row[sizeof(begin) + sizeof(free_ones) + sizeof(end)];
	size_t len = strlen(line);

	snprintf(begin, sizeof(begin), "| %s | ", attempts[i].what);
	snprintf(free_ones, sizeof(free_ones), "%s / ", outcome_name(&answers[AS_USER][i][FREE]));
	strncat(free_ones, outcome_name(&answers[AS_ROOT][i][FREE]), sizeof(free_ones) - strlen(free_ones) - 1);
	snprintf(end, sizeof(end), " | %s | %s | %s |\n", outcome_name(&answers[AS_USER][i][MAIN_THREAD]),
	    outcome_name(&answers[SECOND_WALL][i][MAIN_THREAD]),
	    outcome_name(&answers[SUPERVISORS][i][MAIN_THREAD]));
	report(agree(i, 0, SECOND_WALL) && agree(i, SECOND_WALL, BOTH_WALLS) &&
	    agree(i, SUPERVISORS, ARRAY_SIZE(identities)) &&
	    strncmp(line, begin, strlen(begin)) == 0 && len > strlen(end) &&
	    (lacking || strcmp(line + len - strlen(end), end) == 0),
	    "doc/security.md has \"%s\": %.*s", attempts[i].what, (int)strcspn(end, "\n"), end);
	snprintf(row, sizeof(row), "%s%s%s", begin, free_ones, end);
	if (strcmp(line, row) != 0)
		printf("# the manual has %s", line);
}

/* The rows of the manual are these attempts, in this order, and nothing else. */
static void
test_manual(void)
{
	const char *srcdir = getenv("srcdir");
	char path[PATH_MAX], line[512] = "";
	FILE *fp;
	size_t i;

	if (!as_root || srcdir == NULL)
		return;		/* some identities are missing then */
	snprintf(path, sizeof(path), "%s/doc/security.md", srcdir);
	if ((fp = fopen(path, "r")) == NULL)
		bail(path);
	while (strcmp(line, TABLE_HEAD) != 0 && fgets(line, sizeof(line), fp) != NULL)
		;
	report(fgets(line, sizeof(line), fp) != NULL && line[0] == '|',
	    "doc/security.md has the table of attempts");
	for (i = 0; i < ARRAY_SIZE(attempts); i++)
		compare_row(i, fgets(line, sizeof(line), fp) != NULL ? line : "");
	report(fgets(line, sizeof(line), fp) == NULL || line[0] != '|', "and no more of them");
	fclose(fp);
}

/* ---- main ---- */

static void
find_user(void)
{
	struct passwd *pw;

	as_root = geteuid() == 0;
	user_uid = geteuid();
	user_gid = getegid();
	if (!as_root)
		return;
	if ((pw = getpwnam("postgres")) == NULL && (pw = getpwnam("nobody")) == NULL) {
		errno = ENOENT;
		bail("neither postgres nor nobody is known here");
	}
	user_uid = pw->pw_uid;
	user_gid = pw->pw_gid;
}

static void
make_root(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(root, sizeof(root), "%s/pbkfs-sandbox.XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(root) == NULL)
		bail(root);
	must(chmod(root, 0755), root);
}

int
main(int argc, char **argv)
{
	struct rlimit no_core;
	size_t n;

	table_only = argc > 1 && strcmp(argv[1], "--table") == 0;
	parent = getpid();
	find_user();
	if ((have.fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC)) < 0)
		have.fuse = must(open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null");
	if (sandbox_landlock_abi() == 0) {
		if (getenv("CI") != NULL) {
			errno = EOPNOTSUPP;
			bail("Landlock");
		}
		puts("1..0 # SKIP this kernel has no Landlock");
		return 0;
	}
	make_root();
	getrlimit(RLIMIT_CORE, &no_core);
	no_core.rlim_cur = 0;	/* the hard one is an attempt's */
	setrlimit(RLIMIT_CORE, &no_core);
	for (n = 0; n < ARRAY_SIZE(identities); n++)
		if (can_be(&identities[n])) {
			run_attempts(n);
			if (identities[n].supervisor)
				run_supervisor(&identities[n]);
			else
				run_controls(&identities[n]);
		}
	test_debug();
	test_levels();
	test_programs();
	test_missing();
	test_manual();
	if (table_only)
		print_table();
	else
		printf("1..%d\n", tap_count);
	remove_root();
	return table_only && tap_failed > 0;
}

#else	/* --disable-sandbox */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"
#include "sandbox/sandbox.h"

static void *
end_at_once(void *arg)
{
	return arg;
}

/* There is nothing to be kept in by, whatever was asked for; and who asks is told so. */
int
main(void)
{
	struct sandbox s = { .level = SANDBOX_FULL };
	char error[SANDBOX_ERROR_MAX];
	struct msg_confined got;
	pthread_t thread;
	const struct { const char *what; bool holds; } cases[] = {
		{ "no level is more than none", sandbox_level(SANDBOX_FULL) == SANDBOX_NONE &&
		    sandbox_level(SANDBOX_SECCOMP_ONLY) == SANDBOX_NONE },
		{ "full can be entered", sandbox_enter(&s, &got, error) == 0 },
		{ "and has no wall", got.landlock == 0 && got.namespaces == 0 },
		{ "files are open", open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 },
		{ "sockets, too", socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0 },
		{ "and threads", sandbox_end_threads(&s) == 0 &&
		    pthread_create(&thread, NULL, end_at_once, NULL) == 0 &&
		    pthread_join(thread, NULL) == 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		printf("%sok %zu - %s\n", cases[i].holds ? "" : "not ", i + 1, cases[i].what);
	printf("1..%zu\n", ARRAY_SIZE(cases));
	return 0;
}

#endif
