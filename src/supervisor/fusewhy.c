/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Guesses for a message, once a mount has failed; nothing is decided by them.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/fusewhy.h"

#define DEVICE		"/dev/fuse"
#define APPARMOR	"/sys/module/apparmor/parameters/enabled"
#define PROFILE		"/etc/apparmor.d/fusermount3"
#define PROFILE_LOCAL	"/etc/apparmor.d/local/fusermount3"

void
fusewhy_device(int error, char *text, size_t size)
{
	if (error == ENOENT || error == ENXIO || error == ENODEV)
		snprintf(text, size, "%s: try \"modprobe fuse\", or give the container"
		    " the device " DEVICE, error == ENOENT ? "there is no " DEVICE :
		    "the kernel's FUSE does not answer at " DEVICE);
	else if (error == EPERM)
		snprintf(text, size, DEVICE " is forbidden here by the container or the service"
		    " (device cgroup): allow it there (docker: --device; systemd: DeviceAllow=)");
	else if (error == EACCES)
		snprintf(text, size, "you may not open " DEVICE
		    ": chmod 0666 " DEVICE " as root, or mount as root");
	else
		snprintf(text, size, "could not open " DEVICE ": %s", strerror(error));
}

static bool
file_has(const char *path, const char *word)
{
	FILE *fp = fopen(path, "re");
	char line[256];
	bool found = false;

	if (fp == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), fp) != NULL)
		found = strstr(line, word) != NULL;
	fclose(fp);
	return found;
}

void
fusewhy_mount(int error, const char *context, char *text, size_t size)
{
	if (context == NULL || error != EINVAL)
		snprintf(text, size, "%s", strerror(error));
	else if (file_has("/proc/filesystems", "selinuxfs"))
		snprintf(text, size, "SELinux does not know the label \"%s\" of --context", context);
	else
		snprintf(text, size, "this kernel runs without SELinux: mount without --context");
}

/* Finds a program as execvp(3) does.  Returns false if there is none. */
static bool
find_program(const char *name, struct stat *st)
{
	const char *path = getenv("PATH");
	char *dirs autofree = strdup(path != NULL ? path : "/usr/bin:/bin"), *save = NULL, *dir;
	char file[PATH_MAX];

	for (dir = dirs != NULL ? strtok_r(dirs, ":", &save) : NULL; dir != NULL;
	    dir = strtok_r(NULL, ":", &save))
		if (snprintf(file, sizeof(file), "%s/%s", dir, name) < (int)sizeof(file) &&
		    stat(file, st) == 0 && S_ISREG(st->st_mode) && access(file, X_OK) == 0)
			return true;
	return false;
}

static bool
device_is_closed(int *error)
{
	int fd autoclose = open(DEVICE, O_RDWR | O_CLOEXEC);

	*error = errno;
	return fd < 0;
}

/* AppArmor answers a mount elsewhere than its profile lists with EACCES, the kernel itself does not. */
static bool
is_apparmor(const char *line)
{
	return strstr(line, "mount failed") != NULL && strstr(line, "Permission denied") != NULL &&
	    file_has(APPARMOR, "Y");
}

void
fusewhy_user(const char *mnt, const char *line, char *text, size_t size)
{
	struct stat st;
	int rc;

	if (!find_program("fusermount3", &st))
		snprintf(text, size, "fusermount3 is not installed:"
		    " install the package fuse3, or mount as root");
	else if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		snprintf(text, size, "fusermount3 cannot become root, since no_new_privs is set"
		    " (systemd: NoNewPrivileges=no; containers: allowPrivilegeEscalation: true;"
		    " or mount as root): %s", line);
	else if (device_is_closed(&rc))
		fusewhy_device(rc, text, size);
	else if (is_apparmor(line))
		snprintf(text, size, "AppArmor lets fusermount3 mount only where " PROFILE
		    " says: use a directory listed there (beneath $HOME, /mnt, /media, /tmp), or"
		    " add to " PROFILE_LOCAL " the lines 'mount fstype=@{fuse_types} -> \"%s/\",'"
		    " and 'umount \"%s/\",' and reload it with apparmor_parser -r " PROFILE,
		    mnt, mnt);
	else if (st.st_uid != 0 || (st.st_mode & S_ISUID) == 0)
		snprintf(text, size, "fusermount3 is not set-user-ID root"
		    " (chown root and chmod u+s it, or mount as root): %s", line);
	else
		snprintf(text, size, "%s", line[0] != '\0' ? line : "fusermount3 gave no reason");
}

bool
fusewhy_foresee(bool root, char *text, size_t size)
{
	static const char nothing[] = "-";	/* the last words of a fusermount3 that was not run */
	size_t n;
	int rc;

	text[0] = '\0';
	if (root) {
		if (device_is_closed(&rc))
			fusewhy_device(rc, text, size);
		return text[0] != '\0';
	}
	fusewhy_user("", nothing, text, size);
	if (strcmp(text, nothing) == 0)
		text[0] = '\0';
	n = strlen(text);
	if (n > 3 && strcmp(text + n - 3, ": -") == 0)
		text[n - 3] = '\0';
	return n > 0;
}
