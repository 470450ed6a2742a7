/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The steps of pbkfs promote.  A process with the rights of the diff directory's owner locks that and makes
 * directories (cmd_promote.c); the tree, which is the owner's text, is read by confined children, who can write to
 * these directories alone (promote_tree.c).  lib/promote says which step is reached.
 */
#ifndef CLI_PROMOTING_H
#define CLI_PROMOTING_H

#include "cli/options.h"
#include "cli/place.h"
#include "promote/promotion.h"
#include "supervisor/binding.h"
#include "supervisor/diffdir.h"

/* Told by children, who may have been taken over; shared memory. */
struct promoted {
	struct promote_outside outside;	/* of the tree */
	struct promote_figures figures;
	struct promote_sizes sizes;	/* with --copy */
	unsigned server_version;	/* told by the process that makes the directories, as is the rest */
	uid_t	uid;
	char	path[PATH_MAX];		/* of the data directory */
};

struct promoting {
	const struct options *options;
	struct promoted *told;
	char	diff[PATH_MAX];
	struct diffdir dir;
	int	lock_fd, index_fd;
	struct binding binding;
	struct promotion state;
	bool	begun;			/* the state was there */
	struct promoting_mapping {
		char	*from, *to;	/* as the user has them; live as long as the process */
		bool	external;
	} mapping[2 * OPTION_LIST_MAX];
	unsigned n_mappings;
	struct place place[PROMOTE_PLACES_MAX];	/* as in state */
	char	origin[PROMOTE_PLACES_MAX][PATH_MAX];	/* where they were in production; "": not known */
	int	parent_fd[PROMOTE_PLACES_MAX];	/* that can be synced */
	int	fd[PROMOTE_PLACES_MAX];	/* of the temporary directories */
	unsigned n;
};

/*
 * In a confined child: fills m->told->outside and sizes; or makes everything beneath m->fd, and
 * m->told->figures.  Return 0, or EXIT_FAILURE after cli_error().
 */
int	promote_tree_survey(struct promoting *m);
int	promote_tree_build(struct promoting *m);

#endif
