/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel's tie (PR_SET_PDEATHSIG) is made by the child, so the parent may be gone before; and
 * another change of ids cuts it.  Both are looked after here, and nowhere else.
 */
#include "config.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "supervisor/tie.h"

static struct {
	pid_t	parent, self;	/* self: a child of the tied one has no tie */
	int	number;
} tie;

void
tie_again(void)
{
	if (tie.number == 0 || tie.self != getpid())
		return;
	prctl(PR_SET_PDEATHSIG, tie.number, 0, 0, 0);
	if (getppid() != tie.parent)
		kill(tie.self, tie.number);
}

pid_t
tie_fork(int number)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	tie.parent = parent;
	tie.self = getpid();
	tie.number = number;
	tie_again();
	return 0;
}
