/*
 * When the file system of the store is unmounted under us, or dies, and is
 * mounted again, every descriptor that we have of it stays dead; only its path
 * leads to the new one.  The worker, which cannot follow paths, reports that it
 * could not read.  From then on a child looks once a second whether something
 * else than before is there, has a confined program compare the lists of the
 * chain, and sends us the descriptor.  Opening and reading may wait for a file
 * system that hangs: so it is a child that does it, and never two of them.
 *
 * The worker is then replaced, as after a crash, but nobody is blamed.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "ipc/fdpass.h"
#include "supervisor/become.h"
#include "supervisor/identity.h"
#include "supervisor/reopen.h"
#include "supervisor/spawn.h"
#include "supervisor/walk.h"

#define LOOK_NS		STATE_SECOND
#define LOOK_FOR_NS	(60 * STATE_SECOND)	/* after a report; the next one begins anew */

void
reopen_ask(struct supervisor *s)
{
	struct reopen *r = &s->reopen;
	uint64_t now = state_now();

	if (r->until == 0) {
		log_warn("the store \"%s\" could not be read: it is looked for again", s->store);
		r->due = now;
	}
	r->until = now + LOOK_FOR_NS;
}

/*
 * Whether fd is a store that we have not: a directory of the same owner as at
 * the start, and not the one whose descriptor we hold.
 */
static bool
is_another(const struct supervisor *s, int fd)
{
	struct stat is, had;

	if (fstat(fd, &is) != 0 || !S_ISDIR(is.st_mode) || is.st_uid != s->store_uid)
		return false;
	return fstat(s->store_fd, &had) != 0 || had.st_dev != is.st_dev || had.st_ino != is.st_ino;
}

/*
 * The path was canonical when the mount was made: no link may be in it now.
 * Whoever had to open it then has to now.
 */
static _Noreturn void
look(struct supervisor *s, int sock)
{
	char error[WALK_ERROR_MAX];
	struct walk w;
	int parent, fd;

	if (s->store_is_roots)
		identity_raise();
	if (s->store_is_closed && become_now(&s->owner) != 0)
		_exit(1);
	parent = walk_parent(s->store, identity_is_root() ? &w : NULL, error);
	if (parent < 0 || (identity_is_root() && walk_check(&w, s->store, s->store_uid, error) != 0))
		_exit(1);
	fd = io_open_beneath(parent, strrchr(s->store, '/') + 1, O_PATH | O_DIRECTORY, 0);
	if (fd < 0 || !is_another(s, fd) || fdpass_send(sock, &(char){ 0 }, 1, fd) != 0)
		_exit(1);
	spawn_check(s, fd);
}

static void
start_look(struct supervisor *s)
{
	struct reopen *r = &s->reopen;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return;
	if ((r->pid = fork()) == 0)
		look(s, pair[1]);
	close(pair[1]);
	if (r->pid < 0) {
		r->pid = 0;
		close(pair[0]);
		return;
	}
	r->sock = pair[0];
	r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
}

void
reopen_tick(struct supervisor *s)
{
	struct reopen *r = &s->reopen;
	uint64_t now = state_now();

	if (r->until == 0 || r->pid != 0 || now < r->due || s->phase != PHASE_SERVING)
		return;
	r->due = now + LOOK_NS;
	if (now >= r->until)
		r->until = 0;
	else
		start_look(s);
}

static void
forget(struct reopen *r)
{
	if (r->pidfd >= 0)
		close(r->pidfd);
	close(r->sock);
	r->pid = 0;
	r->pidfd = r->sock = -1;
}

void
reopen_done(struct supervisor *s)
{
	struct reopen *r = &s->reopen;
	int fd autoclose = -1, status;

	if (waitpid(r->pid, &status, WNOHANG) != r->pid)
		return;
	if (fdpass_receive(r->sock, &(char){ 0 }, 1, &fd) != 0)
		fd = -1;
	forget(r);
	/* A worker that is just starting has the old one: look again when it serves. */
	if (status != 0 || fd < 0 || s->done || s->phase != PHASE_SERVING || s->worker.killed)
		return;
	/* The same number, which the hold on the store uses as well. */
	if (dup3(fd, s->store_fd, O_CLOEXEC) < 0)
		return;
	r->until = 0;
	log_info("the store \"%s\" is back: the next worker reads it", s->store);
	s->worker.stuck = FAILOVER_NO_SLOT;
	spawn_kill(&s->worker, "its store was mounted anew");
}

void
reopen_stop(struct supervisor *s)
{
	if (s->reopen.pid == 0)
		return;
	/* It may hang where no signal reaches it: init inherits it then. */
	kill(s->reopen.pid, SIGKILL);
	waitpid(s->reopen.pid, NULL, WNOHANG);
	forget(&s->reopen);
}
