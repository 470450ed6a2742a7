/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections and requests of commands.  Which figures a report holds is decided in stat.c; the socket
 * itself, and who is at its other end, is the business of socket.c.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "supervisor/attend.h"
#include "supervisor/leave.h"
#include "supervisor/spawn.h"
#include "supervisor/stat.h"
#include "supervisor/state.h"

#define SILENCE_NS	(5 * STATE_SECOND)	/* a client that has not asked by then has to go */

/* ---- children ----------------------------------------------------------- */

static struct attend *ours;

static void
close_clients(struct attend *a)
{
	struct client *c;

	for (c = a->client; c < a->client + CLIENT_MAX; c++)
		client_close(c);
}

/* A child that lived on would keep commands waiting for an answer, and for our end. */
static void
forget_in_child(void)
{
	if (ours == NULL)
		return;
	if (ours->listen_fd >= 0)
		close(ours->listen_fd);
	ours->listen_fd = -1;
	close_clients(ours);
}

void
attend_init(struct attend *a)
{
	size_t i;

	*a = (struct attend){ .listen_fd = -1, .place = { .dir_fd = -1 } };
	for (i = 0; i < CLIENT_MAX; i++)
		a->client[i].fd = -1;
}

int
attend_open(struct supervisor *s)
{
	struct attend *a = &s->attend;
	int rc;

	if (ours == NULL && (rc = pthread_atfork(NULL, NULL, forget_in_child)) != 0)
		return -rc;
	ours = a;
	a->listen_fd = socket_listen(s->claim.dir.fd, s->claim.dir.infodir_fd, s->owner.uid, &a->place);
	return MIN(a->listen_fd, 0);
}

void
attend_close(struct attend *a)
{
	if (a->listen_fd < 0)
		return;
	close(a->listen_fd);
	a->listen_fd = -1;
}

/* ---- answers ------------------------------------------------------------ */

static int
say_done(const struct client *c)
{
	struct command_frame f;

	command_init(&f, COMMAND_DONE);
	return command_send(c->fd, &f, -1);
}

static enum command_state
state_of(const struct supervisor *s)
{
	return s->phase == PHASE_SERVING ? STATE_SERVING : s->phase == PHASE_LEAVING ? STATE_LEAVING :
	    s->phase == PHASE_STARTING ? STATE_STARTING : STATE_PREPARING;
}

static int
do_identify(struct supervisor *s, struct client *c, const struct command_frame *q)
{
	struct command_frame f;

	(void)q;
	command_init(&f, COMMAND_IDENTITY);
	f.arg[IDENTITY_PID] = (uint64_t)getpid();
	f.arg[IDENTITY_WORKER] = (uint64_t)s->worker.pid;
	f.arg[IDENTITY_STATE] = state_of(s);
	f.arg[IDENTITY_MAJOR] = s->ending.major;
	f.arg[IDENTITY_MINOR] = s->ending.minor;
	f.arg[IDENTITY_OWNER] = s->owner.uid;
	snprintf(f.text, sizeof(f.text), "%s", s->config->mnt);
	return command_send(c->fd, &f, -1);
}

static int
do_status(struct supervisor *s, struct client *c, const struct command_frame *q)
{
	c->wants_report = true;
	stat_ask(s, q->arg[0] != 0);
	return 0;
}

static int
do_leave(struct supervisor *s, struct client *c, const struct command_frame *q)
{
	(void)q;
	if (s->phase == PHASE_PREPARING)
		state_fail(s, "interrupted by user %u", (unsigned)c->uid);
	else
		leave_ask(s);
	return say_done(c);
}

static int
do_stop(struct supervisor *s, struct client *c, const struct command_frame *q)
{
	(void)q;
	state_fail(s, "ended by force, as user %u asked for it", (unsigned)c->uid);
	return say_done(c);
}

static const struct request {
	enum command_type type;
	unsigned phases;
	int	(*answer)(struct supervisor *s, struct client *c, const struct command_frame *q);
} requests[] = {
	{ COMMAND_IDENTIFY, PHASE_ANY, do_identify },
	{ COMMAND_STATUS, PHASE_STARTING | PHASE_SERVING | PHASE_LEAVING, do_status },
	{ COMMAND_LEAVE, PHASE_ANY, do_leave },
	{ COMMAND_STOP, PHASE_ANY, do_stop },
};

