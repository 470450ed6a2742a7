/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a mount.
 *
 * begin_mount() takes the diff directory; a first worker, the preparer, reads
 * the chain and ends; bind_report() checks or writes the binding; storehold_take()
 * locks the backups in the store; then the mount is made and FUSE_INIT
 * answered, and serving workers follow one another, each for as long as it
 * lives, until the mount is gone and one of them has said MSG_CLEAN and
 * exited.  All of it happens in one event loop, so that a signal finds an
 * answer at any time.
 *
 * A serving worker that dies is replaced; one that hangs or lies is killed,
 * which is the same.  The supervisor's own death changes nothing for those who
 * use the mount: the worker goes on and keeps the lock.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "supervisor/answer.h"
#include "supervisor/attend.h"
#include "supervisor/begin.h"
#include "supervisor/ending.h"
#include "supervisor/freeze.h"
#include "supervisor/hydration.h"
#include "supervisor/leave.h"
#include "supervisor/logfile.h"
#include "supervisor/memlimit.h"
#include "supervisor/monitor.h"
#include "supervisor/mute.h"
#include "supervisor/notify.h"
#include "supervisor/order.h"
#include "supervisor/pid_file.h"
#include "supervisor/pin.h"
#include "supervisor/quiet.h"
#include "supervisor/reopen.h"
#include "supervisor/reset.h"
#include "supervisor/rights.h"
#include "supervisor/signals.h"
#include "supervisor/spawn.h"
#include "supervisor/stat.h"
#include "supervisor/supervisor.h"
#include "supervisor/task.h"
#include "supervisor/waiting.h"

#define TICK_MS		1000
#define NOTIFY_WAIT_MS	2000	/* for the command to hear the last word */
#define END_SECONDS	2	/* for a worker that was killed to end */
#define STALL_SECONDS	3	/* a later tick means that we were stopped ourselves */
#define LIFE_SECONDS	10	/* for users of a mount to end with whoever wanted it */
#define FLUSHES_MAX	3	/* workers that may try to flush when the mount is gone */

static const struct errand_work errands[ERRAND_KINDS] = {
	[ERRAND_WORKER] = { spawn_child, NULL },
	[ERRAND_UNMOUNT] = { leave_child, NULL },
	[ERRAND_HOLDERS] = { ending_child, NULL },
	[ERRAND_UNPIN] = { pin_child, NULL },
	[ERRAND_LOOK] = { reopen_child, reopen_listen },
	[ERRAND_ASK] = { mute_child, NULL },
	[ERRAND_QUIET] = { quiet_child, NULL },
	[ERRAND_STEP] = { spawn_stepper, NULL },
};

static void
protect_from_oom(void)
{
	int fd autoclose = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "-900", 4) < 0)
		log_debug("could not lower oom_score_adj: %s", strerror(errno));
}

static void
write_worker_pid(struct supervisor *s)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", (int)s->worker.pid);

	if (mute_is(s))
		return;
	if (diffdir_replace(s->claim.dir.infodir_fd, ONDISK_WORKER_PID, text, (size_t)n, false) != 0 &&
	    logfile_tells_event())
		log_warn("could not write \"%s/%s\"", ONDISK_INFODIR, ONDISK_WORKER_PID);
	state_infodir_changed(s);
}

/* ---- workers ------------------------------------------------------------ */

static void
start_serving(struct supervisor *s, unsigned generation)
{
	int rc;

	s->phase = PHASE_STARTING;
	s->worker_error[0] = '\0';
	failover_started(&s->failover, s->kit.shared);
	if ((rc = spawn_worker(s, JOB_SERVE, generation)) != 0)
		state_fail(s, "could not start a worker: %s", strerror(-rc));
	else
		write_worker_pid(s);
}

/* The kernel's own SIGKILL looks like anybody's; but it counts them. */
static bool
ended_by_limit(const struct worker *w, int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !w->killed &&
	    memlimit_kills() > w->oom_kills;
}

