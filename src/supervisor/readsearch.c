/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Root mounts for an owner who may not read the store: then the worker keeps one
 * capability, and the owner reads through the mount what is closed to him
 * otherwise.  So root decides who that is and what he reads: nothing that the
 * owner can write does, the binding least of all.
 *
 * Who may read is found out by children with the rights of the worker, the least
 * first: nothing, the owner's groups, the capability.  Every doubt about their
 * answer is a refusal: errors grant less, never more.
 *
 * On file systems that ask neither groups nor capabilities, but who somebody is
 * (FUSE without allow_other) or what a server thinks of him (NFS), root itself may
 * be refused: there everything that touches the store is done by the owner.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "supervisor/become.h"
#include "supervisor/decide.h"
#include "supervisor/identity.h"
#include "supervisor/logfile.h"
#include "supervisor/probe.h"
#include "supervisor/readsearch.h"
#include "supervisor/storeaccess.h"
#include "supervisor/storeuser.h"
#include "supervisor/username.h"
#include "supervisor/walk.h"

enum { MAY_READ, IS_DENIED };	/* the child's answers */

struct opening {
	const struct supervisor *s;
	struct stat st;
	char	error[WALK_ERROR_MAX];
};

static bool
is_unreachable(const struct supervisor *s, int store_fd)
{
	char path[PATH_MAX];
	int fd autoclose = -1;

	snprintf(path, sizeof(path), "backups/%s", s->source.instance);
	fd = io_open_beneath(store_fd, path, O_PATH | O_DIRECTORY, 0);
	return fd == -EACCES;
}

/* Opens the store if its instance can be reached from there.  Returns 0 or negative errno. */
static int
open_reachable(void *arg, int *passed)
{
	struct opening *o = arg;
	const struct supervisor *s = o->s;
	bool check = s->source.is_roots && identity_is_root();
	int fd autoclose = storeaccess_open(s->source.store, check, &o->st, o->error);

	if (fd < 0)
		return fd;
	if (is_unreachable(s, fd))
		return -EACCES;
	*passed = steal_fd(&fd);
	return 0;
}

static int
not_readable(struct supervisor *s)
{
	char ways[STOREUSER_WAYS_MAX], name[USERNAME_MAX];

	storeuser_ways(s->source.store, true, ways);
	if (!identity_is_root())
		return state_fail(s, "could not read store \"%s\": %s%s", s->source.store,
		    strerror(EACCES), ways);
	return state_fail(s, "user %s, to whom the mount belongs, may not read store \"%s\", and root"
	    " cannot give him the right%s", username_of(s->owner.uid, name), s->source.store, ways);
}

int
readsearch_open_store(struct supervisor *s)
{
	struct opening o = { .s = s };
	const struct become_work w = { .act = open_reachable, .arg = &o, .size = sizeof(o) };
	int rc;

	if (s->binding.saved.detached)
		return 0;
	s->source.is_roots = s->config->store != NULL || decide_is_recorded(s);
	become_init(&s->owner.become, s->owner.uid, s->owner.gid, true);
	if (s->source.is_roots)
		identity_raise();
	rc = open_reachable(&o, &s->source.fd);
	identity_drop();
	if (rc == -EACCES && identity_is_root() && s->owner.uid != 0) {
		s->source.is_closed = true;
		rc = become_run(&s->owner.become, &w, &s->source.fd);
	}
	if (rc == -EACCES && identity_is_root() && !s->source.is_roots)
		return decide_refuse(s);
	if (rc == -EACCES)
		return not_readable(s);
	if (rc != 0)
		return state_fail(s, "could not open store \"%s\": %s", s->source.store,
		    o.error[0] != '\0' ? o.error : strerror(-rc));
	s->source.uid = o.st.st_uid;
	if (!s->source.is_closed && !s->source.is_roots && s->owner.uid != 0) {
		identity_raise();
		s->source.is_closed = identity_is_root() && is_unreachable(s, s->source.fd);
		identity_drop();
	}
	return 0;
}

