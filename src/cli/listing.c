/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs the children that look at mounts (mountstate.c) and for clients (clients.c),
 * and collects what they report until time is up.  It decides which mounts come
 * first.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/util.h"
#include "cli/listing.h"
#include "cli/promotions.h"
#include "cli/unmounted.h"
#include "supervisor/turns.h"

#define LOOKERS_MAX	256	/* at a time */
#define PATIENCE_MS	1000	/* with one of them, if others wait */

/* A write(2) of up to PIPE_BUF bytes to a pipe is never torn. */
_Static_assert(sizeof(struct mountstate) <= PIPE_BUF, "a look has to fit a pipe's atomic write");

struct child {
	pid_t	pid;
	int	fd;		/* where it reports; -1 = none */
	int64_t	since;		/* ms */
	size_t	row;
};

struct listing {
	const struct mountinfo_list *mounts;
	size_t	n_here;
	struct listed *listed;
	size_t	*order;		/* rows, in the order of looking */
	size_t	next;		/* index in order: the next to look at */
	struct child looker[LOOKERS_MAX];
	struct child clients;	/* looks for clients */
	int64_t	deadline;
};

/* ---- children ----------------------------------------------------------- */

static int report_fd;

static void
report_look(const struct mountstate *l)
{
	io_write(report_fd, l, sizeof(*l));
}

static void
let_go_of_output(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC), i;

	for (i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		if (fd >= 0)
			dup2(fd, i);
}

static void
look(const struct listing *l, size_t row)
{
	const struct mountinfo *m = l->mounts->mount;

	if (row < l->n_here)
		mountstate_at(m, l->n_here, &m[row], report_look);
	else if (promotions_is(&m[row]))
		promotions_look(&m[row], report_look);
	else if (unmounted_is(&m[row]))
		mountstate_supervisor(m, l->mounts->n, &m[row], report_look);
	else
		mountstate_elsewhere(&m[row], report_look);
}

/* Starts a child.  Returns whether there is one now; in the child it does not return. */
static bool
start(struct child *c, const struct listing *l, size_t row)
{
	pid_t parent = getpid();
	int fds[2];

	c->fd = -1;
	if (pipe2(fds, O_CLOEXEC) != 0)
		return false;
	if ((c->pid = fork()) == 0) {
		report_fd = fds[1];
		let_go_of_output();
		if (c == &l->clients)
			_exit(-clients_find(l->mounts->mount, l->n_here, parent, l->deadline, report_fd));
		look(l, row);
		_exit(0);
	}
	close(fds[1]);
	if (c->pid < 0) {
		close(fds[0]);
		return false;
	}
	*c = (struct child){ c->pid, fds[0], clock_monotonic_ms(), row };
	return true;
}

static void
end(struct child *c)
{
	kill(c->pid, SIGKILL);
	/* Nobody can wait for a child that a dead file system holds. */
	waitpid(c->pid, NULL, WNOHANG);
	close(c->fd);
	c->fd = -1;
}

/*
 * Takes the first mount of each user first, then the second of each.  Returns 0 or
 * -ENOMEM.
 */
static int
choose_order(struct listing *l)
{
	uid_t *owner autofree = calloc(l->mounts->n + 1, sizeof(*owner));
	size_t i;

	if (owner == NULL)
		return -ENOMEM;
	for (i = 0; i < l->mounts->n; i++)
		owner[i] = l->mounts->mount[i].uid;
	return turns_order(owner, l->mounts->n, l->order);
}

/* ---- all of them -------------------------------------------------------- */

static void
remark(struct listing *l, size_t row, const char *text)
{
	strlcpy(l->listed[row].look.remark, text, sizeof(l->listed[row].look.remark));
}

/* Starts as many as there is room for; ends those that take long, to make room. */
static void
start_some(struct listing *l)
{
	int64_t now = clock_monotonic_ms();
	struct child *c;

	for (c = l->looker; c < l->looker + LOOKERS_MAX && l->next < l->mounts->n; c++) {
		if (c->fd >= 0 && now - c->since > PATIENCE_MS)
			end(c);
		if (c->fd >= 0)
			continue;
		if (start(c, l, l->order[l->next]))
			remark(l, l->order[l->next], "its diff directory did not answer");
		else
			remark(l, l->order[l->next], "could not start a process to look at it");
		l->next++;
		if (clock_monotonic_ms() > l->deadline)
			return;
	}
}

