/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which block is copied, and when, lib/cow knows.  Here are the threads and the pace.
 *
 * Foreground first.  Readers are of the idle class, for processors and for disks.  Movers, whose locks
 * requests may wait for, are not.  While others have work (foreground.h), all together get a tenth of the time of
 * one thread: then one mover, which leads, is the only one.  The others help while nobody waits, and no rate
 * is to be kept: they take up what was read, also while the leader syncs, read for themselves, for whatever else
 * runs on the machine would keep readers waiting, and sync with the leader.  Whatever goes wrong they leave as it was: the
 * leader meets it, and waits.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "cow/hydrate.h"
#include "ipc/command.h"
#include "pg/pg_types.h"
#include "worker/foreground.h"
#include "worker/hydrator.h"
#include "worker/report.h"
#include "worker/thread.h"

#define READERS		COMMAND_JOBS_MAX
#define JOBS_DEFAULT	4
#define HELPERS		3
#define STACK		(1 * MiB)
#define MS		UINT64_C(1000000)	/* ns */
#define SECOND		(1000 * MS)
#define SPEED_NS	8e9	/* for so long a speed counts */
#define SHARE		10	/* of the time, one part: what hydration gets while requests come */
#define PAUSE		(50 * MS)	/* until it looks again whether anybody else has work */
#define PAUSE_MAX	(2 * SECOND)
#define RETRY		(60 * SECOND)	/* for files that could not be read */
#define ROOM_MIN	(4 * MiB)
#define IOPRIO_WHO_PROCESS	1
#define IOPRIO_IDLE	(3 << 13)

enum job_state { JOB_FREE, JOB_PLANNED, JOB_READING, JOB_READ, JOB_MOVING };

struct reader_thread {
	pthread_t id;
	struct reader rd;
	struct iostats stats;
	struct hydrate_job job;
	uint64_t ns;			/* of a processor, that reading the job took */
	enum job_state state;		/* lock */
};

static struct {
	const struct serve *s;
	pthread_mutex_t lock;		/* all up to the next comment */
	pthread_cond_t work, chance, news;	/* for readers; for helpers; for the leader */
	struct msg_hydrate wish;
	unsigned wishes;		/* how many there were */
	bool	open, ending;
	bool	may_help, syncing;	/* set by the leader alone */
	unsigned n_helping;
	uint64_t moved;			/* bytes, since the speed was told */
	pthread_t helper[HELPERS];
	/* the leader's; helpers use h while they help */
	pthread_t leader;
	struct hydrate *h;
	uint64_t due;			/* CLOCK_MONOTONIC ns: not before, because of --rate */
	int	told;			/* the last failure to write, which the log has; 0: none since */
	uint64_t window;		/* since when, for the speed */
	uint64_t synced;		/* when all that was copied was durable, CLOCK_MONOTONIC ns */
	struct reader_thread reader[READERS];
} hy = {
	.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .chance = PTHREAD_COND_INITIALIZER,	/* news: by hydrator_start() */
};

static struct shared_hydrate *
shown(void)
{
	return &hy.s->job->shared->hydrate;
}

/* ---- readers ------------------------------------------------------------ */

/* A kernel that refuses it, an old one perhaps, costs politeness only. */
static void
step_back(void)
{
	const struct sched_param none = { 0 };

	if (sched_setscheduler(0, SCHED_IDLE, &none) != 0 ||
	    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE) != 0)
		log_debug("hydration runs without the idle class: %s", strerror(errno));
}