/* Without a limit of the cgroup it was the whole machine that had no more. */
static void
describe_limit(char *text, size_t size)
{
	uint64_t bytes = memlimit_bytes();

	if (bytes == MEMLIMIT_NONE)
		snprintf(text, size, "the kernel ended it for want of memory:"
		    " lower --cache-size and --threads");
	else
		snprintf(text, size, "the kernel ended it: its cgroup has reached its memory"
		    " limit of %llu MiB: raise it, or lower --cache-size and --threads",
		    (unsigned long long)(bytes / MiB));
}

static void
describe_end(const struct worker *w, int status, char *text, size_t size)
{
	if (w->reason[0] != '\0')
		snprintf(text, size, "%s", w->reason);
	else if (ended_by_limit(w, status))
		describe_limit(text, size);
	else if (WIFSIGNALED(status))
		snprintf(text, size, "ended by signal %d (%s)%s", WTERMSIG(status),
		    strsignal(WTERMSIG(status)),
		    WTERMSIG(status) == SIGSYS ? ": it made a forbidden system call" : "");
	else
		snprintf(text, size, "it exited with status %d", WEXITSTATUS(status));
}

/* Only a process that can do little hears what a serving worker says. */
static int
confine(struct supervisor *s)
{
	char error[RIGHTS_ERROR_MAX];
	int rc;

	if ((rc = monitor_start(s)) != 0) {
		state_fail(s, "could not start the monitor: %s", strerror(-rc));
		return -1;
	}
	if (rights_give_up(s, error) != 0) {
		state_fail(s, "%s", error);
		return -1;
	}
	return 0;
}

/* From the chain to the mount; again and again while somebody locks the chain. */
static void
hold_and_mount(struct supervisor *s)
{
	if (storehold_take(s) == 0 && mountpoint_mount(s) == 0 && confine(s) == 0)
		start_serving(s, 1);
}

static void
preparer_gone(struct supervisor *s, const struct worker *dead, int status, const char *reason)
{
	int rc;

	/* One that broke the rules may have exited before it could be killed. */
	if (!s->preparer.has_prepared || status != 0 || dead->killed || s->worker_error[0] != '\0') {
		state_fail(s, "%s%s", s->worker_error[0] != '\0' ? "" :
		    "the worker failed while it read the chain: ",
		    s->worker_error[0] != '\0' ? s->worker_error : reason);
		return;
	}
	if (s->source.backup_id == NULL)
		s->source.backup_id = s->binding.found.member[0].id;
	/* Real copies are complete before the binding says that there are any. */
	if (s->mapped.n > 0 && !s->preparer.is_filling) {
		s->preparer.is_filling = true;
		if ((rc = spawn_worker(s, JOB_FILL, 0)) != 0)
			state_fail(s, "could not start a worker: %s", strerror(-rc));
		return;
	}
	if (bind_report(s) != 0)
		return;
	if ((rc = kit_seal_index(&s->kit, task_index_max(s))) != 0) {
		state_fail(s, "could not seal the index: %s", strerror(-rc));
		return;
	}
	hold_and_mount(s);
}

/* The kernel has lost what it could not write back: the log says so, and the next mount. */
static void
finish_cut(struct supervisor *s, const char *what)
{
	int rc;

	if (!mute_is(s) && (rc = diffdir_set_cut(&s->claim.dir, what)) != 0)
		log_error("could not write \"%s\": %s", ONDISK_CHANGES "/" ONDISK_CUT, strerror(-rc));
	state_fail(s, "the mount at \"%s\" was cut off: %s; what its users had not synced"
	    " may be lost", s->config->mnt, what);
}

static void
finish_ended(struct supervisor *s)
{
	int rc;

	ending_look(s, NULL);
	if (s->ending.cut != NULL) {
		finish_cut(s, s->ending.cut);
		return;
	}
	if (reset_goes_on(s))
		return;
	s->done = true;
	/* Without an answer the note of a cut stays, and with one that nothing is durable that one does. */
	if (mute_is(s) || s->config->discard)
		return;
	if (s->claim.dirty && (rc = diffdir_set_dirty(&s->claim.dir, false)) != 0)
		log_error("could not remove \"%s\": %s", ONDISK_DIRTY, strerror(-rc));
	if ((rc = diffdir_set_cut(&s->claim.dir, NULL)) != 0)
		log_error("could not remove \"%s\": %s", ONDISK_CHANGES "/" ONDISK_CUT, strerror(-rc));
	log_info("unmounted \"%s\"", s->config->mnt);
}

