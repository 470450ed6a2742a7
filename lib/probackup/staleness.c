/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "probackup/member.h"
#include "probackup/staleness.h"
#include "probackup/store.h"

#define TOLD_SECONDS	60

/*
 * merge and delete write their status before they touch anything else.  So the
 * status is read after a file was opened: if it was opened too late, the status
 * tells.
 */

struct known_member {
	struct file_version control, list;	/* what was accepted last, at first by the index */
	time_t	told;			/* when a change was last said, CLOCK_MONOTONIC; 0 = never */
};

struct staleness {
	pthread_mutex_t lock;		/* of what follows */
	struct known_member member[CHAIN_MAX];
};

static _Atomic bool changed;

struct staleness *
staleness_new(const struct index *ix)
{
	struct staleness *g = calloc(1, sizeof(*g));
	uint32_t i;

	if (g == NULL)
		return NULL;
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

/* Whether the status says that somebody is making another backup of it. */
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
say(struct known_member *m, const char *id, const char *why)
{
	time_t now = clock_monotonic_seconds();

	if (m->told != 0 && now - m->told < TOLD_SECONDS)
		return;
	m->told = now;
	log_error("backup %s was changed under the mount: %s; what was not read of it yet cannot be read",
	    id, why);
}

/*
 * Reads the control file and the list that have changed.  Returns 0 if they
 * still describe the same backup.
 */
static int
judge(const struct store *s, uint16_t n, struct known_member *m)
{
	const struct index_backup *b = &s->ix.backups[n];
	char why[CHAIN_ERROR_MAX];
	struct control *c autofree = malloc(sizeof(*c));
	int r;

	if (c == NULL)
		return -ENOMEM;
	if ((r = member_read(s->backup_fd[n], b->id, c, why)) < 0) {
		say(m, b->id, why);
		return r == -EUCLEAN || r == -ENOENT ? -ESTALE : r;
	}
	if (is_going(c->status)) {
		snprintf(why, sizeof(why), "its status is %s", c->status);
		say(m, b->id, why);
		return -ESTALE;
	}
	r = store_compare_list(s->store_fd, s->instance, b->id, b->list_crc);
	if (r == -ESTALE || r == -ENOENT) {
		say(m, b->id, "its list of files is another one");
		return -ESTALE;
	}
	return r;
}

static int
check_member(const struct store *s, uint16_t n, struct known_member *m)
{
	struct file_version control, list;
	int r;

	if ((r = look(s->backup_fd[n], "backup.control", &control)) < 0 ||
	    (r = look(s->backup_fd[n], "backup_content.control", &list)) < 0) {
		if (r != -ENOENT)
			return r;
		say(m, s->ix.backups[n].id, "it is being deleted");
		return -ESTALE;
	}
	if (file_version_same(&control, &m->control) && file_version_same(&list, &m->list))
		return 0;
	if ((r = judge(s, n, m)) == 0) {
		m->control = control;
		m->list = list;
	}
	return r;
}

int
staleness_check(struct staleness *g, const struct store *s, uint16_t n, const struct stat *st)
{
	struct known_member *m = &g->member[n];
	int r = 0;

	pthread_mutex_lock(&g->lock);
	if (s->backup_fd[n] >= 0)
		r = check_member(s, n, m);
	if (r == 0 && clock_ns(&st->st_mtim) > s->ix.since) {
		say(m, s->ix.backups[n].id, "a file of it was written since");
		r = -ESTALE;
	}
	pthread_mutex_unlock(&g->lock);
	atomic_store(&changed, r == -ESTALE);
	return r;
}
