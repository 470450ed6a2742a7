/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables of system calls: a row for each call that a process may make, or may
 * not.
 *
 * The filter reads a table from the top; the first row whose call and arguments
 * match gives the answer.  A call without a row gets the table's own answer.
 */
#ifndef SANDBOX_CALLS_H
#define SANDBOX_CALLS_H

#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

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

struct calls {
	const char *who;	/* for --debug */
	const struct row *rows;
	size_t	n;
	enum answer otherwise;	/* for what has no row: to refuse is ENOSYS */
	const struct calls *then;	/* in the place of that: the rows of another table; or NULL */
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

#define DENY(call)	REFUSE(call, EPERM)

/*
 * Nothing of ours asks for these: other processes' memory, large and often broken parts of
 * the kernel, the kernel itself.  WHAT becomes of them: KILL or DENY.
 */
#define NOBODY_NEEDS(WHAT) \
	WHAT(ptrace), WHAT(process_vm_readv), WHAT(process_vm_writev), \
	WHAT(pidfd_getfd), WHAT(kcmp), \
	WHAT(open_by_handle_at),	/* goes round Landlock with CAP_DAC_READ_SEARCH */ \
	WHAT(bpf), WHAT(io_uring_setup), WHAT(io_uring_enter), WHAT(io_uring_register), \
	WHAT(perf_event_open), WHAT(userfaultfd), \
	WHAT(add_key), WHAT(request_key), WHAT(keyctl), \
	WHAT(init_module), WHAT(finit_module), WHAT(delete_module), \
	WHAT(kexec_load), WHAT(kexec_file_load), WHAT(reboot)

/* A confined process stays what it is: it cannot become anything else. */
#define SETTLED_IDENTITY(WHAT) \
	WHAT(setuid), WHAT(setgid), WHAT(setreuid), WHAT(setregid), WHAT(setresuid), \
	WHAT(setresgid), WHAT(setfsuid), WHAT(setfsgid), WHAT(setgroups), WHAT(capset)

/* Calls that signal other processes, or reach into their memory. */
#define OTHERS(WHAT) \
	WHAT(kill), WHAT(tkill), WHAT(rt_sigqueueinfo), WHAT(rt_tgsigqueueinfo), \
	WHAT(pidfd_send_signal), WHAT(process_madvise)

/* Calls that change what is mounted, and where the root is. */
#define TREE_OF_FILES(WHAT) \
	WHAT(mount), WHAT(umount2), WHAT(move_mount), WHAT(open_tree), WHAT(fsopen), \
	WHAT(fsconfig), WHAT(fsmount), WHAT(fspick), WHAT(mount_setattr), \
	WHAT(pivot_root), WHAT(chroot)

/*
 * A worker; one that makes plain directories for a promotion; the supervisor of a mount that is there; whoever
 * keeps rights, and the programs and libraries that he needs (fusermount3, the name service), of which we do not
 * know all calls.
 */
extern const struct calls calls_worker, calls_promoter, calls_layers, calls_supervisor, calls_privileged;

#endif
