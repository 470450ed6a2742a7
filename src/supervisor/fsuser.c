/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel says for whom it made a FUSE mount, in the list of mounts; the list may be long,
 * so it is read for FUSE alone.
 */
#include "config.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/util.h"
#include "supervisor/fsuser.h"
#include "supervisor/mountinfo.h"

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC	0x65735546
#endif

int
fsuser_of(int fd, uid_t *uid)
{
	struct mountinfo *m autofree = NULL;
	struct statfs fs;
	int id, rc;

	if (fstatfs(fd, &fs) != 0)
		return -errno;
	if (fs.f_type != FUSE_SUPER_MAGIC) {
		*uid = 0;
		return 0;
	}
	if ((m = malloc(sizeof(*m))) == NULL)
		return -ENOMEM;
	/* The descriptor holds the mount: nobody else gets its id meanwhile. */
	if ((id = mountinfo_id_of(fd)) < 0)
		return id;
	if ((rc = mountinfo_find_id(id, m)) != 0)
		return rc == -ENOENT ? -ESTALE : rc;
	if (!m->has_user && strcmp(m->fstype, "virtiofs") != 0)
		return -ESTALE;
	*uid = m->has_user ? m->uid : 0;
	return 0;
}
