/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel tells nobody that a mount is no longer in use, so it is tried
 * again: often at first, since a server that ends with the machine takes a moment,
 * then twice a second.  An attempt costs a fork, and for an ordinary user
 * a run of fusermount3; to look for users costs more and is done less often.
 *
 * A child does it: unmounting may wait for the worker, and the supervisor must not.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "supervisor/ending.h"
#include "supervisor/fusemount.h"
#include "supervisor/identity.h"
#include "supervisor/leave.h"
#include "supervisor/mountinfo.h"
#include "supervisor/stat.h"
#include "supervisor/state.h"
#include "supervisor/waiting.h"

#define HASTE_NS	(2 * STATE_SECOND)	/* so long after leave_ask(), it is tried ... */
#define HASTY_NS	(STATE_SECOND / 10)	/* ... each tenth of a second, */
#define CALM_NS		(STATE_SECOND / 2)	/* and this often after that */
#define LOOK_NS		(5 * STATE_SECOND)	/* between two looks for users */
#define END_SECONDS	1	/* for the child that unmounts, at the end */
#define DETACH_MS	2000	/* then the connection is cut */

/* From the child, in one write(2) to a pipe: one that was killed says nothing. */
struct report {
	int	rc;		/* of fusemount_unmount() */
	bool	looked;
	struct users users;
	char	error[FUSEMOUNT_ERROR_MAX];
};

_Static_assert(sizeof(struct report) <= 4096, "a pipe takes it at once");

void
leave_init(struct leave *l)
{
	*l = (struct leave){ 0 };
	errand_init(&l->child);
}

void
leave_child(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
{
	struct report r = { .rc = -EINVAL, .looked = o->look };
	static struct mountinfo other;
	char mnt[PATH_MAX];

	if (s->mnt.fuse_fd >= 0)
		close(s->mnt.fuse_fd);	/* its last copy ends the connection */
	pin_forget(&s->ending.pin);
	/* Whatever was mounted over it, or instead of it, is not ours. */
	if (ending_find_mountpoint(s, mnt))
		r.rc = fusemount_unmount(s->mnt.parent_fd, s->mnt.base, mnt, s->ending.id, o->lazy, r.error);
	else if (mountinfo_find(mnt, &other) == 0)
		snprintf(r.error, sizeof(r.error), "another mount (%.63s) lies over it", other.fstype);
	if (r.rc == -EBUSY && o->look) {
		identity_raise();
		users_find(mnt, &r.users);
	}
	_exit(write(fd[0], &r, sizeof(r)) != sizeof(r));
}

static void
start_unmount(struct supervisor *s, bool lazy)
{
	struct leave *l = &s->leave;
	uint64_t now = clock_monotonic_ns();
	struct errand_order o = {
		.kind = ERRAND_UNMOUNT, .lazy = lazy, .look = now >= l->look_due,
	};
	int rc;

	if (l->child.pid != 0 || !s->mnt.mounted)
		return;
	if ((rc = errand_start(s, &l->child, &o)) != 0)
		log_error("could not start to unmount: %s", strerror(-rc));
	else if (o.look)
		l->look_due = now + LOOK_NS;
}

/* One line each time that something else is in the way.  Returns whether there was a new line. */
static bool
log_report(struct leave *l, const struct report *r, const char *mnt)
{
	char text[sizeof(l->logged)] = "", users[400];

	if (r->rc == -EBUSY && r->looked) {
		l->users = r->users;
		users_tell(&r->users, users, sizeof(users));
		snprintf(text, sizeof(text), "it is in use by %s", users);
	} else if (r->rc != -EBUSY) {
		strlcpy(text, r->error, sizeof(text));
	}
	if (text[0] == '\0' || strcmp(text, l->logged) == 0)
		return false;
	memcpy(l->logged, text, sizeof(text));
	log_warn("\"%s\" stays mounted: %s; it is unmounted as soon as that is possible", mnt, text);
	return true;
}

int
leave_outcome(struct errand *child, char why[LEAVE_WHY_MAX])
{
	struct report r = { 0 };
	char users[400];
	int rc = errand_end(child, &r, sizeof(r));

	if (rc == 0 && r.rc == 0)
		return 0;
	users_tell(&r.users, users, sizeof(users));
	r.error[sizeof(r.error) - 1] = '\0';
	if (rc == 0 && r.rc == -EBUSY)
		snprintf(why, LEAVE_WHY_MAX, "it is in use by %s", users);
	else
		snprintf(why, LEAVE_WHY_MAX, "%s", rc != 0 ? "the process that was to unmount it was ended" :
		    r.error[0] != '\0' ? r.error : strerror(-r.rc));
	return -1;
}

void
leave_done(struct supervisor *s)
{
	struct leave *l = &s->leave;
	struct report r = { 0 };
	uint64_t now = clock_monotonic_ns();

	if (errand_end(&l->child, &r, sizeof(r)) == 0 && r.rc != 0 &&
	    log_report(l, &r, s->config->mnt))
		stat_write_soon(&s->stats);
	l->due = now + (now - l->asked_at < HASTE_NS ? HASTY_NS : CALM_NS);
}

void
leave_ask(struct supervisor *s)
{
	struct leave *l = &s->leave;

	if (!l->asked)
		l->since = time(NULL);
	l->asked = true;
	l->asked_at = clock_monotonic_ns();
	l->due = l->look_due = 0;
	stat_write_soon(&s->stats);	/* for readers of .pbkfs/stat, too */
	l->logged[0] = '\0';	/* asked again, the log says again why it is still there */
	ending_hurry(&s->ending);
	start_unmount(s, false);
}

void
leave_tick(struct supervisor *s)
{
	struct leave *l = &s->leave;

	if (l->asked && l->child.pid == 0 && s->mnt.mounted && !s->done &&
	    clock_monotonic_ns() >= l->due)
		start_unmount(s, false);
}

/* The kernel may keep it waiting for a worker that waits for a file system. */
static void
end_child(struct errand *e)
{
	struct report ignored;

	if (e->pid != 0 && waiting_firmly(e->pidfd, END_SECONDS) != 0)
		errand_stop(e);
	else
		errand_end(e, &ignored, sizeof(ignored));
}

/*
 * The kernel cannot write back any more what it still holds, and a detach would wait for
 * that for ever: so the connection is cut, which fails it.
 */
void
leave_detach(struct supervisor *s)
{
	struct pollfd p = { .events = POLLIN };

	if (s->leave.child.pid != 0) {
		close(s->mnt.fuse_fd);
		s->mnt.fuse_fd = -1;
		end_child(&s->leave.child);
	}
	start_unmount(s, true);
	p.fd = s->leave.child.pidfd;
	if (p.fd >= 0)
		poll(&p, 1, DETACH_MS);
	if (s->mnt.fuse_fd >= 0)
		close(s->mnt.fuse_fd);
	s->mnt.fuse_fd = -1;
	end_child(&s->leave.child);
	s->mnt.mounted = false;
}

void
leave_end(struct leave *l)
{
	end_child(&l->child);
}
