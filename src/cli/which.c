/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks through the directories of the PATH in the order of execvp(3), which goes on behind a file that may
 * not be executed.  What the kernel finds in the file, such as an interpreter that is not there, only execvp(3) tells.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/cli.h"
#include "cli/limited.h"
#include "cli/run.h"
#include "cli/which.h"

#define SYSTEM_PATH	"/usr/local/bin:/usr/bin:/bin"

char *
which_path(const char *bindir)
{
	const char *path = getenv("PATH");
	char *with;

	if (path == NULL)
		path = SYSTEM_PATH;
	return asprintf(&with, "%s%s%s", bindir != NULL ? bindir : "", bindir != NULL ? ":" : "", path) > 0 ? with : NULL;
}

int
which_look_at(const char *file)
{
	struct stat st;

	if (stat(file, &st) != 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return faccessat(AT_FDCWD, file, X_OK, AT_EACCESS) == 0 ? 0 : -errno;
}

struct search {
	const char *name, *bindir;
	bool	(*may_have)(const char *name);
};

static int
find(const char *name, const char *bindir)
{
	char *path autofree = which_path(bindir), file[PATH_MAX];
	struct stat st;
	const char *dir = path;
	int rc = -ENOENT, found;
	size_t n;

	if (path == NULL)
		return -ENOMEM;
	if (strchr(name, '/') != NULL)
		return which_look_at(name);
	if (name[0] == '\0')
		return -ENOENT;
	for (;; dir += n + 1) {
		n = strcspn(dir, ":");
		/* An empty one is the working directory. */
		/* A directory that is closed to the user has nothing, for shells, too. */
		if (snprintf(file, sizeof(file), "%.*s%s%s", (int)n, dir, n > 0 ? "/" : "./", name) < (int)sizeof(file) &&
		    stat(file, &st) == 0 && (found = which_look_at(file)) != -ENOENT)
			rc = found;
		if (rc == 0 || dir[n] == '\0')
			return rc;
	}
}

/* Runs in a child. */
static int
find_step(const void *arg)
{
	const struct search *s = arg;
	int rc = find(s->name, s->bindir);

	return rc != 0 && s->may_have != NULL && strchr(s->name, '/') == NULL && s->may_have(s->name) ? 0 : rc;
}

int
which_check(char *const argv[], const char *bindir, bool (*may_have)(const char *name))
{
	const struct search s = { argv != NULL ? argv[0] : WHICH_DEFAULT, bindir, may_have };
	int rc = limited_run(find_step, &s, LIMITED_SECONDS);

	if (rc == -EINTR || rc == -ECANCELED)	/* let who is in charge of signals and the kernel have the word */
		return 0;
	return rc == 0 ? 0 : which_tell(s.name, rc);
}

int
which_tell(const char *name, int rc)
{
	if (rc == -ENOENT && strchr(name, '/') == NULL)
		cli_error("there is no program \"%s\" in the PATH", name);
	else
		cli_error("could not run \"%s\": %s", name, strerror(-rc));
	return rc == -ENOENT || rc == -ENOTDIR ? RUN_NOT_FOUND : RUN_CANNOT_EXECUTE;
}