/* The mount is gone, and no worker has answered anything: there is nothing to make durable. */
static bool
was_for_nothing(const struct supervisor *s)
{
	return !s->ready_once && failover_nobody_served(s->kit.shared) && mountpoint_is_gone(s);
}

/* A serving worker died: who is to blame, and is another one worth it? */
static void
replace_worker(struct supervisor *s, const struct worker *dead, int status, const char *reason)
{
	int poisoned;

	s->death_at = clock_monotonic_ns();
	if (logfile_tells_event())
		log_error("worker %d (generation %u) died: %s", (int)dead->pid, dead->generation,
		    reason);
	poisoned = failover_blame(&s->failover, s->kit.shared, s->mnt.fuse_fd,
	    dead->killed ? dead->stuck : -1,
	    !dead->killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL &&
	    !failover_was_futile(&s->failover, s->kit.shared, s->death_at));
	failover_note(&s->failover, dead->generation, reason);
	if (failover_too_many(&s->failover, s->kit.shared, s->death_at, poisoned)) {
		if (s->ready_once && !mute_is(s))
			diffdir_set_cut(&s->claim.dir, "its workers died as soon as they started");
		state_fail(s, "workers die as soon as they start, the last one: %s;"
		    " the mount is detached", reason);
		return;
	}
	if (was_for_nothing(s)) {
		state_fail(s, "\"%s\" was unmounted before it was served", s->config->mnt);
		return;
	}
	if (mountpoint_is_gone(s) && ++s->flushes >= FLUSHES_MAX) {
		state_fail(s, "the mount is gone, but no worker could end in order: %s", reason);
		return;
	}
	start_serving(s, dead->generation + 1);
}

static void
worker_gone(struct supervisor *s)
{
	struct worker dead;
	char reason[512];
	int status;

	while (answer_worker(s) > 0)
		;	/* its last words */
	while (answer_stderr(s) > 0)
		;
	while (waitpid(s->worker.pid, &status, 0) < 0)
		if (errno != EINTR)
			return;
	dead = s->worker;
	spawn_forget(&s->worker);
	describe_end(&dead, status, reason, sizeof(reason));
	if (s->done)
		return;
	if (s->phase == PHASE_PREPARING)
		preparer_gone(s, &dead, status, reason);
	else if (s->phase == PHASE_LEAVING && (status == 0 || dead.killed) && mountpoint_is_gone(s))
		finish_ended(s);
	else if (!s->ready_once && WIFEXITED(status))
		state_fail(s, "%s", s->worker_error[0] != '\0' ? s->worker_error : reason);
	else if (!freeze_worker_gone(s, status == 0 && !dead.killed))
		replace_worker(s, &dead, status, reason);
}

/* ---- time --------------------------------------------------------------- */

/* A limit of failover.h in ns; tests shorten all of them alike. */
static uint64_t
limit_of(const struct supervisor *s, unsigned seconds)
{
	unsigned hang_ms = s->config->hang_ms;

	return hang_ms == 0 ? seconds * STATE_SECOND :
	    seconds * (STATE_SECOND / 1000) * hang_ms / FAILOVER_HANG_SECONDS;
}

static bool
is_past(const struct supervisor *s, uint64_t now, uint64_t since, unsigned seconds)
{
	return now > since && now - since > limit_of(s, seconds);
}

/*
 * Without a mount there is nothing to serve: it may write out what it holds, and
 * that may take long, but it has to get on, and to come to an end.
 */
static void
check_end(struct supervisor *s, uint64_t now)
{
	struct worker *w = &s->worker;
	unsigned seconds;

	if (w->gone_at == 0)
		w->gone_at = now;
	seconds = failover_outstays(now, w->gone_at, w->flushed_at, limit_of(s, 1));
	if (seconds == FAILOVER_FLUSH_SECONDS)
		spawn_kill(w, "the mount is gone, and it has made nothing durable for %u seconds",
		    seconds);
	else if (seconds != 0)
		spawn_kill(w, "the mount has been gone for %u seconds", seconds);
}

