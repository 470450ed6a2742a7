/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds diff directories that are held without a mount: by the sockets of
 * root's supervisors, and by the directories that these have open.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/unmounted.h"
#include "supervisor/become.h"
#include "supervisor/socket.h"

struct finding {
	char	name[SOCKET_NAME_MAX];	/* of the socket: device and inode of the diff directory */
	char	diff[PATH_MAX];
};

/* Finds the open directory that the socket of its process is named after.  Returns 0 or -ENOENT. */
static int
find_open(DIR *dir, struct finding *f)
{
	char name[SOCKET_NAME_MAX];
	const struct dirent *entry;
	struct statx sx;
	ssize_t n;

	while ((entry = readdir(dir)) != NULL) {
		if (statx(dirfd(dir), entry->d_name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		    STATX_INO, &sx) != 0 || !S_ISDIR(sx.stx_mode))
			continue;
		socket_name(sx.stx_dev_major, sx.stx_dev_minor, sx.stx_ino, name);
		if (strcmp(name, f->name) != 0)
			continue;
		n = readlinkat(dirfd(dir), entry->d_name, f->diff, sizeof(f->diff) - 1);
		f->diff[MAX(n, (ssize_t)0)] = '\0';
		return n > 0 && f->diff[0] == '/' ? 0 : -ENOENT;
	}
	return -ENOENT;
}

/* Runs in a child: what others hold open may not answer. */
static int
find_diff(void *arg, int *passed)
{
	struct finding *f = arg;
	struct socket_peer peer;
	int sock autoclose = socket_connect_in_run(f->name, &peer);
	char path[48];
	DIR *dir;
	int rc;

	(void)passed;
	if (sock < 0)
		return sock;
	if (peer.pidfd >= 0)
		close(peer.pidfd);
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)peer.pid);
	if ((dir = opendir(path)) == NULL)
		return -errno;
	rc = find_open(dir, f);
	closedir(dir);
	return rc;
}

static bool
is_source(const struct mountinfo_list *list, const char *diff)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (strcmp(list->mount[i].source, diff) == 0)
			return true;
	return false;
}

static int
look(struct mountinfo_list *list, const char *name)
{
	static struct finding f;
	const struct become_work w = {
		.act = find_diff, .arg = &f, .size = sizeof(f), .seconds = 1
	};
	struct mountinfo *m autofree = NULL;

	f.diff[0] = '\0';
	if (strlcpy(f.name, name, sizeof(f.name)) >= sizeof(f.name) ||
	    become_run(NULL, &w, NULL) != 0 || is_source(list, f.diff))
		return 0;
	if ((m = calloc(1, sizeof(*m))) == NULL)
		return -ENOMEM;
	strlcpy(m->source, f.diff, sizeof(m->source));
	return mountinfo_append(list, m);
}

/* Opens the directory of sockets, if it is root's alone. */
static DIR *
open_listing(void)
{
	int run autoclose = socket_open_run(), fd;
	DIR *dir;

	if (run < 0 || (fd = openat(run, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return NULL;
	if ((dir = fdopendir(fd)) == NULL)
		close(fd);
	return dir;
}

int
unmounted_list(struct mountinfo_list *list, unsigned seconds)
{
	int64_t until = clock_monotonic_ms() + (int64_t)seconds * 1000;
	const struct dirent *entry;
	int rc = 0;
	DIR *run;

	if (geteuid() != 0 || (run = open_listing()) == NULL)
		return 0;
	while (rc == 0 && clock_monotonic_ms() < until && (entry = readdir(run)) != NULL)
		if (entry->d_name[0] != '.')
			rc = look(list, entry->d_name);
	closedir(run);
	return rc;
}

bool
unmounted_is(const struct mountinfo *m)
{
	return m->mountpoint[0] == '\0';
}
