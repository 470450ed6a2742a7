/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One table for supervisor, monitor and lock holder.  A worker sets its own.
 */
#include "config.h"

#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/signals.h"

#define KERNEL_SIGNALS	64
#define KERNEL_RTMIN	32
#define KERNEL_SET_SIZE	(KERNEL_SIGNALS / 8)

static const unsigned char deeds[KERNEL_SIGNALS + 1] = {
	[SIGTERM] = SIGNAL_LEAVE,
	[SIGINT] = SIGNAL_LEAVE,
	[SIGQUIT] = SIGNAL_LEAVE,
	[SIGABRT] = SIGNAL_LEAVE,	/* abort(3) ends us all the same */
	[SIGPWR] = SIGNAL_LEAVE,
	[SIGUSR1] = SIGNAL_STATS,
	[SIGUSR2] = SIGNAL_RESET,
	[SIGSEGV] = SIGNAL_FAULT,
	[SIGBUS] = SIGNAL_FAULT,
	[SIGILL] = SIGNAL_FAULT,
	[SIGFPE] = SIGNAL_FAULT,
	[SIGSYS] = SIGNAL_FAULT,
	[SIGTRAP] = SIGNAL_FAULT,
	[SIGCHLD] = SIGNAL_LEFT,	/* ignored, its children could not be waited for */
	[SIGCONT] = SIGNAL_LEFT,
	[SIGKILL] = SIGNAL_LEFT,
	[SIGSTOP] = SIGNAL_LEFT,
};

enum signal_deed
signals_deed(uint32_t number)
{
	return number < ARRAY_SIZE(deeds) ? (enum signal_deed)deeds[number] : SIGNAL_IGNORED;
}

/*
 * The two that the C library keeps for its threads, which a process of one has not.  Whoever
 * sets the mask through the library, as a module of its name service does, unblocks them.
 */
static void
ignore_hidden(void)
{
	struct {
		void	(*handler)(int);
		unsigned char rest[64];		/* no flags, no mask: whatever the machine's layout */
	} action = { .handler = SIG_IGN };
	int i;

	for (i = KERNEL_RTMIN; i < SIGRTMIN; i++)
		syscall(SYS_rt_sigaction, i, &action, NULL, KERNEL_SET_SIZE);
}

int
signals_open(void)
{
	sigset_t set;
	int i;

	ignore_hidden();
	memset(&set, 0xff, sizeof(set));
	for (i = 1; i <= KERNEL_SIGNALS; i++)
		if (signals_deed((uint32_t)i) == SIGNAL_LEFT)
			sigdelset(&set, i);
	signal(SIGCHLD, SIG_DFL);
	if (syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, KERNEL_SET_SIZE) != 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void
signals_ignore(void)
{
	sigset_t none;
	int i;

	for (i = 1; i <= KERNEL_SIGNALS; i++)
		if (signals_deed((uint32_t)i) < SIGNAL_FAULT)
			signal(i, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void
signals_kill(int pidfd)
{
	syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}
