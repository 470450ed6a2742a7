/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads /proc and skips what it may not see, so the list may lack some.  Who holds a copy of the mount in
 * another namespace is found by holders.c.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"
#include "supervisor/paths.h"
#include "supervisor/processes.h"
#include "supervisor/users.h"

#define SHARE_MS	250	/* for one process, which may have a million of open files */

/* A process that is looked at, and who wants to know. */
struct look {
	struct process process;
	users_visit visit;
	void	*arg;
	int64_t	until;
	bool	enough;
	bool	cut;		/* there was no time for all of it */
};

/* Whether there is something more to look at, and time for it. */
static bool
goes_on(struct look *l)
{
	l->cut |= clock_monotonic_ms() >= l->until;
	return !l->enough && !l->cut;
}

static void
visit_path(struct look *l, const char *path)
{
	if (!l->enough && path[0] == '/')
		l->enough = !l->visit(l->arg, &l->process, path);
}

static void
visit_link(struct look *l, int dir_fd, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir_fd, name, target, sizeof(target) - 1);

	if (n <= 0)
		return;
	target[n] = '\0';
	visit_path(l, target);
}

static void
visit_open_files(struct look *l)
{
	int fd = openat(l->process.proc_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return;
	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return;
	}
	while (goes_on(l) && (entry = readdir(dir)) != NULL)
		visit_link(l, dirfd(dir), entry->d_name);
	closedir(dir);
}

static void
visit_mappings(struct look *l)
{
	int fd = openat(l->process.proc_fd, "maps", O_RDONLY | O_CLOEXEC);
	char *line autofree = NULL, *path;
	size_t size = 0;
	FILE *fp;

	if (fd < 0)
		return;
	if ((fp = fdopen(fd, "r")) == NULL) {
		close(fd);
		return;
	}
	while (goes_on(l) && getline(&line, &size, fp) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if ((path = strchr(line, '/')) != NULL)
			visit_path(l, path);
	}
	fclose(fp);
}

/* Returns whether there was time for all of it. */
static bool
visit_process(int proc, pid_t pid, int64_t until, users_visit visit, void *arg)
{
	int64_t share = clock_monotonic_ms() + SHARE_MS;
	struct look l = { .visit = visit, .arg = arg, .until = MIN(until, share) };
	int fd autoclose = -1;
	char name[16];

	snprintf(name, sizeof(name), "%d", (int)pid);
	if ((fd = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return true;
	l.process.pid = pid;
	l.process.proc_fd = fd;
	visit_link(&l, fd, "cwd");
	visit_link(&l, fd, "root");
	visit_link(&l, fd, "exe");
	if (goes_on(&l))
		visit_open_files(&l);
	if (goes_on(&l))
		visit_mappings(&l);
	return l.enough || !l.cut;
}

bool
users_each(int64_t until, users_visit visit, void *arg)
{
	int proc autoclose = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct processes p;
	bool is_whole;
	size_t i;

	is_whole = processes_list(until, &p) == 0 && p.is_whole;
	for (i = 0; i < p.n && clock_monotonic_ms() < until; i++)
		is_whole &= visit_process(proc, p.at[i].pid, until, visit, arg);
	is_whole &= i == p.n;
	free(p.at);
	return is_whole;
}

void
users_name(int proc_fd, char *name, size_t size)
{
	int fd autoclose = openat(proc_fd, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, name, size - 1);

	name[MAX(n, (ssize_t)0)] = '\0';
	name[strcspn(name, "\n")] = '\0';
	text_make_printable(name);
}

void
users_take(const struct process *p, struct user *user)
{
	user->pid = p->pid;
	users_name(p->proc_fd, user->name, sizeof(user->name));
}

void
users_add(struct users *u, const struct process *p)
{
	if (u->n++ < USERS_MAX)
		users_take(p, &u->user[u->n - 1]);
}

struct finding {
	const char *mnt;
	struct users *users;
};

static bool
compare(void *arg, const struct process *p, const char *path)
{
	struct finding *k = arg;

	if (!paths_contains(k->mnt, path))
		return true;
	users_add(k->users, p);
	return false;
}

void
users_find(const char *mnt, struct users *u)
{
	struct finding k = { .mnt = mnt, .users = u };

	*u = (struct users){ 0 };
	u->is_whole = users_each(clock_monotonic_ms() + USERS_MS, compare, &k);
}

void
users_print(const struct user *users, unsigned n, unsigned total, char *text, size_t size)
{
	size_t len = 0;
	unsigned i;

	text[0] = '\0';
	for (i = 0; i < n && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s (pid %d)",
		    i > 0 ? ", " : "", users[i].name, (int)users[i].pid);
	if (total > n && len < size)
		snprintf(text + len, size - len, " and %u more", total - n);
}

void
users_tell(const struct users *u, char *text, size_t size)
{
	size_t len;

	users_print(u->user, MIN(u->n, (unsigned)USERS_NAMED), u->n, text, size);
	len = strlen(text);
	if (!u->is_whole)
		snprintf(text + len, size - len, "%sprocesses that there was no time to look at",
		    len > 0 ? ", and perhaps " : "");
	else if (len == 0)
		snprintf(text, size, "processes that cannot be seen from here");
}
