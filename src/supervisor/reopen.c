/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When the file system of the store is unmounted under us, or dies, and is
 * mounted again, every descriptor that we have of it stays dead; only its path
 * leads to the new one.  The worker, which cannot follow paths, reports that it
 * could not read.  From then on a child looks once a second whether something
 * else than before is there, has a confined program compare the lists of the
 * chain, and passes the descriptor on to who starts the workers.  Opening and reading may wait for a file
 * system that hangs: so it is a child that does it, and never two of them.
 *
 * The worker is then replaced, as after a crash, but nobody is blamed.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "ipc/fdpass.h"
#include "supervisor/become.h"
#include "supervisor/identity.h"
#include "supervisor/order.h"
#include "supervisor/reopen.h"
#include "supervisor/spawn.h"
#include "supervisor/state.h"
#include "supervisor/walk.h"

/* Of ERRAND_LOOK: what is found goes to reopen_adopt() by this. */
enum { FD_FOUND = 1 };

#define LOOK_NS		STATE_SECOND
#define LOOK_FOR_NS	(60 * STATE_SECOND)	/* after a report; the next one begins anew */

void
reopen_ask(struct reopen *r, const char *store)
{
	uint64_t now = clock_monotonic_ns();

	if (r->until == 0) {
		log_warn("could not read store \"%s\": looking for it again", store);
		r->due = now;
	}
	r->until = now + LOOK_FOR_NS;
}

/*
 * Whether fd is a store that we have not: a directory of the same owner as at
 * the start, and not the one whose descriptor we hold.
 */
static bool
is_another(const struct source *source, int fd)
{
	struct stat is, had;

	if (fstat(fd, &is) != 0 || !S_ISDIR(is.st_mode) || is.st_uid != source->uid)
		return false;
	return fstat(source->fd, &had) != 0 || had.st_dev != is.st_dev || had.st_ino != is.st_ino;
}

/*
 * The path was canonical when the mount was made: no link may be in it now.
 * Returns a descriptor, or a negative number.
 */
static int
open_again(const struct source *source)
{
	int parent autoclose = -1, fd autoclose = -1;
	char error[WALK_ERROR_MAX];
	struct walk w;

	parent = walk_parent(source->store, identity_is_root() ? &w : NULL, error);
	if (parent < 0)
		return -1;
	fd = io_open_beneath(parent, strrchr(source->store, '/') + 1, O_PATH | O_DIRECTORY, 0);
	if (fd >= 0 && identity_is_root() && (walk_enter(&w, source->store, fd, error) != 0 ||
	    walk_check(&w, source->store, source->uid, error) != 0))
		return -1;
	return steal_fd(&fd);
}

/* Whoever had to open it when the mount was made has to now. */
void
reopen_child(struct supervisor *s, const struct errand_order *o, const int fds[ERRAND_FDS])
{
	const struct source *source = &s->source;
	int fd;

	(void)o;
	if (source->is_roots)
		identity_raise();
	if (source->is_closed && become_now(&s->owner.become) != 0)
		_exit(1);
	fd = open_again(source);
	if (fd < 0 || !is_another(source, fd) ||
	    fdpass_send(fds[FD_FOUND], &(char){ 0 }, 1, fd) != 0)
		_exit(1);
	spawn_check(s, fd);
}

int
reopen_listen(struct supervisor *s, int fds[ERRAND_FDS])
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	if (s->reopen.sock >= 0)
		close(s->reopen.sock);
	s->reopen.sock = pair[0];
	fds[FD_FOUND] = pair[1];
	return 0;
}

int
reopen_adopt(struct supervisor *s)
{
	int fd autoclose = -1, rc;

	if ((rc = fdpass_receive(s->reopen.sock, &(char){ 0 }, 1, &fd)) != 0)
		return rc;
	/* The same number, which the hold on the store uses as well. */
	return fd < 0 ? -ENOMSG : dup3(fd, s->source.fd, O_CLOEXEC) < 0 ? -errno : 0;
}

/* Where workers are started. */
static int
adopt(struct supervisor *s)
{
	return order_has_monitor(&s->monitor) ? order_adopt_store(s) : reopen_adopt(s);
}

void
reopen_tick(struct supervisor *s)
{
	struct reopen *r = &s->reopen;
	uint64_t now = clock_monotonic_ns();

	if (r->until == 0 || r->child.pid != 0 || now < r->due || s->phase != PHASE_SERVING)
		return;
	r->due = now + LOOK_NS;
	if (now >= r->until)
		r->until = 0;
	else
		errand_start(s, &r->child, &(struct errand_order){ .kind = ERRAND_LOOK });
}

void
reopen_done(struct supervisor *s)
{
	struct reopen *r = &s->reopen;
	int status = errand_end(&r->child, NULL, 0);

	/* A worker that is just starting has the old one: look again when it serves. */
	if (status != 0 || s->done || s->phase != PHASE_SERVING || s->worker.killed ||
	    adopt(s) != 0)
		return;
	r->until = 0;
	log_info("the store \"%s\" is back: the next worker reads it", s->source.store);
	s->worker.stuck = FAILOVER_NO_SLOT;
	spawn_kill(&s->worker, "its store was mounted anew");
}
