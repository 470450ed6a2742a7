/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A copy of the supervisor, made when the mount is: it has forgotten what it does not need, and
 * does one order after the other.  How the supervisor gives them is in order.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "ipc/fdpass.h"
#include "supervisor/descriptors.h"
#include "supervisor/errand.h"
#include "supervisor/fusemount.h"
#include "supervisor/identity.h"
#include "supervisor/logstore.h"
#include "supervisor/mapping.h"
#include "supervisor/monitor.h"
#include "supervisor/order.h"
#include "supervisor/pid_file.h"
#include "supervisor/reopen.h"
#include "supervisor/rights.h"
#include "supervisor/signals.h"
#include "supervisor/state.h"

#define KEEP_ALWAYS	13	/* descriptors of the monitor's, */
#define KEEP_MAX	(KEEP_ALWAYS + CLONE_MAPPINGS_MAX)	/* and parents of mapped directories */

static void
give_back(struct supervisor *s)
{
	const struct bind *b = &s->binding;

	identity_raise();
	if (s->pid_written)
		pid_file_remove(s->config);
	if (s->failed && !s->ready_once)
		diffdir_unmake(&s->claim.dir);
	identity_drop();
	/* That of an ordinary user lies in the diff directory. */
	if (!s->claim.mute || identity_is_root())
		socket_remove(&s->attend.place);
	if (s->failed && b->is_fresh && s->claim.locked && !s->ready_once && b->is_decided &&
	    b->record.state == RECORD_NONE)
		record_remove(s->config->diff);
	mapping_close(s);
	storehold_release(s);
}

/* ---- the monitor -------------------------------------------------------- */

/*
 * Its descriptors: what leads to the store, the mountpoint and the directories that
 * names are removed from.  The lock of the diff directory is not among them.
 */