static uint64_t
processor_ns(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/* Reads what is planned.  lock held, and given up. */
static void
read_locked(struct reader_thread *r)
{
	r->state = JOB_READING;
	pthread_mutex_unlock(&hy.lock);
	r->ns = processor_ns();
	hydrate_read(hy.h, &r->job, &r->rd);
	r->ns = processor_ns() - r->ns;
	pthread_mutex_lock(&hy.lock);
	r->state = JOB_READ;
	pthread_cond_signal(&hy.news);
}

static void *
reader_main(void *arg)
{
	struct reader_thread *r = arg;

	step_back();
	pthread_mutex_lock(&hy.lock);
	while (!hy.ending) {
		if (r->state != JOB_PLANNED) {
			pthread_cond_wait(&hy.work, &hy.lock);
			continue;
		}
		read_locked(r);
		if (hy.may_help)
			pthread_cond_signal(&hy.chance);
	}
	pthread_mutex_unlock(&hy.lock);
	return NULL;
}

/* ---- the pace ----------------------------------------------------------- */

static bool
is_wanted(void)
{
	return hy.wish.on && !hy.ending;
}

static bool
goes_on(void)
{
	bool wanted;

	pthread_mutex_lock(&hy.lock);
	wanted = is_wanted();
	pthread_mutex_unlock(&hy.lock);
	return wanted;
}

/* Waits up to ns, or until there is something new.  lock held. */
static void
wait_locked(uint64_t ns)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	ns += (uint64_t)t.tv_nsec;
	t.tv_sec += (time_t)(ns / SECOND);
	t.tv_nsec = (long)(ns % SECOND);
	pthread_cond_timedwait(&hy.news, &hy.lock, &t);
}

/* Sleeps ns, or less if hydration is to end, or to go on otherwise.  Returns whether it goes on. */
static bool
sleep_for(uint64_t ns)
{
	uint64_t until = clock_monotonic_ns() + ns, now;
	unsigned wishes;
	bool wanted;

	pthread_mutex_lock(&hy.lock);
	wishes = hy.wishes;
	while ((wanted = is_wanted()) && hy.wishes == wishes && (now = clock_monotonic_ns()) < until)
		wait_locked(until - now);
	pthread_mutex_unlock(&hy.lock);
	return wanted;
}

/* Sleeps until there may be more at this rate, or another is wished. */
static void
sleep_until_due(uint64_t rate)
{
	uint64_t now;

	pthread_mutex_lock(&hy.lock);
	while (is_wanted() && hy.wish.rate == rate && (now = clock_monotonic_ns()) < hy.due)
		wait_locked(hy.due - now);
	if (hy.wish.rate != rate)
		hy.due = 0;
	pthread_mutex_unlock(&hy.lock);
}

/* Lets helpers help, or waits for those that do. */
static void
let_help(bool may)
{
	pthread_mutex_lock(&hy.lock);
	may = may && is_wanted();
	if (may != hy.may_help)
		pthread_cond_broadcast(may ? &hy.chance : &hy.work);
	hy.may_help = may;
	while (!hy.may_help && hy.n_helping > 0)
		pthread_cond_wait(&hy.news, &hy.lock);
	pthread_mutex_unlock(&hy.lock);
}

/* After a run that took so many ns and bytes. */
static void
keep_pace(uint64_t ns, uint64_t bytes, uint64_t rate)
{
	uint64_t now = clock_monotonic_ns(), owed = MIN(ns * (SHARE - 1), PAUSE_MAX), part;
	bool busy;

	while ((busy = foreground_is_busy(hy.s)) && owed > 0) {
		let_help(false);
		if (!sleep_for(part = MIN(owed, PAUSE)))
			return;
		owed -= part;
	}
	let_help(!busy && rate == 0);
	if (rate == 0)
		return;
	hy.due = MAX(hy.due, now) + (uint64_t)((double)bytes * 1e9 / (double)rate);
	sleep_until_due(rate);
}

static void
show_speed(void)
{
	uint64_t now = clock_monotonic_ns(), ns = now - hy.window, bytes;
	double before, speed;

	if (ns < SECOND)
		return;
	pthread_mutex_lock(&hy.lock);
	bytes = hy.moved;
	hy.moved = 0;
	pthread_mutex_unlock(&hy.lock);
	/* A server that works makes it start and stop: the time left follows from what it was for a while. */
	speed = (double)bytes * 1e9 / (double)ns;
	if ((before = (double)atomic_load(&shown()->speed)) > 0)
		speed = before + (speed - before) * MIN((double)ns / SPEED_NS, 1.0);
	atomic_store(&shown()->speed, (uint64_t)speed);
	hy.window = now;
}

