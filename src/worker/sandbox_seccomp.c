/*
 * The filter of system calls: one table, read from the top; the first row
 * whose call and arguments match gives the answer.  What has no row gets
 * ENOSYS, at which the C library falls back to an older way.
 *
 * The filter sees numbers, not what pointers point to.  So it refuses calls
 * that hide their arguments in memory (openat2, clone3) where the older call
 * can be judged, and it cannot tell the store from the diff directory, which
 * is Landlock's part.  Landlock has no say in modes, owners, times and
 * extended attributes, and the worker's user may own the store: those calls
 * are refused everywhere, since the journal keeps such things for us.
 *
 * Recipe: a new call is one row, with who needs it.  Find its name by --debug.
 */
#include "config.h"

#ifdef ENABLE_SANDBOX

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/util.h"
#include "worker/sandbox_layers.h"

#ifndef SYS_SECCOMP
#define SYS_SECCOMP	1	/* si_code of a trapped call; older C libraries lack it */
#endif

#if defined(__x86_64__)
#define FILTER_ARCH	AUDIT_ARCH_X86_64
#define X32_BIT		0x40000000u	/* the calls of the x32 ABI have it set */
#elif defined(__aarch64__)
#define FILTER_ARCH	AUDIT_ARCH_AARCH64
#else
#error "the sandbox knows x86-64 and arm64 only: build with --disable-sandbox"
#endif
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the sandbox knows little-endian arguments only: build with --disable-sandbox"
#endif

enum answer {
	ANSWER_ALLOW,
	ANSWER_REFUSE,		/* fails with an errno */
	ANSWER_QUIET,		/* the same, unnamed under --debug */
	ANSWER_KILL,		/* the process dies of SIGSYS */
};

/* One condition on 32 bits of an argument. */
struct test {
	enum { TEST_END, TEST_EQUAL, TEST_ANY, TEST_SELF } kind;
	uint32_t at;		/* offset into struct seccomp_data */
	uint32_t mask;
	uint32_t value;		/* TEST_EQUAL: what the masked bits are */
};
#define TESTS_MAX	3

struct row {
	const char *name;
	uint32_t nr;
	enum answer answer;
	int	error;		/* errno, positive, as the filter returns it */
	struct test tests[TESTS_MAX];	/* all must hold */
};

