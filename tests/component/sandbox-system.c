/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Attempts on the system: network, other processes, the kernel, memory, privileges.
 */
#include "config.h"

#ifdef ENABLE_SANDBOX

#include <grp.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include "base/io.h"
#include "sandbox-try.h"

/* ---- network ---- */

int
net_udp(void)
{
	return answer(socket(AF_INET, SOCK_DGRAM, 0));
}
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

int
proc_execve(void)
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
int
sys_syslog(void)
{
	return answer(syscall(SYS_syslog, 10, NULL, 0));
}
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

int
mem_wx(void)
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

/* The raw calls, as an attacker makes them, for this thread alone. */
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

/* Not an attempt: checks that the capabilities are those that were agreed. */
uint64_t
permitted_caps(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct half[2] = { { 0 } };

	syscall(SYS_capget, &head, half);
	return half[0].permitted | (uint64_t)half[1].permitted << 32;
}

/* ---- taking the machine ---- */

static void *
end_at_once(void *arg)
{
	return arg;
}

int
take_thread(void)
{
	pthread_t id;

	return -pthread_create(&id, NULL, end_at_once, NULL);
}

/*
 * The rights of a process without the sandbox depend on who started it: 2000
 * descriptors suffice.
 */
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

/* ---- the table ---- */

const struct attempt system_attempts[] = {
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
	{ NULL, NULL, 0 },
};

#endif
