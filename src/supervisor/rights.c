/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which capabilities and descriptors are left in which phase.  How a process is confined is the
 * business of src/sandbox.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "sandbox/caps.h"
#include "sandbox/sandbox.h"
#include "supervisor/identity.h"
#include "supervisor/logfile.h"
#include "supervisor/mapping.h"
#include "supervisor/mute.h"
#include "supervisor/order.h"
#include "supervisor/rights.h"
#include "supervisor/state.h"

#define CGROUPS		"/sys/fs/cgroup"
#define MAX_FDS		256u
#define MAX_MEMORY	(256 * MiB)	/* private and writable */

/* Who starts workers, unmounts, looks who uses the mount, and gives back. */
static const uint64_t monitor_caps =
    CAP_BIT(CAP_SYS_ADMIN) |		/* umount2(2); namespaces of a worker */
    CAP_BIT(CAP_SYS_PTRACE) |		/* whom /proc shows nobody else */
    CAP_BIT(CAP_DAC_READ_SEARCH) |	/* the store; a worker that keeps it */
    CAP_BIT(CAP_DAC_OVERRIDE) |		/* pid file, diff directory that was made */
    CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID) |	/* to become a worker, or the store's owner */
    CAP_BIT(CAP_SETPCAP) |		/* the bounding set of a worker */
    CAP_BIT(CAP_KILL) |			/* the lock holder */
    CAP_BIT(CAP_IPC_LOCK);		/* its buffers */

/* Who makes a mount, besides. */
static const uint64_t begin_caps =
    CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_FOWNER) |	/* a diff directory of root's is given away */
    CAP_BIT(CAP_SYS_RESOURCE);		/* oom_score_adj */

int
rights_begin(const struct supervisor *s)
{
	return identity_is_root() ? sandbox_limit(s->config->sandbox, begin_caps | monitor_caps) : 0;
}

/* The filter of rights_begin() holds here, too. */
int
rights_of_monitor(const struct supervisor *s)
{
	(void)s;
	return identity_is_root() ? caps_limit(monitor_caps) : 0;
}

static void
close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The monitor keeps these: the store above all, of which the supervisor reads no byte. */
static void
close_what_leads_away(struct supervisor *s)
{
	unsigned i;

	close_one(&s->source.fd);
	close_one(&s->kit.image_fd);
	close_one(&s->mnt.parent_fd);
	close_one(&s->claim.dir.parent_fd);
	close_one(&s->claim.layers_fd);
	close_one(&s->attend.place.dir_fd);
	if (s->config->pid_dir_fd >= 0)
		close(s->config->pid_dir_fd);
	if (s->config->pid_fd >= 0)
		close(s->config->pid_fd);
	mapping_forget(s);
	for (i = 0; i < s->mapped.n; i++)
		close_one(&s->mapped.parent_fd[i]);
}

int
rights_confine(const struct rights *r, char *error)
{
	/* Stays open, for /proc forgets what nobody has open. */
	int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int cgroups autoclose = open(CGROUPS, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct sandbox box = {
		.level = r->level,
		.dir = { { .fd = r->diff_fd, .writable = true }, { .fd = self }, { .fd = cgroups } },
		.n_dirs = 3,
		.calls = SANDBOX_CALLS_SUPERVISOR, .switch_effective = identity_is_root(),
		.uid = r->uid, .gid = r->gid, .threads = true, .signals = true,
		.may_lack_wall = true,	/* a tree of files would not have the mount */
		.max_fds = MAX_FDS, .max_memory = MAX_MEMORY, .debug = r->debug,
	};
	struct msg_confined got;
	char why[SANDBOX_ERROR_MAX];
	int rc;

	if ((rc = sandbox_enter(&box, &got, why)) != 0)
		snprintf(error, RIGHTS_ERROR_MAX, "could not confine the supervisor: %.200s", why);
	return rc;
}

static bool
is_mute(void *arg)
{
	return mute_is(arg);
}

int
rights_give_up(struct supervisor *s, char *error)
{
	const struct rights r = {
		.level = s->config->sandbox, .diff_fd = s->claim.dir.fd,
		.uid = s->owner.uid, .gid = s->owner.gid,
		.debug = s->config->debug,
	};
	int rc;

	close_what_leads_away(s);
	logfile_renew_by(order_renew_log, s);
	logfile_spare(is_mute, s);
	rc = rights_confine(&r, error);
	identity_end();
	return rc;
}
