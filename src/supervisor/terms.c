/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Only the command and the binding say what is mounted, and where both do they have to agree.
 * Whether the owner may choose at all is another question: see decide.c.
 */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/ondisk.h"
#include "base/util.h"
#include "supervisor/probe.h"
#include "supervisor/state.h"
#include "supervisor/terms.h"

/* A first mount has decided, and the diff directory has what was made of that since. */
int
terms_check_first_only(struct supervisor *s)
{
	const struct clone_config *p = s->config->clone;

	if (s->binding.is_fresh || p == NULL || p->first_only == NULL)
		return 0;
	return state_fail(s, "%s is for the first mount of a diff directory, and \"%s\" has been mounted"
	    " before: pbkfs cleanup it, or use another one", p->first_only, s->config->diff);
}

static int
mismatch(struct supervisor *s, const char *what, const char *saved, const char *given)
{
	return state_fail(s, "diff directory \"%s\" belongs to %s \"%s\", not \"%s\":"
	    " use another one, or pbkfs cleanup it",
	    s->config->diff, what, saved, given);
}

static bool
is_chosen(const struct supervisor_config *c)
{
	return c->backup_id != NULL || c->latest;
}

/* Names the options that are missing for a first mount, and no others. */
static int
nothing_named(struct supervisor *s)
{
	const struct supervisor_config *c = s->config;
	bool more = c->store == NULL && c->instance == NULL;

	return state_fail(s, "diff directory \"%s\" has no backup yet, so the mount needs %s%s%s%s%s", c->diff,
	    c->store == NULL ? "--pbk-store" : "", more ? is_chosen(c) ? " and " : ", " : "",
	    c->instance == NULL ? "--instance" : "",
	    !is_chosen(c) && (c->store == NULL || c->instance == NULL) ? " and " : "",
	    is_chosen(c) ? "" : "--backup-id (which can be latest) or a recovery target");
}

/*
 * A diff directory that is detached needs no store.  One that is named is there or not, but is the one that it came from: of
 * another one nothing would be shown.
 */
static int
choose_store(struct supervisor *s)
{
	const struct supervisor_config *c = s->config;
	const struct binding *saved = &s->binding.saved;

	s->source.store = c->store != NULL && !saved->detached ? c->store : saved->store;
	if (saved->detached && c->store != NULL && strcmp(c->store, saved->store) != 0)
		return state_fail(s, "diff directory \"%s\" is detached from store \"%s\" and needs none: leave out"
		    " -B \"%s\"", c->diff, saved->store, c->store);
	return saved->detached || c->store_error == NULL ? 0 : state_fail(s, "%s", c->store_error);
}

int
terms_choose_backup(struct supervisor *s)
{
	const struct supervisor_config *c = s->config;
	const struct bind *b = &s->binding;
	struct source *source = &s->source;

	if (b->is_fresh && (c->store == NULL || c->instance == NULL || !is_chosen(c)))
		return nothing_named(s);
	if (!b->is_fresh && c->instance != NULL && strcmp(c->instance, b->saved.instance) != 0)
		return mismatch(s, "instance", b->saved.instance, c->instance);
	if (!b->is_fresh && c->backup_id != NULL && strcmp(c->backup_id, b->saved.backup_id) != 0)
		return mismatch(s, "backup", b->saved.backup_id, c->backup_id);
	if (choose_store(s) != 0)
		return -1;
	source->instance = b->is_fresh ? c->instance : b->saved.instance;
	source->backup_id = b->is_fresh ? c->backup_id : b->saved.backup_id;
	return 0;
}

static bool
has_database(const struct clone_databases *d, const char *name)
{
	unsigned i;

	for (i = 0; i < d->n; i++)
		if (strcmp(d->name[i], name) == 0)
			return true;
	return false;
}

/* Names may come in any order and more than once. */
static bool
same_databases(const struct clone_databases *a, const struct clone_databases *b)
{
	unsigned i;

	for (i = 0; i < a->n; i++)
		if (!has_database(b, a->name[i]))
			return false;
	for (i = 0; i < b->n; i++)
		if (!has_database(a, b->name[i]))
			return false;
	return a->include == b->include;
}