#define ALLOW(call) \
	{ .name = #call, .nr = __NR_##call, .answer = ANSWER_ALLOW }
#define ALLOW_IF(call, ...) \
	{ .name = #call, .nr = __NR_##call, .answer = ANSWER_ALLOW, .tests = { __VA_ARGS__ } }
#define REFUSE(call, err) \
	{ .name = #call, .nr = __NR_##call, .answer = ANSWER_REFUSE, .error = (err) }
#define REFUSE_IF(call, err, ...) \
	{ .name = #call, .nr = __NR_##call, .answer = ANSWER_REFUSE, .error = (err), \
	  .tests = { __VA_ARGS__ } }
#define QUIET(call, err) \
	{ .name = #call, .nr = __NR_##call, .answer = ANSWER_QUIET, .error = (err) }
#define KILL(call) \
	{ .name = #call, .nr = __NR_##call, .answer = ANSWER_KILL }

/*
 * Arguments count from 0.  The kernel takes all that is tested here as 32 bits
 * (for mmap's protection only the low ones have a meaning), save for the one
 * pointer, of which HIGH_IS tests the other half.
 */
#define ARG(n)			((uint32_t)offsetof(struct seccomp_data, args) + 8 * (n))
#define BITS_ARE(n, m, v)	{ TEST_EQUAL, ARG(n), (m), (v) }
#define IS(n, v)		BITS_ARE(n, UINT32_MAX, v)
#define HIGH_IS(n, v)		{ TEST_EQUAL, ARG(n) + 4, UINT32_MAX, (v) }
#define ANY_OF(n, m)		{ TEST_ANY, ARG(n), (m), 0 }
#define IS_OUR_PID(n)		{ TEST_SELF, ARG(n), UINT32_MAX, 0 }

/* O_TMPFILE is O_DIRECTORY and a bit of its own. */
#define CREATES		(O_CREAT | (O_TMPFILE & ~O_DIRECTORY))
#define SUID_SGID	(S_ISUID | S_ISGID)
/* What pthread_create() asks clone(2) for: a thread, no namespace, no new process. */
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
	REFUSE(setuid, EPERM),
	REFUSE(setgid, EPERM),
	REFUSE(setreuid, EPERM),
	REFUSE(setregid, EPERM),
	REFUSE(setresuid, EPERM),
	REFUSE(setresgid, EPERM),
	REFUSE(setfsuid, EPERM),
	REFUSE(setfsgid, EPERM),
	REFUSE(setgroups, EPERM),
	REFUSE(capset, EPERM),

	/* ---- nothing honest in here asks for these ---- */
	KILL(execve),			/* other programs */
	KILL(execveat),
	KILL(kill),			/* other processes: signals, */
	KILL(tkill),
	KILL(rt_sigqueueinfo),
	KILL(rt_tgsigqueueinfo),
	KILL(pidfd_send_signal),
	KILL(ptrace),			/* memory */
	KILL(process_vm_readv),
	KILL(process_vm_writev),
	KILL(process_madvise),
	KILL(pidfd_getfd),		/* and descriptors */
	KILL(kcmp),
	KILL(mount),			/* the tree of files */
	KILL(umount2),
	KILL(move_mount),
	KILL(open_tree),
	KILL(fsopen),
	KILL(fsconfig),
	KILL(fsmount),
	KILL(fspick),
	KILL(mount_setattr),
	KILL(pivot_root),
	KILL(chroot),
	KILL(unshare),
	KILL(setns),
	KILL(open_by_handle_at),	/* goes round Landlock with CAP_DAC_READ_SEARCH */
	KILL(bpf),			/* large and often broken parts of the kernel */
	KILL(io_uring_setup),
	KILL(io_uring_enter),
	KILL(io_uring_register),
	KILL(perf_event_open),
	KILL(userfaultfd),
	KILL(add_key),
	KILL(request_key),
	KILL(keyctl),
	KILL(init_module),		/* the kernel itself */
	KILL(finit_module),
	KILL(delete_module),
	KILL(kexec_load),
	KILL(kexec_file_load),
	KILL(reboot),
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

#define CODE_MAX	1024	/* instructions; twice what the table takes */

struct program {
	struct sock_filter code[CODE_MAX];
	size_t	len;		/* may pass CODE_MAX: then nothing was written beyond */
	bool	debug;
};

static void
emit(struct program *p, uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false)
{
	if (p->len < CODE_MAX)
		p->code[p->len] = (struct sock_filter){ code, if_true, if_false, k };
	p->len++;
}

static void
emit_load(struct program *p, uint32_t at)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, at, 0, 0);
}

static void
emit_return(struct program *p, uint32_t value)
{
	emit(p, BPF_RET | BPF_K, value, 0, 0);
}

/*
 * What the filter returns.  With debug, refusals become a SIGSYS whose
 * handler finds the errno in si_errno, 0 where the process is to die.
 */
static uint32_t
answer_value(const struct program *p, enum answer answer, int error)
{
	switch (answer) {
	case ANSWER_ALLOW:
		return SECCOMP_RET_ALLOW;
	case ANSWER_REFUSE:
		return (p->debug ? SECCOMP_RET_TRAP : SECCOMP_RET_ERRNO) | (uint32_t)error;
	case ANSWER_QUIET:
		return SECCOMP_RET_ERRNO | (uint32_t)error;
	case ANSWER_KILL:
		break;
	}
	return p->debug ? SECCOMP_RET_TRAP : SECCOMP_RET_KILL_PROCESS;
}

/* Goes on if the test holds; else jumps to a place that patch_jumps() fills in. */
static void
emit_test(struct program *p, const struct test *t)
{
	uint32_t value = t->kind == TEST_SELF ? (uint32_t)getpid() : t->value;

	emit_load(p, t->at);
	if (t->kind == TEST_ANY) {
		emit(p, BPF_JMP | BPF_JSET | BPF_K, t->mask, 0, 0);
		return;
	}
	if (t->mask != UINT32_MAX)
		emit(p, BPF_ALU | BPF_AND | BPF_K, t->mask, 0, 0);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0);
}

/* Every conditional jump from start on leads, when false, to the next instruction. */
static void
patch_jumps(struct program *p, size_t start)
{
	size_t i;

	for (i = start; i < p->len && p->len <= CODE_MAX; i++)
		if (BPF_CLASS(p->code[i].code) == BPF_JMP)
			p->code[i].jf = (uint8_t)(p->len - i - 1);
}

/*
 * One row: compare the number, then the arguments, then return.  The number is
 * in the accumulator when a row begins, so it is loaded again after a row that
 * looked at arguments.
 */
static void
emit_row(struct program *p, const struct row *row)
{
	size_t start = p->len, i;

	emit(p, BPF_JMP | BPF_JEQ | BPF_K, row->nr, 0, 0);
	for (i = 0; i < TESTS_MAX && row->tests[i].kind != TEST_END; i++)
		emit_test(p, &row->tests[i]);
	emit_return(p, answer_value(p, row->answer, row->error));
	patch_jumps(p, start);
	if (i > 0)
		emit_load(p, offsetof(struct seccomp_data, nr));
}

/* Numbers mean other calls on another architecture: 32-bit programs, x32. */
static void
emit_architecture(struct program *p)
{
	emit_load(p, offsetof(struct seccomp_data, arch));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 1, 0);
	emit_return(p, SECCOMP_RET_KILL_PROCESS);
	emit_load(p, offsetof(struct seccomp_data, nr));
#ifdef X32_BIT
	emit(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	emit_return(p, SECCOMP_RET_KILL_PROCESS);
#endif
}

static int
build(struct program *p)
{
	size_t i;

	emit_architecture(p);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		emit_row(p, &rows[i]);
	emit_return(p, answer_value(p, ANSWER_REFUSE, ENOSYS));
	return p->len <= CODE_MAX ? 0 : -E2BIG;
}

/* ---- --debug: the handler of SIGSYS, async-signal-safe ---- */

static const char *
name_of(int nr)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].nr == (uint32_t)nr)
			return rows[i].name;
	return "?";
}