/* Slow storage is not its fault. */
static void
check_serving(struct supervisor *s, uint64_t now)
{
	uint64_t limit = limit_of(s, FAILOVER_HANG_SECONDS);
	struct worker *w = &s->worker;
	int slot;

	if (is_past(s, now, w->last_heard, FAILOVER_HANG_SECONDS))
		spawn_kill(w, "no sign of life for %d seconds", FAILOVER_HANG_SECONDS);
	else if ((slot = failover_stuck_slot(s->kit.shared, now, limit)) >= 0) {
		w->stuck = slot;
		spawn_kill(w, "thread %d computed for more than %d seconds", slot,
		    FAILOVER_HANG_SECONDS);
	}
}

/* A replacement has to make durable what others wrote: the end of the mount leaves it its time. */
static void
check_starting(struct supervisor *s, uint64_t now)
{
	struct worker *w = &s->worker;

	if (was_for_nothing(s))
		spawn_kill(w, "the mount is gone, and has not been served");
	else if (is_past(s, now, w->started_at, FAILOVER_START_SECONDS))
		spawn_kill(w, "it was not ready within %d seconds", FAILOVER_START_SECONDS);
}

/* Kills a worker that does not live, or does not do what is its turn, whatever it says. */
static void
check_hung(struct supervisor *s, uint64_t now)
{
	struct worker *w = &s->worker;

	if (w->pid == 0 || w->killed || s->phase == PHASE_PREPARING || now < s->patient_until)
		return;
	w->stuck = FAILOVER_NO_SLOT;
	if (s->phase == PHASE_LEAVING) {
		if (is_past(s, now, w->clean_at, FAILOVER_EXIT_SECONDS))
			spawn_kill(w, "it reported that it was done, and did not exit within %d seconds",
			    FAILOVER_EXIT_SECONDS);
	} else if (s->phase == PHASE_STARTING)
		check_starting(s, now);
	else if (mountpoint_is_gone(s))
		check_end(s, now);
	else if (!freeze_comes_to_rest(s))
		check_serving(s, now);
}

/* Nobody is left for whom this mount was made: its users have a moment to end, too. */
static void
life_ended(struct supervisor *s)
{
	s->life_over_at = clock_monotonic_ns();
	log_info("the process that this mount was made for has ended");
	if (s->phase == PHASE_PREPARING)
		state_fail(s, "the process that this mount was made for has ended");
	else
		leave_ask(s);
}

static void
check_life(struct supervisor *s, uint64_t now)
{
	if (s->life_over_at != 0 && s->mnt.mounted &&
	    now - s->life_over_at > LIFE_SECONDS * STATE_SECOND)
		state_fail(s, "the process that this mount was made for has ended, and \"%s\" is still in use: it is"
		    " detached", s->config->mnt);
}

static void
tick(struct supervisor *s)
{
	uint64_t now = clock_monotonic_ns();

	/* After a stop of the whole machine every worker looks hung. */
	if (s->ticked_at != 0 && now - s->ticked_at > STALL_SECONDS * STATE_SECOND)
		s->patient_until = now + FAILOVER_HANG_SECONDS * STATE_SECOND;
	s->ticked_at = now;
	check_hung(s, now);
	reopen_tick(s);
	hydration_tick(s);
	if (freeze_tick(s))
		start_serving(s, s->worker.generation + 1);
	if (reset_tick(s))
		start_serving(s, 1);
	ending_look(s, NULL);
	leave_tick(s);
	check_life(s, now);
	logfile_tell_left_out();
	notify_again(s->config->notify_fd, 0);
	if (s->hold.due != 0 && now >= s->hold.due && !s->done)
		hold_and_mount(s);
	if (s->stats.due != 0 && now >= s->stats.due)
		stat_answer(s);
	if (s->infodir_due == 0 && logfile_changed())
		s->infodir_due = now + STATE_SECOND;
	if (s->infodir_due != 0 && now >= s->infodir_due)
		state_infodir_changed(s);
}

/* ---- signals ------------------------------------------------------------ */

static void
ask_for_file(struct supervisor *s, bool reset)
{
	if (s->phase == PHASE_PREPARING)
		return;
	s->stats.to_file = true;
	stat_ask(s, reset);
}

