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

static bool
link_is_inside(int dir_fd, const char *name, const char *mnt)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir_fd, name, target, sizeof(target) - 1);

	if (n <= 0)
		return false;
	target[n] = '\0';
	return paths_contains(mnt, target);
}

static bool
has_open_file(int proc_fd, const char *mnt)
{
	int fd = openat(proc_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
		found = link_is_inside(dirfd(dir), entry->d_name, mnt);
	closedir(dir);
	return found;
}

static bool
has_mapping(int proc_fd, const char *mnt)
{
	int fd = openat(proc_fd, "maps", O_RDONLY | O_CLOEXEC);
	char *line autofree = NULL, *path;
	bool found = false;
	size_t size = 0;
	FILE *fp;

	if (fd < 0)
		return false;
	if ((fp = fdopen(fd, "r")) == NULL) {
		close(fd);
		return false;
	}
	while (!found && getline(&line, &size, fp) > 0) {
		line[strcspn(line, "\n")] = '\0';
		path = strchr(line, '/');
		found = path != NULL && paths_contains(mnt, path);
	}
	fclose(fp);
	return found;
}

static bool
uses_mount(int proc_fd, const char *mnt)
{
	return link_is_inside(proc_fd, "cwd", mnt) || link_is_inside(proc_fd, "root", mnt) ||
	    link_is_inside(proc_fd, "exe", mnt) || has_open_file(proc_fd, mnt) ||
	    has_mapping(proc_fd, mnt);
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

unsigned
users_find(const char *mnt, struct user *users, unsigned max)
{
	const struct dirent *entry;
	unsigned n = 0;
	DIR *proc;
	int fd;

	if ((proc = opendir("/proc")) == NULL)
		return 0;
	while ((entry = readdir(proc)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		fd = openat(dirfd(proc), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (uses_mount(fd, mnt) && n++ < max) {
			users[n - 1].pid = (pid_t)strtol(entry->d_name, NULL, 10);
			users_name(fd, users[n - 1].name, sizeof(users[n - 1].name));
		}
		close(fd);
	}
	closedir(proc);
	return n;
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