struct question {
	const struct supervisor *s;
	bool	(*is_refused)(int store_fd, const char *instance);
};

/* In a child with the rights of a worker. */
static int
ask(const void *arg)
{
	const struct question *q = arg;

	return q->is_refused(q->s->source.fd, q->s->source.instance) ? IS_DENIED : MAY_READ;
}

/*
 * Finds the first rights with which nothing is refused, the least first.
 * Returns the answer to the last.
 */
static int
choose_least(const struct question *q, struct probe *p)
{
	static const struct { bool groups, read_search; } all[] = {
		{ false, false }, { true, false }, { false, true },
	};
	/* A worker of root's own has lost root's rights over what others own. */
	size_t i = q->s->owner.uid == 0 ? 2 : 0;
	int answer = IS_DENIED;

	for (; i < ARRAY_SIZE(all) && answer == IS_DENIED; i++) {
		*p = (struct probe){
			.uid = q->s->owner.uid, .gid = q->s->owner.gid, .whole = q->s->source.is_closed,
			.with_groups = all[i].groups, .read_search = all[i].read_search,
		};
		answer = probe_run(p, ask, q);
	}
	return answer;
}

/* In a child with the owner's rights: 0 if the store's name leads him to it. */
static int
store_is_out_of_reach(const void *arg)
{
	const struct supervisor *s = arg;
	struct stat named, ours;

	return stat(s->source.store, &named) != 0 || fstat(s->source.fd, &ours) != 0 ||
	    named.st_dev != ours.st_dev || named.st_ino != ours.st_ino;
}

/* Whether the owner gets by root's rights what he could not read, or reach. */
static bool
lends_rights(const struct supervisor *s, const struct probe *p)
{
	const struct probe himself = { .uid = s->owner.uid, .gid = s->owner.gid, .with_groups = true };

	if (s->owner.uid == 0)
		return false;
	return p->read_search || (s->source.is_roots && !s->source.is_closed &&
	    probe_run(&himself, store_is_out_of_reach, s) != 0);
}

static int
take_rights(struct supervisor *s, const struct probe *p)
{
	char name[USERNAME_MAX];

	s->binding.is_decided = s->owner.uid != 0 && decide_is_complete(s);
	s->owner.lends = lends_rights(s, p);
	if (!s->owner.lends)
		logfile_let_go(true);
	else if (decide_check(s) != 0)
		return -1;
	s->owner.with_groups = p->with_groups;
	s->owner.keep_read_search = p->read_search;
	username_of(s->owner.uid, name);
	if (p->with_groups)
		log_info("user %s may read the store in his groups: the worker keeps them", name);
	if (p->read_search)
		log_info("user %s may not read the store: the worker keeps CAP_DAC_READ_SEARCH", name);
	if (s->source.is_closed)
		log_info("the store is opened as user %s", name);
	return 0;
}

int
readsearch_choose(struct supervisor *s)
{
	struct question q = { .s = s, .is_refused = storeaccess_is_denied };
	char name[USERNAME_MAX];
	struct probe p;
	int answer;

	if (s->binding.saved.detached)
		logfile_let_go(true);	/* nothing of a store is shown: all of it is the owner's */
	if (!identity_is_root() || s->binding.saved.detached)
		return 0;
	/* Backups of the instance that nobody may read need not be those that are mounted. */
	if ((answer = choose_least(&q, &p)) == IS_DENIED) {
		q.is_refused = storeaccess_is_closed;
		answer = choose_least(&q, &p);
	}
	if (answer == MAY_READ)
		return take_rights(s, &p);
	if (answer == IS_DENIED)
		return not_readable(s);
	return state_fail(s, "could not find out whether user %s may read \"%s\": %s",
	    username_of(s->owner.uid, name), s->source.store,
	    answer < 0 ? strerror(-answer) : "the child that tried it gave no valid answer");
}
