/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mountpoint is found by its name once, and used by descriptors from then on.  How a mount
 * ends is none of this: see ending.c and leave.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "supervisor/ending.h"
#include "supervisor/fuseinit.h"
#include "supervisor/fusemount.h"
#include "supervisor/identity.h"
#include "supervisor/mountinfo.h"
#include "supervisor/mountpoint.h"
#include "supervisor/state.h"

int
mountpoint_open(struct supervisor *s)
{
	struct mountinfo *m autofree = malloc(sizeof(*m));
	const char *mnt = s->config->mnt;
	char parent[PATH_MAX], error[WALK_ERROR_MAX];

	if (m == NULL)
		return state_fail(s, "out of memory");
	if (mountinfo_find(mnt, m) == 0 && strcmp(m->fstype, MOUNT_FSTYPE) == 0)
		return state_fail(s, "\"%s\" is mounted already: pbkfs unmount it first", mnt);
	s->mnt.base = walk_split(mnt, parent);
	if ((s->mnt.parent_fd = walk_parent(mnt, &s->mnt.walk, error)) < 0)
		return state_fail(s, "could not use mountpoint \"%s\": %s", mnt, error);
	s->mnt.fd = openat(s->mnt.parent_fd, s->mnt.base,
	    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->mnt.fd < 0)
		return state_fail(s, "could not open mountpoint \"%s\": %s", mnt, strerror(errno));
	return 0;
}

int
mountpoint_check_way(struct supervisor *s)
{
	struct walk w = s->mnt.walk;
	char error[WALK_ERROR_MAX];
	struct stat st;

	if (!identity_is_root())
		return 0;
	if (fstat(s->mnt.fd, &st) != 0)
		return state_fail(s, "could not stat mountpoint \"%s\": %s", s->config->mnt,
		    strerror(errno));
	if (w.shared && st.st_uid != 0)
		w.uid = st.st_uid;	/* whose directory it is may move it away */
	if (walk_enter(&w, s->config->mnt, s->mnt.fd, error) != 0 ||
	    walk_check(&w, s->config->mnt, s->owner.uid, error) != 0)
		return state_fail(s, "could not use mountpoint \"%s\": %s", s->config->mnt, error);
	return 0;
}

/* As far as the rights are needed that the supervisor gives up. */
static int
make(struct supervisor *s, char *error)
{
	const struct fusemount m = {
		.mnt = s->config->mnt, .mnt_fd = s->mnt.fd, .source = s->config->diff,
		.uid = s->owner.uid, .gid = s->owner.gid, .context = s->config->context,
	};
	int rc;

	error[0] = '\0';
	if ((s->mnt.fuse_fd = fusemount_mount(&m, error)) < 0)
		return s->mnt.fuse_fd;
	s->mnt.mounted = true;
	if ((rc = fusemount_check(&m, s->mnt.parent_fd, s->mnt.base, error)) != 0)
		return rc;
	ending_watch(s);
	close(s->mnt.fd);	/* or we would be among those who use it */
	s->mnt.fd = -1;
	return 0;
}

int
mountpoint_mount(struct supervisor *s)
{
	char error[FUSEMOUNT_ERROR_MAX];
	int rc;

	if ((rc = make(s, error)) != 0)
		return state_fail(s, "%s", error[0] != '\0' ? error : strerror(-rc));
	if (fuseinit_answer(s->mnt.fuse_fd, s->config->cache, s->kit.shared, error) != 0)
		return state_fail(s, "%s", error);
	mountpoint_settle(s);
	return 0;
}

void
mountpoint_settle(const struct supervisor *s)
{
	if (identity_is_root() && fusemount_set_readahead(s->config->mnt, s->config->threads) != 0)
		log_info("could not set the read-ahead of the mount");
}

int
mountpoint_again(struct supervisor *s, char *error)
{
	int rc;

	error[0] = '\0';
	identity_raise();
	s->mnt.fd = openat(s->mnt.parent_fd, s->mnt.base, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	rc = s->mnt.fd < 0 ? -errno : 0;
	identity_drop();
	if (rc == 0 && mountpoint_check_way(s) != 0) {
		snprintf(error, FUSEMOUNT_ERROR_MAX, "%s", s->error);
		rc = -EPERM;
	}
	if (rc == 0) {
		ending_forget(&s->ending);
		ending_init(&s->ending);
		rc = make(s, error);
	}
	if (s->mnt.fd >= 0)
		close(s->mnt.fd);
	s->mnt.fd = -1;
	if (rc != 0 && error[0] == '\0')
		snprintf(error, FUSEMOUNT_ERROR_MAX, "%s", strerror(-rc));
	return rc;
}

bool
mountpoint_is_gone(const struct supervisor *s)
{
	struct pollfd p = { .fd = s->mnt.fuse_fd, .events = 0 };

	return s->mnt.fuse_fd < 0 || (poll(&p, 1, 0) > 0 && (p.revents & POLLERR) != 0);
}
