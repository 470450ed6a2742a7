/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * As whom to connect to a server that one knows nothing of: its bootstrap superuser, or another
 * superuser who may log in.
 */
#ifndef CLI_BOOTUSER_H
#define CLI_BOOTUSER_H

#include "cli/guest.h"
#include "cli/pgserver.h"
#include "cli/workdir.h"
#include "pg/authid.h"

#define BOOTUSER_ROLES_MAX	64	/* names that are tried, superusers first */

struct bootuser {
	char	name[AUTHID_NAME_MAX];
	struct authid_role role[BOOTUSER_ROLES_MAX];
	size_t	n_roles;
};

/*
 * Reads names of roles from the pages of the mount, as user.  Returns 0 or negative errno;
 * a damaged catalog may have none.
 */
int	bootuser_read(struct bootuser *b, const struct workdir *w, const struct become *user);

/*
 * Asks the server, which takes queries, in the name of one of these roles, who is superuser and may log in; and
 * warns of databases whose locale this machine lacks.  Returns 0 and b->name, or EXIT_FAILURE
 * after cli_error().
 */
int	bootuser_find(struct bootuser *b, const struct guest *g, const struct workdir *w, const char *bindir,
	    const struct become *user);

/* Asks the server something as that role.  Returns 0 and the answer, in psql's unaligned form, or another status. */
int	bootuser_ask(const char *role, const char *sql, const struct guest *g, const struct workdir *w,
	    const char *bindir, const struct become *user, char *answer, size_t size);

#endif
