/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel writes a file back when it is closed or no longer mapped, so a file
 * system that is unmounted because nobody uses it holds nothing that we have not
 * seen.  One whose connection is cut may: "umount -f" does that, and who
 * writes to "abort" of /sys/fs/fuse/connections.  The latter reads as ECONNABORTED
 * (FUSE_ABORT_ERROR), the former as ENODEV like an orderly end, and is
 * known by its order: it ends the connection while we still hold the mount
 * (pin.c).  Where it may not be pinned, a mount is taken for cut if, when its
 * connection has ended, the table of mounts still has it, or, taken out of that by
 * "umount -f -l", its device lives on because somebody holds a file.  The number of
 * a device says little: the next mount of anybody may get it.
 *
 * Who is killed can write nothing: so a note that says so is there from the
 * start, and an end in order removes it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "supervisor/diffdir.h"
#include "supervisor/ending.h"
#include "supervisor/holders.h"
#include "supervisor/identity.h"
#include "supervisor/mountinfo.h"
#include "supervisor/state.h"

#define LINGER_MS	10
#define LINGER_TRIES	200	/* so often: a file system with many inodes takes a moment to go */
#define REQUEST_ROOM	(2u << 20)	/* a read(2) of /dev/fuse with less is refused */

void
ending_init(struct ending *e)
{
	*e = (struct ending){ .table_fd = -1 };
	pin_init(&e->pin);
	errand_init(&e->search);
}

void
ending_forget(struct ending *e)
{
	errand_stop(&e->search);
	pin_forget(&e->pin);
	if (e->table_fd >= 0)
		close(e->table_fd);
	e->table_fd = -1;
}

/* The inode of our device in sysfs, which a later device of that number has not; 0 if there is none. */
static ino_t
find_in_sysfs(const struct ending *e)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u", e->major, e->minor);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static bool
is_ours(const struct supervisor *s, const struct mountinfo *m)
{
	return m->major == s->ending.major && m->minor == s->ending.minor &&
	    strcmp(m->source, s->config->diff) == 0;
}

void
ending_presume_cut(struct supervisor *s)
{
	int rc = mute_is(s) ? -ETIMEDOUT : diffdir_set_cut(&s->claim.dir,
	    "its processes were killed, or the machine stopped");

	if (rc != 0)
		log_warn("could not write \"%s\": %s", ONDISK_CHANGES "/" ONDISK_CUT, strerror(-rc));
}

/* Ours, that is: root's is known by what is seen in the directory that was walked to. */
static int
find_mount(const struct supervisor *s, struct mountinfo *m)
{
	int id, rc;

	if (!identity_is_root())
		return mountinfo_find(s->config->mnt, m);
	if ((id = mountinfo_id_at(s->mnt.parent_fd, s->mnt.base)) < 0)
		return id;
	rc = mountinfo_find_id(id, m);
	return rc == 0 && (strcmp(m->fstype, MOUNT_FSTYPE) != 0 ||
	    strcmp(m->source, s->config->diff) != 0) ? -ESTALE : rc;
}

void
ending_watch(struct supervisor *s)
{
	struct pin_mount pin = {
		.path = s->config->mnt, .parent_fd = s->mnt.parent_fd, .base = s->mnt.base,
	};
	struct mountinfo *m autofree = malloc(sizeof(*m));
	struct ending *e = &s->ending;
	int rc;

	e->table_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (e->table_fd < 0 || m == NULL || find_mount(s, m) != 0) {
		log_warn("could not find the mount in /proc/self/mountinfo");
		ending_forget(e);
		return;
	}
	e->id = pin.id = m->id;
	e->major = pin.major = m->major;
	e->minor = pin.minor = m->minor;
	e->sysfs = find_in_sysfs(e);
	if ((rc = pin_take(&e->pin, &pin)) != 0)
		log_debug("could not pin the mount: %s", strerror(-rc));
}

bool
ending_find_mountpoint(const struct supervisor *s, char mnt[PATH_MAX])
{
	struct mountinfo *m autofree = malloc(sizeof(*m)), *top autofree = malloc(sizeof(*top));
	const struct ending *e = &s->ending;

	strlcpy(mnt, s->config->mnt, PATH_MAX);
	if (e->table_fd < 0)
		return true;
	if (m == NULL || top == NULL)
		return false;
	if (mountinfo_find_id(e->id, m) != 0 || !is_ours(s, m))
		return false;
	strlcpy(mnt, m->mountpoint, PATH_MAX);
	return mountinfo_find(mnt, top) == 0 && top->id == e->id;
}

void
ending_poll(const struct supervisor *s, struct pollfd p[ENDING_DESCRIPTORS])
{
	const struct ending *e = &s->ending;

	/* Each request wakes whoever waits for the connection: so a worker that serves tells of its end. */
	p[0] = (struct pollfd){ .fd = e->over || s->phase == PHASE_SERVING ? -1 : s->mnt.fuse_fd };
	p[1] = (struct pollfd){ .fd = s->mnt.mounted ? e->table_fd : -1, .events = POLLPRI };
	p[2] = (struct pollfd){ .fd = e->search.pidfd, .events = POLLIN };
}

static bool
has_ended(int fuse_fd)
{
	struct pollfd p = { .fd = fuse_fd };

	return fuse_fd >= 0 && poll(&p, 1, 0) > 0 && (p.revents & POLLERR) != 0;
}