static void
read_look(struct listing *l, struct child *c)
{
	struct mountstate found;

	if (read(c->fd, &found, sizeof(found)) == (ssize_t)sizeof(found))
		l->listed[c->row].look = found;
	else
		end(c);
}

static void
read_clients(struct listing *l)
{
	struct clients_record record[64];
	ssize_t n = read(l->clients.fd, record, sizeof(record));
	size_t i, row;

	for (i = 0; n > 0 && i < (size_t)n / sizeof(*record); i++)
		if (record[i].mount < l->n_here)
			clients_add(&l->listed[record[i].mount].clients, &record[i].user);
		else if (record[i].mount == CLIENTS_END)
			for (row = 0; row < l->n_here; row++)
				l->listed[row].clients.are_known = true;
	if (n <= 0)
		end(&l->clients);
}

/* Returns how many children are at work. */
static size_t
fill_poll(const struct listing *l, struct pollfd p[LOOKERS_MAX + 1])
{
	size_t i, n = l->clients.fd >= 0;

	for (i = 0; i < LOOKERS_MAX; i++) {
		p[i] = (struct pollfd){ .fd = l->looker[i].fd, .events = POLLIN };
		n += l->looker[i].fd >= 0;
	}
	p[LOOKERS_MAX] = (struct pollfd){ .fd = l->clients.fd, .events = POLLIN };
	return n;
}

static void
collect(struct listing *l)
{
	struct pollfd p[LOOKERS_MAX + 1];
	int64_t left;
	size_t i;

	while ((left = l->deadline - clock_monotonic_ms()) > 0) {
		start_some(l);
		if (fill_poll(l, p) == 0 && l->next == l->mounts->n)
			return;
		if (l->next < l->mounts->n)
			left = MIN(left, PATIENCE_MS / 10);
		if (poll(p, LOOKERS_MAX + 1, (int)left) <= 0)
			continue;
		for (i = 0; i < LOOKERS_MAX; i++)
			if (p[i].fd >= 0 && p[i].revents != 0)
				read_look(l, &l->looker[i]);
		if (p[LOOKERS_MAX].revents != 0)
			read_clients(l);
	}
}

/* Takes as clients of a mount that is only elsewhere those who hold it there. */
static void
take_holders(struct listed *listed)
{
	const struct mountstate *k = &listed->look;
	unsigned i;

	for (i = 0; i < MIN(k->holders.n, (unsigned)USERS_MAX); i++)
		clients_add(&listed->clients, &k->holders.user[i]);
	listed->clients.n = k->holders.n;
	listed->clients.are_known = k->holders.is_whole;
}

static void
finish(struct listing *l)
{
	size_t i;

	for (i = 0; i < LOOKERS_MAX; i++)
		if (l->looker[i].fd >= 0)
			end(&l->looker[i]);
	if (l->clients.fd >= 0)
		end(&l->clients);
	for (; l->next < l->mounts->n; l->next++)
		remark(l, l->order[l->next], "there was no time to look at it");
	for (i = 0; i < l->n_here; i++) {
		clients_remove(&l->listed[i].clients, l->listed[i].look.supervisor);
		clients_remove(&l->listed[i].clients, l->listed[i].look.worker);
	}
	for (; i < l->mounts->n; i++)
		take_holders(&l->listed[i]);
}

int
listing_find(const struct mountinfo_list *mounts, size_t n_here, struct listed *listed,
    int64_t until)
{
	size_t *order autofree = calloc(mounts->n + 1, sizeof(*order));
	static struct listing l;
	size_t i;

	if (order == NULL)
		return -ENOMEM;
	l = (struct listing){
		.mounts = mounts, .n_here = n_here, .listed = listed, .order = order,
		.deadline = until,
	};
	for (i = 0; i < LOOKERS_MAX; i++)
		l.looker[i].fd = -1;
	fflush(NULL);
	if (choose_order(&l) != 0)
		return -ENOMEM;
	start(&l.clients, &l, 0);
	collect(&l);
	finish(&l);
	return 0;
}