static void
show(enum shared_hydration state)
{
	struct shared_hydrate *s = shown();
	struct hydrate_figures f;
	uint64_t room = 0;

	if (hy.h != NULL) {
		hydrate_figures(hy.h, &f);
		atomic_store(&s->blocks, f.blocks);
		atomic_store(&s->blocks_left, f.blocks_left);
		atomic_store(&s->files, f.files);
		atomic_store(&s->files_left, f.files_left);
		atomic_store(&s->files_failed, f.files_failed);
		if (hydrate_room(hy.h, &room) == 0)
			atomic_store(&s->room, room);
	}
	if (state != HYDRATION_COPYING)
		atomic_store(&s->speed, 0);
	if (atomic_exchange(&s->state, state) != (uint32_t)state)
		report_send(MSG_HYDRATION, NULL, 0);
}

/* ---- waiting for the disk ----------------------------------------------- */

/* Waits until the disk has room for more than a moment.  Returns whether hydration goes on. */
static bool
wait_for_room(uint64_t least)
{
	char need[TEXT_NUMBER_MAX], have[TEXT_NUMBER_MAX];
	uint64_t room = 0;
	bool told = false;

	while (hydrate_room(hy.h, &room) < 0 || room < (told ? 2 * least : least)) {
		show(HYDRATION_FULL);
		if (!told) {
			text_size(atomic_load(&shown()->blocks_left) * BLCKSZ, need);
			text_size(room, have);
			log_warn("hydration waits for room on the disk: %s are left to be copied, and %s may be"
			    " used for that", need, have);
		}
		told = true;
		if (!sleep_for(SECOND))
			return false;
	}
	if (told)
		log_info("there is room on the disk again: hydration goes on");
	return true;
}

/*
 * After a write that failed.  A disk without inodes, or a quota, has room by its own account: so it waits a
 * moment in any case.  Returns whether hydration goes on.
 */
static bool
wait_after(int rc)
{
	bool full = rc == -ENOSPC || rc == -EDQUOT;
	uint64_t room = 0;

	if (full && hydrate_room(hy.h, &room) == 0 && room < ROOM_MIN)
		return wait_for_room(ROOM_MIN);
	show(full ? HYDRATION_FULL : HYDRATION_STALLED);
	if (rc != hy.told)
		log_warn("hydration waits, for it could not write to the diff directory: %s%s", strerror(-rc),
		    full ? ": there may be no inodes left, or a quota is used up" : "");
	hy.told = rc;
	return sleep_for(SECOND);
}

static void
note_written(void)
{
	if (hy.told != 0)
		log_info("the diff directory can be written again: hydration goes on");
	hy.told = 0;
}

/* ---- movers ------------------------------------------------------------- */

static unsigned
n_jobs(void)
{
	return hy.wish.jobs != 0 ? MIN(hy.wish.jobs, (uint32_t)READERS) : JOBS_DEFAULT;
}

/* Finds work for a reader whose job is the caller's.  lock held, and given up meanwhile. */
static void
plan_locked(struct reader_thread *r)
{
	bool more = is_wanted() && (r->job.entry != 0 || r < hy.reader + n_jobs());
	int rc = 0;

	r->state = JOB_MOVING;
	pthread_mutex_unlock(&hy.lock);
	if (more)
		rc = hydrate_plan(hy.h, &r->job);
	pthread_mutex_lock(&hy.lock);
	r->state = rc > 0 ? JOB_PLANNED : JOB_FREE;
	if (rc > 0 && (!hy.may_help || n_jobs() > HELPERS))
		pthread_cond_broadcast(&hy.work);
	if (rc > 0 && hy.may_help)
		pthread_cond_signal(&hy.chance);
}

/* Gives free readers work.  Returns how many have some. */
static unsigned
hand_out(void)
{
	struct reader_thread *r;
	unsigned busy = 0;

	pthread_mutex_lock(&hy.lock);
	for (r = hy.reader; r < hy.reader + READERS; r++) {
		if (r->state == JOB_FREE)
			plan_locked(r);
		busy += r->state != JOB_FREE;
	}
	pthread_mutex_unlock(&hy.lock);
	return busy;
}

static struct reader_thread *
find_job(enum job_state state)
{
	struct reader_thread *r;

	for (r = hy.reader; r < hy.reader + READERS; r++)
		if (r->state == state)
			return r;
	return NULL;
}

