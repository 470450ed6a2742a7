/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks a catalog what a proof of one backup would find there: chain, tree, WAL, configuration.
 * A confined child reads all of it and fills in shared memory, which counts as input.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/clone_args.h"
#include "cli/confined.h"
#include "cli/plan.h"
#include "pg/pgconf.h"
#include "probackup/blockmap.h"
#include "probackup/explain.h"
#include "worker/clone.h"
#include "worker/foresee.h"

#define INDEX_MAX	(2048 * MiB)
#define INDEX_THREADS	4
#define FDS_MAX		64
#define OWN_MAX		65536	/* segments of a backup's own WAL that are looked for one by one */

/* The task of the child. */
struct request {
	const struct options *options;
	const struct proof *proof;
	struct clone_config clone;
	struct recovery_target target;
	int	index_fd;
	struct plan_store *out;
};

/* The backup, as the child has it open. */
struct reading {
	const struct request *q;
	struct plan_store *out;
	struct chain *chain;
	const struct control *backup;
	struct store store;
	struct reader rd;
};

static struct plan_store *told;		/* who gets the warnings, in the child */

static void
take_warning(enum msg_type type, const char *text)
{
	if (type == MSG_WARNING && told->n_warnings < PLAN_WARNINGS_MAX)
		strlcpy(told->warning[told->n_warnings++], text, PLAN_WARNING_MAX);
}

/* The line that takes the first complaint of a step; NULL: none does. */
static char *log_to;

static void
take_log(enum log_level level, const char *text, size_t len)
{
	(void)len;
	if (level == LOGL_ERROR && log_to != NULL && log_to[0] == '\0')
		strlcpy(log_to, text, CHAIN_ERROR_MAX);
	else if (level == LOGL_WARNING)
		take_warning(MSG_WARNING, text);
}

/* ---- the chain, and its tree ------------------------------------------------------------- */

static void
put_chain(struct reading *r)
{
	const struct control *c;
	unsigned i;

	for (i = 0; i < r->chain->n; i++) {
		c = &r->chain->member[i].control;
		strlcpy(r->out->member[i].id, r->chain->member[i].id, BACKUP_ID_MAX);
		r->out->member[i].mode = c->mode;
		r->out->member[i].stored = c->data_bytes + (c->stream ? c->wal_bytes : 0);
	}
	r->out->n_members = r->chain->n;
	c = r->backup;
	r->out->stream = c->stream;
	r->out->timeline = c->timeline;
	r->out->start_lsn = c->start_lsn;
	r->out->stop_lsn = c->stop_lsn;
	r->out->server_version = (unsigned)strtoul(c->server_version, NULL, 10);
	r->out->recovers = clone_recovers(&r->q->clone, c);
	if (r->chain->warning[0] != '\0')
		take_warning(MSG_WARNING, r->chain->warning);
}

/* Adds up lengths; of a file whose list does not say, the backups are asked. */
static int
put_tree(struct reading *r)
{
	const struct index *ix = &r->store.ix;
	uint32_t e, blocks;
	uint64_t size;
	int rc;

	for (e = 0; e < ix->n_entries; e++) {
		if ((ix->entries[e].flags & (INDEX_DIR | INDEX_LINK)) != 0)
			continue;
		if ((size = ix->entries[e].size) == INDEX_SIZE_UNKNOWN) {
			if ((rc = blockmap_length(&r->store, e, &r->rd, &blocks)) < 0)
				return rc;
			size = (uint64_t)blocks * BLCKSZ;
		}
		r->out->files++;
		r->out->bytes += size;
	}
	r->out->pg_wal = foresee_wal(ix);
	return 0;
}

/* ---- WAL --------------------------------------------------------------------------------- */

/* Looks for the segments of the backup's own WAL, in its tree. */
static void
put_own_wal(struct reading *r)
{
	uint32_t size = r->out->seg_size, e;
	struct walname w = { .kind = WAL_SEGMENT, .timeline = r->backup->timeline };
	uint64_t first = wal_segno(r->backup->start_lsn, size), last = wal_segno_before(r->backup->stop_lsn, size);
	char path[WALNAME_MAX + sizeof("pg_wal/")] = "pg_wal/";
	char *name = path + strlen(path);

	for (w.segno = first; w.segno <= last && w.segno - first < OWN_MAX; w.segno++) {
		walname_format(&w, size, name);
		e = index_lookup(&r->store.ix, path, strlen(path));
		recovery_append(&r->out->need.own, &w, 1, size, e == INDEX_NONE ||
		    r->store.ix.entries[e].flags != 0 || r->store.ix.entries[e].size != size);
	}
	if (w.segno <= last)
		recovery_append(&r->out->need.own, &w, last - w.segno + 1, size, true);
	if (r->out->need.own.missing > 0 && r->out->wal_error[0] == '\0')
		explain(r->out->wal_error, 0, "WAL segment \"%s\" is missing from the backup, which cannot be"
		    " recovered without it", r->out->need.own.gap[0].first);
}

static void
put_wal(struct reading *r, int store_fd)
{
	struct plan_store *out = r->out;
	struct archive a;

	if (r->backup->stop_lsn != 0 && (r->backup->stop_lsn < r->backup->start_lsn || r->backup->timeline == 0)) {
		explain(out->wal_error, 0, "WAL from %llX to %llX of timeline %u cannot be",
		    (unsigned long long)r->backup->start_lsn, (unsigned long long)r->backup->stop_lsn,
		    r->backup->timeline);
		return;
	}
	if (archive_init(&a, store_fd, r->q->proof->instance, r->chain->xlog_seg_size, out->server_version) != 0)
		return;
	out->seg_size = a.seg_size;
	if (out->recovers) {
		log_to = out->wal_error;
		recovery_survey(r->backup, &a, &r->q->target, &out->need, out->wal_error, out->wal_warning);
		log_to = NULL;
	}
	if (r->backup->stream && r->backup->stop_lsn != 0 && out->tree_error[0] == '\0')
		put_own_wal(r);
}

