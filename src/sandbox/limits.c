/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hard limits: how much of the machine a process may take.  None can be raised
 * again, since the filter refuses to set new ones.
 */
#include "config.h"

#include <errno.h>
#include <sys/resource.h>

#include "base/util.h"
#include "sandbox/layers.h"

static int
lower(int which, rlim_t most)
{
	struct rlimit limit;

	if (getrlimit(which, &limit) != 0)
		return -errno;
	limit.rlim_max = MIN(limit.rlim_max, most);
	limit.rlim_cur = MIN(limit.rlim_cur, limit.rlim_max);
	return setrlimit(which, &limit) != 0 ? -errno : 0;
}

int
sandbox_limits_set(const struct sandbox *s, const char **step)
{
	int rc;

	*step = "forbid core dumps";
	if ((rc = lower(RLIMIT_CORE, 0)) != 0)
		return rc;
	*step = "limit the descriptors";
	if (s->max_fds != 0 && (rc = lower(RLIMIT_NOFILE, s->max_fds)) != 0)
		return rc;
	*step = "limit the memory";
#ifndef __SANITIZE_ADDRESS__	/* whose shadow takes terabytes */
	if (s->max_memory != 0 && (rc = lower(RLIMIT_DATA, s->max_memory)) != 0)
		return rc;
#endif
	return 0;
}
