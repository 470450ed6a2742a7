/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kills the worker of a mount again and again, at random moments:
 *
 *	killer [options] DIFFDIR
 *
 *	-n KILLS	how many (10)
 *	-i MS		shortest life of a worker that serves (30)
 *	-a MS		longest one (250)
 *	-e PERCENT	so many die while they start instead (10), never two in a row:
 *			three of them would make poison of any request
 *	-w SECONDS	how long a replacement may take (30)
 *	-x SIGNAL	number of the signal (9; 19 stops, and only the hang limit helps)
 *	-S SEED
 *
 * What happens is seen in DIFFDIR/.pbkfs: the supervisor renames worker.pid into
 * place when it has forked a worker, and stat when that serves.  Prints the
 * median and the longest time from a kill to the next worker that serves.  Exit
 * status 1 if a replacement did not come.
 */
#include "config.h"

#include <sys/inotify.h>
#include <sys/syscall.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

#define KILLS_MAX	100000

static struct {
	unsigned kills, least_ms, most_ms, early, wait_s;
	int	signal;
	unsigned seed;
	const char *diff;
} o = { .kills = 10, .least_ms = 30, .most_ms = 250, .early = 10, .wait_s = 30, .signal = SIGKILL };

static int notify_fd;
static char pid_path[PATH_MAX];

static double
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static unsigned
below(unsigned n)
{
	return n == 0 ? 0 : (unsigned)rand_r(&o.seed) % n;
}

static pid_t
read_pid(void)
{
	char text[16] = "";
	int fd autoclose = open(pid_path, O_RDONLY | O_CLOEXEC), pid;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return -1;
	pid = atoi(text);
	return pid > 1 ? pid : -1;
}

/* Returns what was renamed into place: 1 for the pid, 2 for stat, both or 0. */
static unsigned
read_events(void)
{
	char buf[4096] __attribute__((aligned(8)));
	const struct inotify_event *e;
	ssize_t n = read(notify_fd, buf, sizeof(buf)), at;
	unsigned seen = 0;

	for (at = 0; at < n; at += (ssize_t)sizeof(*e) + e->len) {
		e = (const void *)(buf + at);
		if (e->len > 0 && strcmp(e->name, "worker.pid") == 0)
			seen = 1;	/* an older stat is another worker's */
		else if (e->len > 0 && strcmp(e->name, "stat") == 0)
			seen |= 2;
	}
	return seen;
}

/* Waits until a worker other than old exists, or serves if serving is set. */
static pid_t
wait_for_next(pid_t old, bool serving)
{
	double end = now_ms() + o.wait_s * 1e3;
	struct pollfd p = { .fd = notify_fd, .events = POLLIN };
	unsigned seen = 0;

	while (now_ms() < end) {
		if (poll(&p, 1, 100) > 0)
			seen |= read_events();
		if ((seen & (serving ? 2u : 1u)) != 0 && read_pid() > 0 && read_pid() != old)
			return read_pid();
	}
	return -1;
}

static void
pause_ms(double ms)
{
	struct timespec ts = { (time_t)(ms / 1e3), (long)(ms * 1e6) % 1000000000 };

	nanosleep(&ts, NULL);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
kill_worker(pid_t pid)
{
	int fd autoclose = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0 || syscall(SYS_pidfd_send_signal, fd, o.signal, NULL, 0) != 0)
		warn("could not signal worker %d", (int)pid);
}

/*
 * Kills the worker, with some luck its successor while that starts, and returns
 * the one that serves then.
 */
static pid_t
one_kill(pid_t worker, unsigned *killed, double *gap)
{
	double at = now_ms();
	pid_t next;

	kill_worker(worker);
	++*killed;
	if (below(100) < o.early && *killed < o.kills) {
		if ((next = wait_for_next(worker, false)) < 0)
			return -1;
		pause_ms(below(4000) / 1e3);
		kill_worker(next);
		++*killed;
		worker = next;
	}
	next = wait_for_next(worker, true);
	*gap = now_ms() - at;
	return next;
}

static void
parse(int argc, char **argv)
{
	int c;

	o.seed = (unsigned)time(NULL) ^ (unsigned)getpid();
	while ((c = getopt(argc, argv, "n:i:a:e:w:x:S:")) != -1) {
		unsigned v = (unsigned)strtoul(optarg != NULL ? optarg : "0", NULL, 10);

		switch (c) {
		case 'n': o.kills = MIN(v, (unsigned)KILLS_MAX); break;
		case 'i': o.least_ms = v; break;
		case 'a': o.most_ms = v; break;
		case 'e': o.early = v; break;
		case 'w': o.wait_s = v; break;
		case 'x': o.signal = (int)v; break;
		case 'S': o.seed = v; break;
		default: exit(2);
		}
	}
	if (argc - optind != 1 || o.most_ms < o.least_ms)
		errx(2, "usage: killer [-n KILLS] [-i MS] [-a MS] [-e PERCENT] [-w SECONDS]"
		    " [-x SIGNAL] [-S SEED] DIFFDIR");
	o.diff = argv[optind];
}

static void
watch(void)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/.pbkfs", o.diff);
	snprintf(pid_path, sizeof(pid_path), "%s/.pbkfs/worker.pid", o.diff);
	if ((notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) < 0 ||
	    inotify_add_watch(notify_fd, path, IN_MOVED_TO) < 0)
		err(2, "%s", path);
}

int
main(int argc, char **argv)
{
	double *gaps autofree = NULL;
	unsigned killed = 0, n = 0;
	pid_t worker;

	parse(argc, argv);
	printf("# killer: seed %u\n", o.seed);
	fflush(stdout);
	watch();
	if ((gaps = calloc(o.kills + 1, sizeof(*gaps))) == NULL || (worker = read_pid()) < 0)
		errx(2, "no worker in %s", pid_path);
	while (killed < o.kills && worker > 0) {
		pause_ms(o.least_ms + below(1000 * (o.most_ms - o.least_ms) + 1) / 1e3);
		worker = one_kill(worker, &killed, &gaps[n]);
		n += worker > 0;
	}
	qsort(gaps, n, sizeof(*gaps), compare);
	printf("# %u kills, from kill to service: median %.1f ms, worst %.1f ms\n", killed,
	    n > 0 ? gaps[n / 2] : 0, n > 0 ? gaps[n - 1] : 0);
	if (worker < 0)
		printf("# after kill %u no worker served within %u s\n", killed, o.wait_s);
	return worker < 0;
}
