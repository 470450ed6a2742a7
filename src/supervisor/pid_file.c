/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file of --pid-file was opened as the caller, in a directory that need not be the owner's.  The
 * worker's pid is in the diff directory, and no business of this.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/pid_file.h"

bool
pid_file_write(const struct supervisor_config *c)
{
	if (c->pid_fd >= 0 && (ftruncate(c->pid_fd, 0) != 0 ||
	    dprintf(c->pid_fd, "%d\n", (int)getpid()) < 0))
		log_warn("could not write the pid file: %s", strerror(errno));
	return c->pid_fd >= 0;
}

void
pid_file_remove(const struct supervisor_config *c)
{
	unlinkat(c->pid_dir_fd, c->pid_name, 0);
}
