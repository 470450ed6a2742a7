/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The identity of a worker: an ordinary user without capabilities, alone or in
 * his groups, or with the single one that reads what a backup user keeps to
 * itself.
 */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/util.h"
#include "sandbox/caps.h"
#include "sandbox/layers.h"

int
sandbox_identity_raise(void)
{
	static const uint64_t used = CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_DAC_READ_SEARCH);
	struct cap_sets have;
	int rc;

	if ((rc = caps_get(&have)) != 0)
		return rc;
	if (!(have.permitted & CAP_BIT(CAP_SYS_ADMIN)))
		return -EPERM;
	return caps_set(have.permitted & used, have.permitted);
}

/*
 * Takes the groups and the effective ids.  Real and saved ones stay root's,
 * until sandbox_identity_drop(): as long as they do, nobody but root can signal
 * the process or set its limits.
 */
/*
 * The kernel unties a process from its parent (PR_SET_PDEATHSIG) when its ids change: who was to end with its
 * parent would outlive it.
 */
struct tie {
	int	number;		/* the signal; 0 = not tied */
	pid_t	parent;
};

static struct tie
tie_now(void)
{
	struct tie t = { .parent = getppid() };

	return prctl(PR_GET_PDEATHSIG, &t.number, 0, 0, 0) == 0 ? t : (struct tie){ 0 };
}

static int
tie_as(const struct tie *t, const char **step)
{
	*step = "end with its parent";
	if (t->number == 0)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, t->number, 0, 0, 0) != 0)
		return -errno;
	return getppid() == t->parent ? 0 : -ESRCH;
}

int
sandbox_identity_switch(const struct sandbox *s, const char **step)
{
	const struct tie tie = tie_now();

	if (!s->switch_user && !s->switch_effective)
		return 0;
	*step = s->n_groups > 0 ? "set the supplementary groups" : "drop the supplementary groups";
	if (setgroups(s->n_groups, s->groups) != 0)
		return -errno;
	*step = "set the effective ids";
	if (setegid(s->gid) != 0 || seteuid(s->uid) != 0)
		return -errno;
	return tie_as(&tie, step);
}

static int
compare_gids(const void *a, const void *b)
{
	gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;

	return (x > y) - (x < y);
}

/*
 * Whether the process has exactly those groups, in whatever order the kernel
 * keeps them.
 */
static bool
has_groups(const struct sandbox *s)
{
	gid_t wanted[JOB_GROUPS_MAX], have[JOB_GROUPS_MAX];
	size_t size = s->n_groups * sizeof(*wanted);

	if (s->n_groups > ARRAY_SIZE(have) || getgroups(0, NULL) != (int)s->n_groups)
		return false;
	if (s->n_groups == 0)
		return true;
	if (getgroups((int)s->n_groups, have) != (int)s->n_groups)
		return false;
	memcpy(wanted, s->groups, size);
	qsort(wanted, s->n_groups, sizeof(*wanted), compare_gids);
	qsort(have, s->n_groups, sizeof(*have), compare_gids);
	return memcmp(wanted, have, size) == 0;
}

/* Whether all three ids are the ones asked for, and there is no way back to root. */
static int
verify_ids(const struct sandbox *s)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (getresuid(&ruid, &euid, &suid) != 0 || getresgid(&rgid, &egid, &sgid) != 0)
		return -errno;
	if (s->switch_effective)
		return euid == s->uid && egid == s->gid && getgroups(0, NULL) == 0 ? 0 : -EPERM;
	if (ruid != euid || euid != suid || rgid != egid || egid != sgid)
		return -EPERM;
	if (!s->switch_user)
		return 0;
	if (euid != s->uid || egid != s->gid || !has_groups(s))
		return -EPERM;
	if (s->uid != 0 && (setresuid(0, 0, 0) == 0 || seteuid(0) == 0))
		return -EPERM;
	return 0;
}

static int
verify_caps(uint64_t keep)
{
	struct cap_sets left;
	int rc;

	if ((rc = caps_get(&left)) != 0)
		return rc;
	if (left.effective != keep || left.permitted != keep || left.inheritable != 0)
		return -EPERM;
	return 0;
}

/* Needs no right: the effective ids are these already. */
static int
switch_all_ids(const struct sandbox *s, const char **step)
{
	const struct tie tie = tie_now();

	*step = "keep the capability over the switch of users";
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
		return -errno;
	*step = "set the group id";
	if (setresgid(s->gid, s->gid, s->gid) != 0)
		return -errno;
	*step = "set the user id";
	if (setresuid(s->uid, s->uid, s->uid) != 0)
		return -errno;
	*step = "end the keeping of capabilities";
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0)
		return -errno;
	return tie_as(&tie, step);
}

int
sandbox_identity_drop(const struct sandbox *s, const char **step)
{
	uint64_t keep = s->keep_read_search ? CAP_BIT(CAP_DAC_READ_SEARCH) : 0;
	int rc;

	*step = "empty the capability bounding set";
	if ((rc = caps_bound(0)) != 0)
		return rc;
	*step = keep != 0 ? "keep only CAP_DAC_READ_SEARCH" : "drop all capabilities";
	if ((rc = caps_set(keep, keep)) != 0)
		return rc;
	if (s->switch_user && (rc = switch_all_ids(s, step)) != 0)
		return rc;
	*step = keep != 0 ? "keep only CAP_DAC_READ_SEARCH" : "drop all capabilities";
	if ((rc = caps_set(keep, keep)) != 0 || (rc = verify_caps(keep)) != 0)
		return rc;
	*step = "become nobody but the user asked for";
	return verify_ids(s);
}
