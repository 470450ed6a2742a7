/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks the kernel of each process which file systems its files are on.  It
 * knows no paths, and no server has to answer.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/openers.h"
#include "supervisor/become.h"

bool
openers_is_on(int dir_fd, const char *name, int flags, unsigned major, unsigned minor)
{
	struct statx sx;

	return statx(dir_fd, name, flags | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &sx) == 0 &&
	    sx.stx_dev_major == major && sx.stx_dev_minor == minor;
}

struct search {
	unsigned major, minor;
	struct users *users;
};

/* Whether a directory of links of the process has one that leads there. */
static bool
has_one_in(int proc_fd, const char *name, const struct search *s)
{
	int fd = openat(proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	if (fd < 0)
		return false;
	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return false;
	}
	while (!found && (entry = readdir(dir)) != NULL)
		found = openers_is_on(dirfd(dir), entry->d_name, 0, s->major, s->minor);
	closedir(dir);
	return found;
}

/* Compares once for each process, whatever path comes first. */
static bool
compare(void *arg, const struct process *p, const char *path)
{
	struct search *s = arg;

	(void)path;
	if (!openers_is_on(p->proc_fd, "cwd", 0, s->major, s->minor) &&
	    !openers_is_on(p->proc_fd, "root", 0, s->major, s->minor) &&
	    !has_one_in(p->proc_fd, "fd", s) && !has_one_in(p->proc_fd, "map_files", s))
		return false;
	users_add(s->users, p);
	return false;
}

void
openers_find(unsigned major, unsigned minor, struct users *users)
{
	struct search s = { .major = major, .minor = minor, .users = users };

	*users = (struct users){ 0 };
	users->is_whole = users_each(clock_monotonic_ms() + USERS_MS, compare, &s);
}

struct finding {
	unsigned major, minor;
	struct users users;
};

static int
find_in_child(void *arg, int *passed)
{
	struct finding *k = arg;

	(void)passed;
	openers_find(k->major, k->minor, &k->users);
	return 0;
}

void
openers_find_within(unsigned major, unsigned minor, unsigned seconds, struct users *users)
{
	struct finding k = { .major = major, .minor = minor };
	const struct become_work w = {
		.act = find_in_child, .arg = &k, .size = sizeof(k), .seconds = seconds
	};

	if (become_run(NULL, &w, NULL) != 0)
		k.users = (struct users){ 0 };
	*users = k.users;
}
