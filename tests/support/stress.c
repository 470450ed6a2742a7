/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Readers and writers that know every byte and every errno that they must see:
 *
 *	stress [options] DIR JOB[=N]...
 *
 *	-t SECONDS	how long (10)
 *	-s FILE		stop as soon as this exists, which is looked for outside of DIR
 *	-S SEED		for another run; without it a new one, which is printed
 *	-m MNT -r REF	job "backup": files of MNT are compared with a writable copy of them
 *	-l FILE		job "durable" notes in FILE.N what was fsynced, "verify" compares
 *	-d		the mount may end meanwhile, which is no error
 *
 * Jobs: buffered direct mmap append unlinked names races backup durable verify.
 * Each of N processes works in a directory DIR/JOB-N.  Exit status 0 only if
 * nothing was ever wrong; the first thing that is wrong ends its job.  Prints
 * for each kind of job how many calls there were and the longest of them.
 */
#include "config.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "stress.h"

#define JOBS_MAX	64
#define HANG_SECONDS	60	/* a call that takes longer will not end */

struct stress_job stress_self;

static uint64_t deadline;
static const char *stop_file;

static const struct kind {
	const char *name;
	stress_fn run;
	bool	keeps_directory;
} kinds[] = {
	{ "buffered",	stress_buffered,	false },
	{ "direct",	stress_direct,		false },
	{ "mmap",	stress_mmap,		false },
	{ "append",	stress_append,		false },
	{ "unlinked",	stress_unlinked,	false },
	{ "names",	stress_names,		false },
	{ "races",	stress_races,		false },
	{ "backup",	stress_backup,		false },
	{ "durable",	stress_durable,		true },
	{ "verify",	stress_durable_verify,	true },
};

static struct started {
	const struct kind *kind;
	unsigned number;
	pid_t	pid;		/* 0: ended */
} started[JOBS_MAX];
static unsigned n_started;
static struct stress_stats *all_stats;

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

bool
stress_going(void)
{
	return now_ns() < deadline && (stop_file == NULL || access(stop_file, F_OK) != 0);
}

void
stress_enter(const char *call)
{
	struct stress_now *now = &stress_self.stats->now[stress_self.depth];

	now->call = call;
	atomic_store(&now->since, now_ns());
	errno = 0;
}

void
stress_leave(const char *call)
{
	struct stress_stats *s = stress_self.stats;
	struct stress_now *now = &s->now[stress_self.depth];
	uint64_t took = now_ns() - atomic_exchange(&now->since, 0);

	atomic_fetch_add(&s->calls, 1);
	if (took > STRESS_STALL_MS * 1000000ULL)
		atomic_fetch_add(&s->stalls, 1);
	if (took > atomic_load(&s->worst_ns)) {
		atomic_store(&s->worst_ns, took);
		s->worst = call;
	}
}

void
stress_fail(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("# %s-%u: %s\n", stress_self.name, stress_self.number, text);
	fflush(stdout);
	_exit(1);
}

/* Returns whether a call on a mount that nobody serves may fail so. */
static bool
is_dead_mount(int error)
{
	return error == ENOTCONN || error == ECONNABORTED || error == EIO || error == ENODEV;
}

void
stress_fail_call(const char *call, const char *about)
{
	int error = errno;

	if (stress_self.may_die && is_dead_mount(error))
		_exit(0);
	stress_fail("%s on %s: expected success, found %s", call, about, stress_errno(error));
}

const char *
stress_errno(int error)
{
	return error == 0 ? "success" : strerrorname_np(error) != NULL ?
	    strerrorname_np(error) : "an unknown error";
}

/* ---- numbers and content ------------------------------------------------ */

static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

uint64_t
stress_random(void)
{
	return mix(stress_self.random += 0x9e3779b97f4a7c15ULL);
}

unsigned
stress_below(unsigned n)
{
	return (unsigned)((stress_random() >> 32) % n);
}

bool
stress_one_in(unsigned n)
{
	return stress_below(n) == 0;
}

