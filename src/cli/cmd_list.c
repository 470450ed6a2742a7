/*
 * Each mount is looked at by a process of its own.  No mount is ever touched,
 * but a diff directory may lie on a file system that does not answer any more,
 * and some of what the kernel tells of a process waits for that process.  Then
 * only that mount is shown with what was found out until then.
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
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/list_json.h"
#include "cli/list_text.h"
#include "cli/look.h"
#include "supervisor/holders.h"

#define LIST_WAIT_MS	5000	/* for all of them together */

/* One write(2) to a pipe of what is no longer than this is never torn. */
_Static_assert(sizeof(struct look) <= PIPE_BUF, "a look has to fit a pipe's atomic write");

static int report_fd;

static void
report_look(const struct look *l)
{
	io_write(report_fd, l, sizeof(*l));
}

/* What the caller's shell has open on a mount, or stands in, makes us no client of it. */
static void
let_go(void)
{
	if (chdir("/") != 0)
		cli_warn("could not go to \"/\": %s", strerror(errno));
	closefrom(STDERR_FILENO + 1);
}

static void
let_go_of_output(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC), i;

	for (i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		if (fd >= 0)
			dup2(fd, i);
}

struct looker {
	pid_t	pid;
	int	fd;		/* read end; -1 once it has ended */
};

/* Which mounts there are: those of our mount namespace, and then those of others alone. */
struct found {
	struct mountinfo *mount;
	size_t	n_here, n;
};

static void
looker_start(struct looker *k, const struct found *f, size_t i, struct look *l)
{
	int fds[2];

	k->fd = -1;
	if (pipe2(fds, O_CLOEXEC) == 0) {
		if ((k->pid = fork()) == 0) {
			report_fd = fds[1];
			let_go_of_output();
			if (i < f->n_here)
				look_at(f->mount, f->n_here, &f->mount[i], report_look);
			else
				look_elsewhere(&f->mount[i], report_look);
			_exit(0);
		}
		close(fds[1]);
		if (k->pid > 0)
			k->fd = fds[0];
		else
			close(fds[0]);
	}
	snprintf(l->remark, sizeof(l->remark), "%s", k->fd >= 0 ?
	    "its diff directory did not answer" : "no process could be started to look at it");
}

static void
looker_end(struct looker *k)
{
	kill(k->pid, SIGKILL);
	/* One that a dead file system holds cannot be waited for. */
	waitpid(k->pid, NULL, WNOHANG);
	close(k->fd);
	k->fd = -1;
}

static void
looker_read(struct looker *k, struct look *l)
{
	struct look found;

	if (read(k->fd, &found, sizeof(found)) == (ssize_t)sizeof(found))
		*l = found;
	else
		looker_end(k);
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool
any_left(struct pollfd *p, const struct looker *lookers, size_t n)
{
	bool left = false;
	size_t i;

	for (i = 0; i < n; i++) {
		p[i] = (struct pollfd){ .fd = lookers[i].fd, .events = POLLIN };
		left |= lookers[i].fd >= 0;
	}
	return left;
}

static void
collect(struct looker *lookers, struct look *looks, struct pollfd *p, size_t n)
{
	int64_t deadline = now_ms() + LIST_WAIT_MS, left;
	size_t i;

	while (any_left(p, lookers, n) && (left = deadline - now_ms()) > 0)
		if (poll(p, n, (int)left) > 0)
			for (i = 0; i < n; i++)
				if (p[i].fd >= 0 && p[i].revents != 0)
					looker_read(&lookers[i], &looks[i]);
	for (i = 0; i < n; i++)
		if (lookers[i].fd >= 0)
			looker_end(&lookers[i]);
}

/* Fills a look for each.  Returns 0 or -ENOMEM. */
static int
look_at_all(const struct found *f, struct look *looks)
{
	struct looker *lookers autofree = calloc(f->n + 1, sizeof(*lookers));
	struct pollfd *p autofree = calloc(f->n + 1, sizeof(*p));
	size_t i;

	if (looks == NULL || lookers == NULL || p == NULL)
		return -ENOMEM;
	fflush(NULL);
	for (i = 0; i < f->n; i++)
		looker_start(&lookers[i], f, i, &looks[i]);
	collect(lookers, looks, p, f->n);
	return 0;
}

/* Containers have mounts of their own, which are none of this one's business. */
static void
keep_ours(struct found *f, struct look *looks)
{
	size_t i, n = f->n_here;

	for (i = f->n_here; i < f->n; i++) {
		if (looks[i].state != LOOK_ELSEWHERE)
			continue;
		looks[n] = looks[i];
		f->mount[n] = f->mount[i];
		if (looks[n].mountpoint[0] != '\0')
			strlcpy(f->mount[n].mountpoint, looks[n].mountpoint,
			    sizeof(f->mount[n].mountpoint));
		n++;
	}
	f->n = n;
}

static int
find_all(struct found *f)
{
	struct mountinfo *others autofree = NULL, *both;
	size_t n = 0;
	int rc;

	if ((rc = mountinfo_list(MOUNTINFO_SELF, MOUNT_FSTYPE, &f->mount, &f->n_here)) != 0 ||
	    (rc = holders_list(&others, &n)) != 0)
		return rc;
	if ((both = reallocarray(f->mount, f->n_here + n + 1, sizeof(*both))) == NULL)
		return -ENOMEM;
	f->mount = both;
	if (n > 0)
		memcpy(both + f->n_here, others, n * sizeof(*both));
	f->n = f->n_here + n;
	return 0;
}

int
cmd_list(const struct options *o)
{
	struct mountinfo *mounts autofree = NULL;
	struct look *looks autofree = NULL;
	struct found f = { 0 };
	int rc;

	let_go();
	rc = find_all(&f);
	mounts = f.mount;
	if (rc != 0)
		return cli_error("could not read which mounts there are: %s", strerror(-rc));
	looks = calloc(f.n + 1, sizeof(*looks));
	if (look_at_all(&f, looks) != 0)
		return cli_error("out of memory");
	keep_ours(&f, looks);
	if (o->format == 1)
		rc = list_json_print(mounts, looks, f.n);
	else
		list_text_print(mounts, looks, f.n);
	if (rc != 0)
		return cli_error("could not print: %s", strerror(-rc));
	if (fflush(stdout) != 0 || ferror(stdout))
		return cli_error("could not print: %s", strerror(errno));
	return 0;
}
