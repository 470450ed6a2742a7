/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A diff directory that needs no backup, in a directory of its own, and the steps that promote it, without a mount; for
 * tests with Check.
 */
#ifndef SUPPORT_PROMOTED_H
#define SUPPORT_PROMOTED_H

#include "promote/promotion.h"
#include "support/cowpath.h"

#define SPACE		".pbkfs-tblspc/16400"
#define CONF		"postgresql.auto.conf"
#define LINES_MAX	200

/* A line for each name: all that can be seen of it. */
struct tree {
	char	*line[LINES_MAX];
	unsigned n;
};

struct promoted {
	char	outer[PATH_MAX];		/* the diff directory */
	char	target[PATH_MAX], space[PATH_MAX];	/* data directory and tablespace that are to be */
	int	outer_fd, parent_fd[2];
	bool	copy;				/* as --copy does */
	char	error[CHAIN_ERROR_MAX];
	char	where[128];			/* for messages: when that was */
	struct tree before;			/* of what the diff directory shows */
};
extern struct promoted pro;

/*
 * Bare: a diff directory over backups, open.  Else all kinds of files are made, the catalog goes, and it is closed.
 * cowpath_teardown() ends both.
 */
void	promoted_setup_bare(void);
void	promoted_setup(void);

void	make_own(const char *path, uint32_t mode);
void	make_tablespace(void);
void	set_attr(const char *path, unsigned what, struct cow_attr attr);
void	join_path(char to[PATH_MAX], const char *dir, const char *name);

/* Lists what is shown, in place of what *t had. */
void	list_all_shown(struct tree *t);
void	are_equal(struct tree *a, struct tree *b);
void	forget_tree(struct tree *t);

/* Whether the plain directories are what was shown, and nothing else is left. */
void	is_promoted(void);

/* The command in short, and parts of it.  Return 0 or negative errno. */
void	plan_it(struct promotion *p);
int	build_it(struct promotion *p, int *fd);
int	promote_it(void);

#endif
