/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first mount of a diff directory writes the binding once the chain was read; every other finds
 * it, and the chain has to be the one that it names.  How it is written is in binding.c, what
 * root notes of it in record.c.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "supervisor/bind.h"
#include "supervisor/identity.h"
#include "supervisor/mapping.h"
#include "supervisor/state.h"

/* Root remembers the mounts of others itself, for they could change the binding. */
static void
load_record(struct supervisor *s)
{
	if (identity_is_root() && s->owner.uid != 0)
		record_load(&s->claim.dir, &s->binding.record);
}

static int
load_binding(struct supervisor *s)
{
	const char *diff = s->config->diff;
	int rc;

	rc = binding_load(s->claim.dir.fd, &s->binding.saved);
	if (rc == -ENOENT) {
		s->binding.is_fresh = true;
		return 0;
	}
	if (rc == -ENOTSUP)
		return state_fail(s, "\"%s/%s\" has a format version that this pbkfs does not know",
		    diff, ONDISK_BINDING);
	if (rc == -EUCLEAN)
		return state_fail(s, "\"%s/%s\" is damaged: pbkfs cleanup the diff directory",
		    diff, ONDISK_BINDING);
	if (rc != 0)
		return state_fail(s, "could not read \"%s/%s\": %s", diff, ONDISK_BINDING, strerror(-rc));
	s->binding.is_saved = true;
	if (s->binding.saved.no_wal)
		return state_fail(s, "diff directory \"%s\" was mounted with --no-wal and its WAL is gone:"
		    " pbkfs cleanup it", diff);
	return 0;
}

int
bind_load(struct supervisor *s)
{
	if (load_binding(s) != 0)
		return -1;
	load_record(s);
	return 0;
}

static int
record_databases(struct supervisor *s)
{
	const struct clone_databases *d = &s->terms.databases;
	struct binding *b = &s->binding.found;
	unsigned i;

	b->db_include = d->include;
	for (i = 0; i < d->n; i++)
		if ((b->database[b->n_databases++] = strdup(d->name[i])) == NULL)
			return -ENOMEM;
	return 0;
}
_Static_assert(CLONE_DATABASES_MAX <= BINDING_DATABASES_MAX, "all names have room");

/* A branch stays one, whatever else of its binding changes. */
static int
describe_branch(struct supervisor *s)
{
	const struct binding *saved = &s->binding.saved;
	struct binding *f = &s->binding.found;

	if (saved->branch == NULL)
		return 0;
	f->branch = strdup(saved->branch);
	f->snapshot = strdup(saved->snapshot);
	f->snapshot_id = strdup(saved->snapshot_id);
	return f->branch != NULL && f->snapshot != NULL && f->snapshot_id != NULL ? 0 : -ENOMEM;
}

static int
describe_binding(struct supervisor *s)
{
	char host[256] = "", created[32];
	struct binding *f = &s->binding.found;
	time_t now = time(NULL);
	struct tm tm;

	gethostname(host, sizeof(host) - 1);
	gmtime_r(&now, &tm);
	strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &tm);
	f->store = strdup(s->source.store);
	f->instance = strdup(s->source.instance);
	f->backup_id = strdup(f->member[0].id);
	f->host = strdup(host[0] != '\0' ? host : "unknown");
	f->created = strdup(s->binding.is_saved ? s->binding.saved.created : created);
	f->wal = s->terms.wal;
	f->no_wal = s->config->no_wal;
	f->keep_settings = s->binding.is_fresh ? s->config->clone != NULL &&
	    s->config->clone->keep_settings : s->binding.saved.keep_settings;
	f->hydrates = s->config->hydrate || s->binding.saved.hydrates;
	f->hydrate_rate = s->config->hydrate ? s->config->hydrate_rate : s->binding.saved.hydrate_rate;
	f->hydrate_jobs = s->config->hydrate ? s->config->hydrate_jobs : s->binding.saved.hydrate_jobs;
	f->detached = s->binding.saved.detached;
	if (mapping_record(s) != 0 || record_databases(s) != 0 || describe_branch(s) != 0)
		return -ENOMEM;
	return f->store != NULL && f->instance != NULL && f->backup_id != NULL &&
	    f->host != NULL && f->created != NULL ? 0 : -ENOMEM;
}

/* Before the binding is: what a crash leaves of the two must not be more. */
static void
record(struct supervisor *s)
{
	struct bind *b = &s->binding;
	int rc;

	if (!b->is_decided || (b->record.state == RECORD_FITS &&
	    binding_difference(&b->found, &b->record.binding) == NULL))
		return;
	if ((rc = record_store(&s->claim.dir, &b->found)) != 0 && s->owner.lends)
		state_warn(s, "could not record in \"%s\" what is mounted: %s; the next mount"
		    " has to name all of -B, -I and -i", RECORD_DIRECTORY, record_strerror(rc));
}

int
bind_report(struct supervisor *s)
{
	char error[512];
	int rc = 0;

	if (strcmp(s->binding.found.member[0].id, s->source.backup_id) != 0)
		return state_fail(s, "the worker prepared backup %s instead of %s",
		    s->binding.found.member[0].id, s->source.backup_id);
	if (s->binding.is_saved &&
	    (rc = binding_compare(&s->binding.saved, &s->binding.found, error, sizeof(error))) < 0)
		return state_fail(s, "%s", error);
	/* Without its journal a branch would show the backup, and drop what it has changed. */
	if (s->binding.saved.branch != NULL && s->preparer.n_layers == 0)
		return state_fail(s, "branch \"%s\" does not say on which snapshot it stands: put back a copy of its"
		    " changes/journal, or pbkfs delete the branch", s->binding.saved.branch);
	if (rc == 1)
		log_info("backups of the chain were merged; the tree is the same");
	if (describe_binding(s) != 0)
		return state_fail(s, "out of memory");
	s->source.backup_id = s->binding.found.backup_id;
	record(s);
	if (s->binding.is_saved && rc == 0 && strcmp(s->binding.saved.store, s->source.store) == 0 &&
	    !s->config->no_wal && (!s->config->hydrate || s->binding.saved.detached))
		return 0;
	if ((rc = binding_store(s->claim.dir.fd, &s->binding.found)) != 0)
		return state_fail(s, "could not write \"%s/%s\": %s", s->config->diff, ONDISK_BINDING,
		    strerror(-rc));
	s->binding.is_saved = true;
	return 0;
}
