/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The diff directory is the owner's, and so is the binding in it: he could edit it,
 * remove it, or put another directory in the place of the whole.  So it decides only
 * what root's own record says, too.
 */
#include "config.h"

#include <string.h>

#include "base/ondisk.h"
#include "supervisor/decide.h"
#include "supervisor/notify.h"
#include "supervisor/username.h"

static int
not_named(struct supervisor *s)
{
	char name[USERNAME_MAX];

	return state_fail(s, "user %s may not read \"%s\" himself, and can write what would choose the"
	    " backup: name it with -B, -I and -i, which has to be an id", username_of(s->owner.uid, name),
	    s->source.store);
}

/* By this command: all that says which backup is shown. */
static bool
is_named(const struct supervisor *s)
{
	const struct supervisor_config *c = s->config;

	return c->store != NULL && c->instance != NULL && c->backup_id != NULL;
}

/* By an earlier one, whose record the binding has not left. */
bool
decide_is_recorded(const struct supervisor *s)
{
	return s->binding.record.state == RECORD_FITS && s->binding.is_saved &&
	    binding_difference(&s->binding.saved, &s->binding.record.binding) == NULL;
}

int
decide_refuse(struct supervisor *s)
{
	const char *diff = s->config->diff;

	if (s->binding.record.state == RECORD_NONE)
		return not_named(s);
	if (s->binding.record.state == RECORD_FITS)
		return state_fail(s, "\"%s\" in \"%s/%s\" is not what it was when root decided it (see %s):"
		    " name %s, or pbkfs cleanup the diff directory",
		    binding_difference(&s->binding.saved, &s->binding.record.binding), diff, ONDISK_BINDING,
		    RECORD_DIRECTORY, is_named(s) ? "the databases with --db-include or --db-exclude" :
		    "the backup with -B, -I and -i");
	return state_fail(s, "what root decided about diff directory \"%s\" (see %s) %s%s: name the backup"
	    " with -B, -I and -i, which has to be an id, or pbkfs cleanup the diff directory", diff,
	    RECORD_DIRECTORY, s->binding.record.why == 0 ? "was about another one in its place" :
	    "cannot be read, ", s->binding.record.why == 0 ? "" : record_strerror(s->binding.record.why));
}

/* Whether only root could put another directory in the place of the one that was there. */
static bool
is_replaced_by_root(const struct supervisor *s)
{
	return s->claim.dir.walk.uid == 0 && !s->claim.dir.walk.shared;
}

/* The first mount of a directory chooses, but its owner may have emptied it to choose again. */
static int
check_latest(struct supervisor *s)
{
	const struct binding *noted = &s->binding.record.binding;

	if (s->binding.record.state == RECORD_STRANGE && !is_replaced_by_root(s))
		return decide_refuse(s);
	if (s->binding.record.state != RECORD_FITS || strcmp(noted->instance, s->source.instance) != 0)
		return 0;
	s->source.backup_id = noted->backup_id;
	notify_send(s->config->notify_fd, NOTIFY_NOTE, "\"%s\" was emptied, but root has decided for"
	    " backup %s there (see %s), which stays: the latest needs pbkfs cleanup by root",
	    s->config->diff, noted->backup_id, RECORD_DIRECTORY);
	return 0;
}

/* Which databases are left out is remembered for who names the rest. */
static bool
databases_are_decided(const struct supervisor *s)
{
	const struct clone_config *p = s->config->clone;

	return s->binding.is_fresh || s->binding.record.state != RECORD_FITS ||
	    (p != NULL && p->databases.n > 0) ||
	    binding_same_databases(&s->binding.saved, &s->binding.record.binding);
}

bool
decide_is_complete(const struct supervisor *s)
{
	return s->config->owner_given && (s->binding.is_fresh || decide_is_recorded(s) ||
	    (is_named(s) && databases_are_decided(s)));
}

int
decide_check(struct supervisor *s)
{
	char name[USERNAME_MAX];

	if (!s->config->owner_given)
		return state_fail(s, "user %s, to whom \"%s\" belongs, may not read the store himself:"
		    " say with --owner who may read this backup", username_of(s->owner.uid, name),
		    s->config->diff);
	if (s->binding.is_fresh && !is_named(s))
		return check_latest(s);
	return decide_is_complete(s) ? 0 : decide_refuse(s);
}
