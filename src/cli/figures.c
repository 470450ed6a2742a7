/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks a supervisor for its report.  Nothing of it is believed but its length.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/figures.h"

#define END_SECONDS	2	/* for a supervisor that has closed its connections to end */

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

/* Whether the other side has gone, or is about to. */
static bool
has_ended(const struct contact *c, int rc)
{
	static const int gone[] = { -EPIPE, -ENOMSG, -ECONNRESET, -ECONNREFUSED, -ENOENT, -ESTALE };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(gone); i++)
		if (rc == gone[i])
			return c->sock >= 0 && contact_wait_for_listener(c, END_SECONDS) == 0;
	return false;
}

int
figures_tell_silence(const struct mountref *t, int rc)
{
	int pid = (int)t->contact.peer.pid;

	if (t->contact.sock < 0)
		return tell_nobody(t);
	if (has_ended(&t->contact, rc))
		return cli_error("the supervisor of \"%s\" (pid %d) has ended: the mount was unmounted, or it was"
		    " killed", t->mnt, pid);
	if (rc == -ETIMEDOUT)
		return cli_error("the supervisor of \"%s\" (pid %d) does not answer", t->mnt, pid);
	return cli_error("the supervisor of \"%s\" (pid %d) does not answer as it should: %s", t->mnt, pid,
	    strerror(-rc));
}

int
figures_ask(const struct mountref *t, bool reset, char **text, size_t *len)
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
	return rc == 0 ? 0 : figures_tell_silence(t, rc);
}

double
figures_number(const struct json_node *nodes, const struct json_node *at, const char *key)
{
	const struct json_node *node = json_get(nodes, at, key);

	return node != NULL && node->type == JSON_NUMBER ? strtod(node->text, NULL) : 0;
}

bool
figures_is_true(const struct json_node *nodes, const struct json_node *at, const char *key)
{
	const struct json_node *node = json_get(nodes, at, key);

	return node != NULL && node->type == JSON_TRUE;
}

const char *
figures_time_left(double seconds, char text[FIGURES_TIME_MAX])
{
	unsigned s = seconds > 0 ? (unsigned)MIN(seconds, 1e9) : 0;

	if (s >= 3600)
		snprintf(text, FIGURES_TIME_MAX, "%uh %02um", s / 3600, s / 60 % 60);
	else
		snprintf(text, FIGURES_TIME_MAX, "%um %02us", s / 60, s % 60);
	return text;
}
