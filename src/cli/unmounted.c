/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds supervisors by their sockets in SOCKET_RUN, and an ordinary user's own among his
 * processes.  A row of the list has the name of the socket as its source, or the
 * process as its id, and no type of a file system.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "cli/unmounted.h"
#include "supervisor/become.h"
#include "supervisor/processes.h"
#include "supervisor/socket.h"

#define PROCESSES_MAX	256	/* supervisors of one user */

static int
append(struct mountinfo_list *list, const char *name, pid_t pid)
{
	struct mountinfo *m autofree = calloc(1, sizeof(*m));

	if (m == NULL)
		return -ENOMEM;
	m->uid = geteuid();
	m->id = pid;
	if (strlcpy(m->source, name, sizeof(m->source)) >= SOCKET_NAME_MAX)
		return 0;
	return mountinfo_append(list, m);
}

/* ---- sockets ------------------------------------------------------------ */

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

static int
list_sockets(struct mountinfo_list *list)
{
	const struct dirent *entry;
	int rc = 0;
	DIR *run;

	if ((run = open_listing()) == NULL)
		return 0;
	while (rc == 0 && (entry = readdir(run)) != NULL)
		if (socket_is_name(entry->d_name) && socket_may_ask(dirfd(run), entry->d_name))
			rc = append(list, entry->d_name, 0);
	closedir(run);
	return rc;
}

bool
unmounted_is_diff(const struct mountinfo *m, int fd)
{
	char name[SOCKET_NAME_MAX];
	struct stat st;

	if (fstat(fd, &st) != 0)
		return false;
	socket_name(major(st.st_dev), minor(st.st_dev), st.st_ino, name);
	return strcmp(name, m->source) == 0;
}

/* ---- processes ---------------------------------------------------------- */

struct own {
	int64_t	until;
	size_t	n;
	pid_t	pid[PROCESSES_MAX];
};

/* Takes the mountpoint from the title of a supervisor, which only that writes. */
static int
read_title(pid_t pid, char mnt[PATH_MAX])
{
	static const char begin[] = "pbkfs: supervisor: /";
	char path[48], text[sizeof(begin) + PATH_MAX];
	int fd autoclose = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || (n = read(fd, text, sizeof(text) - 1)) <= 0)
		return -ENOENT;
	text[n] = '\0';
	if (strncmp(text, begin, strlen(begin)) != 0)
		return -ENOENT;
	return strlcpy(mnt, text + strlen(begin) - 1, PATH_MAX) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Runs in a child: the title of a process may wait for that. */
static int
find_own(void *arg, int *passed)
{
	struct own *o = arg;
	struct processes all;
	char mnt[PATH_MAX];
	size_t i;
	int rc = processes_list(o->until, &all);

	(void)passed;
	for (i = 0; rc == 0 && i < all.n && o->n < PROCESSES_MAX; i++)
		if (all.at[i].uid == geteuid() && read_title(all.at[i].pid, mnt) == 0)
			o->pid[o->n++] = all.at[i].pid;
	free(all.at);
	return rc;
}

static int
list_own(struct mountinfo_list *list, int64_t until)
{
	static struct own o;
	int64_t ms = until - clock_monotonic_ms();
	const struct become_work w = {
		.act = find_own, .arg = &o, .size = sizeof(o),
		.seconds = (unsigned)MAX(ms / 1000, (int64_t)1),
	};
	int rc = 0;
	size_t i;

	o = (struct own){ .until = until };
	if (ms <= 0 || become_run(NULL, &w, NULL) != 0)
		return 0;
	for (i = 0; rc == 0 && i < o.n; i++)
		rc = append(list, "", o.pid[i]);
	return rc;
}

/* Takes the name before "/.pbkfs" of a link; returns whether it has that. */
static bool
take_diff(char *link)
{
	static const char end[] = "/" ONDISK_INFODIR;
	size_t n = strlen(link);

	if (link[0] != '/' || n <= strlen(end) || strcmp(link + n - strlen(end), end) != 0)
		return false;
	link[n - strlen(end)] = '\0';
	return true;
}

/* Takes the diff directory from what the process has open. */
static int
read_open(pid_t pid, char diff[PATH_MAX])
{
	const struct dirent *entry;
	int rc = -ENOENT;
	char path[48];
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	if ((dir = opendir(path)) == NULL)
		return -errno;
	while (rc != 0 && (entry = readdir(dir)) != NULL) {
		n = readlinkat(dirfd(dir), entry->d_name, diff, PATH_MAX - 1);
		diff[MAX(n, (ssize_t)0)] = '\0';
		if (take_diff(diff))
			rc = 0;
	}
	closedir(dir);
	return rc;
}

/* ---- rows --------------------------------------------------------------- */

int
unmounted_list(struct mountinfo_list *list, int64_t until)
{
	int rc = list_sockets(list);

	return rc != 0 || geteuid() == 0 ? rc : list_own(list, until);
}

bool
unmounted_is(const struct mountinfo *m)
{
	return m->fstype[0] == '\0' && m->source[0] != '/';
}

pid_t
unmounted_pid(const struct mountinfo *m)
{
	return m->id;
}

int
unmounted_names(const struct mountinfo *m, char diff[PATH_MAX], char mnt[PATH_MAX])
{
	int run autoclose = -1, rc;

	if (m->id != 0)
		return (rc = read_open(m->id, diff)) != 0 ? rc : read_title(m->id, mnt);
	if ((run = socket_open_run()) < 0)
		return run;
	return (rc = socket_read_diff(run, m->source, diff)) != 0 ? rc :
	    socket_read_mnt(run, m->source, mnt);
}
