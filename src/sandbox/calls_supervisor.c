/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The calls that the supervisor of a mount may make.  It has no capability, and
 * Landlock leaves it the diff directory.  It starts no process, since its
 * monitor does that, and signals only those of whom the monitor gave it a
 * descriptor.
 *
 * Recipe: a new call is one row, with who needs it; and rows for the calls that
 * newer or older C libraries make for the same function.  Find its name by
 * --debug.
 */
#include "config.h"

#ifdef ENABLE_SANDBOX

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/util.h"
#include "sandbox/calls.h"

#define CREATES		(O_CREAT | (O_TMPFILE & ~O_DIRECTORY))
#define SUID_SGID	(S_ISUID | S_ISGID)

static const struct row rows[] = {
	/* ---- the event loop ---- */
	ALLOW(read),			/* messages, signals, reports, tables of the kernel's */
	ALLOW(write),			/* messages, the log, replies to poison */
	ALLOW(writev),			/* messages */
	ALLOW(readv),
	ALLOW(ppoll),
	ALLOW(pselect6),
	ALLOW(restart_syscall),		/* after a stop */
	ALLOW(pipe2),			/* to a worker */
	ALLOW(sendmsg),			/* to the monitor, to commands */
	ALLOW(recvmsg),
	ALLOW_IF(sendto, IS(4, 0), HIGH_IS(4, 0)),	/* send(2): journald, connected before */
	ALLOW_IF(recvfrom, IS(4, 0), HIGH_IS(4, 0)),	/* recv(2) */
	ALLOW(accept4),			/* commands */
	ALLOW(shutdown),
	ALLOW_IF(getsockopt, IS(1, SOL_SOCKET)),	/* who they are */
	ALLOW_IF(setsockopt, IS(1, SOL_SOCKET)),
	ALLOW(wait4),			/* workers, errands */
	ALLOW(waitid),
	ALLOW_IF(pidfd_send_signal, IS(1, SIGKILL)),

	/* ---- files: where is Landlock's part, whose the owner's ---- */
	/* Access mode 3, neither reading nor writing, needs no right of Landlock's. */
	REFUSE_IF(openat, EACCES, BITS_ARE(2, O_ACCMODE, O_ACCMODE)),
	REFUSE_IF(openat, EACCES, BITS_ARE(2, O_ACCMODE, O_RDONLY), ANY_OF(2, O_TRUNC)),
	REFUSE_IF(openat, EPERM, ANY_OF(2, CREATES), ANY_OF(3, SUID_SGID)),
	ALLOW(openat),			/* diff directory, /proc/self, cgroup */
	QUIET(openat2, ENOSYS),		/* its mode is out of sight; base/io does without */
	ALLOW(close),
	ALLOW(close_range),
	ALLOW(pread64),
	ALLOW(pwrite64),		/* stat on a full disk */
	ALLOW(lseek),			/* a log that was held */
	ALLOW(fstat),
	ALLOW(newfstatat),
	ALLOW(statx),
	ALLOW(faccessat),		/* the device in sysfs */
	ALLOW(faccessat2),
	ALLOW(readlinkat),
	ALLOW(getdents64),		/* a first mount that failed leaves nothing */
	ALLOW(ftruncate),
	ALLOW(fallocate),
	ALLOW(fsync),
	ALLOW(fdatasync),
	ALLOW(unlinkat),
	ALLOW(renameat),
	/* Leaves a device node behind, of which Landlock does not know. */
	REFUSE_IF(renameat2, EPERM, ANY_OF(4, RENAME_WHITEOUT)),
	ALLOW(renameat2),
	ALLOW(mkdirat),
	ALLOW(flock),			/* let go */
	ALLOW(fstatfs),
	ALLOW(statfs),
	ALLOW(dup),
	ALLOW(dup3),
	ALLOW_IF(fcntl, IS(1, F_GETFD)),
	ALLOW_IF(fcntl, IS(1, F_SETFD)),
	ALLOW_IF(fcntl, IS(1, F_GETFL)),
	ALLOW_IF(fcntl, IS(1, F_SETFL)),	/* pipes */
	ALLOW_IF(fcntl, IS(1, F_GETLK)),
	ALLOW_IF(fcntl, IS(1, F_SETLK)),
	ALLOW_IF(fcntl, IS(1, F_DUPFD_CLOEXEC)),	/* fdopendir() of a copy */
	ALLOW_IF(fcntl, IS(1, F_ADD_SEALS)),	/* what commands are shown */
	REFUSE(fcntl, EPERM),		/* F_SETOWN and F_SETSIG signal others */
	REFUSE(ioctl, ENOTTY),		/* terminals, FUSE, devices */
	DENY(fchmod),
	DENY(fchmodat),
	DENY(fchown),
	DENY(fchownat),
	DENY(utimensat),
	DENY(setxattr),
	DENY(fsetxattr),
	DENY(lsetxattr),
	DENY(truncate),
	DENY(symlinkat),
	DENY(linkat),
	DENY(mknodat),

	/* ---- memory: never writable and executable ---- */
	REFUSE_IF(mmap, EACCES, ANY_OF(2, PROT_EXEC)),
	ALLOW(mmap),			/* malloc, room for a request */
	REFUSE_IF(mprotect, EACCES, ANY_OF(2, PROT_EXEC)),
	ALLOW(mprotect),
	REFUSE(pkey_mprotect, EACCES),
	ALLOW(munmap),
	ALLOW(mremap),
	ALLOW(madvise),
	ALLOW(brk),
	ALLOW_IF(memfd_create, IS(1, MFD_CLOEXEC | MFD_ALLOW_SEALING)),	/* what commands are shown */
	DENY(memfd_create),
	ALLOW(futex),
	ALLOW(membarrier),

	/* ---- itself ---- */
	ALLOW(exit),
	ALLOW(exit_group),
	ALLOW(rt_sigaction),
	ALLOW(rt_sigprocmask),
	ALLOW(rt_sigpending),
	ALLOW(rt_sigtimedwait),
	ALLOW(rt_sigreturn),
	ALLOW(sigaltstack),
	ALLOW_IF(tgkill, IS_OUR_PID(0)),	/* abort() */
	KILL(tgkill),
	ALLOW(set_robust_list),
	ALLOW(rseq),
	ALLOW(set_tid_address),
	ALLOW(getpid),
	ALLOW(gettid),
	ALLOW(getppid),
	ALLOW(getuid),
	ALLOW(geteuid),
	ALLOW(getgid),
	ALLOW(getegid),
	ALLOW(getrusage),
	ALLOW(umask),
	ALLOW(uname),
	ALLOW(sysinfo),			/* qsort() */
	ALLOW(sched_yield),
	ALLOW(sched_getaffinity),	/* malloc: arenas per processor */
	ALLOW_IF(prlimit64, IS(0, 0), IS(2, 0), HIGH_IS(2, 0)),	/* getrlimit() */
	DENY(prlimit64),
	ALLOW_IF(prctl, IS(0, PR_SET_NAME)),
	DENY(prctl),

	/* ---- time and chance ---- */
	ALLOW(clock_gettime),		/* where the vDSO cannot */
	ALLOW(clock_getres),
	ALLOW(gettimeofday),
	ALLOW(clock_nanosleep),
	ALLOW(nanosleep),
	ALLOW(getrandom),

	/* ---- network: what is open is enough ---- */
	DENY(socket),
	DENY(socketpair),
	DENY(connect),
	DENY(bind),
	DENY(listen),
	DENY(accept),
	DENY(sendto),
	DENY(sendmmsg),
	DENY(recvfrom),
	DENY(recvmmsg),
	DENY(getsockopt),
	DENY(setsockopt),

	/* ---- identity: it was settled before ---- */
	SETTLED_IDENTITY(DENY),

	/* ---- nothing honest in here asks for these: the monitor does ---- */
	KILL(clone),			/* processes, threads, namespaces */
	KILL(clone3),
	KILL(execve),
	KILL(execveat),
	KILL(unshare),
	KILL(setns),
	OTHERS(KILL),
	TREE_OF_FILES(KILL),
	NOBODY_NEEDS(KILL),

	/* ---- as if without a row; here for their names under --debug ---- */
	REFUSE(pidfd_open, ENOSYS),	/* a descriptor of anybody */
	REFUSE(chdir, ENOSYS),
	REFUSE(fchdir, ENOSYS),
	REFUSE(getcwd, ENOSYS),
	REFUSE(signalfd4, ENOSYS),
	REFUSE(splice, ENOSYS),
	REFUSE(seccomp, ENOSYS),
#ifdef __x86_64__
	/* ---- the older of these ---- */
	ALLOW(poll),
	ALLOW(select),
	ALLOW(stat),
	ALLOW(lstat),
	ALLOW(access),
	ALLOW(dup2),
	ALLOW(time),
	KILL(fork),
	KILL(vfork),
	KILL(iopl),
	KILL(ioperm),
	KILL(modify_ldt),
	REFUSE(open, ENOSYS),
	REFUSE(arch_prctl, ENOSYS),
#endif
};

const struct calls calls_supervisor = { "supervisor", rows, ARRAY_SIZE(rows), ANSWER_REFUSE, NULL };

#endif /* ENABLE_SANDBOX */
