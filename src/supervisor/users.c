/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads /proc and skips what it may not see, so the list may lack some.  Who holds a copy of the mount in
 * another namespace is found by holders.c.
 */
#include "config.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"
#include "supervisor/paths.h"
#include "supervisor/users.h"

/* A process that is looked at, and who wants to know. */
struct look {
	struct process process;
	users_visit visit;
	void	*arg;
	bool	enough;
};

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
	while (!l->enough && (entry = readdir(dir)) != NULL)
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
	while (!l->enough && getline(&line, &size, fp) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if ((path = strchr(line, '/')) != NULL)
			visit_path(l, path);
	}
	fclose(fp);
}

static void
visit_process(int proc, const char *name, users_visit visit, void *arg)
{
	int fd autoclose = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct look l = { .visit = visit, .arg = arg };

	if (fd < 0)
		return;
	l.process.pid = (pid_t)strtol(name, NULL, 10);
	l.process.proc_fd = fd;
	visit_link(&l, fd, "cwd");
	visit_link(&l, fd, "root");
	visit_link(&l, fd, "exe");
	if (!l.enough)
		visit_open_files(&l);
	if (!l.enough)
		visit_mappings(&l);
}

void
users_each(users_visit visit, void *arg)
{
	const struct dirent *entry;
	DIR *proc;

	if ((proc = opendir("/proc")) == NULL)
		return;
	while ((entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]))
			visit_process(dirfd(proc), entry->d_name, visit, arg);
	closedir(proc);
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

struct finding {
	const char *mnt;
	struct user *users;
	unsigned n, max;
};

static bool
compare(void *arg, const struct process *p, const char *path)
{
	struct finding *k = arg;

	if (!paths_contains(k->mnt, path))
		return true;
	if (k->n++ < k->max)
		users_take(p, &k->users[k->n - 1]);
	return false;
}

unsigned
users_find(const char *mnt, struct user *users, unsigned max)
{
	struct finding k = { .mnt = mnt, .users = users, .max = max };

	users_each(compare, &k);
	return k.n;
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
users_of_mount(const char *mnt, char *text, size_t size)
{
	struct user users[USERS_NAMED];
	unsigned total = users_find(mnt, users, USERS_NAMED);

	users_print(users, MIN(total, (unsigned)USERS_NAMED), total, text, size);
}
