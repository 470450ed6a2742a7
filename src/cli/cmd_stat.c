/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command stat: asks the supervisor of a mount for its report and prints
 * it.  It does not touch the mount.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/elsewhere.h"
#include "cli/figures.h"
#include "cli/snapshot.h"
#include "cli/stat_text.h"
#include "cli/mountref.h"

/* Prints a report only if it can be parsed: the supervisor may be that of another user. */
static int
print_report(const struct mountref *t, char *text, size_t len, bool json)
{
	struct json_node *nodes autofree = calloc(SNAPSHOT_NODES, sizeof(*nodes));
	struct json_out o = { 0 };
	char *out autofree = NULL;
	int rc;

	if (nodes == NULL)
		return cli_error("out of memory");
	if (json_parse(text, len, nodes, SNAPSHOT_NODES) < 0)
		return cli_error("the supervisor of \"%s\" (pid %d) sent a damaged report", t->mnt,
		    (int)t->contact.peer.pid);
	if (!json) {
		stat_text_print(nodes);
		return 0;
	}
	json_put_node(&o, NULL, nodes, nodes);
	if ((rc = json_take(&o, &out, &len)) != 0)
		return cli_error("could not write JSON: %s", strerror(-rc));
	if ((rc = cli_put_json(out, len)) != 0)
		return cli_error("could not write to standard output: %s", strerror(-rc));
	return 0;
}

/* Whether nobody has the mount any more, so that there is nothing but its end to tell of. */
static bool
is_unmounted(const struct mountref *t)
{
	if (!t->elsewhere || (t->contact.sock >= 0 && !t->is_silent && t->state == STATE_PREPARING))
		return false;
	return !elsewhere_is_held(t);
}

int
cmd_stat(const struct options *o)
{
	static struct mountref t;
	char *text autofree = NULL;
	size_t len = 0;
	int rc;

	if (o->mnt == NULL)
		return cli_usage("--mnt-path is required");
	if (mountref_find(&t, o->mnt, NULL) != 0)
		return 1;
	mountref_contact(&t);
	if (is_unmounted(&t))
		rc = elsewhere_tell(&t);
	else if ((rc = figures_ask(&t, o->counters_reset, &text, &len)) == 0)
		rc = print_report(&t, text, len, o->format == 1);
	mountref_close(&t);
	return rc;
}
