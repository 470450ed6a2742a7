/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The effective ids change, the real ones stay root's until identity_end().  A child that is to be
 * somebody for good uses become.c.
 */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include "supervisor/identity.h"
#include "supervisor/tie.h"

static bool assumed;
static uid_t fs_uid;
static gid_t fs_gid;

bool
identity_is_root(void)
{
	return geteuid() == 0;
}

int
identity_assume(uid_t uid, gid_t gid)
{
	if (!identity_is_root())
		return 0;
	if (setgroups(0, NULL) != 0)
		return -errno;
	fs_uid = uid;
	fs_gid = gid;
	assumed = true;
	identity_drop();
	/* setfsuid(2) tells no errors; asking again with -1 tells the value. */
	return (uid_t)setfsuid((uid_t)-1) == uid ? 0 : -EPERM;
}

void
identity_raise(void)
{
	if (assumed) {
		setfsuid(0);
		setfsgid(0);
		tie_again();
	}
}

void
identity_drop(void)
{
	if (assumed) {
		setfsgid(fs_gid);
		setfsuid(fs_uid);
		tie_again();
	}
}

void
identity_end(void)
{
	assumed = false;
}