/* Takes up a run that was read.  Returns bytes, or negative errno after which it can be done again.  lock held, and given up. */
static int64_t
take_locked(struct reader_thread *r)
{
	int64_t moved;

	r->state = JOB_MOVING;
	pthread_mutex_unlock(&hy.lock);
	moved = hydrate_take(hy.h, &r->job);
	pthread_mutex_lock(&hy.lock);
	r->state = moved < 0 ? JOB_READ : JOB_FREE;
	hy.moved += moved > 0 ? (uint64_t)moved : 0;
	return moved;
}

static bool
has_room(uint64_t least)
{
	uint64_t room = 0;

	return hydrate_room(hy.h, &room) == 0 && room >= least;
}

/* All that helpers find is put off until the leader lets them help again.  lock held. */
static void
stop_help(void)
{
	if (hy.may_help)
		pthread_cond_broadcast(&hy.work);
	hy.may_help = false;
}

/* Whether nobody would miss what a helper takes: of processors, and of room.  lock held, and given up. */
static bool
may_go_on(void)
{
	bool may;

	hy.n_helping++;
	pthread_mutex_unlock(&hy.lock);
	may = !foreground_is_busy(hy.s) && has_room((HELPERS + 1) * ROOM_MIN);
	pthread_mutex_lock(&hy.lock);
	if (!may)
		stop_help();
	hy.n_helping--;
	pthread_cond_signal(&hy.news);
	return may && hy.may_help;
}

/* Takes up what was read, and plans what comes next.  lock held, and given up. */
static void
help_to_move(struct reader_thread *r)
{
	hy.n_helping++;
	if (take_locked(r) >= 0)
		plan_locked(r);
	else
		stop_help();
	hy.n_helping--;
	pthread_cond_signal(&hy.news);
}

/* Syncs a file with the leader.  Returns whether there was one.  lock held, and given up. */
static bool
help_to_sync(void)
{
	int rc;

	hy.n_helping++;
	pthread_mutex_unlock(&hy.lock);
	rc = hydrate_sync_next(hy.h);
	pthread_mutex_lock(&hy.lock);
	if (rc < 0)
		stop_help();
	hy.n_helping--;
	pthread_cond_signal(&hy.news);
	return rc > 0;
}

/*
 * Does one thing that there is to do.  Returns whether there was any.  Who reads may wait for the store, and so counts
 * as a reader, for which nobody waits.  lock held, and given up.
 */
static bool
help_locked(void)
{
	struct reader_thread *r;

	if (find_job(JOB_READ) == NULL && find_job(JOB_PLANNED) == NULL)
		return hy.syncing && help_to_sync();
	if (!may_go_on())
		return false;
	if ((r = find_job(JOB_READ)) != NULL)
		help_to_move(r);
	else if ((r = find_job(JOB_PLANNED)) != NULL)
		read_locked(r);
	return true;
}

static void *
helper_main(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&hy.lock);
	while (!hy.ending)
		if (!hy.may_help || !help_locked())
			pthread_cond_wait(&hy.chance, &hy.lock);
	pthread_mutex_unlock(&hy.lock);
	return NULL;
}

/* Syncs what is due, with helpers.  Returns 0 or negative errno. */
static int
sync_due(void)
{
	int rc;

	if ((rc = hydrate_sync_begin(hy.h)) < 0)
		return rc;
	pthread_mutex_lock(&hy.lock);
	hy.syncing = true;
	if (hy.may_help)
		pthread_cond_broadcast(&hy.chance);
	pthread_mutex_unlock(&hy.lock);
	while ((rc = hydrate_sync_next(hy.h)) > 0)
		;
	pthread_mutex_lock(&hy.lock);
	hy.syncing = false;
	pthread_mutex_unlock(&hy.lock);
	return rc;
}

/* Returns whether hydration goes on. */
static bool
sync_batch(void)
{
	bool waited = false;
	int rc;

	while ((rc = sync_due()) < 0) {
		let_help(false);
		if (!wait_after(rc))
			return false;
		waited = true;
	}
	if (waited)
		note_written();
	hy.synced = clock_monotonic_ns();
	return true;
}

static bool
is_any_busy(void)
{
	const struct reader_thread *r;

	for (r = hy.reader; r < hy.reader + READERS; r++)
		if (r->state != JOB_FREE)
			return true;
	return false;
}

