/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads /proc/self/cgroup and the files of cgroup v2 and v1.  It sets no limit.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/memlimit.h"

#define MEMLIMIT_V1	"/sys/fs/cgroup/memory"
#define MEMLIMIT_V2	"/sys/fs/cgroup"

/* Whether list, of length n, has name among its words between commas. */
static bool
list_has(const char *list, size_t n, const char *name)
{
	size_t len = strlen(name), word;

	for (; n > 0; list += word, n -= word) {
		word = strcspn(list, ",:");
		if (word == len && memcmp(list, name, len) == 0)
			return true;
		word = MIN(word + 1, n);
	}
	return false;
}

int
memlimit_find(const char *text, struct memlimit_group *g)
{
	const char *line, *list, *path, *found = NULL;
	const char *mnt = MEMLIMIT_V2;
	int n;

	for (line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
		if ((list = strchr(line, ':')) == NULL || (path = strchr(++list, ':')) == NULL)
			break;
		if (list_has(list, (size_t)(path - list), "memory")) {
			found = path + 1;
			mnt = MEMLIMIT_V1;
			break;
		}
		if (path == list)
			found = path + 1;
	}
	if (found == NULL)
		return -ENOENT;
	n = snprintf(g->dir, sizeof(g->dir), "%s%.*s", mnt, (int)strcspn(found, "\n"), found);
	if (n < 0 || (size_t)n >= sizeof(g->dir))
		return -ENAMETOOLONG;
	g->root = strlen(mnt);
	g->v2 = strcmp(mnt, MEMLIMIT_V2) == 0;
	return 0;
}

bool
memlimit_field(const char *text, const char *key, uint64_t *value)
{
	size_t len = strlen(key);
	const char *line;

	for (line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n')
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return sscanf(line + len, " %" SCNu64, value) == 1;
	return false;
}

static int
read_text(const char *path, char *text, size_t size)
{
	int fd autoclose = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0 || (n = read(fd, text, size - 1)) < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

/* Names of g->dir count from root. */
static bool
find_our_group(const char *root, struct memlimit_group *g)
{
	char path[PATH_MAX], text[8192];

	snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	return read_text(path, text, sizeof(text)) == 0 && memlimit_find(text, g) == 0;
}

/* To the one above; false if there is none.  What a container does not show is passed by. */
static bool
step_up(struct memlimit_group *g)
{
	if (g->dir[g->root] == '\0')
		return false;
	*strrchr(g->dir, '/') = '\0';
	return true;
}

static bool
read_of(const char *root, const struct memlimit_group *g, const char *v1, const char *v2, char *text, size_t size)
{
	char path[2 * PATH_MAX + NAME_MAX];

	snprintf(path, sizeof(path), "%s%s/%s", root, g->dir, g->v2 ? v2 : v1);
	return read_text(path, text, size) == 0;
}

uint64_t
memlimit_below(const char *root)
{
	uint64_t bytes, least = MEMLIMIT_NONE;
	struct memlimit_group g;
	char text[64];

	if (!find_our_group(root, &g))
		return MEMLIMIT_NONE;
	do {	/* "max" is no number; version 1 says about INT64_MAX */
		if (read_of(root, &g, "memory.limit_in_bytes", "memory.max", text, sizeof(text)) &&
		    sscanf(text, "%" SCNu64, &bytes) == 1 && bytes < INT64_MAX / 2)
			least = MIN(least, bytes);
	} while (step_up(&g));
	return least;
}

uint64_t
memlimit_bytes(void)
{
	return memlimit_below("");
}

uint64_t
memlimit_kills(void)
{
	struct memlimit_group g;
	char text[4096];
	uint64_t n = 0;

	if (!find_our_group("", &g))
		return 0;
	while (!read_of("", &g, "memory.oom_control", "memory.events", text, sizeof(text)))
		if (!step_up(&g))
			return 0;
	return memlimit_field(text, "oom_kill", &n) ? n : 0;
}
