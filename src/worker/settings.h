/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration of the cluster that is mounted: its small files, and the
 * settings in them that lead outside of the mount.
 */
#ifndef WORKER_SETTINGS_H
#define WORKER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cow/cow.h"
#include "ipc/clone_config.h"

#define SETTINGS_FILE_MAX	(1024 * 1024)	/* bytes of a configuration file */

/*
 * Finds a path below the root of the mount.  Returns 0 and *attr, -ENOENT, or
 * another negative errno.  Counts lookups, which nobody takes back: for a cow
 * that is closed soon.
 */
int	settings_find(struct cow *c, const char *path, struct cow_attr *attr);

/*
 * Reads a file below the root into a malloc'ed, NUL terminated text, which the
 * caller frees.  Returns 0, -ENOENT, -EFBIG, or another negative errno.
 */
int	settings_read(struct cow *c, const char *path, struct reader *rd, char **text, size_t *len);

struct settings;

/*
 * Reads from postgresql.conf, what it includes, and postgresql.auto.conf the
 * settings that reach out of the data directory (pg/outward.h) and those that a
 * recovery compares.  Returns NULL when memory is short; what cannot be read is
 * left out.
 */
struct settings *settings_new(struct cow *c, struct reader *rd);
/* The same of a backup that nobody mounts; store and rd stay borrowed. */
struct settings *settings_new_stored(const struct store *store, struct reader *rd);
void	settings_free(struct settings *s);

/* Reads another file of the same tree, as settings_read(). */
int	settings_file(const struct settings *s, const char *path, char **text, size_t *len);

/* Returns the value of one of them, or NULL if it is not set. */
const char *settings_get(const struct settings *s, const char *name);

/* Returns the value that --set gives a setting in this mount, the last one; NULL if none. */
const char *settings_chosen(const struct clone_config *p, const char *name);

bool	settings_has_conf(const struct settings *s);

/* The files in the mount that set data_directory, from 0 on; NULL behind the last. */
const char *settings_place(const struct settings *s, unsigned i);

/* The data directory of a running server, wherever it sees it. */
#define SETTINGS_CWD	"/proc/self/cwd/"

/* Whether a name of a file leads to below the mount at mnt. */
bool	settings_is_inside(const char *value, const char *mnt);

/*
 * Reports a warning for what leads outside of the mount, with the way out; not
 * for what p sets.
 */
void	settings_warn(const struct settings *s, const struct clone_config *p, unsigned version);

#endif