static int
other_databases(struct supervisor *s, const struct clone_databases *given)
{
	const struct clone_databases *saved = &s->terms.databases;
	const char *name = given->name[0];
	unsigned i;

	for (i = 0; given->include == saved->include && i < given->n; i++)
		if (!has_database(saved, given->name[i]))
			name = given->name[i];
	return state_fail(s, "diff directory \"%s\" was made with %s%s%s, and %s \"%s\" asks for"
	    " others: leave it out, pbkfs cleanup it, or use another one", s->config->diff,
	    saved->n == 0 ? "all databases" : saved->include ? "--db-include \"" : "--db-exclude \"",
	    saved->n == 0 ? "" : saved->name[0], saved->n == 0 ? "" : saved->n > 1 ? "\" and more" : "\"",
	    given->include ? "--db-include" : "--db-exclude", name);
}

/* Databases that were left out at the first mount are left out for ever. */
int
terms_choose_databases(struct supervisor *s)
{
	const struct clone_config *p = s->config->clone;
	struct clone_databases *d = &s->terms.databases;
	size_t i;

	if (s->binding.is_fresh && p != NULL)
		*d = p->databases;
	if (s->binding.is_fresh)
		return 0;
	d->include = s->binding.saved.db_include;
	for (i = 0; i < s->binding.saved.n_databases; i++)
		d->name[d->n++] = s->binding.saved.database[i];
	return p == NULL || p->databases.n == 0 || same_databases(d, &p->databases) ? 0 :
	    other_databases(s, &p->databases);
}
_Static_assert(BINDING_DATABASES_MAX <= CLONE_DATABASES_MAX, "all names have room");

/* In a child with the owner's rights: 0 if his server reaches the diff directory. */
static int
diff_is_out_of_reach(const void *arg)
{
	const struct supervisor *s = arg;
	struct stat named, ours;

	return stat(s->config->diff, &named) != 0 || fstat(s->claim.dir.fd, &ours) != 0 ||
	    named.st_dev != ours.st_dev || named.st_ino != ours.st_ino ||
	    (named.st_mode & S_IRWXU) != S_IRWXU;
}

static enum wal_mode
default_wal(const struct supervisor *s)
{
	const struct probe server = { .uid = s->owner.uid, .gid = s->owner.gid, .with_groups = true };

	if (s->config->no_wal)
		return WAL_MOUNT;
	return probe_run(&server, diff_is_out_of_reach, s) == 0 ?
	    WAL_DIRECT : WAL_MOUNT;
}

int
terms_choose_wal(struct supervisor *s)
{
	const struct supervisor_config *c = s->config;
	enum wal_mode asked = c->wal == WAL_CHOICE_DIRECT ? WAL_DIRECT : WAL_MOUNT;
	struct terms *t = &s->terms;
	static const char *const names[] = { [WAL_MOUNT] = "mount", [WAL_DIRECT] = "direct" };

	if (c->no_wal && c->wal == WAL_CHOICE_DIRECT)
		return state_fail(s, "--no-wal cannot be combined with --wal=direct");
	t->wal = s->binding.is_saved ? s->binding.saved.wal :
	    c->wal == WAL_CHOICE_AUTO ? default_wal(s) : asked;
	if (c->wal != WAL_CHOICE_AUTO && t->wal != asked)
		return state_fail(s, "diff directory \"%s\" was made with --wal=%s, not --wal=%s",
		    c->diff, names[t->wal], names[asked]);
	if (c->no_wal && t->wal == WAL_DIRECT)
		return state_fail(s, "diff directory \"%s\" was made with --wal=direct:"
		    " --no-wal is not possible", c->diff);
	if (snprintf(t->wal_link, sizeof(t->wal_link), "%s/" ONDISK_CHANGES "/" ONDISK_WAL,
	    c->diff) >= PATH_MAX)
		return state_fail(s, "\"%s\" is too long a name", c->diff);
	return 0;
}
