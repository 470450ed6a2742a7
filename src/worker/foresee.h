/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The decisions of a first mount, for who asks without a mount.
 */
#ifndef WORKER_FORESEE_H
#define WORKER_FORESEE_H

#include "ipc/clone_config.h"
#include "ipc/msg.h"
#include "probackup/pgautoconf.h"
#include "probackup/store.h"

/*
 * Appends to *a the lists of preloaded libraries and, where the server recovers from the
 * archive, the minima of that, as the first mount of the backup in store puts them into
 * postgresql.auto.conf.  tell() gets the warnings about them that the mount would have.  Writes
 * nothing.  Returns 0, 1 if a library is missing without which the server does not start or let
 * anybody in, or negative errno.
 */
int	foresee_settings(const struct store *store, const struct clone_config *p, unsigned server_version,
	    bool recovers, struct reader *rd, void (*tell)(enum msg_type type, const char *text),
	    struct pgautoconf *a);

/* Bytes of WAL that a mount with --wal=direct copies into its diff directory. */
uint64_t foresee_wal(const struct index *ix);

#endif
