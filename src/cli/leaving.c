/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Waits for the processes of the last mount of a diff directory, before a new
 * one is made.  It ends none of them.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/ondisk.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/contact.h"
#include "cli/leaving.h"
#include "cli/limited.h"
#include "supervisor/holders.h"
#include "supervisor/mountinfo.h"

#define TELL_SECONDS	1	/* of waiting before it says for whom */
#define LEAVING_SECONDS	9	/* more, for its processes to end */

/* Whether it is mounted, here or in other mount namespaces. */
static bool
is_mounted(const struct contact *c)
{
	struct mountinfo *m autofree = malloc(sizeof(*m));

	return m == NULL || (mountinfo_find(c->mnt, m) == 0 && strcmp(m->source, c->diff) == 0) ||
	    holders_find_source(c->diff, c->uid, m) == 0;
}

/* Whether who listens has no mount yet, and so is not leaving; who does not answer may be. */
static bool
is_beginning(const struct contact *c)
{
	static struct command_frame a;

	return c->sock >= 0 && contact_identify(c, &a) == 0 && contact_is_beginning(&a);
}

static pid_t
process_of(const struct contact *c)
{
	pid_t pid = c->sock >= 0 ? c->peer.pid : c->owner[ONDISK_LOCK_SUPERVISOR];

	return MAX(pid > 0 ? pid : c->owner[ONDISK_LOCK_WORKER], 0);
}

static int
wait_for_end(const struct contact *c, int seconds)
{
	if (contact_wait(c, TELL_SECONDS) != -ETIMEDOUT)
		return 0;
	cli_note("waiting for process %d to end, which had diff directory \"%s\" mounted",
	    (int)process_of(c), c->diff);
	if (contact_wait(c, seconds) != -ETIMEDOUT)
		return 0;
	return cli_error("diff directory \"%s\" is in use: process %d had it mounted at \"%s\" and"
	    " does not end: pbkfs unmount -d \"%s\" says why", c->diff, (int)process_of(c), c->mnt,
	    c->diff);
}

int
leaving_wait(const char *diff, uint64_t seconds)
{
	static struct contact c;
	int rc = 0;

	contact_init(&c);
	strlcpy(c.diff, diff, sizeof(c.diff));
	/* The supervisor that is to mount it tells what is wrong with it. */
	if (contact_make(&c) != 0 && c.is_mute)
		rc = limited_tell("diff directory", diff, CONTACT_SECONDS, "nothing was mounted");
	else if (c.has_lock && contact_is_held(&c) && !is_mounted(&c) && !is_beginning(&c))
		rc = wait_for_end(&c, seconds == 0 ? LEAVING_SECONDS :
		    (int)MIN(MAX(seconds, (uint64_t)TELL_SECONDS + 1) - TELL_SECONDS, (uint64_t)LEAVING_SECONDS));
	contact_close(&c);
	return rc;
}
