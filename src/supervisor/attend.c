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
#include "supervisor/freeze.h"
#include "supervisor/hydration.h"
#include "supervisor/leave.h"
#include "supervisor/reset.h"
#include "supervisor/spawn.h"
#include "supervisor/stat.h"
#include "supervisor/state.h"

#define SILENCE_NS	(5 * STATE_SECOND)	/* a client that has not asked by then has to go */
#define SHARE		(CLIENT_MAX / SOCKET_DOORS)	/* clients of root's, and of the owner's */
#define ACCEPT_MAX	1024	/* connections that are taken in before anything else is done */

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
	attend_close(ours);
	close_clients(ours);
}

void
attend_init(struct attend *a)
{
	size_t i;

	*a = (struct attend){ .place = { .dir_fd = -1 } };
	for (i = 0; i < SOCKET_DOORS; i++)
		a->share[i].listen_fd = -1;
	for (i = 0; i < CLIENT_MAX; i++)
		a->client[i].fd = -1;
}

int
attend_open(struct supervisor *s)
{
	const struct socket_diff diff = {
		.path = s->config->diff, .mnt = s->config->mnt, .fd = s->claim.dir.fd,
		.infodir_fd = s->claim.dir.infodir_fd, .uid = s->owner.uid,
	};
	struct attend *a = &s->attend;
	int fd[SOCKET_DOORS], rc, i;

	if (ours == NULL && (rc = pthread_atfork(NULL, NULL, forget_in_child)) != 0)
		return -rc;
	ours = a;
	rc = socket_listen(&diff, fd, &a->place);
	for (i = 0; i < SOCKET_DOORS; i++)
		a->share[i].listen_fd = fd[i];
	return rc;
}

