/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Capabilities by raw system calls, of the calling thread.  Which of them a
 * process keeps is for identity.c and its callers to say.
 */
#include "config.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "sandbox/caps.h"

int
caps_get(struct cap_sets *c)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct half[2];

	if (syscall(SYS_capget, &head, half) != 0)
		return -errno;
	c->effective = half[0].effective | (uint64_t)half[1].effective << 32;
	c->permitted = half[0].permitted | (uint64_t)half[1].permitted << 32;
	c->inheritable = half[0].inheritable | (uint64_t)half[1].inheritable << 32;
	return 0;
}

int
caps_set(uint64_t effective, uint64_t permitted)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct half[2] = {
		{ .effective = (uint32_t)effective, .permitted = (uint32_t)permitted },
		{ .effective = (uint32_t)(effective >> 32),
		  .permitted = (uint32_t)(permitted >> 32) },
	};

	return syscall(SYS_capset, &head, half) != 0 ? -errno : 0;
}

int
caps_bound(uint64_t keep)
{
	struct cap_sets have;
	int cap, rc;

	if ((rc = caps_get(&have)) != 0)
		return rc;
	if (!(have.permitted & CAP_BIT(CAP_SETPCAP)))
		return 0;
	if ((rc = caps_set(have.effective | CAP_BIT(CAP_SETPCAP), have.permitted)) != 0)
		return rc;
	for (cap = 0; cap < 64; cap++) {
		rc = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
		if (rc < 0)
			break;		/* beyond the last one of this kernel */
		if (rc > 0 && !(keep & CAP_BIT(cap)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
			return -errno;
	}
	return 0;
}

int
caps_limit(uint64_t keep)
{
	struct cap_sets have;
	int rc;

	if ((rc = caps_get(&have)) != 0 || (rc = caps_bound(keep)) != 0)
		return rc;
	return caps_set(have.effective & keep, have.permitted & keep);
}
