/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * poll(2) with a limit of time; it starts, kills and reaps nobody.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>

#include "base/clock.h"
#include "base/util.h"
#include "supervisor/signals.h"
#include "supervisor/waiting.h"

/* Can be read while one of them is pending, which stays so. */
static int
open_interrupts(void)
{
	sigset_t set;
	int i;

	sigemptyset(&set);
	for (i = 1; i < NSIG; i++)
		if (signals_deed((uint32_t)i) == SIGNAL_LEAVE)
			sigaddset(&set, i);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int
wait_until(int fd, short events, int64_t until, int interrupts)
{
	struct pollfd p[] = {
		{ .fd = fd, .events = events }, { .fd = interrupts, .events = POLLIN },
	};
	int rc;

	do
		rc = poll(p, ARRAY_SIZE(p), (int)MAX(until - clock_monotonic_ms(), 0));
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return -errno;
	return rc == 0 ? -ETIMEDOUT : p[0].revents != 0 ? 0 : -EINTR;
}

int
waiting_for(int fd, unsigned seconds)
{
	int interrupts autoclose = open_interrupts();

	return wait_until(fd, POLLIN, clock_monotonic_ms() + (int64_t)seconds * 1000, interrupts);
}

int
waiting_firmly(int fd, unsigned seconds)
{
	return waiting_until(fd, POLLIN, clock_monotonic_ms() + (int64_t)seconds * 1000);
}

int
waiting_until(int fd, short events, int64_t until)
{
	return wait_until(fd, events, until, -1);
}
