/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs a command, and writes how many KiB of memory the largest of its processes had at its peak:
 *
 *	peakrss FILE COMMAND...
 *
 * Counted are the command and all that were waited for, by it or by those that it waited for.  Exit status: the
 * command's, or 125 if it was killed.
 */
#include "config.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <err.h>
#include <stdio.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct rusage usage;
	FILE *out;
	int status;
	pid_t pid;

	if (argc < 3)
		errx(125, "usage: peakrss FILE COMMAND...");
	if ((pid = fork()) < 0)
		err(125, "fork");
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		err(127, "%s", argv[2]);
	}
	if (waitpid(pid, &status, 0) != pid || getrusage(RUSAGE_CHILDREN, &usage) != 0)
		err(125, "wait");
	if ((out = fopen(argv[1], "w")) == NULL || fprintf(out, "%ld\n", usage.ru_maxrss) < 0 || fclose(out) != 0)
		err(125, "%s", argv[1]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
