/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The supervisor's end of the socket to its monitor.  One that does not answer is ended, for the
 * supervisor waits for nobody; the mount then goes on without.
 */
#include "config.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "ipc/fdpass.h"
#include "supervisor/order.h"
#include "supervisor/signals.h"
#include "supervisor/state.h"
#include "supervisor/waiting.h"

#define PATIENCE	10	/* seconds; a monitor that has not answered by then is ended */

bool
order_has_monitor(const struct monitor *m)
{
	return m->started;
}

static int
await_reply(struct supervisor *s, struct order_reply *r, int *got)
{
	int fd autoclose = -1, rc;

	if ((rc = waiting_firmly(s->monitor.sock, PATIENCE)) != 0 ||
	    (rc = fdpass_receive(s->monitor.sock, r, sizeof(*r), &fd)) != 0) {
		order_lost(s);
		return rc == -ENOMSG ? -ESRCH : rc;
	}
	if (got != NULL)
		*got = steal_fd(&fd);
	return r->rc;
}

int
order_await(struct supervisor *s, int *pidfd)
{
	struct order_reply r;

	return await_reply(s, &r, pidfd);
}

static int
send_order(struct supervisor *s, const struct order *o, const int *fd, unsigned n_fds)
{
	return s->monitor.pid == 0 ? -ESRCH : fdpass_send_all(s->monitor.sock, o, sizeof(*o), fd, n_fds);
}

static int
ask(struct supervisor *s, const struct order *o, const int *fd, unsigned n_fds, int *pidfd)
{
	int rc = send_order(s, o, fd, n_fds);

	return rc != 0 ? rc : order_await(s, pidfd);
}

pid_t
order_errand(struct supervisor *s, struct errand_order *errand, const int fd[ERRAND_FDS], int *pidfd)
{
	struct order o = { .deed = DEED_ERRAND };
	int sent[ERRAND_FDS];
	unsigned i, n = 0;

	for (errand->present = i = 0; i < ERRAND_FDS; i++) {
		if (fd[i] < 0)
			continue;
		errand->present |= 1u << i;
		sent[n++] = fd[i];
	}
	o.errand = *errand;
	return ask(s, &o, sent, n, pidfd);
}

int
order_adopt_store(struct supervisor *s)
{
	const struct order o = { .deed = DEED_ADOPT_STORE };

	return ask(s, &o, NULL, 0, NULL);
}

int
order_release_store(struct supervisor *s)
{
	const struct order o = { .deed = DEED_RELEASE_STORE };

	return ask(s, &o, NULL, 0, NULL);
}

int
order_renew_changes(struct supervisor *s)
{
	const struct order o = { .deed = DEED_RENEW_CHANGES };

	return ask(s, &o, NULL, 0, NULL);
}

int
order_mount(struct supervisor *s, struct order_reply *r, int *fuse_fd)
{
	const struct order o = { .deed = DEED_MOUNT };
	int rc;

	*r = (struct order_reply){ 0 };
	if ((rc = send_order(s, &o, NULL, 0)) == 0)
		rc = await_reply(s, r, fuse_fd);
	r->error[sizeof(r->error) - 1] = '\0';
	return rc;
}

int
order_settle(struct supervisor *s, uint32_t pin, int *fd)
{
	const struct order o = { .deed = DEED_SETTLE, .pin = pin };

	return ask(s, &o, NULL, 0, fd);
}

int
order_renew_log(void *arg, bool full)
{
	const struct order o = { .deed = DEED_RENEW_LOG, .full = full };
	int fd = -1, rc = ask(arg, &o, NULL, 0, &fd);

	return rc < 0 ? rc : fd < 0 ? -ENOENT : fd;
}

void
order_give_back(struct supervisor *s)
{
	const struct order o = {
		.deed = DEED_GIVE_BACK, .failed = s->failed, .ready_once = s->ready_once,
		.mute = s->claim.mute,
	};

	ask(s, &o, NULL, 0, NULL);
}

static void
end(struct monitor *m)
{
	signals_kill(m->pidfd);	/* one that is stuck or stopped, too */
	close(m->sock);
	waiting_firmly(m->pidfd, PATIENCE);
	waitpid(m->pid, NULL, WNOHANG);
	close(m->pidfd);
	*m = (struct monitor){ .pidfd = -1, .sock = -1, .started = true };
}

void
order_lost(struct supervisor *s)
{
	pid_t pid;

	if (s->monitor.pid == 0)
		return;
	pid = s->monitor.pid;
	end(&s->monitor);
	log_error("the monitor, process %d, has ended: the mount goes on, but no worker can be"
	    " replaced; pbkfs unmount it", (int)pid);
}

void
order_end(struct supervisor *s)
{
	if (s->monitor.pid != 0)
		end(&s->monitor);
}
