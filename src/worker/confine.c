#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "ipc/provision.h"
#include "worker/confine.h"
#include "worker/report.h"
#include "worker/sandbox.h"

#define MAX_FDS	8192u	/* more would only cost memory in the kernel */
#define KEPT_FDS 300u	/* backup directories, pipes, the journal, block maps */
/* Names and maps of what was changed, buffers, stacks; besides the cache and twice the index. */
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

/* Of the preparer prepare.c says it. */
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

/* Proves to other commands that this process is the worker: see supervisor/lock.h. */
static void
lock_as_worker(const struct job *job)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1
	};

	if (job->lock_fd >= 0 && job->fuse_fd >= 0 && fcntl(job->lock_fd, F_SETLK, &lock) != 0)
		log_warn("could not lock the diff directory as worker: the pid of a lone worker cannot be proven");
}

int
confine_worker(const struct job *job)
{
	struct sandbox s = {
		.level = job->sandbox, .store_fd = job->store_fd, .diff_fd = job->diff_fd,
		.switch_user = job->switch_user, .uid = job->uid, .gid = job->gid,
		.keep_read_search = job->keep_read_search, .debug = job->debug,
		.threads = job->program == JOB_SERVE || job->program == JOB_PREPARE,
		.max_fds = MAX_FDS + KEPT_FDS,
		.max_memory = max_memory(job),
		.more_fds = job->mapped_fds,
		.n_more_fds = job->mapped_fds != NULL ? job->provision->n_mappings : 0,
	};
	char text[SANDBOX_ERROR_MAX];
	int r;

	report_init(job);
	raise_limits();
	kernel_holds = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 100;
	umask(job->mapped_fds != NULL ? 0 : 077);	/* copies keep their modes */
	lock_as_worker(job);
	sandbox_missing(text, sizeof(text));
	if (text[0] != '\0' && job->fuse_fd < 0)
		log_warn("this kernel's Landlock lacks: %s", text);
	if ((r = sandbox_enter(&s, text)) < 0) {
		report_failed("%s", text);
		return r;
	}
	report_send(MSG_CONFINED, NULL, 0);
	return 0;
}

int
confine_end_threads(const struct job *job)
{
	const struct sandbox s = { .level = job->sandbox };
	int r = sandbox_end_threads(&s);

	if (r < 0)
		report_failed("could not forbid more threads: %s", strerror(-r));
	return r;
}
