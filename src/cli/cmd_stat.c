/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command stat: asks the supervisor of a mount for its report and prints
 * it.  It does not touch the mount.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/elsewhere.h"
#include "cli/snapshot.h"
#include "cli/stat_text.h"
#include "cli/mountref.h"

static int
tell_nobody(const struct mountref *t)
{
	const struct contact *c = &t->contact;

	if (c->has_lock && c->owner[ONDISK_LOCK_SUPERVISOR] == 0 && c->owner[ONDISK_LOCK_WORKER] != 0)
		return cli_error("the supervisor of \"%s\" is gone, its worker (pid %d) goes on"
		    " alone: pbkfs unmount it and mount it again", t->mnt,
		    (int)MAX(c->owner[ONDISK_LOCK_WORKER], 0));
	return cli_error("could not ask who serves \"%s\": %s", t->mnt, c->doubt);
}

static int
read_report(const struct command_frame *a, int fd, char **text, size_t *len)
{
	int seals = fcntl(fd, F_GET_SEALS), rc;

	/* Without seals the report could change, or shrink, while this reads it. */
	if (seals < 0 || (seals & (F_SEAL_WRITE | F_SEAL_SHRINK)) != (F_SEAL_WRITE | F_SEAL_SHRINK))
		return -EPROTO;
	if ((rc = io_read_file(fd, COMMAND_REPORT_MAX, text, len)) != 0)
		return rc;
	return *len == a->arg[0] ? 0 : -EPROTO;
}

static int
ask(const struct mountref *t, bool reset, char **text, size_t *len)
{
	static struct command_frame q, a;
	int fd autoclose = -1, rc = -ETIMEDOUT;

	if (t->contact.sock < 0)
		return tell_nobody(t);
	command_init(&q, COMMAND_STATUS);
	q.arg[0] = reset;
	if (!t->is_silent)
		rc = contact_ask(&t->contact, &q, &a, &fd);
	if (rc == 0 && a.type == COMMAND_REFUSED)
		return cli_error("could not ask who serves \"%s\": %s", t->mnt, a.text);
	if (rc == 0)
		rc = a.type == COMMAND_REPORT && fd >= 0 ? read_report(&a, fd, text, len) : -EPROTO;
	if (rc == 0)
		return 0;
	return cli_error("the supervisor of \"%s\" (pid %d) does not answer%s%s", t->mnt,
	    (int)t->contact.peer.pid, rc != -ETIMEDOUT ? " as it should: " : "",
	    rc != -ETIMEDOUT ? strerror(-rc) : "");
}

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
	else if ((rc = ask(&t, o->counters_reset, &text, &len)) == 0)
		rc = print_report(&t, text, len, o->format == 1);
	mountref_close(&t);
	return rc;
}
