/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compares the paths that each process uses with the mountpoints, which it has
 * sorted for that.  It runs in a child of listing.c, for some of /proc may make
 * it wait.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "cli/clients.h"

/* A mountpoint, for a search by name. */
struct place {
	const char *mountpoint;
	uint32_t mount;
	pid_t	told;		/* the last process that was told to use it */
};

struct search {
	struct place *place;
	size_t	n;
	pid_t	parent;
	int	fd, rc;
};

static int
compare_places(const void *a, const void *b)
{
	return strcmp(((const struct place *)a)->mountpoint, ((const struct place *)b)->mountpoint);
}

/* Returns the index of the first place whose name is not less. */
static size_t
find_place(const struct search *s, const char *name)
{
	size_t low = 0, high = s->n, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (strcmp(s->place[middle].mountpoint, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
is_child_of(int proc_fd, pid_t parent)
{
	int fd autoclose = openat(proc_fd, "stat", O_RDONLY | O_CLOEXEC), ppid;
	char text[512];
	const char *end;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	/* The name before the parenthesis may hold anything. */
	end = strrchr(text, ')');
	return end != NULL && sscanf(end, ") %*c %d", &ppid) == 1 && ppid == parent;
}

static void
tell(struct search *s, struct place *at, const struct process *p)
{
	struct clients_record r = { .mount = at->mount };

	if (at->told == p->pid)
		return;
	at->told = p->pid;
	if (is_child_of(p->proc_fd, s->parent))
		return;
	users_take(p, &r.user);
	if (s->rc == 0)
		s->rc = io_write(s->fd, &r, sizeof(r));
}

/* Takes the process for a client of each mount at this path, or at one that it lies in. */
static bool
compare_path(void *arg, const struct process *p, const char *used)
{
	struct search *s = arg;
	char path[PATH_MAX], *slash;
	size_t i;

	if (strlcpy(path, used, sizeof(path)) >= sizeof(path))
		return true;
	for (;;) {
		for (i = find_place(s, path); i < s->n && strcmp(s->place[i].mountpoint, path) == 0; i++)
			tell(s, &s->place[i], p);
		if (path[0] != '/' || path[1] == '\0')
			return true;
		slash = strrchr(path, '/');
		slash[slash == path] = '\0';
	}
}

int
clients_find(const struct mountinfo *mounts, size_t n, pid_t parent, int64_t until, int fd)
{
	struct place *place autofree = calloc(n + 1, sizeof(*place));
	struct search s = { .place = place, .n = n, .parent = parent, .fd = fd };
	const struct clients_record end = { .mount = CLIENTS_END };
	size_t i;

	if (place == NULL)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		place[i] = (struct place){ mounts[i].mountpoint, (uint32_t)i, 0 };
	qsort(place, n, sizeof(*place), compare_places);
	if (!users_each(until, compare_path, &s))
		return -ETIMEDOUT;
	return s.rc != 0 ? s.rc : io_write(fd, &end, sizeof(end));
}

void
clients_add(struct clients *c, const struct user *u)
{
	if (c->n < ARRAY_SIZE(c->user))
		c->user[c->n] = *u;
	c->n++;
}

void
clients_remove(struct clients *c, pid_t pid)
{
	unsigned named = MIN(c->n, (unsigned)ARRAY_SIZE(c->user)), i;

	for (i = 0; i < named; i++)
		if (c->user[i].pid == pid) {
			memmove(&c->user[i], &c->user[i + 1], (named - i - 1) * sizeof(*c->user));
			c->n--;
			return;
		}
}