/* Waits for a run that was read, or for helpers to have done something.  Returns it or NULL.  lock held, and given up. */
static struct reader_thread *
wait_for_read(void)
{
	struct reader_thread *r = find_job(JOB_READ);

	if (r == NULL && is_wanted() && is_any_busy()) {
		wait_locked(SECOND);
		r = find_job(JOB_READ);
	}
	return is_wanted() ? r : NULL;
}

/* After a failure that helpers would only meet again. */
static bool
wait_alone(int rc)
{
	let_help(false);
	return rc == 0 ? wait_for_room(ROOM_MIN) : wait_after(rc);
}

/* Takes up a run that was read, if there is one, and syncs in time.  Returns whether hydration goes on. */
static bool
take_one(void)
{
	uint64_t begin, rate, ns = 0;
	struct reader_thread *r;
	int64_t moved = 0;
	bool wanted;

	if (!has_room(ROOM_MIN) && !wait_alone(0))
		return false;
	pthread_mutex_lock(&hy.lock);
	r = wait_for_read();
	rate = hy.wish.rate;
	begin = clock_monotonic_ns();
	if (r != NULL) {
		ns = r->ns;
		moved = take_locked(r);
	}
	wanted = is_wanted();
	pthread_mutex_unlock(&hy.lock);
	if (!wanted)
		return false;
	if (moved < 0)
		return wait_alone((int)moved);
	if (r != NULL)
		note_written();
	/* Whoever is killed is to lose no more than a moment's work. */
	if ((hydrate_wants_sync(hy.h) || clock_monotonic_ns() - hy.synced >= SECOND) && !sync_batch())
		return false;
	show_speed();
	show(HYDRATION_COPYING);
	keep_pace(ns + clock_monotonic_ns() - begin, (uint64_t)moved, rate);
	return true;
}

/* Copies until nothing is left.  Returns whether hydration goes on. */
static bool
copy(void)
{
	if (!hydrate_is_done(hy.h))
		show(HYDRATION_COPYING);
	for (;;) {
		if (hand_out() > 0) {
			if (!take_one())
				return false;
			continue;
		}
		if (!sync_batch())
			return false;
		let_help(false);
		if (hydrate_is_done(hy.h))
			return true;
	}
}

/* Nothing is left to copy.  Returns whether that is all there is to do. */
static bool
conclude(void)
{
	struct hydrate_figures f;
	int rc;

	hydrate_figures(hy.h, &f);
	if (f.files_failed > 0) {
		log_warn("hydration could not copy %llu files, and has left them out: it tries again in a"
		    " minute", (unsigned long long)f.files_failed);
		show(HYDRATION_FAILED);
		sleep_for(RETRY);
		return true;	/* it begins anew */
	}
	if (hydrate_waits_for(hy.h) != NULL) {
		show(HYDRATION_RECOVERY);
		sleep_for(SECOND);
		return false;
	}
	if ((rc = hydrate_detach(hy.h)) == 1) {
		show(HYDRATION_DETACHED);
		log_info("all is copied: the diff directory needs no store any more");
		report_send(MSG_DETACHED, NULL, 0);
		return true;
	}
	if (rc < 0)
		wait_after(rc);
	return false;
}

/* Waits for readers, which belong to what is given up; not for one that waits for a store at the end. */
static bool
readers_are_free(void)
{
	struct reader_thread *r;
	bool ending;

	pthread_mutex_lock(&hy.lock);
	for (r = hy.reader; r < hy.reader + READERS; r++) {
		if (r->state == JOB_PLANNED)
			r->state = JOB_READ;
		while (r->state == JOB_READING && !hy.ending)
			wait_locked(SECOND);
	}
	ending = hy.ending;
	pthread_mutex_unlock(&hy.lock);
	return !ending;
}

static void
give_up(void)
{
	struct reader_thread *r;

	let_help(false);
	if (!readers_are_free())
		return;		/* the process ends */
	for (r = hy.reader; r < hy.reader + READERS; r++) {
		hydrate_drop(hy.h, &r->job);
		r->state = JOB_FREE;
	}
	hydrate_sync(hy.h);
	hydrate_end(hy.h);
	hy.h = NULL;
}

