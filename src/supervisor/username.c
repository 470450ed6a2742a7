/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks the databases of users that the machine has (nsswitch.conf).
 */
#include "config.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "supervisor/username.h"

const char *
username_of(uid_t uid, char name[USERNAME_MAX])
{
	const struct passwd *pw = getpwuid(uid);

	if (pw == NULL || pw->pw_name[0] == '\0' || strlcpy(name, pw->pw_name, USERNAME_MAX) >= USERNAME_MAX)
		snprintf(name, USERNAME_MAX, "%u", (unsigned)uid);
	return name;
}
