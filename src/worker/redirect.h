/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tablespaces that are made while a clone recovers or runs: they become storage of
 * the mount, as those of the backup are, whatever place they name.
 *
 * Two ways lead here.  WAL that the mount serves names no place any more (see
 * pg/waltblspc.h), so its replay makes the directory pg_tblspc/OID: where there is
 * storage for OID, it is told that this exists, and finds the link to it.  A server
 * that makes a link of its own to somewhere else gets a link to such storage.
 */
#ifndef WORKER_REDIRECT_H
#define WORKER_REDIRECT_H

#include <limits.h>
#include <stdbool.h>

#include "cow/cow.h"
#include "ipc/job.h"
#include "pg/waltblspc.h"

/*
 * Makes the storage of tablespace rec->oid, which WAL makes at rec->location, unless it is
 * there, and says so in the log.  Returns 0 or negative errno (logged).
 */
int	redirect_keep(struct cow *c, const struct job *job, const struct waltblspc_record *rec);

/* Says that tablespace oid is in the directory `to`, once there is one.  Returns 0 or negative errno. */
int	redirect_map(struct cow *c, const struct job *job, const char *oid, const char *to);

/* Whether name in the directory dir is the place of a tablespace: pg_tblspc/OID. */
bool	redirect_is_place(struct cow *c, uint64_t dir, const char *name);

/*
 * Whether name in dir may come to be without a request of the kernel's, which
 * must not remember that it is missing.
 */
bool	redirect_may_appear(struct cow *c, uint64_t dir, const char *name);

/*
 * Somebody makes the directory of a tablespace, name in dir.  Returns 0: let him;
 * -EEXIST: there is a link now to what the mount keeps of it; or another negative errno.
 */
int	redirect_directory(struct cow *c, const struct job *job, uint64_t dir, const char *name);

/*
 * Somebody makes the link of a tablespace to target.  Returns 0 and the target to
 * use, in *use: the same one, or one in buf to storage that is made here, with the
 * directory of the server's version in it; or negative errno.
 */
int	redirect_link(struct cow *c, const struct job *job, struct reader *rd, const char *name,
	    const char *target, char buf[PATH_MAX], const char **use);

#endif
