#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/limited.h"
#include "supervisor/waiting.h"

static int
wait_limited(pid_t pid, int pidfd, int seconds)
{
	int status;

	if (pidfd >= 0 && waiting_firmly(pidfd, (unsigned)seconds) == -ETIMEDOUT) {
		kill(pid, SIGKILL);
		/* One that the kernel does not let go of is left to init. */
		waitpid(pid, NULL, WNOHANG);
		return -ETIMEDOUT;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

int
limited_run(int (*step)(const void *arg), const void *arg, int seconds)
{
	int pidfd autoclose = -1;
	pid_t pid;

	fflush(NULL);
	if ((pid = fork()) < 0)
		return -errno;
	if (pid == 0)
		_exit(-step(arg));	/* errno values fit a byte */
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return wait_limited(pid, pidfd, seconds);
}