int
attend_request(struct supervisor *s, struct client *c, const struct command_frame *f)
{
	const struct request *r;

	for (r = requests; r < requests + ARRAY_SIZE(requests); r++)
		if (r->type == f->type)
			break;
	if (r == requests + ARRAY_SIZE(requests) || c->wants_report)
		return -EPROTO;
	c->has_asked = true;
	if ((r->phases & s->phase) == 0) {
		client_refuse(c->fd, "it is still being prepared");
		return 0;
	}
	return r->answer(s, c, f);
}

/* ---- connections -------------------------------------------------------- */

/* Takes one of this second's. */
static bool
take_budget(struct attend *a)
{
	uint64_t second = clock_monotonic_ns() / STATE_SECOND;

	if (second != a->second) {
		a->second = second;
		a->used = 0;
	}
	if (a->used >= ATTEND_BUDGET)
		return false;
	a->used++;
	return true;
}

static bool
has_budget(const struct attend *a)
{
	return a->used < ATTEND_BUDGET || clock_monotonic_ns() / STATE_SECOND != a->second;
}

static void
complain(struct attend *a, const struct client *c, const char *what)
{
	unsigned skipped;

	if (log_allowed(&a->refusals, &skipped))
		log_warn("the connection of a command of user %u was closed: %s", (unsigned)c->uid,
		    what);
}

/* The one that goes for a newcomer: the oldest, and none of root's for others. */
static struct client *
find_room(struct attend *a, uid_t uid)
{
	struct client *c, *oldest = NULL;

	for (c = a->client; c < a->client + CLIENT_MAX; c++) {
		if (c->fd < 0)
			return c;
		if (uid != 0 && c->uid == 0)
			continue;
		if (oldest == NULL || (oldest->uid == 0) > (c->uid == 0) ||
		    ((oldest->uid == 0) == (c->uid == 0) && c->since < oldest->since))
			oldest = c;
	}
	if (oldest != NULL)
		client_close(oldest);
	return oldest;
}

/* The owner could unmount it, and end its connection, as well. */
static bool
may_connect(const struct supervisor *s, uid_t uid)
{
	return uid == 0 || uid == s->owner.uid;
}

static void
take_connection(struct supervisor *s)
{
	struct attend *a = &s->attend;
	int fd autoclose = accept4(a->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c, new = { .since = clock_monotonic_ns() };
	struct socket_peer peer;

	if (fd < 0 || socket_ask_peer(fd, &peer) != 0)
		return;
	new.uid = peer.uid;
	if (!may_connect(s, peer.uid))
		complain(a, &new, "the mount is another user's");
	else if ((c = find_room(a, peer.uid)) != NULL) {
		new.fd = steal_fd(&fd);
		*c = new;
	}
}

static void
hear(struct supervisor *s, struct client *c)
{
	static struct command_frame f;
	int rc = command_receive(c->fd, &f, false, NULL);

	if (rc == 0)
		rc = attend_request(s, c, &f);
	else if (rc == -EPROTONOSUPPORT)
		client_refuse(c->fd, "it is of a version with other requests");
	if (rc == -EPROTO || rc == -EPROTONOSUPPORT)
		complain(&s->attend, c, "it asked for what there is not");
	if (rc != 0)
		client_close(c);
}

/* Beyond the budget the rest waits for the next second. */
void
attend_poll(struct supervisor *s, struct pollfd p[ATTEND_DESCRIPTORS])
{
	const struct attend *a = &s->attend;
	bool some = has_budget(a);
	size_t i;

	p[0] = (struct pollfd){ .fd = some ? a->listen_fd : -1, .events = POLLIN };
	for (i = 0; i < CLIENT_MAX; i++)
		p[1 + i] = (struct pollfd){ .fd = some ? a->client[i].fd : -1, .events = POLLIN };
}

void
attend_look(struct supervisor *s, const struct pollfd p[ATTEND_DESCRIPTORS])
{
	struct attend *a = &s->attend;
	uint64_t now = clock_monotonic_ns();
	struct client *c;
	size_t i;

	for (i = 0; i < CLIENT_MAX; i++) {
		c = &a->client[i];
		if (c->fd >= 0 && p[1 + i].fd == c->fd && p[1 + i].revents != 0 && take_budget(a))
			hear(s, c);
		if (c->fd >= 0 && !c->has_asked && now - c->since > SILENCE_NS)
			client_close(c);
	}
	if (p[0].revents != 0 && take_budget(a))
		take_connection(s);
}
