/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Adds up the time of the processor that a tree of processes has used, as /proc tells it.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/descend.h"
#include "cli/stall.h"

#define DEPTH_MAX	8
#define TICKS_MIN	3	/* less is noise */
#define PER_MILLE	3	/* of one processor: who polls uses less, who works uses more */

/* The ticks of one process, without those of children that have ended. */
static uint64_t
own_ticks(pid_t pid)
{
	unsigned long user = 0, kernel = 0;
	char path[64], text[1024];
	const char *end;
	ssize_t n;
	int fd autoclose = -1;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (pid == getpid() || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 ||
	    (n = read(fd, text, sizeof(text) - 1)) <= 0)
		return 0;
	text[n] = '\0';
	/* The name in parentheses may hold anything. */
	if ((end = strrchr(text, ')')) == NULL ||
	    sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) != 2)
		return 0;
	return user + kernel;
}

static uint64_t
tree_ticks(pid_t pid, unsigned depth)
{
	return own_ticks(pid) + (depth < DEPTH_MAX ? descend_each(pid, depth + 1, tree_ticks) : 0);
}

uint64_t
stall_seconds(uint64_t timeout)
{
	return timeout != 0 ? timeout : STALL_SECONDS;
}

void
stall_begin(struct stall *s, pid_t root, uint64_t limit)
{
	*s = (struct stall){ .root = root, .limit = stall_seconds(limit) };
}

void
stall_reset(struct stall *s)
{
	s->silent = 0;
	s->used = 0;
}

bool
stall_look(struct stall *s)
{
	uint64_t enough = s->limit * (uint64_t)sysconf(_SC_CLK_TCK) * PER_MILLE / 1000, total;
	int64_t now = clock_monotonic_ms();

	if (s->looked != 0 && now - s->looked < STALL_LOOK_MS)
		return false;
	total = descend_each(s->root, 0, tree_ticks);
	if (s->looked != 0) {
		s->silent += MIN(now - s->looked, (int64_t)2 * STALL_LOOK_MS);
		/* It becomes less when a process ends. */
		s->used += total > s->total ? total - s->total : 0;
	}
	s->looked = now;
	s->total = total;
	if (s->used >= MAX(enough, (uint64_t)TICKS_MIN))
		stall_reset(s);
	return s->silent >= (int64_t)s->limit * 1000;
}

/* ---- which WAL file it is ---------------------------------------------------- */

static char found_wal[STALL_WAL_MAX];

/* The title is "postgres: startup recovering NAME", or "waiting for NAME", perhaps with a cluster's name. */
static uint64_t
take_title(pid_t pid, unsigned depth)
{
	char path[64], text[512];
	const char *p;
	ssize_t n;
	int fd autoclose = -1;

	(void)depth;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 || (n = read(fd, text, sizeof(text) - 1)) <= 0)
		return 0;
	text[n] = '\0';
	if ((p = strstr(text, "startup")) == NULL)
		return 0;
	for (p += strlen("startup"); *p != '\0'; p += strcspn(p, " ")) {
		p += strspn(p, " ");
		if (strspn(p, "0123456789ABCDEF") == 24)
			snprintf(found_wal, sizeof(found_wal), "%.24s", p);
	}
	return 1;
}

void
stall_wal(pid_t postmaster, char name[STALL_WAL_MAX])
{
	found_wal[0] = '\0';
	descend_each(postmaster, 0, take_title);
	memcpy(name, found_wal, STALL_WAL_MAX);
}
