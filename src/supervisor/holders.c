/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many processes share a namespace, and reading a table costs, so that of a
 * namespace is read once; who is in a root directory of its own sees only a part of it.
 * Where the namespaces of others have no number for us (an ordinary user may not look at
 * them) tables are distinguished by their first lines.  A mount that is found twice is known by
 * its number.
 *
 * Anybody may have namespaces with a hundred thousand mounts each: so there is a limit of time,
 * and what others made comes last.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "supervisor/fusectl.h"
#include "supervisor/holders.h"
#include "supervisor/processes.h"
#include "supervisor/turns.h"

#define TRIES	3	/* if processes end meanwhile */

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
		return;		/* then something is looked at, or reported, twice */
	*set_find(s, value) = value;
	s->n++;
}

/* A process, and whose the mount namespace is that it lives in. */
struct place {
	pid_t	pid;
	uid_t	owner;		/* TURNS_FIRST if it is of our user namespace */
	bool	stands_for_all;	/* no other process of that namespace is looked at */
};

struct places {
	struct place *at;
	size_t	n;
	struct set spaces;	/* namespaces that one process was found for who sees all of it */
	bool	is_whole;
};

struct search {
	struct set tables;	/* that were read, by their first lines */
	struct set mounts;	/* that were visited, and those of our namespace */
	bool	(*visit)(void *arg, const struct holder *h);
	void	*arg;
	struct holder holder;	/* who is looked at */
	bool	enough;		/* the visitor has seen */
	int64_t	until;
	bool	lost;		/* a process that stood for others has ended */
};

/* ---- where to look ------------------------------------------------------- */

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

/*
 * Finds whose the namespace of a process is: the user who made its user namespace, which
 * nobody can feign.  Where that cannot be known, the process's own user serves.
 */
static uid_t
find_owner(int proc_fd, uint64_t ours, uid_t process)
{
	int mnt autoclose = openat(proc_fd, "ns/mnt", O_RDONLY | O_CLOEXEC), user autoclose = -1;
	struct stat st;
	uid_t owner;

	if (mnt < 0 || (user = ioctl(mnt, NS_GET_USERNS)) < 0 || fstat(user, &st) != 0)
		return process;
	if (st.st_ino == ours)
		return TURNS_FIRST;
	return ioctl(user, NS_GET_OWNER_UID, &owner) == 0 ? owner : process;
}

