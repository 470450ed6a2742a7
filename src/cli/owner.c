/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds the user and the group of --owner, and checks that the caller may mount
 * for them.
 */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/cli.h"
#include "cli/owner.h"

static int
parse_id(const char *text, unsigned *id)
{
	unsigned long v;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	v = strtoul(text, &end, 10);
	if (*end != '\0' || errno != 0 || v >= UINT32_MAX)
		return -EINVAL;
	*id = (unsigned)v;
	return 0;
}

static int
find_user(const char *name, uid_t *uid, gid_t *gid)
{
	const struct passwd *pw = getpwnam(name);
	unsigned id;

	if (pw == NULL && parse_id(name, &id) == 0) {
		*uid = id;
		pw = getpwuid(id);
		*gid = pw != NULL ? pw->pw_gid : id;
		return 0;
	}
	if (pw == NULL)
		return -ENOENT;
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return 0;
}

static int
find_group(const char *name, gid_t *gid)
{
	const struct group *gr = getgrnam(name);

	if (gr == NULL)
		return parse_id(name, gid);
	*gid = gr->gr_gid;
	return 0;
}

int
owner_parse(const char *text, uid_t *uid, gid_t *gid)
{
	char *copy autofree = strdup(text), *colon;

	if (copy == NULL)
		return -1;
	if ((colon = strchr(copy, ':')) != NULL)
		*colon++ = '\0';
	if (find_user(copy, uid, gid) != 0) {
		cli_error("user \"%s\" does not exist (--owner)", copy);
		return -1;
	}
	if (colon != NULL && find_group(colon, gid) != 0) {
		cli_error("group \"%s\" does not exist (--owner)", colon);
		return -1;
	}
	if (geteuid() != 0 && (*uid != geteuid() || *gid != getegid())) {
		cli_error("only root can act for another user (--owner %s)", text);
		return -1;
	}
	return 0;
}
