/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decisions of a first mount about the configuration of a clone, and the struct
 * that their parts share: rules.c (files that a server needs), preload.c
 * (libraries), listen.c (where it is reached), minima.c (what a recovery
 * compares).  clone.c puts their settings into postgresql.auto.conf.
 */
#ifndef WORKER_CLONECONF_H
#define WORKER_CLONECONF_H

#include "cow/cow.h"
#include "ipc/clone_config.h"
#include "ipc/job.h"
#include "probackup/pgautoconf.h"
#include "worker/settings.h"

struct cloneconf {
	const struct job *job;
	const struct clone_config *p;
	struct cow *cow;
	struct reader *rd;
	const struct settings *settings;	/* as they are without the mount's */
	unsigned version;			/* major, of the server */
};

/* Makes a file of the owner's in the root, in the place of one that is there.  Returns 0 or negative errno. */
int	cloneconf_make_file(const struct cloneconf *c, const char *name, const char *text, size_t len);

/*
 * Returns the value that a server will see: of --set, or of the configuration;
 * NULL if neither says.
 */
const char *cloneconf_value(const struct cloneconf *c, const char *name);

/*
 * Makes postgresql.conf, pg_hba.conf and pg_ident.conf where the backup has none of its
 * own, appends hba_file and ident_file, and takes data_directory out of the files of the
 * mount.  Returns 0 or negative errno.
 */
int	rules_make(const struct cloneconf *c, struct pgautoconf *a);

/*
 * Appends the lists of preloaded libraries without those that act by themselves,
 * those nobody knows, and observers that are not installed; warns of what is
 * missing.  With a NULL only warns.  Returns whether all that the server needs are installed.
 */
bool	preload_choose(const struct cloneconf *c, struct pgautoconf *a);

/*
 * Appends where the server listens: not where production does, unless --set says so.
 * Returns 0 or negative errno.
 */
int	listen_choose(const struct cloneconf *c, struct pgautoconf *a);

/* Reports how a server is reached that listens where listen_choose() made it. */
void	listen_advise(const struct cloneconf *c);

/*
 * Appends the settings that a recovery compares with pg_control, none less than
 * it has; warns of those that it raises.
 */
void	minima_raise(const struct cloneconf *c, struct pgautoconf *a);

#endif
