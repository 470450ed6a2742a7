/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds the children of a process, and the servers of a connection, in /proc, and holds
 * each by a pidfd.  mountref.c decides whether to kill them.
 */
#include "config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

	children_close(c);
	if (parent_fd < 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	if ((fp = fopen(path, "re")) == NULL)
		return;
	while (fscanf(fp, "%d", &pid) == 1)
		add(c, pid, parent, parent_fd);
	fclose(fp);
}

/* ---- who serves a connection -------------------------------------------- */

/* Reads a file of /proc that is at most a page, as text. */
static bool
read_text(int dir_fd, const char *name, char text[4096])
{
	int fd autoclose = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, 4095);

	text[MAX(n, (ssize_t)0)] = '\0';
	return n > 0;
}

/* Whether all of its user ids are this one. */
static bool
is_all_of(int proc_fd, uid_t uid)
{
	unsigned real, effective, saved, fs;
	char text[4096], *line;

	return read_text(proc_fd, "status", text) && (line = strstr(text, "\nUid:")) != NULL &&
	    sscanf(line, "\nUid: %u %u %u %u", &real, &effective, &saved, &fs) == 4 &&
	    real == uid && effective == uid && saved == uid && fs == uid;
}

static bool
runs_this_program(int proc_fd)
{
	struct stat own, its;

	return stat("/proc/self/exe", &own) == 0 && fstatat(proc_fd, "exe", &its, 0) == 0 &&
	    own.st_dev == its.st_dev && own.st_ino == its.st_ino;
}

static bool
serves(int proc_fd, unsigned minor, int64_t until)
{
	int fd = openat(proc_fd, "fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	char text[4096], *line;
	bool found = false;
	unsigned number;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (!found && clock_monotonic_ms() < until && (entry = readdir(dir)) != NULL)
		found = isdigit((unsigned char)entry->d_name[0]) &&
		    read_text(dirfd(dir), entry->d_name, text) &&
		    (line = strstr(text, "\nfuse_connection:")) != NULL &&
		    sscanf(line, "\nfuse_connection: %u", &number) == 1 && number == minor;
	closedir(dir);
	return found;
}

/* The pidfd comes first: what is read while it has not ended is about that process. */
static void
add_server(struct children *c, int all_fd, const char *name, unsigned minor, uid_t uid, int64_t until)
{
	pid_t pid = (pid_t)atoi(name);
	int pidfd autoclose = -1, proc autoclose = -1;

	if (c->n == CHILDREN_MAX || pid == getpid() ||
	    (pidfd = (int)syscall(SYS_pidfd_open, pid, 0)) < 0 ||
	    (proc = openat(all_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return;
	if (((uid != 0 && is_all_of(proc, uid)) || runs_this_program(proc)) &&
	    serves(proc, minor, until) && !has_ended(pidfd)) {
		c->pid[c->n] = pid;
		c->fd[c->n++] = steal_fd(&pidfd);
	}
}

void
children_find_servers(struct children *c, unsigned minor, uid_t uid)
{
	int64_t until = clock_monotonic_ms() + SERVERS_SECONDS * 1000;
	const struct dirent *entry;
	DIR *proc = opendir("/proc");

	while (proc != NULL && clock_monotonic_ms() < until && (entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]))
			add_server(c, dirfd(proc), entry->d_name, minor, uid, until);
	if (proc != NULL)
		closedir(proc);
}

/* ---- ending them -------------------------------------------------------- */

int
children_wait_until(struct children *c, int64_t until)
{
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