void
attend_close(struct attend *a)
{
	size_t i;

	for (i = 0; i < SOCKET_DOORS; i++) {
		if (a->share[i].listen_fd >= 0)
			close(a->share[i].listen_fd);
		a->share[i].listen_fd = -1;
	}
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
state_of(enum phase phase)
{
	return phase == PHASE_SERVING ? STATE_SERVING : phase == PHASE_LEAVING ? STATE_LEAVING :
	    phase == PHASE_STARTING ? STATE_STARTING : STATE_PREPARING;
}

static int
do_identify(struct supervisor *s, struct client *c, const struct command_frame *q)
{
	struct command_frame f;

	(void)q;
	command_init(&f, COMMAND_IDENTITY);
	f.arg[IDENTITY_PID] = (uint64_t)getpid();
	f.arg[IDENTITY_WORKER] = (uint64_t)s->worker.pid;
	f.arg[IDENTITY_STATE] = state_of(s->phase);
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
	spawn_end(&s->worker);	/* whatever else has to wait */
	state_fail(s, "ended by force at the request of user %u", (unsigned)c->uid);
	return say_done(c);
}

static int
do_hydrate(struct supervisor *s, struct client *c, const struct command_frame *q)
{
	char why[HYDRATION_WHY_MAX];

	if (hydration_ask(s, q->arg[HYDRATE_ON] != 0, q->arg[HYDRATE_RATE],
	    (uint32_t)q->arg[HYDRATE_JOBS], why) == 0)
		return say_done(c);
	client_refuse(c->fd, why);
	return 0;
}

static int
do_await(struct supervisor *s, struct client *c, const struct command_frame *q)
{
	(void)s;
	c->awaits = true;
	c->known = (uint32_t)q->arg[0];
	c->until = clock_monotonic_ns() + COMMAND_AWAIT_MS * (STATE_SECOND / 1000);
	return 0;
}

/* Tells a client what it waits for, if that is so. */
static void
tell_awaited(struct supervisor *s, struct client *c)
{
	struct command_frame f;

	if (!c->awaits || (hydration_state(s) == c->known && clock_monotonic_ns() < c->until))
		return;
	c->awaits = false;
	command_init(&f, COMMAND_HYDRATION);
	f.arg[AWAITED_STATE] = hydration_state(s);
	f.arg[AWAITED_WANTED] = s->binding.found.hydrates;
	if (command_send(c->fd, &f, -1) != 0)
		client_close(c);
}

static int
do_freeze(struct supervisor *s, struct client *c, const struct command_frame *q)
{
	char why[STEP_WHY_MAX];

	if (freeze_ask(s, q->text, why) == 0)
		c->wants_step = true;
	else
		client_refuse(c->fd, why);
	return 0;
}

static int
do_reset(struct supervisor *s, struct client *c, const struct command_frame *q)
{
	char why[STEP_WHY_MAX];

	if (reset_ask(s, q->text, why) == 0)
		c->wants_step = true;
	else
		client_refuse(c->fd, why);
	return 0;
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
	{ COMMAND_HYDRATE, PHASE_STARTING | PHASE_SERVING, do_hydrate },
	{ COMMAND_AWAIT, PHASE_STARTING | PHASE_SERVING | PHASE_LEAVING, do_await },
	{ COMMAND_FREEZE, PHASE_STARTING | PHASE_SERVING, do_freeze },
	{ COMMAND_RESET, PHASE_STARTING | PHASE_SERVING, do_reset },
};

int
attend_request(struct supervisor *s, struct client *c, const struct command_frame *f)
{
	const struct request *r;

	for (r = requests; r < requests + ARRAY_SIZE(requests); r++)
		if (r->type == f->type)
			break;
	if (r == requests + ARRAY_SIZE(requests) || c->wants_report || c->awaits ||
	    c->wants_step)
		return -EPROTO;
	c->has_asked = true;
	if ((r->phases & s->phase) == 0) {
		client_refuse(c->fd, "the mount is still being prepared");
		return 0;
	}
	return r->answer(s, c, f);
}

/* ---- connections -------------------------------------------------------- */

static enum socket_door
share_of(uid_t uid)
{
	return uid == 0 ? SOCKET_ROOT : SOCKET_OWNER;
}

/* Takes one of this second's. */
static bool
take_budget(struct attend_share *h)
{
	uint64_t second = clock_monotonic_ns() / STATE_SECOND;

	if (second != h->second) {
		h->second = second;
		h->used = 0;
	}
	if (h->used >= ATTEND_BUDGET)
		return false;
	h->used++;
	return true;
}

static bool
has_budget(const struct attend_share *h)
{
	return h->used < ATTEND_BUDGET || clock_monotonic_ns() / STATE_SECOND != h->second;
}

/* Root comes to the owner's door where there is no other. */
static bool
is_for_both(const struct attend *a, enum socket_door door)
{
	return door == SOCKET_OWNER && a->share[SOCKET_ROOT].listen_fd < 0;
}

static void
complain(struct attend *a, const struct client *c, const char *what)
{
	unsigned skipped;

	if (log_allowed(&a->refusals, &skipped))
		log_warn("the connection of a command of user %u was closed: %s", (unsigned)c->uid,
		    what);
}

/* The oldest of a share goes for a newcomer. */
static struct client *
find_room(struct attend *a, enum socket_door door)
{
	struct client *c = a->client + door * SHARE, *end = c + SHARE, *oldest = c;

	for (; c < end; c++) {
		if (c->fd < 0)
			return c;
		if (c->since < oldest->since)
			oldest = c;
	}
	client_close(oldest);
	return oldest;
}

/* The owner could unmount it, and end its connection, as well. */
static bool
may_connect(uid_t uid, uid_t owner)
{
	return uid == 0 || uid == owner;
}

/* Whoever is not let in is closed. */
static void
let_in(struct attend *a, int fd, uid_t owner)
{
	struct client new = { .since = clock_monotonic_ns() };
	struct socket_peer peer;
	enum socket_door door;

	if (socket_ask_peer(fd, &peer) == 0) {
		new.uid = peer.uid;
		door = share_of(peer.uid);
		if (!take_budget(&a->share[door])) {
			close(fd);
			return;
		}
		if (may_connect(peer.uid, owner)) {
			new.fd = fd;
			*find_room(a, door) = new;
			return;
		}
		complain(a, &new, "the mount is another user's");
	}
	close(fd);
}

static void
take_connections(struct attend *a, enum socket_door door, uid_t owner)
{
	const struct attend_share *h = &a->share[door];
	int fd, i;

	for (i = 0; i < ACCEPT_MAX && (is_for_both(a, door) || has_budget(h)); i++) {
		if ((fd = accept4(h->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) < 0)
			return;
		let_in(a, fd, owner);
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
		complain(&s->attend, c, "it sent an unknown request");
	if (rc != 0)
		client_close(c);
}

/* Beyond the budget the rest of a share waits for the next second. */
void
attend_poll(const struct attend *a, struct pollfd p[ATTEND_DESCRIPTORS])
{
	size_t i, door;
	bool some;

	for (door = 0; door < SOCKET_DOORS; door++) {
		some = has_budget(&a->share[door]);
		p[door] = (struct pollfd){
			.fd = some || is_for_both(a, door) ? a->share[door].listen_fd : -1,
			.events = POLLIN,
		};
		for (i = door * SHARE; i < (door + 1) * SHARE; i++)
			p[SOCKET_DOORS + i] = (struct pollfd){
				.fd = some ? a->client[i].fd : -1, .events = POLLIN,
			};
	}
}

static void
look_at_client(struct supervisor *s, size_t i, const struct pollfd *p)
{
	struct client *c = &s->attend.client[i];

	if (c->fd >= 0 && p->fd == c->fd && p->revents != 0 &&
	    take_budget(&s->attend.share[i / SHARE]))
		hear(s, c);
	if (c->fd >= 0 && !c->has_asked && clock_monotonic_ns() - c->since > SILENCE_NS)
		client_close(c);
}

void
attend_look(struct supervisor *s, const struct pollfd p[ATTEND_DESCRIPTORS])
{
	size_t i;

	for (i = 0; i < CLIENT_MAX; i++)
		look_at_client(s, i, p + SOCKET_DOORS + i);
	for (i = 0; i < SOCKET_DOORS; i++)
		if (p[i].revents != 0)
			take_connections(&s->attend, (enum socket_door)i, s->owner.uid);
	for (i = 0; i < CLIENT_MAX; i++)
		tell_awaited(s, &s->attend.client[i]);
}
