/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Says to users what diff/layers.h takes for a name.
 */
#include "config.h"

#include <stdio.h>

#include "base/ondisk.h"
#include "cli/branchname.h"
#include "cli/cli.h"
#include "diff/layers.h"

int
branchname_check(const char *option, const char *name)
{
	if (name == NULL || layers_name_is_valid(name))
		return 0;
	return cli_usage("%s cannot be \"%s\": a name has up to %d letters, digits, \"_\", \"-\" and \".\", and begins with none of"
	    " the latter two", option, name, SEAL_NAME_MAX);
}

int
branchname_path(const char *diff, const char *branch, char path[PATH_MAX])
{
	int n = branch == NULL ? snprintf(path, PATH_MAX, "%s", diff) :
	    snprintf(path, PATH_MAX, "%s/" ONDISK_BRANCHES "/%s", diff, branch);

	return n < PATH_MAX ? 0 : cli_error("\"%s\" is too long a name", diff);
}
