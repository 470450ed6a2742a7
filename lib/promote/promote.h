/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Promotion: what a diff directory shows that needs no backup becomes plain directories.  On the same file
 * system content is linked, not copied; nothing of the diff directory is taken away here, so that all of
 * it can be done again from the beginning.  promotion.h has the steps around this.
 *
 * Who calls this is the owner of the diff directory: names, links and modes come from its journal.
 */
#ifndef PROMOTE_PROMOTE_H
#define PROMOTE_PROMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "cow/cow.h"

#define PROMOTE_PLACES_MAX	64
#define PROMOTE_SHOWN_MAX	64	/* bytes of a place's name in the tree, NUL included */
#define PROMOTE_DEPTH_MAX	256	/* directories in one another, each of which takes a descriptor */

/* A directory of the tree, by its path there, and what it becomes. */
struct promote_place {
	const char *shown;	/* "" = root; "pg_wal"; or as promote_survey() has it */
	const char *path;	/* absolute: where links to it lead */
	int	fd;		/* an empty directory of the caller's, 0700; with copy, as an earlier build left it */
};

struct promote_config {
	struct cow *cow;	/* opened as by the first worker of a mount, without wal_link and tablespace_root */
	int	wal_fd;		/* pg_wal of --wal=direct; -1: it is in the tree */
	bool	keep_settings;	/* of the clone */
	bool	copy;		/* content is copied, also to other file systems; what is there whole already stays */
	void	(*on_file)(void *arg);	/* called for each file that is made; or NULL */
	void	*arg;
	unsigned server_version;	/* major */
	struct promote_place place[PROMOTE_PLACES_MAX];	/* the root first, which is filled last */
	unsigned n_places;
};

struct promote_figures {
	uint64_t files, directories, bytes;
	uint64_t given;		/* files of other users that are the caller's now: only root could give them away */
};

/* Tablespaces and external directories, which lie outside of the data directory. */
struct promote_outside {
	unsigned n;
	char	shown[PROMOTE_PLACES_MAX][PROMOTE_SHOWN_MAX];
};

/* Finds that.  Returns 0, -E2BIG for more than there is room for, or another negative errno. */
int	promote_survey(struct cow *c, struct promote_outside *out);

/* How much a copy takes: names, and bytes on disk of what is no hole. */
struct promote_size {
	uint64_t bytes, files;
};

struct promote_sizes {
	struct promote_size root, wal;		/* the data directory without pg_wal, and that */
	struct promote_size outside[PROMOTE_PLACES_MAX];	/* as promote_survey() has them */
};

/* Measures that, with wal_fd as in struct promote_config.  Returns 0 or negative errno.  One thread. */
int	promote_measure(struct cow *c, int wal_fd, const struct promote_outside *out, struct promote_sizes *s);

/*
 * Makes everything beneath the places, and makes it durable.  Returns 0, or negative errno with one line in error
 * (CHAIN_ERROR_MAX bytes): -ENODATA if something is still the backup's, -EXDEV for another file system without copy,
 * -EMLINK if a content file has a name that is not ours, -EOPNOTSUPP above frozen layers, -ENOENT for a tablespace without a place.
 * One thread.
 */
int	promote_build(const struct promote_config *config, struct promote_figures *figures, char *error);

#endif
