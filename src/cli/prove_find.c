/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds, in a confined child, the backups of the instances that were asked for, and how old the newest backup and
 * the last WAL of each instance are.
 */
#include "config.h"

#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/confined.h"
#include "cli/prove.h"
#include "probackup/archive_last.h"
#include "probackup/choose.h"
#include "probackup/member.h"
#include "probackup/recovery_time.h"

struct request {
	const struct options *options;
	struct proofs *found;
};

static struct proof *
add_proof(struct proofs *f, const char *instance, const char *id)
{
	struct proof *p;

	if (f->n == PROOFS_MAX) {
		f->left_out++;
		return NULL;
	}
	p = &f->proof[f->n++];
	strlcpy(p->instance, instance, sizeof(p->instance));
	strlcpy(p->id, id, sizeof(p->id));
	return p;
}

static void
put_age(struct proof *p, const struct instance_backup *newest)
{
	const struct control *c = newest != NULL ? newest->control : NULL;
	int64_t us;

	if (p == NULL || c == NULL ||
	    recovery_time_parse(c->recovery_time[0] != '\0' ? c->recovery_time : c->end_time, &us) != 0)
		return;
	p->has_age = true;
	p->age = MAX(clock_real_ns() / 1000000000 - us / 1000000, (int64_t)0);
}

/* Whether the archive, whose last segment is *w, has all up to the end of the backup. */
static bool
is_covered(const struct archive *a, const struct walname *w, const struct control *c)
{
	return c->stop_lsn != 0 && w->timeline >= c->timeline && w->segno >= wal_segno_before(c->stop_lsn, a->seg_size);
}

/*
 * Finds the archive of the instance and the moment up to which it has all that a server did: the time
 * of its last records; or that of the newest backup, if the archive goes on to its end, since an idle server
 * writes nothing.
 */
static void
find_archive(int store_fd, const char *instance, const struct instance_backup *newest, struct proof *p)
{
	int64_t now = clock_real_ns() / 1000000000;
	struct archive_last last;
	struct archive a;

	if (archive_init(&a, store_fd, instance, 0, 0) != 0 || archive_last_find(&a, &last) != 0 ||
	    last.wal.kind == WAL_NONE)
		return;
	p->has_archive = true;
	strlcpy(p->last_wal, last.name, sizeof(p->last_wal));
	p->wal_age = MAX(now - last.time, (int64_t)0);
	if (p->has_age && is_covered(&a, &last.wal, newest->control))
		p->wal_age = MIN(p->wal_age, p->age);
}

/* A backup that was named is one of this instance's, or of another one. */
static void
take_named(const struct request *q, const char *name, const struct instance *in, const struct instance_backup *newest)
{
	const struct options *o = q->options;
	char id[BACKUP_ID_MAX];
	struct proof *p;
	size_t i;

	for (i = 0; i < in->n; i++)
		if (backup_id_normalize(o->backup_id, id) == 0 && strcmp(in->backup[i].id, id) == 0) {
			put_age(add_proof(q->found, name, id), newest);
			return;
		}
	if (o->instances.n > 0 && (p = add_proof(q->found, name, "")) != NULL)
		prove_remark(&p->step[PROVE_VERIFY], PROVE_UNKNOWN, "no backup \"%s\": pbkfs show lists those that there are",
		    o->backup_id);
}

/*
 * Whether a backup that cannot be mounted is one that should be: it was complete once, or nobody can tell.  One that
 * failed, or still runs, never was.
 */
static bool
was_complete(const struct instance_backup *b)
{
	return b->control == NULL || member_is_complete(b->control) || strcmp(b->control->status, "CORRUPT") == 0 ||
	    strcmp(b->control->status, "ORPHAN") == 0;
}

/*
 * Backups that nobody can use are not passed over in silence: with all, each that was complete, else those that
 * are newer than the one to prove, and the backup that failed last.
 */
static void
take_unusable(const struct request *q, const char *name, const struct instance *in, const struct instance_backup *newest,
    bool all)
{
	const struct instance_backup *b;
	struct proof *p;
	bool is_newer;

	for (b = in->backup; b < in->backup + in->n; b++) {
		is_newer = newest == NULL || b < newest;
		if (b->reason == NULL || (!all && !is_newer) ||
		    (!was_complete(b) && (!is_newer || strcmp(b->control->status, "ERROR") != 0)))
			continue;
		if ((p = add_proof(q->found, name, b->id)) != NULL) {
			put_age(p, newest);
			prove_remark(&p->step[PROVE_VERIFY], PROVE_FAILED, "%s", b->reason);
		}
	}
}

