/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A worker is a child of the supervisor's, be it forked by the monitor.  Nothing of the state gets
 * into it but what task.c puts into its job, and the descriptors of its pipes.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "ipc/jobfd.h"
#include "supervisor/execute.h"
#include "supervisor/identity.h"
#include "supervisor/logfile.h"
#include "supervisor/memlimit.h"
#include "supervisor/signals.h"
#include "supervisor/spawn.h"
#include "supervisor/state.h"
#include "supervisor/task.h"

/* The descriptors of ERRAND_WORKER. */
enum {
	FD_OUT, FD_IN, FD_ERR, FD_FUSE, FD_CHANGES, FD_INFODIR, FD_LOCK, FD_LOCKHOLDER, FD_SHARED,
	FD_INDEX,
};

static void
set_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	/* The supervisor's own protection is not for a process that can be replaced. */
	if (fd >= 0) {
		if (write(fd, "0", 1) < 0)
			log_debug("could not set oom_score_adj: %s", strerror(errno));
		close(fd);
	}
}

/* The terminal of a console is nothing that a worker may write to: what it says goes to the log. */
static void
replace_stderr(int fd)
{
	if (fd < 0)
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(127);
}

/* err_fd: its standard error; -1 for none. */
static _Noreturn void
run_child(const struct supervisor *s, const struct job *job, int memfd, int err_fd)
{
	static const char *const doing[] = {
		[JOB_PREPARE] = "preparing", [JOB_FILL] = "preparing", [JOB_SERVE] = "worker",
		[JOB_RECHECK] = "looking at the store", [JOB_STEP] = "freezing",
	};
	/* Bounds the index: writing a memfd counts as writing a file. */
	struct rlimit size = { task_index_max(s), task_index_max(s) };
	char title[PATH_MAX + 32];

	log_set_sink(NULL);
	replace_stderr(err_fd);
	/* A shutdown sends SIGTERM to every process, a terminal SIGINT: it goes on until the mount is gone. */
	signals_ignore();
	identity_raise();
	set_oom_score();
	if (job->program == JOB_PREPARE || job->program == JOB_RECHECK)
		setrlimit(RLIMIT_FSIZE, &size);
	snprintf(title, sizeof(title), "%s: %s", doing[job->program], s->config->mnt);
	execute_job(s->kit.image_fd, job, memfd, title);
}

void
spawn_check(struct supervisor *s, int store_fd)
{
	struct job job;
	int memfd;

	task_fill_check(s, &job, store_fd);
	if ((memfd = jobfd_make(&job)) < 0)
		_exit(127);
	run_child(s, &job, memfd, -1);
}

/* Of one worker; [0] is read from. */
struct pipes {
	int	up[2], down[2], err[2];
};

static void
close_pipes(const struct pipes *p)
{
	const int fds[] = { p->up[0], p->up[1], p->down[0], p->down[1], p->err[0], p->err[1] };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int
open_pipes(struct pipes *p)
{
	int rc = 0;

	*p = (struct pipes){ { -1, -1 }, { -1, -1 }, { -1, -1 } };
	/* Nobody waits for its standard error, be it to read or to write. */
	if (pipe2(p->up, O_CLOEXEC) == 0 && pipe2(p->down, O_CLOEXEC) == 0 &&
	    pipe2(p->err, O_CLOEXEC | O_NONBLOCK) == 0)
		return 0;
	rc = -errno;
	close_pipes(p);
	return rc;
}

static bool
is_same(int fd, int other)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino;
}

