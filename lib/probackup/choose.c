/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Goes through the backups of an instance, the newest first, until one fits, and
 * words why it passed over the others.  It does not ask whether WAL is complete.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "probackup/archive.h"
#include "probackup/choose.h"
#include "probackup/explain.h"
#include "probackup/member.h"

#define NAMED	4	/* backups passed over that are named */
#define WORD_MAX	80	/* bytes of why one was, NUL included */

/* The backups that were passed over on the way to the one that fits. */
struct passed {
	unsigned n;
	char	text[NAMED * (BACKUP_ID_MAX + WORD_MAX)];
	size_t	len;
	const struct instance_backup *last;	/* that could be mounted, but does not fit */
	char	why[CHAIN_ERROR_MAX];	/* of the first such one */
	enum recovery_fit fit;		/* of the last one */
};

bool
choose_is_asked(const char *id)
{
	return strcmp(id, CHOOSE_LATEST) == 0;
}

const struct instance_backup *
choose_newest(const struct instance *in)
{
	size_t i;

	for (i = 0; i < in->n; i++)
		if (in->backup[i].reason == NULL)
			return &in->backup[i];
	return NULL;
}

static bool
has_target(const struct recovery_target *t)
{
	return t != NULL && (t->kind != RECOVERY_NONE || t->timeline != NULL);
}

/* ---- why a backup is passed over ------------------------------------------ */

static const char *
fault_word(const struct instance_backup *b)
{
	if (b->control == NULL)
		return "unreadable";
	if (!member_is_complete(b->control))
		return b->control->status;
	if (b->control->parent[0] != '\0' && b->parent == NULL)
		return "without its parent";
	return "unfit";
}

/* Writes in a word why a backup cannot be mounted; "pbkfs show" has it in full. */
static void
unfit_word(const struct instance_backup *b, char word[WORD_MAX])
{
	const struct instance_backup *at = b;

	if (b->misplaced != NULL) {
		strlcpy(word, "no chain", WORD_MAX);
		return;
	}
	while (at->fault == NULL && at->parent != NULL)
		at = at->parent;
	if (at == b)
		snprintf(word, WORD_MAX, "%s", fault_word(at));
	else
		snprintf(word, WORD_MAX, "based on %s, %s", at->id, fault_word(at));
}

static void
pass_over(struct passed *p, const struct instance_backup *b, const char *word)
{
	if (p->n++ < NAMED)
		p->len += (size_t)snprintf(p->text + p->len, sizeof(p->text) - p->len, "%s%s (%s)",
		    p->n > 1 ? ", " : "", b->id, word);
}

static void
pass_over_unfit(struct passed *p, const struct instance_backup *b)
{
	char word[WORD_MAX];

	unfit_word(b, word);
	pass_over(p, b, word);
}

static void
pass_over_late(struct passed *p, const struct instance_backup *b, enum recovery_fit fit,
    const char *why)
{
	char word[WORD_MAX];

	if (p->last == NULL)
		strlcpy(p->why, why, sizeof(p->why));
	p->last = b;
	p->fit = fit;
	if (fit == RECOVERY_ENDS_LATER)
		snprintf(word, sizeof(word), "ends behind the target");
	else
		snprintf(word, sizeof(word), "timeline %u", b->control->timeline);
	pass_over(p, b, word);
}

/* ---- the choice ----------------------------------------------------------- */

/*
 * Goes through the backups.  Returns 0 and *found, which is NULL if none fits,
 * or negative errno with error filled.
 */
static int
find(const struct instance *in, const struct archive *a, const struct recovery_target *t,
    const struct instance_backup **found, struct passed *p, char *error)
{
	struct recovery_known known = { 0 };
	const struct instance_backup *b;
	int rc;

	for (b = in->backup; b < in->backup + in->n; b++) {
		if (b->reason != NULL) {
			pass_over_unfit(p, b);
			continue;
		}
		rc = has_target(t) ? recovery_fits(b->control, a, t, &known, error) : RECOVERY_FITS;
		if (rc < 0)
			return rc;
		if (rc == RECOVERY_FITS) {
			*found = b;
			return 0;
		}
		pass_over_late(p, b, (enum recovery_fit)rc, error);
	}
	*found = NULL;
	return 0;
}

static int
explain_none(const char *name, const struct instance *in, const struct passed *p, char *error)
{
	const struct control *c;

	if (in->n == 0)
		return explain(error, -ENOENT, "instance \"%s\" has no backup: check the instance", name);
	if (p->last == NULL)
		return explain(error, -ENOENT,
		    "no backup of instance \"%s\" can be mounted: %s%s; pbkfs show says why", name,
		    p->text, p->n > NAMED ? ", ..." : "");
	c = p->last->control;
	if (p->fit == RECOVERY_ENDS_LATER)
		return explain(error, -ENOENT,
		    "no backup of instance \"%s\" ends before the recovery target: the oldest that can be mounted, %s, ends at %X/%X with commits up to %s",
		    name, p->last->id, (unsigned)(c->stop_lsn >> 32), (unsigned)c->stop_lsn,
		    c->recovery_time[0] != '\0' ? c->recovery_time : c->end_time);
	return explain(error, -ENOENT, "no backup of instance \"%s\" fits the recovery target: %s",
	    name, p->why);
}

static void
describe(const struct recovery_target *t, const struct instance_backup *b, const struct passed *p,
    struct choice *c)
{
	bool timed = has_target(t) && t->kind != RECOVERY_NONE && t->kind != RECOVERY_LATEST &&
	    t->kind != RECOVERY_IMMEDIATE && t->kind != RECOVERY_NAME;

	strlcpy(c->id, b->id, sizeof(c->id));
	explain(c->text, 0, "backup %s is the newest that can be mounted%s%s%s%s", b->id,
	    timed ? " and ends before the recovery target" : "",
	    p->n > 0 ? "; passed over: " : "", p->text, p->n > NAMED ? ", ..." : "");
	c->warning[0] = '\0';
	if (has_target(t) && t->kind == RECOVERY_NAME)
		explain(c->warning, 0,
		    "no backup knows where restore point \"%s\" is: if it is older than backup %s, the server does not find it, and -i has to name an older backup",
		    t->value, b->id);
}

static int
choose(const struct instance *in, int store_fd, const char *name, const struct recovery_target *t,
    struct choice *c, char *error)
{
	const struct instance_backup *b;
	struct passed p = { 0 };
	struct archive a;
	int rc;

	if ((rc = archive_init(&a, store_fd, name, 0, 0)) < 0)
		return explain(error, rc, "\"%.100s\" is not a name of an instance", name);
	if ((rc = find(in, &a, t, &b, &p, error)) < 0)
		return rc;
	if (b == NULL)
		return explain_none(name, in, &p, error);
	describe(t, b, &p, c);
	return 0;
}

int
choose_backup(int store_fd, const char *store_name, const char *instance,
    const struct recovery_target *t, struct choice *c, char *error)
{
	struct instance in;
	int rc;

	if ((rc = instance_load(store_fd, store_name, instance, &in, error)) == 0)
		rc = choose(&in, store_fd, instance, t, c, error);
	instance_fini(&in);
	return rc;
}
