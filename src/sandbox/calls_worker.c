/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The calls that a worker may make.
 *
 * The filter sees numbers, and no memory behind a pointer.  So it refuses calls
 * that hide their arguments there (openat2, clone3) where the older call can be
 * judged; and it cannot tell the store from the diff directory, which Landlock
 * does.  Landlock has no say in modes, owners, times and extended attributes,
 * and the worker's user may own the store: those calls are refused everywhere,
 * since the journal keeps such things for us.
 *
 * Recipe: a new call is one row, with who needs it.  Find its name by --debug.
 */
#include "config.h"

#ifdef ENABLE_SANDBOX

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/util.h"
#include "sandbox/calls.h"

/* O_TMPFILE is O_DIRECTORY and a bit of its own. */
#define CREATES		(O_CREAT | (O_TMPFILE & ~O_DIRECTORY))
#define SUID_SGID	(S_ISUID | S_ISGID)
/*
 * The flags that pthread_create() gives to clone(2): a thread, no namespace, no
 * new process.
 */
#define THREAD_FLAGS	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | \
	CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | \
	CLONE_CHILD_CLEARTID)
#define CLONE_DETACHED_	0x00400000u	/* without effect; musl sets it */

static const struct row rows[] = {
	/* ---- every request: first, so that they are found soon ---- */
	ALLOW(read),			/* FUSE requests, pipe from the supervisor */
	ALLOW(writev),			/* FUSE replies */
	ALLOW(pread64),			/* probackup/pagefile, diff/, pg_wal */
	ALLOW(pwrite64),		/* diff/ */
	ALLOW(write),			/* pipe to the supervisor, journal, diagnostics */
	ALLOW(futex),			/* locks */

	/* ---- files: where is Landlock's part ---- */
	ALLOW(readv),			/* diff/ */
	ALLOW(preadv),			/* probackup/pagefile: runs of records */
	ALLOW(pwritev),			/* diff/ */
	/* Before Landlock ABI 3 a read-only open could truncate in the store. */
	REFUSE_IF(openat, EACCES, BITS_ARE(2, O_ACCMODE, O_RDONLY), ANY_OF(2, O_TRUNC)),
	/* Access mode 3, neither reading nor writing, needs no right of Landlock's. */
	REFUSE_IF(openat, EACCES, BITS_ARE(2, O_ACCMODE, O_ACCMODE)),
	/* A suid file in the diff directory is a way to become its owner. */
	REFUSE_IF(openat, EPERM, ANY_OF(2, CREATES), ANY_OF(3, SUID_SGID)),
	ALLOW(openat),			/* probackup/, diff/ */
	QUIET(openat2, ENOSYS),		/* its mode is out of sight; base/io does without */
	ALLOW(close),			/* everyone */
	ALLOW(fstat),			/* everyone */
	ALLOW(newfstatat),		/* fstat() of older C libraries; diff/ */
	ALLOW(statx),			/* diff/ */
	ALLOW(lseek),			/* diff/: holes */
	ALLOW(getdents64),		/* probackup/, diff/: directories */
	ALLOW(fstatfs),			/* op_statfs */
	ALLOW(statfs),			/* op_statfs */
	ALLOW(fallocate),		/* diff/: reserve, punched blocks */
	ALLOW(ftruncate),		/* diff/, index memfd */
	ALLOW(fsync),			/* diff/ */
	ALLOW(fdatasync),		/* diff/ */
	ALLOW(sync_file_range),		/* diff/: early writeback */
	ALLOW(fadvise64),		/* probackup/: sequential scans */
	ALLOW(copy_file_range),		/* diff/: WAL segments */
	ALLOW_IF(ioctl, IS(1, FICLONE)),	/* diff/: WAL segments */
	REFUSE(ioctl, ENOTTY),		/* FUSE, terminals, devices */
	ALLOW(unlinkat),		/* diff/ */
	ALLOW(renameat),		/* diff/ */
	/* Leaves a device node behind, of which Landlock does not know. */
	REFUSE_IF(renameat2, EPERM, ANY_OF(4, RENAME_WHITEOUT)),
	ALLOW(renameat2),		/* diff/ */
	ALLOW(mkdirat),			/* diff/; the kernel drops suid and sgid here */
	ALLOW_IF(fcntl, IS(1, F_GETFD)),	/* everyone */
	ALLOW_IF(fcntl, IS(1, F_SETFD)),	/* everyone */
	ALLOW_IF(fcntl, IS(1, F_GETFL)),	/* fdopendir() */
	ALLOW_IF(fcntl, IS(1, F_SETFL)),	/* pipes */
	ALLOW_IF(fcntl, IS(1, F_SETLK)),	/* diff/ */
	ALLOW_IF(fcntl, IS(1, F_GETLK)),	/* diff/ */
	ALLOW_IF(fcntl, IS(1, F_DUPFD_CLOEXEC)),	/* fdopendir() of a copy */
	REFUSE(fcntl, EPERM),		/* F_SETOWN and F_SETSIG signal others */

	/* ---- attributes and kinds of files that the journal keeps instead ---- */
	REFUSE(fchmod, EPERM),		/* Landlock allows it, even in the store */
	REFUSE(fchmodat, EPERM),	/* the same, of any file of our user */
	REFUSE(fchown, EPERM),		/* the same */
	REFUSE(fchownat, EPERM),	/* the same */
	REFUSE(utimensat, EPERM),	/* the same */
	REFUSE(setxattr, EPERM),	/* the same */
	REFUSE(fsetxattr, EPERM),	/* the same */
	REFUSE(lsetxattr, EPERM),	/* the same */
	REFUSE(truncate, EPERM),	/* Landlock before ABI 3 allows it */
	REFUSE(symlinkat, EPERM),	/* whoever reads the diff directory would follow */
	REFUSE(linkat, EPERM),		/* names are in the journal */
	REFUSE(mknodat, EPERM),		/* no devices, pipes, sockets */

	/* ---- memory: never writable and executable ---- */
	REFUSE_IF(mmap, EACCES, ANY_OF(2, PROT_EXEC)),
	ALLOW(mmap),			/* malloc, stacks, index, shared slots */
	REFUSE_IF(mprotect, EACCES, ANY_OF(2, PROT_EXEC)),
	ALLOW(mprotect),		/* malloc, guard pages */
	REFUSE(pkey_mprotect, EACCES),	/* the same with a key */
	ALLOW(munmap),			/* malloc, stacks */
	ALLOW(mremap),			/* realloc */
	ALLOW(madvise),			/* malloc, stacks */
	ALLOW(brk),			/* malloc */
	REFUSE(memfd_create, EPERM),	/* a file that could be executed */

	/* ---- threads, signals to ourselves, the end ---- */
	ALLOW_IF(clone, BITS_ARE(0, ~CLONE_DETACHED_, THREAD_FLAGS)),	/* pthread_create() */
	KILL(clone),			/* fork() and namespaces */
	/* Tried first, with all signals blocked: a SIGSYS there would kill. */
	QUIET(clone3, ENOSYS),		/* pthread_create(); clone can be judged */
	/* sandbox_end_threads(); a filter more can only take away. */
	ALLOW_IF(seccomp, IS(0, SECCOMP_SET_MODE_FILTER), IS(1, SECCOMP_FILTER_FLAG_TSYNC)),
	ALLOW(set_robust_list),		/* new threads */
	ALLOW(rseq),			/* new threads */
	ALLOW(set_tid_address),		/* C library */
	ALLOW(exit),			/* threads */
	ALLOW(exit_group),		/* _exit() */
	ALLOW(rt_sigaction),		/* abort() */
	ALLOW(rt_sigprocmask),		/* abort(), pthread_create() */
	ALLOW(rt_sigreturn),		/* signal handlers */
	ALLOW(sigaltstack),		/* signal handlers */
	ALLOW(restart_syscall),		/* a stopped sleep goes on */
	ALLOW_IF(tgkill, IS_OUR_PID(0)),	/* abort(), pthread_kill() */
	KILL(tgkill),			/* signals to the supervisor */
	ALLOW(getpid),			/* log */
	ALLOW(gettid),			/* log, abort() */
	ALLOW(getuid),			/* worker */
	ALLOW(geteuid),			/* worker */
	ALLOW(getgid),			/* worker */
	ALLOW(getegid),			/* worker */
	ALLOW(sched_yield),		/* locks */
	ALLOW(sched_getaffinity),	/* malloc: arenas per processor */
	/* hydrator: a thread may take itself back, and nothing else. */
	ALLOW_IF(sched_setscheduler, IS(0, 0), IS(1, SCHED_IDLE)),
	REFUSE(sched_setscheduler, EPERM),
	ALLOW_IF(ioprio_set, IS(0, 1), IS(1, 0), IS(2, 3 << 13)),	/* of itself, to the idle class */
	REFUSE(ioprio_set, EPERM),
	ALLOW(getrusage),		/* stat */
	ALLOW_IF(prlimit64, IS(0, 0), IS(2, 0), HIGH_IS(2, 0)),	/* getrlimit() */
	REFUSE(prlimit64, EPERM),	/* limits of others, and new ones */
	ALLOW_IF(prctl, IS(0, PR_SET_NAME)),	/* names of threads */
	REFUSE(prctl, EPERM),

	/* ---- time and chance ---- */
	ALLOW(clock_gettime),		/* where the vDSO cannot */
	ALLOW(gettimeofday),		/* the same */
	ALLOW(clock_nanosleep),		/* heartbeat */
	ALLOW(nanosleep),		/* heartbeat */
	ALLOW(ppoll),			/* pipe from the supervisor */
	ALLOW(getrandom),		/* random id of the mount, malloc */
#ifdef __x86_64__
	ALLOW(poll),			/* pipe from the supervisor */
	ALLOW(time),			/* where the vDSO cannot */
#endif

	/* ---- network: libraries may try (syslog, name service) and go on ---- */
	REFUSE(socket, EPERM),
	REFUSE(socketpair, EPERM),
	REFUSE(connect, EPERM),
	REFUSE(bind, EPERM),
	REFUSE(listen, EPERM),
	REFUSE(accept, EPERM),
	REFUSE(accept4, EPERM),
	REFUSE(sendto, EPERM),
	REFUSE(sendmsg, EPERM),
	REFUSE(sendmmsg, EPERM),
	REFUSE(recvfrom, EPERM),
	REFUSE(recvmsg, EPERM),
	REFUSE(recvmmsg, EPERM),

	/* ---- identity: it was settled before ---- */
	SETTLED_IDENTITY(DENY),

	/* ---- nothing honest in here asks for these ---- */
	KILL(execve),			/* other programs */
	KILL(execveat),
	OTHERS(KILL),
	TREE_OF_FILES(KILL),
	KILL(unshare),
	KILL(setns),
	NOBODY_NEEDS(KILL),
#ifdef __x86_64__
	KILL(fork),
	KILL(vfork),
	KILL(iopl),
	KILL(ioperm),
	KILL(modify_ldt),
#endif

	/* ---- as if without a row; here for their names under --debug ---- */
	REFUSE(dup, ENOSYS),
	REFUSE(dup3, ENOSYS),
	REFUSE(pipe2, ENOSYS),
	REFUSE(splice, ENOSYS),
	REFUSE(vmsplice, ENOSYS),
	REFUSE(eventfd2, ENOSYS),
	REFUSE(epoll_create1, ENOSYS),
	REFUSE(faccessat, ENOSYS),
	REFUSE(readlinkat, ENOSYS),
	REFUSE(chdir, ENOSYS),
	REFUSE(fchdir, ENOSYS),
	REFUSE(getcwd, ENOSYS),
	REFUSE(getppid, ENOSYS),
	REFUSE(umask, ENOSYS),
	REFUSE(uname, ENOSYS),
	REFUSE(sysinfo, ENOSYS),
	REFUSE(membarrier, ENOSYS),
	REFUSE(rt_sigtimedwait, ENOSYS),
	REFUSE(close_range, ENOSYS),
	REFUSE(flock, ENOSYS),
	REFUSE(capget, ENOSYS),
#ifdef __x86_64__
	REFUSE(open, ENOSYS),
	REFUSE(stat, ENOSYS),
	REFUSE(lstat, ENOSYS),
	REFUSE(access, ENOSYS),
	REFUSE(select, ENOSYS),
	REFUSE(arch_prctl, ENOSYS),
#endif
};

const struct calls calls_worker = { "worker", rows, ARRAY_SIZE(rows), ANSWER_REFUSE, NULL };

#endif /* ENABLE_SANDBOX */
