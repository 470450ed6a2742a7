#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/util.h"
#include "cli/look.h"
#include "cli/snapshot.h"
#include "cli/target.h"
#include "cli/treesize.h"
#include "supervisor/holders.h"
#include "supervisor/lock.h"

static bool
same_mount(const struct mountinfo *a, const struct mountinfo *b)
{
	return a->major == b->major && a->minor == b->minor && strcmp(a->source, b->source) == 0;
}

static int
open_as(struct target *t, const struct mountinfo *m, const char *mountpoint)
{
	target_init(t);
	strlcpy(t->mnt, mountpoint, sizeof(t->mnt));
	strlcpy(t->diff, m->source, sizeof(t->diff));
	if (t->diff[0] != '/') {
		strlcpy(t->doubt, "its source is no diff directory", sizeof(t->doubt));
		return -1;
	}
	return target_open_lock(t);
}

/*
 * Anybody who may mount can name any directory as the source, so the lock file
 * there has to name the mountpoint, or another one of the same mount.
 */
static int
open_diff(struct target *t, const struct mountinfo *mounts, size_t n, const struct mountinfo *m)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (&mounts[i] == m || !same_mount(&mounts[i], m))
			continue;
		if (open_as(t, m, mounts[i].mountpoint) == 0)
			return 0;
		target_close(t);
	}
	return open_as(t, m, m->mountpoint);
}

/* A holder whom we cannot name, being in another pid namespace, is one as well. */
static void
find_state(const struct target *t, struct look *l)
{
	pid_t supervisor = lock_owner(t->lock_fd, LOCK_SUPERVISOR);
	pid_t worker = lock_owner(t->lock_fd, LOCK_WORKER);

	l->supervisor = MAX(supervisor, 0);
	l->worker = MAX(worker, 0);
	if (supervisor > 0 || supervisor == -ESRCH)
		l->state = LOOK_MOUNTED;
	else if (supervisor == 0 && (worker > 0 || worker == -ESRCH))
		l->state = LOOK_ALONE;
	else if (supervisor == 0 && worker == 0)
		l->state = LOOK_DEAD;
	else
		snprintf(l->remark, sizeof(l->remark), "its lock file cannot be used: %s",
		    strerror(supervisor < 0 ? -supervisor : -worker));
}

static void
take_text(const struct json_node *nodes, const char *key, char *out, size_t size)
{
	const char *text = json_string(json_get(nodes, nodes, key));

	if (text != NULL)
		strlcpy(out, text, size);
}

/* One that an earlier mount left behind says nothing of this one. */
static bool
is_of_this_mount(const struct json_node *nodes, const struct look *l)
{
	uint64_t pid;

	return json_u64(json_get(nodes, nodes, "supervisor_pid"), &pid) == 0 &&
	    (l->supervisor == 0 || pid == (uint64_t)l->supervisor);
}

/* A mount that was told to go does not come back. */
static void
take_leaving(const struct json_node *nodes, struct look *l)
{
	const struct json_node *leaving = json_get(nodes, nodes, "leaving");

	if (l->state == LOOK_MOUNTED && leaving != NULL && leaving->type == JSON_TRUE)
		l->state = LOOK_LEAVING;
}

/* The snapshot is old: what it says is that the mount was so old then. */
static void
take_uptime(const struct json_node *nodes, struct look *l)
{
	const char *text = json_string(json_get(nodes, nodes, "time"));
	const struct json_node *uptime = json_get(nodes, nodes, "uptime_seconds");
	struct tm tm = { 0 };
	double age;

	if ((l->state != LOOK_MOUNTED && l->state != LOOK_ELSEWHERE) || text == NULL || uptime == NULL ||
	    uptime->type != JSON_NUMBER || strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL)
		return;
	age = difftime(time(NULL), timegm(&tm)) + strtod(uptime->text, NULL);
	if (!(age < 1e12))
		return;
	l->uptime = age > 0 ? (uint64_t)age : 0;
	l->has_uptime = true;
}

static void
read_snapshot(const struct target *t, struct look *l)
{
	struct json_node *nodes autofree = calloc(SNAPSHOT_NODES, sizeof(*nodes));
	char *text autofree = NULL;
	size_t len;

	if (nodes == NULL || snapshot_read(t->diff_fd, &text, &len) != 0 ||
	    json_parse(text, len, nodes, SNAPSHOT_NODES) < 0)
		return;
	take_text(nodes, "instance", l->instance, sizeof(l->instance));
	take_text(nodes, "backup_id", l->backup_id, sizeof(l->backup_id));
	if (!is_of_this_mount(nodes, l))
		return;
	take_uptime(nodes, l);
	take_leaving(nodes, l);
}

/* The mount's own processes are no clients. */
static void
find_users(const struct mountinfo *m, struct look *l)
{
	struct user found[LOOK_USERS + 2];
	unsigned total = users_find(m->mountpoint, found, ARRAY_SIZE(found)), i;

	for (i = 0; i < MIN(total, (unsigned)ARRAY_SIZE(found)); i++) {
		if (found[i].pid == l->supervisor || found[i].pid == l->worker)
			continue;
		if (l->n_users < LOOK_USERS)
			l->users[l->n_users] = found[i];
		l->n_users++;
	}
	l->n_users += total - i;
	l->has_users = true;
}

static void
look_size(const struct target *t, struct look *l, void (*report)(const struct look *l))
{
	report(l);
	if (l->state != LOOK_UNKNOWN && treesize(t->diff_fd, &l->size) == 0) {
		l->has_size = true;
		report(l);
	}
}

void
look_at(const struct mountinfo *mounts, size_t n, const struct mountinfo *m,
    void (*report)(const struct look *l))
{
	static struct target t;
	static struct look l;

	if (open_diff(&t, mounts, n, m) == 0) {
		find_state(&t, &l);
		read_snapshot(&t, &l);
	} else
		strlcpy(l.remark, t.doubt, sizeof(l.remark));
	look_size(&t, &l, report);
	find_users(m, &l);
	report(&l);
	target_close(&t);
}

/* Its processes run, and it is not where they were told to mount it. */
static bool
was_here(struct target *t, const struct mountinfo *m, struct look *l)
{
	struct mountinfo *here autofree = malloc(sizeof(*here));

	find_state(t, l);
	if (here == NULL || (l->state != LOOK_MOUNTED && l->state != LOOK_ALONE))
		return false;
	return mountinfo_find(t->mnt, here) != 0 || strcmp(here->source, m->source) != 0;
}

void
look_elsewhere(const struct mountinfo *m, void (*report)(const struct look *l))
{
	static struct target t;
	static struct look l;

	if (target_open_unmounted(&t, m->source) != 0 || !was_here(&t, m, &l)) {
		target_close(&t);
		return;
	}
	l.state = LOOK_ELSEWHERE;
	if (strlcpy(l.mountpoint, t.mnt, sizeof(l.mountpoint)) >= sizeof(l.mountpoint))
		l.mountpoint[0] = '\0';
	read_snapshot(&t, &l);
	l.n_users = holders_find(m->major, m->minor, l.users, LOOK_USERS);
	l.has_users = true;
	look_size(&t, &l, report);
	target_close(&t);
}
