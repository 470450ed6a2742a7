/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Takes a step in a child, passes on what that prints, and kills it in time.  The
 * child returns a number only; become_run() returns more.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/limited.h"
#include "supervisor/mountinfo.h"
#include "supervisor/tie.h"

#define LOOK_MS	1000	/* between two looks at a child that may take long */

struct limit {
	int64_t	until;		/* clock_monotonic_ms(); INT64_MAX = for ever */
	int	silent_max;	/* looks in a row that show no work; 0 = any */
	const sigset_t *mask;
};

/* The child's word for itself. */
struct shared {
	_Atomic bool rests, gave_up;
};
static struct shared *ours;	/* of this process, if it is such a child */

struct child {
	pid_t	pid;
	int	pidfd, out, err;	/* read ends of pipes */
	struct shared *shared;
	clockid_t clock;		/* of its time on processors */
	bool	has_clock;
	struct timespec worked;
	int	silent;
};

void *
limited_share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void
limited_rest(bool rests)
{
	if (ours != NULL)
		atomic_store(&ours->rests, rests);
}

void
limited_give_up(void)
{
	if (ours != NULL)
		atomic_store(&ours->gave_up, true);
}

/* ---- starting ------------------------------------------------------------ */

/* In the child: the terminal and the pipes of the caller are not for it to hold. */
static int
take_places(const int out[2], const int err[2])
{
	int null autoclose = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out[1], STDOUT_FILENO) < 0 ||
	    dup2(err[1], STDERR_FILENO) < 0)
		return -errno;
	close(out[0]);
	close(out[1]);
	close(err[0]);
	close(err[1]);
	return 0;
}

static int
start_piped(struct child *c, const int out[2], const int err[2])
{
	fflush(NULL);
	if ((c->pid = tie_fork(SIGKILL)) < 0)
		return -errno;
	if (c->pid == 0) {
		ours = c->shared;
		if (take_places(out, err) != 0)
			_exit(EXIT_FAILURE);
		return 0;
	}
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	c->has_clock = clock_getcpuclockid(c->pid, &c->clock) == 0;
	return 0;
}

/* Forks.  Returns 0 in both processes, with c->pid of 0 in the child; or negative errno. */
static int
start(struct child *c)
{
	int out[2], err[2], rc;

	*c = (struct child){ .pidfd = -1, .out = -1, .err = -1 };
	if ((c->shared = limited_share(sizeof(*c->shared))) == NULL || pipe2(out, O_CLOEXEC) != 0)
		return -errno;
	if (pipe2(err, O_CLOEXEC) != 0) {
		rc = -errno;
		close(out[0]);
		close(out[1]);
		return rc;
	}
	rc = start_piped(c, out, err);
	if (c->pid == 0 && rc == 0)
		return 0;
	close(out[1]);
	close(err[1]);
	c->out = out[0];
	c->err = err[0];
	return rc;
}

/* ---- waiting ------------------------------------------------------------- */

/* Whether the child has worked since the last look, on any processor. */
static bool
has_worked(struct child *c)
{
	struct timespec now;

	if (!c->has_clock || clock_gettime(c->clock, &now) != 0)
		return true;
	if (now.tv_sec == c->worked.tv_sec && now.tv_nsec == c->worked.tv_nsec)
		return false;
	c->worked = now;
	return true;
}

/* Looks at a child that said nothing.  Returns whether it may go on. */
static bool
gets_on(struct child *c, const struct limit *l)
{
	if (l->silent_max == 0)
		return true;
	if (atomic_load(&c->shared->gave_up))
		return false;
	c->silent = atomic_load(&c->shared->rests) || has_worked(c) ? 0 : c->silent + 1;
	return c->silent < l->silent_max;
}

