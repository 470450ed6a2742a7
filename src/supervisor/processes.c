/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the names in /proc.  What a process does is for users.c and holders.c to ask.
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
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "supervisor/processes.h"
#include "supervisor/turns.h"

/* A directory in /proc is root's, too, if its process may not be dumped: this tells whose. */
static uid_t
real_owner(int proc, const char *pid)
{
	char name[48], text[1024];
	const char *line;
	int fd autoclose = -1;
	unsigned uid = 0;
	ssize_t n;

	snprintf(name, sizeof(name), "%.16s/status", pid);
	fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || (n = read(fd, text, sizeof(text) - 1)) <= 0)
		return 0;
	text[n] = '\0';
	if ((line = strstr(text, "\nUid:")) != NULL)
		sscanf(line, "\nUid: %u", &uid);
	return uid;
}

static int
append(struct processes *p, size_t *room, int proc, const char *name)
{
	size_t more = MAX(2 * *room, (size_t)256);
	struct processes_entry *bigger;
	struct stat st;

	if (fstatat(proc, name, &st, 0) != 0)
		return 0;
	if (p->n == *room) {
		if ((bigger = reallocarray(p->at, more, sizeof(*bigger))) == NULL)
			return -ENOMEM;
		p->at = bigger;
		*room = more;
	}
	p->at[p->n++] = (struct processes_entry){
		(pid_t)strtol(name, NULL, 10), st.st_uid != 0 ? st.st_uid : real_owner(proc, name)
	};
	return 0;
}

static int
take_turns(struct processes *p)
{
	struct processes_entry *in_order = calloc(p->n + 1, sizeof(*in_order));
	size_t *order autofree = calloc(p->n + 1, sizeof(*order)), i;
	uid_t *owner autofree = calloc(p->n + 1, sizeof(*owner));

	for (i = 0; owner != NULL && i < p->n; i++)
		owner[i] = p->at[i].uid;
	if (in_order == NULL || order == NULL || owner == NULL ||
	    turns_order(owner, p->n, order) != 0) {
		free(in_order);
		return -ENOMEM;
	}
	for (i = 0; i < p->n; i++)
		in_order[i] = p->at[order[i]];
	free(p->at);
	p->at = in_order;
	return 0;
}

int
processes_list(int64_t until, struct processes *p)
{
	const struct dirent *entry;
	size_t room = 0;
	int rc = 0;
	DIR *proc;

	*p = (struct processes){ .is_whole = true };
	if ((proc = opendir("/proc")) == NULL)
		return -errno;
	while (rc == 0 && (entry = readdir(proc)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (clock_monotonic_ms() >= until) {
			p->is_whole = false;
			break;
		}
		rc = append(p, &room, dirfd(proc), entry->d_name);
	}
	closedir(proc);
	return rc != 0 ? rc : take_turns(p);
}
