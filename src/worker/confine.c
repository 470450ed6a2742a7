/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Limits, groups and directories of a worker's sandbox.  How the sandbox is
 * made is in src/sandbox.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "ipc/clone_config.h"
#include "sandbox/sandbox.h"
#include "worker/confine.h"
#include "worker/report.h"

#define MAX_FDS	8192u	/* more would only cost memory in the kernel */
#define KEPT_FDS 300u	/* backup directories, pipes, the journal, block maps */
/*
 * Room for names and maps of what was changed, buffers, stacks; besides the
 * cache and twice the index.
 */
#define MEMORY_BASE (1024 * MiB)

static unsigned max_fds = 64;
static uint64_t kernel_holds;

static void
raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > KEPT_FDS + max_fds)
		max_fds = MIN((unsigned)MIN(limit.rlim_cur, (rlim_t)MAX_FDS + KEPT_FDS) - KEPT_FDS,
		    MAX_FDS);
}

/* The limit of the preparer is in prepare.c. */
static size_t
max_memory(const struct job *job)
{
	struct stat st;

	if (job->program != JOB_SERVE || fstat(job->index_fd, &st) != 0)
		return 0;
	return MEMORY_BASE + job->cache_size + 2 * (size_t)st.st_size;
}

uint64_t
confine_kernel_holds(void)
{
	return kernel_holds;
}

unsigned
confine_max_fds(void)
{
	return max_fds;
}

/* Proves to other commands that this process is the worker, or in its place: see supervisor/lock.h. */
static void
lock_as_worker(const struct job *job)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = ONDISK_LOCK_WORKER, .l_len = 1
	};

	if (job->lock_fd >= 0 && (job->fuse_fd >= 0 || job->program == JOB_STEP) && fcntl(job->lock_fd, F_SETLK, &lock) != 0)
		log_warn("could not lock the diff directory as worker: nothing proves the pid of a lone worker");
}

struct users {
	uid_t	uid[IO_USERS_MAX];
	size_t	n;
};

/*
 * Adds the owner of a directory of the store.  Returns whether he may say who else
 * has a part in it: not the mount's owner, who could put there what root's is.
 */
static bool
add_owner(struct users *u, int store_fd, const char *path, uid_t mount_owner)
{
	int fd autoclose = io_open_beneath(store_fd, path, O_PATH | O_DIRECTORY, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return false;
	u->uid[u->n++] = st.st_uid;
	return st.st_uid != mount_owner && (st.st_mode & 022) == 0;
}

int
confine_admit(int store_fd, const char *instance, uid_t mount_owner)
{
	static const char *const parts[] = { "backups", "wal" };
	struct users u = { .uid = { mount_owner }, .n = 1 };
	char path[PATH_MAX];
	bool more = add_owner(&u, store_fd, ".", mount_owner);
	size_t i;

	for (i = 0; more && i < ARRAY_SIZE(parts); i++) {
		if (!add_owner(&u, store_fd, parts[i], mount_owner) || instance == NULL)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", parts[i], instance) >= PATH_MAX)
			return -ENAMETOOLONG;
		add_owner(&u, store_fd, path, mount_owner);
	}
	io_admit_only(u.uid, u.n);
	return 0;
}

static void
add_directories(struct sandbox *s, const struct job *job)
{
	static char mapped_names[CLONE_MAPPINGS_MAX][24];
	unsigned i;

	s->dir[s->n_dirs++] = (struct sandbox_dir){ .name = "store", .fd = job->store_fd };
	s->dir[s->n_dirs++] = (struct sandbox_dir){ .name = "pbkfs", .fd = job->infodir_fd };
	s->dir[s->n_dirs++] = (struct sandbox_dir){
		.name = ONDISK_LAYERS, .fd = job->layers_fd, .writable = job->program == JOB_STEP
	};
	s->dir[s->n_dirs++] = (struct sandbox_dir){
		.name = ONDISK_CHANGES, .fd = job->diff_fd, .writable = true, .locked = true
	};
	for (i = 0; job->mapped_fds != NULL && i < job->clone->n_mappings; i++) {
		snprintf(mapped_names[i], sizeof(mapped_names[i]), "mapped%u", i);
		s->dir[s->n_dirs++] = (struct sandbox_dir){
			.name = mapped_names[i], .fd = job->mapped_fds[i], .writable = true
		};
	}
}

int
confine_worker(const struct job *job)
{
	struct sandbox s = {
		.level = job->sandbox, .namespaces = job->namespaces, .executed = true,
		/* For the libraries that a server preloads. */
		.looks_around = job->program == JOB_PREPARE,
		.switch_user = job->switch_user, .uid = job->uid, .gid = job->gid,
		.groups = job->groups, .n_groups = job->n_groups,
		.keep_read_search = job->keep_read_search, .debug = job->debug,
		.threads = job->program == JOB_SERVE || job->program == JOB_PREPARE,
		.max_fds = MAX_FDS + KEPT_FDS,
		.max_memory = max_memory(job),
	};
	char text[SANDBOX_ERROR_MAX], missing[128];
	struct msg_confined got;
	int rc;

	/* Its renames lead from one of its directories to the other: no mounts part them. */
	if (job->program == JOB_STEP) {
		s.namespaces &= ~(uint32_t)MSG_NS_MOUNT;
		s.calls = SANDBOX_CALLS_LAYERS;
	}
	add_directories(&s, job);
	report_init(job);
	raise_limits();
	kernel_holds = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 100;
	umask(job->mapped_fds != NULL ? 0 : 077);	/* copies keep their modes */
	lock_as_worker(job);
	sandbox_missing(missing, sizeof(missing));
	if ((rc = sandbox_enter(&s, &got, text)) < 0) {
		report_failed("%s", text);
		return rc;
	}
	if (missing[0] != '\0' && job->fuse_fd < 0 && got.landlock > 0)
		log_warn("this kernel's Landlock lacks: %s", missing);
	/* A worker of root's lacks nothing that its owner has. */
	if (job->keep_read_search && job->uid != 0 && job->store_fd >= 0 &&
	    (rc = confine_admit(job->store_fd, job->instance, job->uid)) != 0)
		return rc;
	report_send(MSG_CONFINED, &got, sizeof(got));
	return 0;
}

int
confine_end_threads(const struct job *job)
{
	const struct sandbox s = { .level = job->sandbox };
	int rc = sandbox_end_threads(&s);

	if (rc < 0)
		report_failed("could not forbid more threads: %s", strerror(-rc));
	return rc;
}
