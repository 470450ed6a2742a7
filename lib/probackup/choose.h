/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Choosing a backup by what it is wanted for: the newest that can be mounted,
 * or the newest of these from which a recovery target can be reached.
 */
#ifndef PROBACKUP_CHOOSE_H
#define PROBACKUP_CHOOSE_H

#include <stdbool.h>

#include "probackup/chain.h"
#include "probackup/instance.h"
#include "probackup/recovery.h"

/*
 * The word for "the newest" in the place of an id.  It counts in lower case
 * alone: ids are taken in any case, and in capitals it may be one.
 */
#define CHOOSE_LATEST	"latest"

struct choice {
	char	id[BACKUP_ID_MAX];
	char	text[CHAIN_ERROR_MAX];	/* one line for people: which backup, and why no newer one */
	char	warning[CHAIN_ERROR_MAX];	/* one line: what may go wrong all the same; "" if nothing */
};

/* Whether id, as it was given, asks for a choice. */
bool	choose_is_asked(const char *id);

/* The newest backup that can be mounted without force, or NULL. */
const struct instance_backup *choose_newest(const struct instance *in);

/*
 * Chooses in the catalog store_fd the newest backup of instance that chain_open()
 * accepts without force and that a server which recovers to *t (after
 * recovery_parse(); NULL or without a target: anything) can start from:
 *
 *  - it ends before the target, by recovery-time (else end-time), recovery-xid or
 *    stop-lsn.  Where a restore point lies no backup knows: the newest is
 *    taken, with a warning;
 *  - its timeline leads to the one that *t names, and is not left before its end.
 *
 * Whether its WAL is complete is not asked: recovery_check() refuses by name,
 * and an older backup in its place would hide the fault.
 *
 * Reads each control file of the instance and histories of its archive; no
 * state is kept.  Returns 0 and *c, or negative errno with one line in error
 * (CHAIN_ERROR_MAX bytes): -ENOENT if no backup fits.
 */
int	choose_backup(int store_fd, const char *store_name, const char *instance,
	    const struct recovery_target *t, struct choice *c, char *error);

#endif
