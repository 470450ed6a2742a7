/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds the children of a process in /proc, and holds each by a pidfd.
 * target.c decides whether to kill them.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/children.h"
#include "supervisor/waiting.h"

static bool
has_ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) != 0;
}

static bool
is_child(pid_t pid, pid_t parent)
{
	char path[64], text[512], *end;
	FILE *fp;
	size_t n;
	int ppid;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if ((fp = fopen(path, "re")) == NULL)
		return false;
	n = fread(text, 1, sizeof(text) - 1, fp);
	fclose(fp);
	text[n] = '\0';
	/* The name in parentheses may hold anything, parentheses too. */
	return (end = strrchr(text, ')')) != NULL && sscanf(end + 1, " %*c %d", &ppid) == 1 &&
	    ppid == (int)parent;
}

/*
 * Takes a child in.  It asks whose child that is once it has the pidfd, so that
 * the answer is about that process.
 */
static void
add(struct children *c, pid_t pid, pid_t parent, int parent_fd)
{
	int fd;

	if (c->n == CHILDREN_MAX || (fd = (int)syscall(SYS_pidfd_open, pid, 0)) < 0)
		return;
	if (!is_child(pid, parent) || has_ended(parent_fd)) {
		close(fd);
		return;
	}
	c->pid[c->n] = pid;
	c->fd[c->n++] = fd;
}

void
children_find(struct children *c, pid_t parent, int parent_fd)
{
	char path[80];
	FILE *fp;
	int pid;

	c->n = 0;
	if (parent_fd < 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	if ((fp = fopen(path, "re")) == NULL)
		return;
	while (fscanf(fp, "%d", &pid) == 1)
		add(c, pid, parent, parent_fd);
	fclose(fp);
}

int
children_wait(struct children *c, int seconds)
{
	int64_t until = clock_monotonic_ms() + (int64_t)seconds * 1000;
	unsigned i;

	for (i = 0; i < c->n; i++) {
		if (c->fd[i] < 0)
			continue;
		if (waiting_until(c->fd[i], POLLIN, until) == -ETIMEDOUT)
			return -ETIMEDOUT;
		close(c->fd[i]);
		c->fd[i] = -1;
	}
	return 0;
}

unsigned
children_kill(struct children *c)
{
	unsigned i, n = 0;

	for (i = 0; i < c->n; i++)
		if (c->fd[i] >= 0 && !has_ended(c->fd[i]) &&
		    syscall(SYS_pidfd_send_signal, c->fd[i], SIGKILL, NULL, 0) == 0)
			n++;
	return n;
}

void
children_close(struct children *c)
{
	unsigned i;

	for (i = 0; i < c->n; i++)
		if (c->fd[i] >= 0)
			close(c->fd[i]);
	c->n = 0;
}