void
spawn_child(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
{
	struct job job;
	int memfd;

	/* These descriptors are locked; which directories they are is not the supervisor's to say. */
	if (!is_same(fd[FD_CHANGES], s->claim.dir.changes_fd) ||
	    !is_same(fd[FD_INFODIR], s->claim.dir.infodir_fd))
		_exit(127);
	task_fill(s, &job, (enum job_program)o->program, o->generation);
	job.careful = o->careful != 0;
	job.detached = o->detached != 0;
	job.out_fd = fd[FD_OUT];
	job.in_fd = fd[FD_IN];
	job.fuse_fd = fd[FD_FUSE];
	job.diff_fd = fd[FD_CHANGES];
	job.infodir_fd = fd[FD_INFODIR];
	job.lock_fd = fd[FD_LOCK];
	job.lockholder_fd = fd[FD_LOCKHOLDER];
	job.shared_fd = fd[FD_SHARED];
	job.index_fd = fd[FD_INDEX];
	if ((memfd = jobfd_make(&job)) < 0)
		_exit(127);
	run_child(s, &job, memfd, fd[FD_ERR]);
}

/*
 * Opened anew, so that the lock is this program's.  The mount is not served meanwhile: nobody is waited for, but where one was ended
 * on the way another has to find out what became of it, and step.c bounds the time.
 */
static int
lock_layers(const struct diffdir *d, bool is_branch, bool make, bool again)
{
	int fd autoclose = make ? diffdir_make_layers(d, is_branch) : diffdir_open_layers(d, is_branch);

	if (fd < 0)
		return fd;
	return flock(fd, LOCK_EX | (again ? 0 : LOCK_NB)) == 0 ? steal_fd(&fd) : -errno;
}

/* As the program itself would, were it there. */
static _Noreturn void
fail_to_step(int out_fd, int rc)
{
	const struct msg_stepped nothing = { 0 };
	char text[256];
	int len = rc == -EWOULDBLOCK ?
	    snprintf(text, sizeof(text), "another command changes its snapshots or branches: try again") :
	    snprintf(text, sizeof(text), "could not use \"%s\" in the diff directory: %s", ONDISK_LAYERS,
	    diffdir_layers_strerror(rc));

	msg_send(out_fd, MSG_FAILED, text, (size_t)len);
	msg_send(out_fd, MSG_STEPPED, &nothing, sizeof(nothing));
	_exit(1);
}

void
spawn_stepper(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
{
	struct job job;
	int memfd;

	task_fill(s, &job, JOB_STEP, 0);
	job.store_fd = job.infodir_fd = job.index_fd = job.shared_fd = job.lockholder_fd = -1;
	job.out_fd = fd[0];
	job.lock_fd = fd[1];
	job.step = o->deed < JOB_STEPS ? (enum job_step)o->deed : JOB_STEP_SWEEP;
	/* Those that are no worker's place. */
	if (job.step == JOB_STEP_CHECK_RESET || job.step == JOB_STEP_SWEEP)
		job.lock_fd = -1;
	/* Nobody else uses what was thrown away, and the mount may end before it is gone. */
	if (job.step == JOB_STEP_SWEEP)
		job.layers_fd = -1;
	else if ((job.layers_fd = lock_layers(&s->claim.dir, s->binding.saved.branch != NULL,
	    job.step == JOB_STEP_FREEZE, o->look != 0)) < 0)
		o->look ? _exit(127) : fail_to_step(fd[0], job.layers_fd);
	job.diff_fd = openat(s->claim.dir.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	job.keep_read_search = false;
	job.layer = o->name;
	job.message = o->message;
	job.again = o->look != 0;
	if (job.diff_fd < 0 || (memfd = jobfd_make(&job)) < 0)
		_exit(127);
	run_child(s, &job, memfd, -1);
}

static void
adopt(struct supervisor *s, const struct pipes *p, unsigned generation)
{
	uint64_t now = clock_monotonic_ns();

	close(p->up[1]);
	close(p->down[0]);
	close(p->err[1]);
	s->worker.in_fd = p->up[0];
	s->worker.out_fd = p->down[1];
	s->worker.err_fd = p->err[0];
	s->worker.generation = generation;
	s->worker.started_at = s->worker.last_heard = now;
	s->worker.stuck = FAILOVER_NO_SLOT;
	fcntl(s->worker.in_fd, F_SETFL, O_NONBLOCK);
	fcntl(s->worker.out_fd, F_SETFL, O_NONBLOCK);
}

int
spawn_worker(struct supervisor *s, enum job_program program, unsigned generation)
{
	struct errand_order o = {
		.kind = ERRAND_WORKER, .program = program, .generation = generation,
		.careful = failover_is_careful(&s->failover),
		.detached = s->binding.saved.detached || s->binding.found.detached,
	};
	struct pipes p;
	int rc;

	if ((rc = open_pipes(&p)) != 0)
		return rc;
	const int fd[ERRAND_FDS] = {
		[FD_OUT] = p.up[1], [FD_IN] = p.down[0], [FD_ERR] = p.err[1],
		[FD_FUSE] = generation == 0 ? -1 : s->mnt.fuse_fd,
		[FD_CHANGES] = s->claim.dir.changes_fd, [FD_INFODIR] = s->claim.dir.infodir_fd,
		[FD_LOCK] = s->claim.lock_fd, [FD_LOCKHOLDER] = s->hold.holder.fd,
		[FD_SHARED] = s->kit.shared_fd, [FD_INDEX] = s->kit.index_fd,
	};

	s->worker = (struct worker){ .oom_kills = memlimit_kills() };
	if ((rc = errand_fork(s, &o, fd, &s->worker.pidfd)) > 0) {
		s->worker.pid = rc;
		adopt(s, &p, generation);
		return 0;
	}
	close_pipes(&p);
	s->worker.in_fd = s->worker.out_fd = s->worker.err_fd = -1;
	return rc;
}

void
spawn_end(const struct worker *w)
{
	if (w->pid != 0)
		signals_kill(w->pidfd);
}

void
spawn_forget(struct worker *w)
{
	if (w->pidfd >= 0)
		close(w->pidfd);
	if (w->in_fd >= 0)
		close(w->in_fd);
	if (w->out_fd >= 0)
		close(w->out_fd);
	if (w->err_fd >= 0)
		close(w->err_fd);
	w->pid = 0;
	w->pidfd = w->in_fd = w->out_fd = w->err_fd = -1;
}

int
spawn_tell(const struct worker *w, enum msg_type type)
{
	return spawn_tell_more(w, type, NULL, 0);
}

int
spawn_tell_more(const struct worker *w, enum msg_type type, const void *body, size_t len)
{
	return w->pid == 0 ? -ESRCH : msg_send(w->out_fd, type, body, len);
}

void
spawn_kill(struct worker *w, const char *fmt, ...)
{
	va_list ap;

	if (w->pid == 0 || w->killed)
		return;
	va_start(ap, fmt);
	vsnprintf(w->reason, sizeof(w->reason), fmt, ap);
	va_end(ap);
	if (logfile_tells_event())
		log_error("ending worker %d: %s", (int)w->pid, w->reason);
	w->killed = true;
	signals_kill(w->pidfd);
}
