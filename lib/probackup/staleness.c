/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * merge and delete write their status before they touch anything else.  So a
 * caller opens a file first, and the status is read then: it shows whether the file
 * was opened too late.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "probackup/member.h"
#include "probackup/staleness.h"

#define LOG_SECONDS	60	/* from one line about a backup to the next */
#define LIST_PIECE	(256 * 1024)	/* bytes of a list that are read at a time */

struct known_member {
	struct file_version control, list;	/* what was accepted last, at first by the index */
	time_t	logged;			/* when a change of it was, CLOCK_MONOTONIC; 0 = never */
};

struct staleness {
	const struct index *ix;
	int	store_fd;
	const char *instance;
	pthread_mutex_t lock;		/* of what follows */
	struct known_member member[CHAIN_MAX];
};

static _Atomic bool changed;

struct staleness *
staleness_new(const struct index *ix, int store_fd, const char *instance)
{
	struct staleness *g = calloc(1, sizeof(*g));
	uint32_t i;

	if (g == NULL)
		return NULL;
	g->ix = ix;
	g->store_fd = store_fd;
	g->instance = instance;
	pthread_mutex_init(&g->lock, NULL);
	for (i = 0; i < ix->n_backups; i++) {
		g->member[i].control = ix->backups[i].control;
		g->member[i].list = ix->backups[i].list;
	}
	return g;
}

void
staleness_free(struct staleness *g)
{
	if (g == NULL)
		return;
	pthread_mutex_destroy(&g->lock);
	free(g);
}

bool
staleness_was_found(void)
{
	return atomic_load(&changed);
}

static int
look(int dirfd, const char *name, struct file_version *v)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	*v = file_version_of(&st);
	return 0;
}

/* Whether the status is one of a backup that somebody changes or removes. */
static bool
is_going(const char *status)
{
	static const char *const going[] = { "MERGING", "MERGED", "DELETING", "DELETED", "RUNNING" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(going); i++)
		if (strcmp(status, going[i]) == 0)
			return true;
	return false;
}

static void
complain(struct known_member *m, const char *id, const char *why)
{
	time_t now = clock_monotonic_seconds();

	if (m->logged != 0 && now - m->logged < LOG_SECONDS)
		return;
	m->logged = now;
	log_error("backup %s was changed under the mount: %s; pbkfs opens no more of its files",
	    id, why);
}

int
staleness_compare_list(int store_fd, const char *instance, const char *id, uint32_t list_crc)
{
	char path[PATH_MAX], *buf autofree = malloc(LIST_PIECE);
	uint32_t crc = 0;
	int fd autoclose = -1;
	off_t at = 0;
	ssize_t n;

	if (buf == NULL)
		return -ENOMEM;
	snprintf(path, sizeof(path), "backups/%s/%s/backup_content.control", instance, id);
	fd = io_open_beneath(store_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return fd;
	while ((n = io_pread(fd, buf, LIST_PIECE, at)) > 0 && at <= (off_t)LIST_SIZE_MAX) {
		crc = crc32c(crc, buf, (size_t)n);
		at += n;
	}
	return n < 0 ? (int)n : crc == list_crc ? 0 : -ESTALE;
}

/*
 * Reads the control file and the list that have changed.  Returns 0 if they
 * still describe the same backup.
 */
static int
judge(const struct staleness *g, uint16_t n, int dirfd, struct known_member *m)
{
	const struct index_backup *b = &g->ix->backups[n];
	char why[CHAIN_ERROR_MAX];
	struct control *c autofree = malloc(sizeof(*c));
	int rc;

	if (c == NULL)
		return -ENOMEM;
	if ((rc = member_read(dirfd, b->id, c, why)) < 0) {
		complain(m, b->id, why);
		return rc == -EUCLEAN || rc == -ENOENT ? -ESTALE : rc;
	}
	if (is_going(c->status)) {
		snprintf(why, sizeof(why), "its status is %s", c->status);
		complain(m, b->id, why);
		return -ESTALE;
	}
	rc = staleness_compare_list(g->store_fd, g->instance, b->id, b->list_crc);
	if (rc == -ESTALE || rc == -ENOENT) {
		complain(m, b->id, "its list of files is another one");
		return -ESTALE;
	}
	return rc;
}

static int
check_member(const struct staleness *g, uint16_t n, int dirfd, struct known_member *m)
{
	struct file_version control, list;
	int rc;

	if ((rc = look(dirfd, "backup.control", &control)) < 0 ||
	    (rc = look(dirfd, "backup_content.control", &list)) < 0) {
		if (rc != -ENOENT)
			return rc;
		complain(m, g->ix->backups[n].id, "it is being deleted");
		return -ESTALE;
	}
	if (file_version_same(&control, &m->control) && file_version_same(&list, &m->list))
		return 0;
	if ((rc = judge(g, n, dirfd, m)) == 0) {
		m->control = control;
		m->list = list;
	}
	return rc;
}

int
staleness_check(struct staleness *g, uint16_t n, int dirfd, const struct stat *st)
{
	struct known_member *m = &g->member[n];
	int rc = 0;

	pthread_mutex_lock(&g->lock);
	if (dirfd >= 0)
		rc = check_member(g, n, dirfd, m);
	if (rc == 0 && clock_ns(&st->st_mtim) > g->ix->since) {
		complain(m, g->ix->backups[n].id, "a file of it was written since");
		rc = -ESTALE;
	}
	pthread_mutex_unlock(&g->lock);
	atomic_store(&changed, rc == -ESTALE);
	return rc;
}