static char *
put_text(char *to, const char *text)
{
	size_t len = strlen(text);

	memcpy(to, text, len);
	return to + len;
}

static char *
put_number(char *to, unsigned value)
{
	if (value >= 10)
		to = put_number(to, value / 10);
	*to = (char)('0' + value % 10);
	return to + 1;
}

static void
report_refused(int nr)
{
	char line[128], *end = line;

	end = put_text(end, "pbkfs worker: system call ");
	end = put_text(end, name_of(nr));
	end = put_text(end, "(");
	end = put_number(end, (unsigned)nr);
	end = put_text(end, ") refused\n");
	if (write(STDERR_FILENO, line, (size_t)(end - line)) < 0)
		return;		/* nobody listens */
}

/* Ends as without debug: the supervisor sees signal SIGSYS. */
static void
die_of_sigsys(void)
{
	sigset_t set;

	signal(SIGSYS, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	raise(SIGSYS);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	_exit(128 + SIGSYS);
}

/* The call returns what the handler leaves in the register of results. */
static void
set_result(void *context, long result)
{
	ucontext_t *uc = context;

#if defined(__x86_64__)
	uc->uc_mcontext.gregs[REG_RAX] = result;
#elif defined(__aarch64__)
	uc->uc_mcontext.regs[0] = (unsigned long)result;
#endif
}

static void
on_sigsys(int sig, siginfo_t *info, void *context)
{
	int saved_errno = errno;

	(void)sig;
	if (info->si_code != SYS_SECCOMP)
		return;
	report_refused(info->si_syscall);
	if (info->si_errno == 0)
		die_of_sigsys();
	set_result(context, -(long)info->si_errno);
	errno = saved_errno;
}

static int
catch_sigsys(void)
{
	struct sigaction act = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };
	sigset_t set;

	sigemptyset(&act.sa_mask);
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	if (sigaction(SIGSYS, &act, NULL) != 0 || sigprocmask(SIG_UNBLOCK, &set, NULL) != 0)
		return -errno;
	return 0;
}

int
sandbox_seccomp_install(bool debug, const char **step)
{
	struct program p = { .debug = debug };
	struct sock_fprog prog = { .filter = p.code };
	int r;

	*step = "build the filter of system calls";
	if ((r = build(&p)) != 0)
		return r;
	*step = "catch SIGSYS";
	if (debug && (r = catch_sigsys()) != 0)
		return r;
	*step = "install the filter of system calls";
	prog.len = (unsigned short)p.len;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) != 0 ? -errno : 0;
}

/* The first filter has seen to the architecture. */
int
sandbox_seccomp_end_threads(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_seccomp, 2, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };
	long r = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog);

	return r == 0 ? 0 : r > 0 ? -ESRCH : -errno;	/* r > 0: a thread that did not follow */
}

#endif /* ENABLE_SANDBOX */
