/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A kernel with autogroup (CONFIG_SCHED_AUTOGROUP) weighs sessions, and processes within theirs alone, unless a cgroup
 * has them.  Servers, each of their backends, and clients are sessions of their own, whose weight is the usual one,
 * whatever nice value they inherit.  So each of these sessions gets the nice value of the processes.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/descend.h"
#include "cli/niceness.h"

/* Of linux/ioprio.h, which not every system has. */
#define IOPRIO_WHO_PROCESS	1
#define IOPRIO_LOWEST		(2 << 13 | 7)	/* best effort */
#define IOPRIO_IDLE		(3 << 13)	/* when nobody else uses the disk */

#define NICE_MAX	19
#define DEPTH_MAX	8
#define SPREAD_MS	1000

static int value;	/* that was set; 0 = none */

int
niceness_lower(const char *text)
{
	int wanted = NICENESS_DEFAULT, now = getpriority(PRIO_PROCESS, 0);
	char *end = NULL;

	if (text != NULL) {
		wanted = (int)strtol(text, &end, 10);
		if (text[0] < '0' || text[0] > '9' || *end != '\0' || strlen(text) > 2 || wanted > NICE_MAX)
			return cli_usage("--nice takes 0 to %d, not \"%s\"", NICE_MAX, text);
	}
	value = wanted == 0 ? 0 : MAX(wanted, now);
	if (wanted <= now || wanted == 0)
		return 0;
	if (setpriority(PRIO_PROCESS, 0, wanted) != 0)
		cli_warn("could not lower the priority to %d: %s", wanted, strerror(errno));
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, wanted == NICE_MAX ? IOPRIO_IDLE : IOPRIO_LOWEST);
	return 0;
}

/* Whoever ends meanwhile, or is another user's, is let be: it costs politeness only. */
static uint64_t
lower_session(pid_t pid, unsigned depth)
{
	char path[64], text[64];
	int fd autoclose = -1, now;
	const char *end;
	ssize_t n;

	if (depth < DEPTH_MAX)
		descend_each(pid, depth + 1, lower_session);
	if (getsid(pid) == getsid(0))
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/autogroup", (int)pid);
	if ((fd = open(path, O_RDWR | O_CLOEXEC)) < 0 || (n = pread(fd, text, sizeof(text) - 1, 0)) <= 0)
		return 0;
	text[n] = '\0';	/* "/autogroup-123 nice 0" */
	if ((end = strstr(text, " nice ")) == NULL || sscanf(end, " nice %d", &now) != 1 || now >= value)
		return 0;
	snprintf(text, sizeof(text), "%d", value);
	return write(fd, text, strlen(text)) > 0;	/* which has no place in there, unlike pread(2) */
}

void
niceness_spread(void)
{
	static int64_t spread;	/* clock_monotonic_ms() */
	int64_t now = clock_monotonic_ms();

	if (value == 0 || now - spread < SPREAD_MS)
		return;
	spread = now;
	descend_each(getpid(), 0, lower_session);
}