static void
hydrate(void)
{
	int rc;

	if (hy.told == 0)
		show(HYDRATION_COUNTING);
	if ((rc = hydrate_begin(hy.s->cow, &hy.h)) < 0) {
		show(HYDRATION_STALLED);
		if (rc != hy.told)
			log_error("could not begin hydration: %s; it tries again each second", strerror(-rc));
		hy.told = rc;
		sleep_for(SECOND);
		return;
	}
	hy.window = hy.synced = clock_monotonic_ns();
	hy.moved = hy.due = 0;
	while (copy() && goes_on() && !conclude())
		;
	give_up();
}

static void *
leader_main(void *arg)
{
	bool detached = false;

	(void)arg;
	pthread_mutex_lock(&hy.lock);
	while (!hy.ending) {
		if (!hy.open || !hy.wish.on || detached) {
			/* The worker before may have died on the way. */
			if (hy.wishes > 0 && !hy.wish.on && !detached)
				show(HYDRATION_OFF);
			pthread_cond_wait(&hy.news, &hy.lock);
			continue;
		}
		pthread_mutex_unlock(&hy.lock);
		hydrate();
		detached = atomic_load(&shown()->state) == HYDRATION_DETACHED;
		pthread_mutex_lock(&hy.lock);
	}
	pthread_mutex_unlock(&hy.lock);
	return NULL;
}

/* ---- for the worker ----------------------------------------------------- */

/* It is waited for with a limit, which no change of the date moves. */
static int
make_news(void)
{
	pthread_condattr_t attr;
	int rc;

	if ((rc = pthread_condattr_init(&attr)) != 0)
		return rc;
	if ((rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC)) == 0)
		rc = pthread_cond_init(&hy.news, &attr);
	pthread_condattr_destroy(&attr);
	return rc;
}

int
hydrator_start(const struct serve *s)
{
	pthread_attr_t attr;
	unsigned i;
	int rc;

	hy.s = s;
	if ((rc = make_news()) != 0 || (rc = pthread_attr_init(&attr)) != 0 ||
	    (rc = pthread_attr_setstacksize(&attr, STACK)) != 0 || (rc = pthread_create(&hy.leader, &attr, leader_main, NULL)) != 0)
		return -rc;
	for (i = 0; i < HELPERS; i++)
		if ((rc = pthread_create(&hy.helper[i], &attr, helper_main, NULL)) != 0)
			return -rc;
	for (i = 0; i < READERS; i++)
		if ((rc = pthread_create(&hy.reader[i].id, &attr, reader_main, &hy.reader[i])) != 0)
			return -rc;
	pthread_attr_destroy(&attr);
	return 0;
}

int
hydrator_open(void)
{
	pthread_mutex_lock(&hy.lock);
	hy.open = true;
	pthread_cond_signal(&hy.news);
	pthread_mutex_unlock(&hy.lock);
	return 0;
}

/* Buffers are there from the first wish on: most mounts never have one. */
static int
make_buffers(void)
{
	struct reader_thread *r;

	for (r = hy.reader; r < hy.reader + READERS; r++) {
		if (r->job.buf != NULL)
			continue;
		if (reader_init(&r->rd, &r->stats) < 0)
			return -ENOMEM;
		if ((r->job.buf = aligned_alloc(4096, READER_BLOCKS * (size_t)BLCKSZ)) == NULL) {
			reader_fini(&r->rd);
			return -ENOMEM;
		}
	}
	return 0;
}

void
hydrator_obey(const struct msg_hydrate *m)
{
	if (m->on && make_buffers() < 0) {
		log_error("could not begin hydration: %s", strerror(ENOMEM));
		return;
	}
	pthread_mutex_lock(&hy.lock);
	hy.wish = *m;
	hy.wishes++;
	pthread_cond_signal(&hy.news);
	pthread_mutex_unlock(&hy.lock);
}

void
hydrator_end(void)
{
	pthread_mutex_lock(&hy.lock);
	hy.ending = true;
	pthread_cond_broadcast(&hy.news);
	pthread_cond_broadcast(&hy.work);
	pthread_cond_broadcast(&hy.chance);
	pthread_mutex_unlock(&hy.lock);
	pthread_join(hy.leader, NULL);
	pthread_mutex_lock(&hy.lock);
	while (hy.n_helping > 0)
		pthread_cond_wait(&hy.news, &hy.lock);
	pthread_mutex_unlock(&hy.lock);
}