static void
on_signal(struct supervisor *s, uint32_t number)
{
	switch (signals_deed(number)) {
	case SIGNAL_LEAVE:
		if (s->phase == PHASE_PREPARING)
			state_fail(s, "interrupted");
		else
			leave_ask(s);
		break;
	case SIGNAL_STATS:
		ask_for_file(s, false);
		break;
	case SIGNAL_RESET:
		ask_for_file(s, true);
		break;
	case SIGNAL_IGNORED:
	case SIGNAL_FAULT:
	case SIGNAL_LEFT:
		break;
	}
}

static void
read_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info))
		on_signal(s, info.ssi_signo);
}

/* ---- the loop ----------------------------------------------------------- */

static int
wait_ms(const struct supervisor *s)
{
	uint64_t now = clock_monotonic_ns(), due = now + TICK_MS * 1000000ULL;

	if (s->stats.due != 0)
		due = MIN(due, s->stats.due);
	if (s->infodir_due != 0)
		due = MIN(due, s->infodir_due);
	if (s->hold.due != 0)
		due = MIN(due, s->hold.due);
	if (s->leave.asked && s->leave.child.pid == 0 && s->mnt.mounted)
		due = MIN(due, s->leave.due);
	return due <= now ? 0 : (int)((due - now) / 1000000 + 1);
}

static void
turn(struct supervisor *s)
{
	bool checks = s->reset.stage == RESET_CHECK;
	struct step *step = s->reset.step.under_way ? &s->reset.step : &s->freeze.step;
	struct pollfd p[13 + ENDING_DESCRIPTORS + ATTEND_DESCRIPTORS] = {
		{ .fd = s->signal_fd, .events = POLLIN },
		{ .fd = s->worker.in_fd, .events = POLLIN },
		{ .fd = s->worker.pidfd, .events = POLLIN },
		{ .fd = s->leave.child.pidfd, .events = POLLIN },
		{ .fd = s->reopen.child.pidfd, .events = POLLIN },
		{ .fd = s->worker.err_fd, .events = POLLIN },
		{ .fd = s->monitor.sock },
		{ .fd = s->life_over_at == 0 && s->config->life_fd != 0 ? s->config->life_fd : -1 },
		{ .fd = s->freeze.child.pidfd, .events = POLLIN },
		{ .fd = s->reset.child.pidfd, .events = POLLIN },
		{ .fd = s->reset.sweep.pidfd, .events = POLLIN },
		{ .fd = step->child.pidfd, .events = POLLIN },
		{ .fd = checks ? s->reset.child.report_fd : step->child.report_fd, .events = POLLIN },
	};

	ending_poll(s, p + 13);
	attend_poll(&s->attend, p + 13 + ENDING_DESCRIPTORS);
	if (poll(p, ARRAY_SIZE(p), wait_ms(s)) < 0 && errno != EINTR) {
		state_fail(s, "could not wait for events: %s", strerror(errno));
		return;
	}
	ending_look(s, p + 13);
	if (p[0].revents != 0)
		read_signals(s);
	if (p[1].revents != 0 && answer_worker(s) == 0) {
		close(s->worker.in_fd);	/* silent for good: it exits, or is found hung */
		s->worker.in_fd = -1;
	}
	if (p[5].revents != 0)
		answer_stderr(s);
	if (p[2].revents != 0)
		worker_gone(s);
	if (p[3].revents != 0)
		leave_done(s);
	if (p[4].revents != 0)
		reopen_done(s);
	if (p[6].revents != 0)
		order_lost(s);
	if (p[7].revents != 0)
		life_ended(s);
	if (p[12].revents != 0 && checks && s->reset.stage == RESET_CHECK)
		step_heard(&s->reset.step, &s->reset.child);
	else if (p[12].revents != 0 && !checks)
		step_heard(step, &step->child);
	if (p[8].revents != 0)
		freeze_child_done(s);
	if (p[9].revents != 0)
		reset_child_done(s);
	if (p[10].revents != 0)
		errand_end(&s->reset.sweep, NULL, 0);
	if (p[11].revents != 0)
		step_child_done(step);
	attend_look(s, p + 13 + ENDING_DESCRIPTORS);
	tick(s);
}