/* ---- its configuration ------------------------------------------------------------------------- */

static void
put_settings(struct reading *r)
{
	struct plan_store *out = r->out;
	struct pgautoconf a = { 0 };
	struct pgconf_setting *s autofree = malloc(sizeof(*s));
	struct pgconf c = { 0 };
	int rc = -ENOMEM;

	if (s == NULL || (rc = foresee_settings(&r->store, &r->q->clone, out->server_version, out->recovers,
	    &r->rd, take_warning, &a)) < 0) {
		take_warning(MSG_WARNING, "the configuration of the backup could not be read");
	} else {
		out->lacks_library = rc > 0;
		c.text = a.text != NULL ? a.text : "";
		c.len = a.len;
		while (out->n_settings < PLAN_SETTINGS_MAX && pgconf_next(&c, s) == 1) {
			strlcpy(out->setting[out->n_settings].name, s->name, sizeof(out->setting[0].name));
			strlcpy(out->setting[out->n_settings++].value, s->value, PLAN_VALUE_MAX);
		}
	}
	free(a.text);
}

/* ---- in the child --------------------------------------------------------------------------------- */

/* Finds out all that only an index tells. */
static int
read_tree(struct reading *r)
{
	static struct iostats stats;
	int rc;

	if ((rc = reader_init(&r->rd, &stats)) < 0)
		return rc;
	if ((rc = put_tree(r)) == 0)
		put_settings(r);
	reader_fini(&r->rd);
	return rc;
}

static void
read_index(struct reading *r, int store_fd, const char *instance)
{
	struct plan_store *out = r->out;
	struct fdcache *fds = fdcache_new(FDS_MAX);
	int rc;

	log_to = out->tree_error;
	if (fds == NULL)
		rc = -ENOMEM;
	else if ((rc = index_build(r->chain, r->q->index_fd, INDEX_MAX, INDEX_THREADS, out->tree_error)) == 0 &&
	    (rc = store_open(&r->store, store_fd, instance, r->q->index_fd, fds)) == 0)
		rc = read_tree(r);
	log_to = NULL;
	if (rc < 0 && out->tree_error[0] == '\0')
		explain(out->tree_error, 0, "could not find out what is in the backup: %s", strerror(-rc));
	put_wal(r, store_fd);
	if (r->store.ix.map != NULL)
		store_close(&r->store);
	if (fds != NULL)
		fdcache_free(fds);
}

static int
read_inside(int store_fd, void *arg)
{
	const struct request *q = arg;
	struct reading r = { .q = q, .out = q->out };

	told = q->out;
	log_set_sink(take_log);
	if (chain_open(store_fd, q->options->store, q->proof->instance, q->proof->id, false, &r.chain,
	    q->out->chain_error) < 0)
		return 0;
	r.backup = &r.chain->member[0].control;
	put_chain(&r);
	read_index(&r, store_fd, q->proof->instance);
	chain_free(r.chain);
	return 0;
}

/* ---- outside ------------------------------------------------------------------------------------------ */

#define END(text)	((text)[sizeof(text) - 1] = '\0')

static void
end_range(struct recovery_range *r)
{
	unsigned i;

	END(r->first);
	END(r->last);
	r->n_gaps = MIN(r->n_gaps, (unsigned)RECOVERY_GAPS_MAX);
	for (i = 0; i < r->n_gaps; i++)
		END(r->gap[i].first);
}

/* Whatever the child has left there: texts end, counts keep within their arrays. */
static void
make_safe(struct plan_store *s)
{
	unsigned i;

	s->n_members = MIN(s->n_members, (unsigned)CHAIN_MAX);
	for (i = 0; i < s->n_members; i++) {
		END(s->member[i].id);
		if ((unsigned)s->member[i].mode > MODE_PTRACK)
			s->member[i].mode = MODE_FULL;
	}
	END(s->chain_error);
	END(s->tree_error);
	END(s->wal_error);
	END(s->wal_warning);
	end_range(&s->need.own);
	end_range(&s->need.rest);
	s->n_settings = MIN(s->n_settings, (unsigned)PLAN_SETTINGS_MAX);
	for (i = 0; i < s->n_settings; i++) {
		END(s->setting[i].name);
		END(s->setting[i].value);
	}
	s->n_warnings = MIN(s->n_warnings, (unsigned)PLAN_WARNINGS_MAX);
	for (i = 0; i < s->n_warnings; i++)
		END(s->warning[i]);
}

int
plan_store_read(const struct options *o, const struct proof *p, struct plan_store *s)
{
	int index_fd autoclose = memfd_create("pbkfs-index", MFD_CLOEXEC), rc;
	struct confined c = {
		.store = o->store, .instance = p->instance, .write_fd = -1, .sandbox = o->sandbox,
		.debug = o->debug, .so_what = "nothing was planned",
		.looks_around = true,	/* for the libraries that a server preloads */
	};
	struct request q = { .options = o, .proof = p, .index_fd = index_fd, .out = s };
	struct options run = *o;

	if (index_fd < 0)
		return cli_error("could not create the index: %s", strerror(errno));
	if (run.target == NULL && p->has_archive)
		run.target = "latest";
	if ((rc = clone_args(&run, "", &q.clone, &q.target)) != 0)
		return rc;
	memset(s, 0, sizeof(*s));
	rc = confined_run(&c, read_inside, &q);
	make_safe(s);
	return rc;
}
