/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The filter of system calls: from a table (calls.h) to a program of the kernel's.
 */
#include "config.h"

#ifdef ENABLE_SANDBOX

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/util.h"
#include "sandbox/calls.h"
#include "sandbox/layers.h"

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

#define CODE_MAX	1024	/* instructions; twice what the largest table takes */

struct program {
	const struct calls *calls;
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
 * Returns the value that the filter returns for a row.  With debug, refusals
 * become a SIGSYS whose handler finds the errno in si_errno, 0 if the process
 * is to die.
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

/*
 * Makes every conditional jump from start on lead, when false, to the next
 * instruction.
 */
static void
patch_jumps(struct program *p, size_t start)
{
	size_t i;

	for (i = start; i < p->len && p->len <= CODE_MAX; i++)
		if (BPF_CLASS(p->code[i].code) == BPF_JMP)
			p->code[i].jf = (uint8_t)(p->len - i - 1);
}

/*
 * Emits a row: compare the number, then the arguments, then return.  The number
 * is in the accumulator when a row begins, so it is loaded again after a row
 * that looked at arguments.
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

/* Refuses other architectures, where numbers mean other calls: 32-bit programs, x32. */
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
	const struct calls *c = p->calls;
	size_t i;

	emit_architecture(p);
	for (;; c = c->then) {
		for (i = 0; i < c->n; i++)
			emit_row(p, &c->rows[i]);
		if (c->then == NULL)
			break;
	}
	emit_return(p, answer_value(p, c->otherwise, ENOSYS));
	return p->len <= CODE_MAX ? 0 : -E2BIG;
}

/* ---- --debug: the handler of SIGSYS, async-signal-safe ---- */

static const struct calls *installed;

static const char *
name_of(int nr)
{
	const struct calls *c;
	size_t i;

	for (c = installed; c != NULL; c = c->then)
		for (i = 0; i < c->n; i++)
			if (c->rows[i].nr == (uint32_t)nr)
				return c->rows[i].name;
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

	end = put_text(end, "pbkfs ");
	end = put_text(end, installed->who);
	end = put_text(end, ": system call ");
	end = put_text(end, name_of(nr));
	end = put_text(end, "(");
	end = put_number(end, (unsigned)nr);
	end = put_text(end, ") refused\n");
	if (write(STDERR_FILENO, line, (size_t)(end - line)) < 0)
		return;		/* nobody listens */
}

/* Ends as the process would without debug: the supervisor sees signal SIGSYS. */
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
sandbox_seccomp_install(const struct calls *calls, bool debug, const char **step)
{
	struct program p = { .calls = calls, .debug = debug };
	struct sock_fprog prog = { .filter = p.code };
	int rc;

	*step = "build the filter of system calls";
	if ((rc = build(&p)) != 0)
		return rc;
	*step = "catch SIGSYS";
	installed = calls;
	if (debug && (rc = catch_sigsys()) != 0)
		return rc;
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
	long rc = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog);

	return rc == 0 ? 0 : rc > 0 ? -ESRCH : -errno;	/* rc > 0: a thread that did not follow */
}

#endif /* ENABLE_SANDBOX */