/* Waits for one of n descriptors.  Returns 0, -ETIMEDOUT, or -EINTR. */
static int
wait_for(struct child *c, const struct limit *l, struct pollfd *p, nfds_t n)
{
	struct timespec left, *time = &left;
	int64_t now, ms;
	int rc;

	for (;;) {
		now = clock_monotonic_ms();
		ms = l->until == INT64_MAX ? INT64_MAX : MAX(l->until - now, (int64_t)0);
		if (l->silent_max != 0)
			ms = MIN(ms, (int64_t)LOOK_MS);
		left = (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
		time = ms == INT64_MAX ? NULL : &left;
		if ((rc = ppoll(p, n, time, l->mask)) > 0)
			return 0;
		if (rc < 0 && errno == EINTR && l->mask != NULL)
			return -EINTR;
		/* The time that this process was stopped is not the child's. */
		if (rc == 0 && (clock_monotonic_ms() >= l->until || !gets_on(c, l)))
			return -ETIMEDOUT;
	}
}

struct relaying {
	struct child *c;
	const struct limit *l;
};

static int
wait_readable(void *arg, struct pollfd *p, unsigned n)
{
	struct relaying *w = arg;
	int rc = wait_for(w->c, w->l, p, n);

	if (rc == 0)
		w->c->silent = 0;
	return rc;
}

static int
wait_end(struct child *c, const struct limit *l)
{
	struct pollfd p = { .fd = c->pidfd, .events = POLLIN };
	int status, rc;

	if (c->pidfd >= 0 && (rc = wait_for(c, l, &p, 1)) != 0)
		return rc;
	while (waitpid(c->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	c->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -ECANCELED;
}

static int
attend(struct child *c, const struct limit *l, int *error)
{
	struct relaying w = { c, l };
	int failed = 0, rc;

	rc = cli_relay(c->out, c->err, wait_readable, &w, &failed);
	if (rc == 0)
		rc = wait_end(c, l);
	if (error != NULL)
		*error = failed;
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		/* A child that the kernel does not let go of is left to init. */
		waitpid(c->pid, NULL, rc == -ETIMEDOUT || rc == -EINTR ? WNOHANG : 0);
	}
	if (c->pidfd >= 0)
		close(c->pidfd);
	munmap(c->shared, sizeof(*c->shared));
	return rc;
}

/* ---- what callers want --------------------------------------------------- */

int
limited_run_until(int (*step)(const void *arg), const void *arg, int64_t until,
    const sigset_t *mask)
{
	const struct limit l = { .until = until, .mask = mask };
	struct child c;
	int rc;

	if ((rc = start(&c)) != 0)
		return rc;
	if (c.pid == 0) {
		rc = -step(arg);	/* errno values fit a byte */
		fflush(NULL);
		_exit(rc);
	}
	rc = attend(&c, &l, NULL);
	return rc > 0 ? -rc : rc;
}

int
limited_run(int (*step)(const void *arg), const void *arg, int seconds)
{
	return limited_run_until(step, arg, clock_monotonic_ms() + (int64_t)seconds * 1000, NULL);
}

int
limited_program(int (*program)(void *arg), void *arg, int seconds, int *error)
{
	const struct limit l = {
		.until = INT64_MAX, .silent_max = MAX(seconds * 1000 / LOOK_MS, 1)
	};
	struct child c;
	int rc;

	if ((rc = start(&c)) != 0)
		return rc;
	if (c.pid == 0) {
		rc = program(arg);
		fflush(NULL);
		_exit(rc);
	}
	return attend(&c, &l, error);
}

/* ---- a name that does not answer ----------------------------------------- */

/* Makes it absolute by the text alone: nobody may be asked about it. */
static int
make_absolute(const char *name, char out[PATH_MAX])
{
	char cwd[PATH_MAX] = "", *slash;
	size_t n = 0, len;

	if (name[0] != '/' && getcwd(cwd, sizeof(cwd)) == NULL)
		return -errno;
	if (strlcpy(out, cwd, PATH_MAX) >= PATH_MAX)
		return -ENAMETOOLONG;
	n = strlen(out);
	for (; *name != '\0'; name += len) {
		name += strspn(name, "/");
		len = strcspn(name, "/");
		if (len == 2 && name[0] == '.' && name[1] == '.') {
			if ((slash = strrchr(out, '/')) != NULL)
				*slash = '\0';
			n = strlen(out);
		} else if (len > 0 && (len != 1 || name[0] != '.')) {
			if (n + len + 2 > PATH_MAX)
				return -ENAMETOOLONG;
			n += (size_t)snprintf(out + n, PATH_MAX - n, "/%.*s", (int)len, name);
		}
	}
	if (n == 0)
		strcpy(out, "/");
	return 0;
}

int
limited_tell(const char *what, const char *name, int64_t seconds, const char *so)
{
	struct mountinfo *m autofree = malloc(sizeof(*m));
	char path[PATH_MAX];

	if (m == NULL || make_absolute(name, path) != 0 || mountinfo_of(path, m) != 0 ||
	    m->mountpoint[1] == '\0')
		return cli_error("%s \"%s\" did not answer within %lld seconds: %s", what, name,
		    (long long)seconds, so);
	return cli_error("%s \"%s\" did not answer within %lld seconds: %s; the file system at \"%s\""
	    " (%s) has to answer, or to be unmounted (umount -l)", what, name, (long long)seconds, so,
	    m->mountpoint, m->fstype);
}