static uint64_t
word_of(uint32_t file, uint32_t unit, uint32_t version, size_t i)
{
	if (version == 0)
		return 0;
	return i == 0 ? (uint64_t)unit << 32 | version :
	    mix(((uint64_t)file << 40 ^ (uint64_t)unit << 20 ^ version) * 977 + i);
}

void
stress_fill(void *buf, size_t len, uint32_t file, uint32_t unit, uint32_t version)
{
	uint64_t *word = buf;
	size_t i;

	for (i = 0; i < len / sizeof(*word); i++)
		word[i] = word_of(file, unit, version, i);
}

bool
stress_is_filled(const void *buf, size_t len, uint32_t file, uint32_t unit, uint32_t version)
{
	const uint64_t *word = buf;
	size_t i;

	for (i = 0; i < len / sizeof(*word); i++)
		if (word[i] != word_of(file, unit, version, i))
			return false;
	return true;
}

uint32_t
stress_version(const void *buf)
{
	return (uint32_t)*(const uint64_t *)buf;
}

void
stress_verify(const void *buf, size_t len, uint32_t file, uint32_t unit, uint32_t version,
    const char *how)
{
	const uint64_t *word = buf;

	if (!stress_is_filled(buf, len, file, unit, version))
		stress_fail("%s of file %u, bytes %llu+%zu: expected version %u, found"
		    " unit %u version %u%s", how, file, (unsigned long long)unit * len, len,
		    version, (unsigned)(word[0] >> 32), stress_version(buf),
		    stress_is_filled(buf, len, file, unit, stress_version(buf)) ?
		    " whole" : ", mixed");
}

void *
stress_buffer(size_t len)
{
	void *p = aligned_alloc(4096, (len + 4095) & ~(size_t)4095);

	if (p == NULL)
		err(2, NULL);
	return p;
}

/* ---- jobs --------------------------------------------------------------- */

static _Noreturn void
run_job(const struct kind *k, unsigned number, const char *dir)
{
	char path[PATH_MAX];

	stress_self.random = mix(stress_self.seed + number * 131 + (uint64_t)(k - kinds));
	snprintf(path, sizeof(path), "%s/%s-%u", dir,
	    k->run == stress_durable_verify ? "durable" : k->name, number);
	if (mkdir(path, 0700) != 0 && !(errno == EEXIST && k->keeps_directory))
		stress_fail_call("mkdir", path);
	if (chdir(path) != 0)
		stress_fail_call("chdir", path);
	k->run();
	_exit(0);
}

static void
start_job(const char *dir, const struct kind *k, unsigned number, unsigned of)
{
	struct started *j = &started[n_started];

	stress_self.name = k->name;
	stress_self.number = number;
	stress_self.of = of;
	stress_self.stats = &all_stats[n_started];
	fflush(stdout);
	if ((j->pid = fork()) < 0)
		err(2, "fork");
	if (j->pid == 0)
		run_job(k, number, dir);
	j->kind = k;
	j->number = number;
	n_started++;
}

static void
start_jobs(const char *dir, const char *word)
{
	const char *equals = strchrnul(word, '=');
	int i, n = *equals == '=' ? atoi(equals + 1) : 1;
	const struct kind *k;

	for (k = kinds; k < kinds + ARRAY_SIZE(kinds); k++)
		if (strlen(k->name) == (size_t)(equals - word) &&
		    strncmp(k->name, word, (size_t)(equals - word)) == 0)
			break;
	if (k == kinds + ARRAY_SIZE(kinds) || n < 1 || n_started + (unsigned)n > JOBS_MAX)
		errx(2, "no job \"%s\"", word);
	for (i = 0; i < n; i++)
		start_job(dir, k, (unsigned)i, (unsigned)n);
}