static void
end_worker(struct supervisor *s)
{
	struct worker *w = &s->worker;

	if (w->pid == 0)
		return;
	signals_kill(w->pidfd);
	/* One that waits for a file system ends when that answers. */
	waiting_firmly(w->pidfd, END_SECONDS);
	waitpid(w->pid, NULL, WNOHANG);
	spawn_forget(w);
}

/* A first mount that failed leaves nothing, so that the next try is free. */
static void
undo_fresh(struct supervisor *s)
{
	if (s->failed && s->binding.is_fresh && s->claim.locked && !s->ready_once)
		diffdir_wipe(&s->claim.dir, true);
}

/* The log belongs to somebody to whom the store is closed: the reason is not for him. */
static void
tell_refusal(const struct supervisor *s)
{
	if (!logfile_is_held())
		return;
	logfile_let_go(false);
	if (s->failed)
		log_error("not mounted; the reason was printed on the terminal of the command");
}

static void
finish(struct supervisor *s)
{
	end_worker(s);
	errand_stop(&s->reopen.child);
	freeze_stop(&s->freeze);
	reset_stop(&s->reset);
	if (s->failed && s->mnt.mounted)
		leave_detach(s);
	leave_end(&s->leave);
	ending_forget(&s->ending);
	if (s->ready_once && !mute_is(s)) {
		stat_write(s);
		unlinkat(s->claim.dir.infodir_fd, ONDISK_WORKER_PID, 0);
	}
	attend_close(&s->attend);
	undo_fresh(s);
	s->claim.mute = mute_is(s);
	mute_forget(&s->mute);
	/* Free before anybody hears of it: the next command may come at once. */
	monitor_give_back(s);
	order_end(s);
	lockholder_end(&s->hold.holder);
	claim_unlock(&s->claim);
	tell_refusal(s);
	if (s->failed)
		notify_send(s->config->notify_fd, NOTIFY_FAILED, "%s", s->error);
	notify_again(s->config->notify_fd, NOTIFY_WAIT_MS);
	logfile_stop();
	binding_fini(&s->binding.saved);
	binding_fini(&s->binding.found);
	record_fini(&s->binding.record);
	kit_unmap(&s->kit);
	diffdir_close(&s->claim.dir);
}

static void
prepare(struct supervisor *s)
{
	int rc;

	if ((rc = rights_begin(s)) != 0) {
		state_fail(s, "could not give up unneeded rights: %s", strerror(-rc));
		return;
	}
	if (begin_mount(s) != 0)
		return;
	s->pid_written = pid_file_write(s->config);
	if ((rc = kit_make(&s->kit)) != 0) {
		state_fail(s, "could not make shared memory: %s", strerror(-rc));
		return;
	}
	s->phase = PHASE_PREPARING;
	if ((rc = spawn_worker(s, JOB_PREPARE, 0)) != 0)
		state_fail(s, "could not start a worker: %s", strerror(-rc));
}

int
supervisor_main(const struct supervisor_config *config)
{
	struct supervisor s = {
		.config = config, .errands = errands,
		.claim = {
			.dir = { .fd = -1, .changes_fd = -1, .infodir_fd = -1, .parent_fd = -1 },
			.lock_fd = -1, .layers_fd = -1,
		},
		.source = { .fd = -1 },
		.hold = { .holder = { .pidfd = -1, .fd = -1 } },
		.mnt = { .fd = -1, .parent_fd = -1, .fuse_fd = -1 },
		.kit = { .image_fd = -1, .shared_fd = -1, .index_fd = -1 },
		.worker = { .pidfd = -1, .in_fd = -1, .out_fd = -1, .err_fd = -1 },
		.namespaces = MSG_NS_ALL,
		.reopen = { .sock = -1 }, .monitor = { .pidfd = -1, .sock = -1 },
	};

	errand_init(&s.reopen.child);
	mute_init(&s.mute);
	attend_init(&s.attend);
	leave_init(&s.leave);
	freeze_init(&s.freeze);
	reset_init(&s.reset);
	ending_init(&s.ending);
	setproctitle("supervisor: %s", config->mnt);
	if ((s.signal_fd = signals_open()) < 0)
		return 1;
	protect_from_oom();
	prepare(&s);
	while (!s.done)
		turn(&s);
	finish(&s);
	return s.status;
}
