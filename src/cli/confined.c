#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/cli.h"
#include "cli/confined.h"
#include "worker/sandbox.h"

#define NOBODY	65534

void
confined_log(enum log_level level, const char *text, size_t len)
{
	(void)len;
	if (level == LOGL_ERROR)
		cli_error("%s", text);
	else if (level == LOGL_WARNING)
		cli_warn("%s", text);
	else
		cli_note("%s", text);
}

static int
confine(const struct confined *c, int store_fd)
{
	bool root = geteuid() == 0;
	struct sandbox s = {
		.level = c->sandbox, .store_fd = store_fd, .diff_fd = c->write_fd,
		.switch_user = root && c->write_fd < 0, .uid = NOBODY, .gid = NOBODY,
		.keep_read_search = root, .threads = true, .debug = c->debug,
	};
	char error[SANDBOX_ERROR_MAX];

	if (sandbox_enter(&s, error) == 0)
		return 0;
	cli_error("%s", error);
	return -1;
}

static int
wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return cli_error("could not wait for process %d: %s", (int)pid,
			    strerror(errno));
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return cli_error("the confined process was ended by signal %d", WTERMSIG(status));
}

int
confined_run(const struct confined *c, int (*program)(int store_fd, void *arg), void *arg)
{
	int fd autoclose = open(c->store, O_PATH | O_DIRECTORY | O_CLOEXEC), status;
	pid_t pid;

	if (fd < 0)
		return cli_error("could not open store \"%s\": %s", c->store, strerror(errno));
	fflush(NULL);
	if ((pid = fork()) < 0)
		return cli_error("could not start a process: %s", strerror(errno));
	if (pid > 0)
		return wait_for(pid);
	log_set_sink(confined_log);
	log_set_debug(c->debug);
	status = confine(c, fd) == 0 ? program(fd, arg) : EXIT_FAILURE;
	fflush(NULL);
	_exit(status);
}