static void
take_instance(const struct request *q, int store_fd, const char *name)
{
	const struct options *o = q->options;
	char error[CHAIN_ERROR_MAX] = "";
	const struct instance_backup *newest;
	struct instance in = { 0 };
	struct proof *p;
	bool all = o->backup_id != NULL && strcmp(o->backup_id, "all") == 0;
	size_t i, first;
	int rc;

	if ((rc = confined_admit(store_fd, name)) != 0)
		snprintf(error, sizeof(error), "%s", strerror(-rc));
	else
		rc = instance_load(store_fd, o->store, name, &in, error);
	if (rc != 0) {
		if ((p = add_proof(q->found, name, "")) != NULL)
			prove_remark(&p->step[PROVE_VERIFY], PROVE_UNKNOWN, "%s", error);
		instance_fini(&in);
		return;
	}
	newest = choose_newest(&in);
	first = q->found->n;
	if (all) {
		for (i = 0; i < in.n; i++)
			if (in.backup[i].reason == NULL)
				put_age(add_proof(q->found, name, in.backup[i].id), newest);
	} else if (o->backup_id != NULL && !choose_is_asked(o->backup_id)) {
		take_named(q, name, &in, newest);
	} else if (newest != NULL) {
		put_age(add_proof(q->found, name, newest->id), newest);
	}
	if (newest != NULL && first < q->found->n)
		find_archive(store_fd, name, newest, &q->found->proof[first]);
	for (i = first + 1; i < q->found->n; i++) {
		p = &q->found->proof[i];
		p->has_archive = p[-1].has_archive;
		p->wal_age = p[-1].wal_age;
		memcpy(p->last_wal, p[-1].last_wal, sizeof(p->last_wal));
	}
	if (all || o->backup_id == NULL || choose_is_asked(o->backup_id))
		take_unusable(q, name, &in, newest, all);
	if (newest == NULL && first == q->found->n && (p = add_proof(q->found, name, "")) != NULL)
		prove_remark(&p->step[PROVE_VERIFY], PROVE_FAILED, "no backup can be mounted");
	instance_fini(&in);
}

static bool
is_named_before(const struct option_list *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(list->item[i], list->item[n]) == 0)
			return true;
	return false;
}

/* Runs in the confined child. */
static int
find_inside(int store_fd, void *arg)
{
	const struct request *q = arg;
	char error[CHAIN_ERROR_MAX], **names = NULL;
	size_t n = 0, i;
	int rc;

	memset(q->found, 0, sizeof(*q->found));
	for (i = 0; i < q->options->instances.n; i++)
		if (!is_named_before(&q->options->instances, i))
			take_instance(q, store_fd, q->options->instances.item[i]);
	if (i > 0)
		return 0;
	if ((rc = instance_names(store_fd, q->options->store, &names, &n, error)) < 0)
		return confined_failed(rc, error);
	for (i = 0; i < n; i++)
		take_instance(q, store_fd, names[i]);
	instance_names_free(names, n);
	return 0;
}

/*
 * Believes nothing of what it found but a name and an id, as far as they can be such, their ages, and why there
 * is nothing to prove.
 */
static int
check_found(const struct options *o, struct proofs *f)
{
	struct prove_step verify;
	bool has_failed;
	size_t i;

	if (f->n > PROOFS_MAX)
		return cli_error("the confined process was taken over");
	for (i = 0; i < f->n; i++) {
		struct proof *p = &f->proof[i];
		char id[BACKUP_ID_MAX];

		p->instance[sizeof(p->instance) - 1] = p->id[sizeof(p->id) - 1] = '\0';
		p->last_wal[sizeof(p->last_wal) - 1] = '\0';
		p->age = MAX(p->age, (int64_t)0);
		p->wal_age = MAX(p->wal_age, (int64_t)0);
		if (strchr(p->instance, '/') != NULL || p->instance[0] == '.' ||
		    (p->id[0] != '\0' && backup_id_normalize(p->id, id) != 0))
			return cli_error("the confined process was taken over");
		if (p->id[0] != '\0')
			strlcpy(p->id, id, sizeof(p->id));
		verify = p->step[PROVE_VERIFY];
		memset(p->step, 0, sizeof(p->step));
		has_failed = verify.result == PROVE_FAILED || verify.result == PROVE_UNKNOWN;
		if (p->id[0] == '\0' && !has_failed)
			return cli_error("the confined process was taken over");
		if (!has_failed)
			continue;
		verify.remark[PROVE_REMARK_MAX - 1] = '\0';
		prove_remark(&p->step[PROVE_VERIFY], verify.result, "%s", verify.remark);
	}
	if (f->n == 0 && o->backup_id != NULL && !choose_is_asked(o->backup_id))
		return cli_error("no instance has a backup \"%s\": pbkfs show lists those that there are", o->backup_id);
	if (f->n == 0)
		return cli_error("the catalog has no instances");
	if (f->left_out > 0)
		return cli_error("%zu backups are too many to prove at once", f->n + f->left_out);
	return 0;
}

int
prove_find(const struct options *o, struct proofs *f)
{
	struct request q = { o, f };
	struct confined c = {
		.store = o->store, .instance = o->instances.n == 1 ? o->instances.item[0] : NULL, .write_fd = -1,
		.sandbox = o->sandbox, .debug = o->debug, .so_what = "nothing was proven",
	};

	return confined_run(&c, find_inside, &q) != 0 ? PROVE_EXIT_UNJUDGED : check_found(o, f);
}