static void
add_place(struct places *p, int proc, const struct processes_entry *e, uint64_t our_users)
{
	int fd autoclose = -1;
	bool whole = false;
	uint64_t space;
	char name[16];

	snprintf(name, sizeof(name), "%d", (int)e->pid);
	if ((fd = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return;
	if ((space = namespace_of(fd)) != 0 && set_has(&p->spaces, space))
		return;
	if (space != 0 && (whole = sees_all(fd)))
		set_add(&p->spaces, space);
	p->at[p->n++] = (struct place){
		e->pid, space != 0 ? find_owner(fd, our_users, e->uid) : e->uid, whole
	};
}

/*
 * One process for each namespace; or all of them, if none sees all of it or we may not know
 * where it lives.
 */
static int
find_places(struct places *p, int proc, int64_t until)
{
	struct processes all;
	struct stat mnt, user;
	size_t i;
	int rc;

	if (stat("/proc/self/ns/mnt", &mnt) == 0)
		set_add(&p->spaces, mnt.st_ino);
	if (stat("/proc/self/ns/user", &user) != 0)
		user.st_ino = 0;
	rc = processes_list(until, &all);
	if (rc == 0 && (p->at = calloc(all.n + 1, sizeof(*p->at))) == NULL)
		rc = -ENOMEM;
	for (i = 0; rc == 0 && i < all.n && clock_monotonic_ms() < until; i++)
		add_place(p, proc, &all.at[i], user.st_ino);
	p->is_whole = rc == 0 && all.is_whole && i == all.n;
	free(all.at);
	return rc;
}

static int
order_places(const struct places *p, size_t *order)
{
	uid_t *owner autofree = calloc(p->n + 1, sizeof(*owner));
	size_t i;

	if (owner == NULL)
		return -ENOMEM;
	for (i = 0; i < p->n; i++)
		owner[i] = p->at[i].owner;
	return turns_order(owner, p->n, order);
}

/* ---- looking ------------------------------------------------------------- */

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

/*
 * Whether the table that begins with this line is a new one.  It has the number of a mount,
 * which no other namespace has, and where that is from the root directory of who reads it.
 */
static bool
is_new(void *arg, const char *first)
{
	struct search *s = arg;
	uint64_t sum = 0xcbf29ce484222325u;
	bool seen;

	for (; *first != '\0'; first++)
		sum = (sum ^ (unsigned char)*first) * 0x100000001b3u;
	seen = set_has(&s->tables, MAX(sum, (uint64_t)1));
	set_add(&s->tables, MAX(sum, (uint64_t)1));
	return !seen;
}

/* Returns whether there was time for all of it. */
static bool
visit_process(struct search *s, int proc, const struct place *at)
{
	int fd autoclose = -1, rc = -ESRCH;
	char name[16], table[48];
	struct mountinfo_walk w = {
		.table = table, .fstype = MOUNT_FSTYPE, .until = s->until,
		.begin = is_new, .visit = visit_mount, .arg = s,
	};

	snprintf(name, sizeof(name), "%d", (int)at->pid);
	snprintf(table, sizeof(table), "/proc/%s/mountinfo", name);
	if ((fd = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC)) >= 0) {
		s->holder = (struct holder){ .pid = at->pid, .proc_fd = fd };
		rc = mountinfo_walk(&w);
	}
	s->lost |= rc != 0 && rc != -ETIMEDOUT && at->stands_for_all;
	return rc != -ETIMEDOUT;
}

static bool
know_mount(void *arg, const struct mountinfo *m)
{
	struct search *s = arg;

	set_add(&s->mounts, (uint64_t)m->id);
	return true;
}

static enum holders_seen
visit_places(struct search *s, const struct places *p, const size_t *order, int proc)
{
	bool is_late = false;
	size_t i;

	for (i = 0; i < p->n && !s->enough; i++) {
		is_late = is_late || clock_monotonic_ms() >= s->until ||
		    !visit_process(s, proc, &p->at[order[i]]);
		if (is_late)
			break;
	}
	if (!is_late && p->is_whole)
		return HOLDERS_ALL;
	return p->is_whole && p->at[order[i]].owner != TURNS_FIRST ? HOLDERS_HOST : HOLDERS_PART;
}

static int
look_once(struct search *s, int proc)
{
	struct places p = { 0 };
	size_t *order autofree = NULL;
	int rc = find_places(&p, proc, s->until);

	if (rc == 0 && (order = calloc(p.n + 1, sizeof(*order))) == NULL)
		rc = -ENOMEM;
	if (rc == 0 && (rc = order_places(&p, order)) == 0)
		rc = (int)visit_places(s, &p, order, proc);
	free(p.at);
	free(p.spaces.slot);
	return rc;
}

int
holders_each(int64_t until, bool (*visit)(void *arg, const struct holder *h), void *arg)
{
	int proc autoclose = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), rc, i;
	struct search s = { .visit = visit, .arg = arg, .until = until };

	if (proc < 0)
		return -errno;
	rc = mountinfo_each(MOUNTINFO_SELF, MOUNT_FSTYPE, know_mount, &s);
	for (i = 0; rc == 0 && i < TRIES; i++) {
		s.lost = false;
		if ((rc = look_once(&s, proc)) != HOLDERS_ALL || !s.lost)
			break;
	}
	free(s.tables.slot);
	free(s.mounts.slot);
	return rc;
}

/* ---- what is asked for --------------------------------------------------- */

struct naming {
	unsigned major, minor;
	struct users *users;
	pid_t	last;
};

static bool
name_holder(void *arg, const struct holder *h)
{
	const struct process p = { h->pid, h->proc_fd };
	struct naming *k = arg;

	if (h->mount->major != k->major || h->mount->minor != k->minor || h->pid == k->last)
		return true;
	k->last = h->pid;
	users_add(k->users, &p);
	return true;
}

enum holders_seen
holders_find(unsigned major, unsigned minor, struct users *users)
{
	struct naming k = { .major = major, .minor = minor, .users = users };
	int rc;

	*users = (struct users){ 0 };
	rc = holders_each(clock_monotonic_ms() + USERS_MS, name_holder, &k);
	users->is_whole = rc == HOLDERS_ALL;
	return rc < 0 ? HOLDERS_PART : (enum holders_seen)rc;
}

struct by_source {
	const char *source;
	uid_t	owner;
	struct mountinfo *found;
	int	rc;
};

static bool
compare_source(void *arg, const struct holder *h)
{
	struct by_source *k = arg;

	if (strcmp(h->mount->source, k->source) != 0 || !fusectl_is_of(h->mount->minor, k->owner))
		return true;
	*k->found = *h->mount;
	k->rc = 0;
	return false;
}

int
holders_find_source(const char *diff, uid_t owner, struct mountinfo *m)
{
	struct by_source k = { diff, owner, m, -ENOENT };

	holders_each(clock_monotonic_ms() + USERS_MS, compare_source, &k);
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
holders_list(int64_t until, struct mountinfo_list *list)
{
	struct listing k = { .list = list };
	int rc;

	if ((rc = mountinfo_each(MOUNTINFO_SELF, MOUNT_FSTYPE, know_device, &k)) == 0 &&
	    (rc = holders_each(until, list_mount, &k)) >= 0)
		rc = k.rc;
	free(k.devices.slot);
	return rc;
}
