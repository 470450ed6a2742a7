/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request and its answer, which takes as long as the supervisor needs.  Nothing is read or changed here.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/freezing.h"

#define ANSWER_MS	(300 * 1000)	/* all that freeze.c allows, and more */

static int
ask(const struct mountref *t, const struct command_frame *q, const char *what, struct command_frame *answer)
{
	int rc = -ETIMEDOUT;

	if (!t->is_silent && t->contact.sock >= 0)
		rc = contact_ask_within(&t->contact, q, answer, NULL, ANSWER_MS);
	if (rc == 0 && answer->type == COMMAND_STEPPED)
		return 0;
	if (rc == 0)
		return cli_error("could not %s \"%s\", which is mounted at \"%s\": %s", what, t->diff, t->mnt, answer->text);
	return cli_error("the supervisor of \"%s\" does not answer: %s", t->mnt,
	    t->contact.sock < 0 ? t->contact.doubt : strerror(-rc));
}

int
freezing_ask(const struct mountref *t, const char *name, const char *message, struct command_frame *answer)
{
	static struct command_frame q;

	command_init(&q, COMMAND_FREEZE);
	snprintf(q.text, sizeof(q.text), "%s%s%s", name, message != NULL ? "\n" : "", message != NULL ? message : "");
	return ask(t, &q, "freeze", answer);
}

int
freezing_reset(const struct mountref *t, const char *to, struct command_frame *answer)
{
	static struct command_frame q;

	command_init(&q, COMMAND_RESET);
	snprintf(q.text, sizeof(q.text), "%s", to != NULL ? to : "-");
	return ask(t, &q, "reset", answer);
}