static void
keep_descriptors(struct supervisor *s, int sock)
{
	/* Opened anew, for the others are locked. */
	int changes = openat(s->claim.dir.changes_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int whole = openat(s->claim.dir.fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int infodir = openat(s->claim.dir.infodir_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int keep[KEEP_MAX] = {
		sock, changes, infodir, s->source.fd, s->kit.image_fd, s->mnt.parent_fd,
		s->claim.dir.parent_fd, s->attend.place.dir_fd, s->config->pid_dir_fd,
		s->config->log_dir_fd, s->ending.table_fd, s->claim.layers_fd, whole,
	};

	memcpy(keep + KEEP_ALWAYS, s->mapped.parent_fd, s->mapped.n * sizeof(*keep));
	mapping_forget(s);
	descriptors_close_but(keep, KEEP_ALWAYS + s->mapped.n);
	kit_unmap(&s->kit);
	s->claim.dir.changes_fd = changes;
	s->claim.dir.infodir_fd = infodir;
	s->claim.dir.fd = whole;
	s->mnt.fuse_fd = s->claim.lock_fd = s->kit.index_fd = s->kit.shared_fd = -1;
	s->signal_fd = s->hold.holder.fd = s->hold.holder.pidfd = -1;
	pin_init(&s->ending.pin);
}

/* A serving worker is all that a supervisor has to start once the mount is there. */
static bool
is_allowed(const struct errand_order *o)
{
	return o->kind < ERRAND_KINDS && (o->kind != ERRAND_WORKER ||
	    (o->program == JOB_SERVE && o->generation > 0));
}

/* Of a file that the caller named: its directory is not the owner's. */
static int
renew_log(const struct supervisor *s, bool full, int *fd)
{
	const struct supervisor_config *c = s->config;
	struct logstore l = { .fd = -1, .dir_fd = c->log_dir_fd, .name = c->log_name };

	if (c->log_dir_fd < 0)
		return -EPERM;
	identity_raise();
	*fd = logstore_renew(&l, full);
	identity_drop();
	return MIN(*fd, 0);
}

/* The supervisor gets all of it, and this process keeps nothing but where it is. */
static int
mount_again(struct supervisor *s, struct order_reply *r, int *fuse_fd)
{
	char error[FUSEMOUNT_ERROR_MAX];
	int rc = mountpoint_again(s, error);

	snprintf(r->error, sizeof(r->error), "%.*s", (int)sizeof(r->error) - 1, error);
	r->id = s->ending.table_fd < 0 ? 0 : s->ending.id;
	r->major = s->ending.major;
	r->minor = s->ending.minor;
	r->sysfs = s->ending.sysfs;
	*fuse_fd = s->mnt.fuse_fd;
	s->mnt.fuse_fd = -1;
	return rc;
}

/* The read-ahead can be set now, and each end of the pin is handed over. */
static int
settle(struct supervisor *s, uint32_t end, int *fd)
{
	if (end > 1)
		return -EINVAL;
	if (end == 0)
		mountpoint_settle(s);
	*fd = s->ending.pin.sock[end];
	s->ending.pin.sock[end] = -1;
	return 0;
}

static int
obey(struct supervisor *s, const struct order *o, const int *fd, struct order_reply *r, int *pidfd)
{
	switch (o->deed) {
	case DEED_ERRAND:
		return is_allowed(&o->errand) ? errand_run(s, &o->errand, fd, true, pidfd) : -EPERM;
	case DEED_ADOPT_STORE:
		return reopen_adopt(s);
	case DEED_RENEW_CHANGES:
		return claim_renew_changes(&s->claim, O_PATH);
	case DEED_MOUNT:
		return mount_again(s, r, pidfd);
	case DEED_SETTLE:
		return settle(s, o->pin, pidfd);
	case DEED_RENEW_LOG:
		return renew_log(s, o->full != 0, pidfd);
	case DEED_RELEASE_STORE:
		storehold_release(s);
		s->hold.holder.pid = 0;	/* the supervisor reaps it */
		return 0;
	case DEED_GIVE_BACK:
		s->failed = o->failed != 0;
		s->ready_once = o->ready_once != 0;
		s->claim.mute = o->mute != 0;
		give_back(s);
		return 0;
	}
	return -EPERM;
}

/* Puts what came to its places: the first of fd to the first that is present. */
static void
spread(uint32_t present, const int *came, int n, int fd[ERRAND_FDS])
{
	int i, next = 0;

	for (i = 0; i < ERRAND_FDS; i++)
		fd[i] = (present & 1u << i) != 0 && next < n ? came[next++] : -1;
}

static _Noreturn void
watch(struct supervisor *s, int sock)
{
	int came[ERRAND_FDS], fd[ERRAND_FDS], n, pidfd;
	struct pollfd p = { .fd = sock, .events = POLLIN };
	struct order o;
	struct order_reply r;

	for (;;) {
		if (poll(&p, 1, -1) < 0 && errno == EINTR)
			continue;
		/* The supervisor has ended, or lost its mind. */
		if ((n = fdpass_receive_all(sock, &o, sizeof(o), came, ERRAND_FDS)) < 0)
			_exit(0);
		spread(o.errand.present, came, n, fd);
		pidfd = -1;
		r = (struct order_reply){ 0 };
		r.rc = obey(s, &o, fd, &r, &pidfd);
		while (n > 0)
			close(came[--n]);
		if (fdpass_send(sock, &r, sizeof(r), pidfd) != 0)
			_exit(0);
		if (pidfd >= 0)
			close(pidfd);
	}
}

static _Noreturn void
become_monitor(struct supervisor *s, int sock)
{
	struct order_reply r = { 0 };

	setproctitle("monitor: %s", s->config->mnt);
	log_set_sink(NULL);
	signals_ignore();
	keep_descriptors(s, sock);
	r.rc = rights_of_monitor(s);
	if (fdpass_send(sock, &r, sizeof(r), -1) != 0 || r.rc != 0)
		_exit(1);
	watch(s, sock);
}

/* ---- the supervisor ----------------------------------------------------- */

int
monitor_start(struct supervisor *s)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	if ((pid = fork()) == 0)
		become_monitor(s, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -EAGAIN;
	}
	s->monitor = (struct monitor){ .pid = pid, .sock = pair[0], .started = true };
	s->monitor.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return order_await(s, NULL);
}

void
monitor_give_back(struct supervisor *s)
{
	if (order_has_monitor(&s->monitor))
		order_give_back(s);
	else
		give_back(s);
}
