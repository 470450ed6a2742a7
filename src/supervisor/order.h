/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Orders: the handful of things that the monitor does for the supervisor, and how the latter
 * asks for them.  monitor.h says which process that is, and why.
 */
#ifndef SUPERVISOR_ORDER_H
#define SUPERVISOR_ORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor/errand.h"

struct supervisor;

/* As the supervisor knows it. */
struct monitor {
	pid_t	pid;		/* 0 = none was started, or it is gone */
	int	pidfd, sock;	/* its own, and to it; -1 */
	bool	started;
};

struct order {
	enum deed { DEED_ERRAND, DEED_ADOPT_STORE, DEED_RENEW_LOG, DEED_RELEASE_STORE,
	    DEED_RENEW_CHANGES,
	    DEED_MOUNT, DEED_SETTLE, DEED_GIVE_BACK } deed;
	struct errand_order errand;
	uint32_t full;		/* DEED_RENEW_LOG */
	uint32_t pin;		/* DEED_SETTLE: which end of it */
	uint32_t failed, ready_once, mute;	/* DEED_GIVE_BACK */
};

#define ORDER_ERROR_MAX	512

struct order_reply {
	int	rc;		/* a pid, 0 or negative errno */
	/* DEED_MOUNT: as in struct ending */
	int	id;
	unsigned major, minor;
	uint64_t sysfs;
	char	error[ORDER_ERROR_MAX];
};

/* Whether a monitor has the rights, be it alive or not. */
bool	order_has_monitor(const struct monitor *m);

/*
 * Waits for its reply, the first of which says that it has started; with pidfd, for a
 * descriptor too, -1 if none came.  Returns what the reply says, or negative errno: then the
 * monitor has ended.
 */
int	order_await(struct supervisor *s, int *pidfd);

/* errand_fork(), by the monitor. */
pid_t	order_errand(struct supervisor *s, struct errand_order *o, const int fd[ERRAND_FDS],
	    int *pidfd);

/* The store that ERRAND_LOOK found is the one that workers get.  Returns 0 or negative errno. */
int	order_adopt_store(struct supervisor *s);

/*
 * Puts aside the log that the caller named, if it is full, and makes it anew; arg is the
 * supervisor.  Returns a descriptor or negative errno.
 */
int	order_renew_log(void *arg, bool full);

/* Nobody reads the chain any more: storehold_release() by who may.  Returns 0 or negative errno. */
int	order_release_store(struct supervisor *s);

/*
 * mountpoint_again() by who may mount.  Returns 0 with the descriptor of /dev/fuse and, in *r, where the mount is; or negative
 * errno with one line in r->error, "" if the monitor has ended.
 */
int	order_mount(struct supervisor *s, struct order_reply *r, int *fuse_fd);

/* Behind FUSE_INIT: mountpoint_settle(), and takes an end of the pin of the new mount, -1 if there is none; the first one first. */
int	order_settle(struct supervisor *s, uint32_t pin, int *fd);

/* claim_renew_changes() by who starts workers.  Returns 0 or negative errno. */
int	order_renew_changes(struct supervisor *s);

/* See monitor_give_back(). */
void	order_give_back(struct supervisor *s);

/* The monitor has ended before order_end(): logs it once, and forgets the monitor. */
void	order_lost(struct supervisor *s);

/* Ends it. */
void	order_end(struct supervisor *s);

#endif