/* A process in a call that does not return cannot be killed either. */
static bool
hangs(unsigned i)
{
	struct stress_now *now;
	uint64_t since;

	for (now = all_stats[i].now; now < all_stats[i].now + STRESS_DEPTH; now++) {
		since = atomic_load(&now->since);
		if (since == 0 || now_ns() - since < HANG_SECONDS * 1000000000ULL)
			continue;
		printf("# %s-%u: hangs in %s since %llu s\n", started[i].kind->name,
		    started[i].number, now->call,
		    (unsigned long long)((now_ns() - since) / 1000000000));
		return true;
	}
	return false;
}

static unsigned
reap(bool *hung)
{
	unsigned i, bad = 0;
	int status;

	for (i = 0; i < n_started; i++) {
		if (started[i].pid == 0)
			continue;
		if (waitpid(started[i].pid, &status, WNOHANG) <= 0) {
			*hung = hangs(i) || *hung;
			continue;
		}
		started[i].pid = 0;
		if (WIFSIGNALED(status))
			printf("# %s-%u: ended by signal %d\n", started[i].kind->name,
			    started[i].number, WTERMSIG(status));
		bad += status != 0;
	}
	return bad;
}

static bool
any_left(void)
{
	unsigned i;

	for (i = 0; i < n_started; i++)
		if (started[i].pid != 0)
			return true;
	return false;
}

static unsigned
wait_for_jobs(void)
{
	const struct timespec tick = { .tv_nsec = 100000000 };
	unsigned bad = 0;
	bool hung = false;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while (bad += reap(&hung), any_left() && !hung)
		sigtimedwait(&set, NULL, &tick);
	return bad + hung;
}

static void
report(const struct kind *k)
{
	uint64_t calls = 0, stalls = 0, worst = 0;
	const char *call = "";
	unsigned i, n = 0;

	for (i = 0; i < n_started; i++) {
		if (started[i].kind != k)
			continue;
		n++;
		calls += all_stats[i].calls;
		stalls += all_stats[i].stalls;
		if (all_stats[i].worst_ns > worst) {
			worst = all_stats[i].worst_ns;
			call = all_stats[i].worst;
		}
	}
	if (n > 0)
		printf("# %-9s %u jobs %8llu calls, %4llu over %d ms, worst %7.1f ms in %s\n",
		    k->name, n, (unsigned long long)calls, (unsigned long long)stalls,
		    STRESS_STALL_MS, (double)worst / 1e6, call);
}

static _Noreturn void
usage(void)
{
	errx(2, "usage: stress [-d] [-t SECONDS] [-s FILE] [-S SEED] [-m MNT -r REF] [-l FILE]"
	    " DIR JOB[=N]...");
}

static void
parse(int argc, char **argv)
{
	double seconds = 10;
	int c;

	stress_self.seed = now_ns() % 1000000;
	while ((c = getopt(argc, argv, "dt:s:S:m:r:l:")) != -1) {
		switch (c) {
		case 'd': stress_self.may_die = true; break;
		case 't': seconds = atof(optarg); break;
		case 's': stop_file = optarg; break;
		case 'S': stress_self.seed = strtoull(optarg, NULL, 10); break;
		case 'm': stress_self.mnt = optarg; break;
		case 'r': stress_self.ref = optarg; break;
		case 'l': stress_self.state = optarg; break;
		default: usage();
		}
	}
	if (argc - optind < 2 || seconds <= 0)
		usage();
	deadline = now_ns() + (uint64_t)(seconds * 1e9);
}

int
main(int argc, char **argv)
{
	unsigned bad;
	sigset_t set;
	int i;

	parse(argc, argv);
	all_stats = mmap(NULL, JOBS_MAX * sizeof(*all_stats), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all_stats == MAP_FAILED)
		err(2, "mmap");
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (i = optind + 1; i < argc; i++)
		start_jobs(argv[optind], argv[i]);
	bad = wait_for_jobs();
	for (i = 0; i < (int)ARRAY_SIZE(kinds); i++)
		report(&kinds[i]);
	printf("# seed %llu, %u of %u jobs found something wrong\n",
	    (unsigned long long)stress_self.seed, bad, n_started);
	return bad != 0;
}