/* Why a connection that has ended gives no more requests. */
static int
reason_of_end(int fuse_fd)
{
	void *room = mmap(NULL, REQUEST_ROOM, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int rc = 0;

	if (room == MAP_FAILED)
		return -ENOMEM;
	if (read(fuse_fd, room, REQUEST_ROOM) < 0)
		rc = -errno;
	munmap(room, REQUEST_ROOM);
	return rc;
}

struct finding {
	const struct supervisor *s;
	bool	found;
};

static bool
compare(void *arg, const struct mountinfo *m)
{
	struct finding *k = arg;

	k->found = is_ours(k->s, m);
	return !k->found;
}

/* It is, as long as nobody can say that it is not. */
static bool
is_in_table(const struct supervisor *s)
{
	struct finding k = { s, false };

	return mountinfo_each(MOUNTINFO_SELF, MOUNT_FSTYPE, compare, &k) != 0 || k.found;
}

/* Nobody can open it any more, so what is left is gone as soon as the kernel has cleared up. */
static bool
lingers(const struct ending *e)
{
	int i;

	for (i = 0; e->sysfs != 0 && i < LINGER_TRIES; i++) {
		if (find_in_sysfs(e) != e->sysfs)
			return false;
		poll(NULL, 0, LINGER_MS);
	}
	return e->sysfs != 0;
}

/* For a connection that was not aborted. */
static bool
was_forced(const struct supervisor *s)
{
	const struct ending *e = &s->ending;

	if (e->left)
		return false;
	return pin_is_taken(&e->pin) || (e->table_fd >= 0 && (is_in_table(s) || lingers(e)));
}

static void
judge(struct supervisor *s)
{
	struct ending *e = &s->ending;

	e->over = true;
	if (reason_of_end(s->mnt.fuse_fd) == -ECONNABORTED)
		e->cut = "its connection was aborted (/sys/fs/fuse/connections)";
	else if (was_forced(s))
		e->cut = "it was unmounted by force (umount -f)";
	s->mnt.mounted = s->mnt.mounted && (e->table_fd < 0 || is_in_table(s));
	pin_forget(&e->pin);
}

/* One line each time that somebody else holds it. */
static void
log_holders(struct ending *e, const struct users *found, const char *mnt)
{
	char text[400];

	if (memcmp(found, &e->holders, sizeof(*found)) == 0)
		return;
	e->holders = *found;
	if (found->n == 0)
		return;
	users_tell(found, text, sizeof(text));
	log_warn("\"%s\" is unmounted here, but other mount namespaces hold it: %s",
	    mnt, text);
}

/* From the child, in one write(2) to a pipe. */
struct report {
	enum holders_seen seen;
	struct users holders;
};

void
ending_child(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
{
	struct report r = { 0 };

	(void)o;
	identity_raise();
	r.seen = holders_find(s->ending.major, s->ending.minor, &r.holders);
	_exit(write(fd[0], &r, sizeof(r)) != sizeof(r));
}

static void
search_ended(struct supervisor *s)
{
	struct ending *e = &s->ending;
	struct report r = { 0 };
	uint64_t now = clock_monotonic_ns();
	int rc = errand_end(&e->search, &r, sizeof(r));

	/* Where there are many processes a search costs: at most a twentieth of the time. */
	e->due = e->hurry ? now : now + MAX(STATE_SECOND, 20 * (now - e->began));
	if (rc != 0 || e->over)
		return;
	log_holders(e, &r.holders, s->config->mnt);
	if (r.holders.n > 0)
		return;
	e->due = 0;
	/*
	 * Who ends it by force ends the connection first, and nobody can from here on: that is
	 * root's, and not allowed in namespaces that others made.  Nor is it waited for these: a
	 * stranger could have more of them than anybody can look at.
	 */
	if (has_ended(s->mnt.fuse_fd))
		judge(s);
	else {
		e->left = r.seen != HOLDERS_PART;
		pin_release(s, &e->pin);
	}
}

static void
search(struct supervisor *s)
{
	struct ending *e = &s->ending;
	struct errand_order o = { .kind = ERRAND_HOLDERS };
	int rc;

	e->due = 0;
	e->hurry = false;
	e->began = clock_monotonic_ns();
	if (!pin_is_taken(&e->pin)) {
		if (has_ended(s->mnt.fuse_fd))
			judge(s);
	} else if ((rc = errand_start(s, &e->search, &o)) != 0) {
		log_error("could not search other mount namespaces for the mount: %s", strerror(-rc));
		pin_forget(&e->pin);
	}
}

void
ending_hurry(struct ending *e)
{
	e->hurry = true;
	if (e->due != 0)
		e->due = clock_monotonic_ns();
}

void
ending_look(struct supervisor *s, const struct pollfd p[ENDING_DESCRIPTORS])
{
	struct ending *e = &s->ending;

	if (p != NULL && p[2].revents != 0)
		search_ended(s);
	if (s->mnt.fuse_fd < 0 || e->over)
		return;
	if (has_ended(s->mnt.fuse_fd)) {
		judge(s);
		return;
	}
	if (s->mnt.mounted && e->table_fd >= 0 && p != NULL && p[1].revents != 0 && !is_in_table(s)) {
		s->mnt.mounted = false;
		search(s);
	}
	if (e->due != 0 && e->search.pid == 0 && clock_monotonic_ns() >= e->due)
		search(s);
}
