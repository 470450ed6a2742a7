/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many processes share a namespace, and reading a table costs, so that of a
 * namespace is read once; who is in a root directory of its own sees only a part of it.
 * Where the namespaces of others have no number for us (an ordinary user may not look at
 * them) each table is read.  What is told twice is known by the number of the mount.
 */
#include "config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "supervisor/holders.h"

/* Of numbers that are not 0; a table with open addressing, at most half full. */
struct set {
	uint64_t *slot;
	size_t	n, room;	/* room is 0 or a power of two */
};

static uint64_t *
set_find(const struct set *s, uint64_t value)
{
	size_t i = (size_t)(value * 0x9e3779b97f4a7c15u >> 32) & (s->room - 1);

	while (s->slot[i] != 0 && s->slot[i] != value)
		i = (i + 1) & (s->room - 1);
	return &s->slot[i];
}

static bool
set_has(const struct set *s, uint64_t value)
{
	return s->room > 0 && *set_find(s, value) != 0;
}

static bool
set_grow(struct set *s)
{
	struct set bigger = { .room = s->room > 0 ? 2 * s->room : 64 };
	size_t i;

	if ((bigger.slot = calloc(bigger.room, sizeof(*bigger.slot))) == NULL)
		return false;
	for (i = 0; i < s->room; i++)
		if (s->slot[i] != 0)
			*set_find(&bigger, s->slot[i]) = s->slot[i];
	bigger.n = s->n;
	free(s->slot);
	*s = bigger;
	return true;
}

static void
set_add(struct set *s, uint64_t value)
{
	if (2 * s->n >= s->room && !set_grow(s))
		return;		/* then something is looked at, or told, twice */
	*set_find(s, value) = value;
	s->n++;
}

struct search {
	struct set spaces;	/* whose tables were read whole */
	struct set mounts;	/* that were visited, and those of our namespace */
	bool	(*visit)(void *arg, const struct holder *h);
	void	*arg;
	struct holder holder;	/* who is looked at */
	bool	enough;		/* the visitor has seen */
	time_t	until;		/* by the monotonic clock; 0 = until the end */
};

/* The number of a process's mount namespace, 0 if we may not know. */
static uint64_t
namespace_of(int proc_fd)
{
	struct stat st;

	return fstatat(proc_fd, "ns/mnt", &st, 0) == 0 ? st.st_ino : 0;
}

static bool
sees_all(int proc_fd)
{
	char root[2];

	return readlinkat(proc_fd, "root", root, sizeof(root)) == 1 && root[0] == '/';
}

static bool
visit_mount(void *arg, const struct mountinfo *m)
{
	struct search *s = arg;

	if (set_has(&s->mounts, (uint64_t)m->id))
		return true;
	set_add(&s->mounts, (uint64_t)m->id);
	s->holder.mount = m;
	s->enough = !s->visit(s->arg, &s->holder);
	return !s->enough;
}

static void
visit_process(struct search *s, int proc, const char *name)
{
	int fd autoclose = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char table[48];
	uint64_t space;

	if (fd < 0)
		return;
	s->holder = (struct holder){ .pid = (pid_t)strtol(name, NULL, 10), .proc_fd = fd };
	if ((space = namespace_of(fd)) != 0 && set_has(&s->spaces, space))
		return;
	if (space != 0 && sees_all(fd))
		set_add(&s->spaces, space);
	snprintf(table, sizeof(table), "/proc/%d/mountinfo", (int)s->holder.pid);
	mountinfo_each(table, MOUNT_FSTYPE, visit_mount, s);
}

static bool
know_mount(void *arg, const struct mountinfo *m)
{
	struct search *s = arg;

	set_add(&s->mounts, (uint64_t)m->id);
	return true;
}

static int
know_ours(struct search *s)
{
	struct stat st;

	if (stat("/proc/self/ns/mnt", &st) == 0)
		set_add(&s->spaces, st.st_ino);
	return mountinfo_each(MOUNTINFO_SELF, MOUNT_FSTYPE, know_mount, s);
}

/* Within so many seconds; 0 = without a limit. */
static int
each(bool (*visit)(void *arg, const struct holder *h), void *arg, unsigned seconds)
{
	struct search s = { .visit = visit, .arg = arg };
	const struct dirent *entry;
	DIR *proc;
	int rc;

	if (seconds > 0)
		s.until = clock_monotonic_seconds() + (time_t)seconds;
	if ((proc = opendir("/proc")) == NULL)
		return -errno;
	rc = know_ours(&s);
	while (rc == 0 && !s.enough && (s.until == 0 || clock_monotonic_seconds() <= s.until) &&
	    (entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]))
			visit_process(&s, dirfd(proc), entry->d_name);
	closedir(proc);
	free(s.spaces.slot);
	free(s.mounts.slot);
	return rc;
}

int
holders_each(bool (*visit)(void *arg, const struct holder *h), void *arg)
{
	return each(visit, arg, 0);
}

struct naming {
	unsigned major, minor, max, n;
	struct user *users;
	pid_t	last;
};

static bool
name_holder(void *arg, const struct holder *h)
{
	struct naming *k = arg;
	struct user *u;

	if (h->mount->major != k->major || h->mount->minor != k->minor || h->pid == k->last)
		return true;
	k->last = h->pid;
	if (k->n++ < k->max) {
		u = &k->users[k->n - 1];
		u->pid = h->pid;
		users_name(h->proc_fd, u->name, sizeof(u->name));
	}
	return true;
}

unsigned
holders_find(unsigned major, unsigned minor, struct user *users, unsigned max)
{
	struct naming k = { .major = major, .minor = minor, .max = max, .users = users };

	holders_each(name_holder, &k);
	return k.n;
}

unsigned
holders_of_mount(unsigned major, unsigned minor, char *text, size_t size)
{
	struct user users[USERS_NAMED];
	unsigned total = holders_find(major, minor, users, USERS_NAMED);

	users_print(users, MIN(total, (unsigned)USERS_NAMED), total, text, size);
	return total;
}

struct by_source {
	const char *source;
	struct mountinfo *found;
	int	rc;
};

static bool
compare_source(void *arg, const struct holder *h)
{
	struct by_source *k = arg;

	if (strcmp(h->mount->source, k->source) != 0)
		return true;
	*k->found = *h->mount;
	k->rc = 0;
	return false;
}

int
holders_find_source(const char *diff, struct mountinfo *m)
{
	struct by_source k = { diff, m, -ENOENT };

	holders_each(compare_source, &k);
	return k.rc;
}

struct listing {
	struct set devices;
	struct mountinfo_list *list;
	int	rc;
};

static uint64_t
device_of(const struct mountinfo *m)
{
	return (uint64_t)m->major << 32 | m->minor;
}

static bool
know_device(void *arg, const struct mountinfo *m)
{
	struct listing *k = arg;

	set_add(&k->devices, device_of(m));
	return true;
}

static bool
list_mount(void *arg, const struct holder *h)
{
	struct listing *k = arg;

	if (set_has(&k->devices, device_of(h->mount)))
		return true;
	set_add(&k->devices, device_of(h->mount));
	k->rc = mountinfo_append(k->list, h->mount);
	return k->rc == 0;
}

int
holders_list(struct mountinfo_list *list, unsigned seconds)
{
	struct listing k = { .list = list };
	int rc;

	if ((rc = mountinfo_each(MOUNTINFO_SELF, MOUNT_FSTYPE, know_device, &k)) == 0 &&
	    (rc = each(list_mount, &k, seconds)) == 0)
		rc = k.rc;
	free(k.devices.slot);
	return rc;
}
