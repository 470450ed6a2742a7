/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "cow/treefile.h"
#include "ipc/clone_config.h"
#include "probackup/blockmap.h"
#include "probackup/chain.h"
#include "probackup/choose.h"
#include "probackup/merge.h"
#include "probackup/partial.h"
#include "worker/clone.h"
#include "worker/confine.h"
#include "worker/engine.h"
#include "worker/report.h"
#include "worker/walfill.h"
#include "worker/worker.h"

/*
 * The first confined process of a mount.  It alone parses the catalog, builds
 * the index, which the supervisor seals before anyone serves from it, and tells
 * what it found by MSG_PREPARED or MSG_FAILED.
 */

#define INDEX_THREADS	4
#define ROOM_TEXT_MAX	800

/* Twice what the largest index takes, and half as much again while it is laid out. */
#define PREPARE_MEMORY_MAX	(UINT64_C(5) << 30)
#define REPORTED_BYTES	(64 * MiB)	/* that are checked between two reports of progress */

static void
report_members(const struct chain *c)
{
	unsigned i;

	for (i = 0; i < c->n; i++) {
		struct msg_member m = {
			.version = c->member[i].control.version,
			.list_crc = c->member[i].list_crc,
		};

		memcpy(m.id, c->member[i].id, sizeof(m.id));
		report_send(MSG_MEMBER, &m, sizeof(m));
	}
}

static int
fill(const struct job *job, struct store *s, struct msg_prepared *p)
{
	static struct iostats stats;
	struct reader rd;
	int rc;

	if ((rc = reader_init(&rd, &stats)) < 0)
		return rc;
	if ((rc = blockmap_find_lengths(s, job->index_fd, &rd)) == 0 && job->wal == WAL_DIRECT)
		rc = walfill(job, s, &rd, &p->wal_copied);
	reader_fini(&rd);
	return rc;
}

/*
 * Checks a chain in which a merge was interrupted, which --force admits.  The
 * supervisor gets a report now and then: it takes as long as reading what is
 * stored.
 */
static int
check_merge(const struct chain *c, const struct store *s)
{
	static struct iostats stats;
	struct msg_progress p = { 0 };
	uint64_t reported = 0;
	struct reader rd;
	uint32_t e;
	int rc;

	if (!merge_is_suspect(c))
		return 0;
	if ((rc = reader_init(&rd, &stats)) < 0)
		return rc;
	for (e = 0; e < s->ix.n_entries && rc == 0; e++) {
		rc = merge_check_file(c, s, e, &rd, &p.done);
		if (p.done - reported > REPORTED_BYTES) {
			reported = p.done;
			report_send(MSG_PROGRESS, &p, sizeof(p));
		}
	}
	reader_fini(&rd);
	return rc;
}

/*
 * Does all that needs the index: finds the lengths that no list has, checks a
 * merge, copies WAL.
 */
static int
use_index(const struct job *job, const struct chain *c, struct msg_prepared *p)
{
	struct fdcache *fds = fdcache_new(confine_max_fds());
	struct store s;
	int rc;

	if (fds == NULL)
		return -ENOMEM;
	if ((rc = store_open(&s, job->store_fd, job->instance, job->index_fd, fds)) == 0) {
		p->tree_digest = s.ix.tree_digest;
		p->n_entries = s.ix.n_entries;
		p->root_mode = s.ix.entries[INDEX_ROOT].mode & 07777;
		if ((rc = check_merge(c, &s)) == 0)
			rc = fill(job, &s, p);
		store_close(&s);
	}
	fdcache_free(fds);
	return rc == 0 && job->clone != NULL ? clone_make(job, c) : rc;
}

/* In bytes, of address space. */
static unsigned long long
memory_limit(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_AS, &limit) == 0 ? limit.rlim_cur : 0;
}

/* Tells, if there is no space for what the mount needs, where that is and how much is left. */
static const char *
room_left(const struct job *job, int rc, char text[ROOM_TEXT_MAX])
{
	char size[TEXT_NUMBER_MAX];
	struct statvfs v;

	text[0] = '\0';
	if ((rc != -ENOSPC && rc != -EDQUOT) || fstatvfs(job->diff_fd, &v) != 0)
		return text;
	text_size((uint64_t)v.f_bavail * v.f_frsize, size);
	snprintf(text, ROOM_TEXT_MAX, ": the file system of diff directory \"%.600s\" has %s and %llu"
	    " files free", job->diff, size, (unsigned long long)v.f_favail);
	return text;
}

static int
prepare(const struct job *job, struct chain *c, const struct msg_prepared *layers)
{
	struct msg_prepared p = {
		.layers = layers->layers, .n_members = c->n,
		.server_version = (uint32_t)strtoul(c->member[0].control.server_version, NULL, 10),
		.wal_segment = c->xlog_seg_size,
	};
	char error[CHAIN_ERROR_MAX], room[ROOM_TEXT_MAX];
	int rc;

	memcpy(p.snapshot, layers->snapshot, sizeof(p.snapshot));
	snprintf(p.warning, sizeof(p.warning), "%s", c->warning);
	if (job->clone != NULL && (rc = clone_check(job, c)) < 0)
		return rc;
	rc = index_build(c, job->index_fd, job->index_max, INDEX_THREADS, error);
	if (rc == -ENOMEM)
		report_failed("%s: preparing backup \"%s\" takes more than the %llu MiB that a process may have:"
		    " choose another backup, or raise the limit (ulimit -v)", error, c->member[0].id, memory_limit() / MiB);
	else if (rc < 0)
		report_failed("%s", error);
	if (rc < 0)
		return rc;
	report_members(c);	/* building the index has read their lists and checksums */
	if ((rc = use_index(job, c, &p)) < 0) {
		if (report_last_error()[0] != '\0')
			report_failed("%s%s", report_last_error(), room_left(job, rc, room));
		else
			report_failed("could not prepare the mount: %s%s", strerror(-rc),
			    room_left(job, rc, room));
		return rc;
	}
	report_send(MSG_PREPARED, &p, sizeof(p));
	return 0;
}

static void
report_choice(const struct choice *c)
{
	report_send(MSG_NOTE, c->text, strlen(c->text));
	if (c->warning[0] != '\0')
		report_send(MSG_WARNING, c->warning, strlen(c->warning));
}

/* The choice is in the binding from then on, and nobody chooses again. */
static int
open_chain(const struct job *job, struct chain **chain, char *error)
{
	const struct clone_config *p = job->clone;
	const char *id = job->backup_id;
	struct choice c;
	int rc;

	if (id == NULL) {
		rc = choose_backup(job->store_fd, job->store_name, job->instance,
		    p != NULL ? p->target : NULL, &c, error);
		if (rc < 0)
			return rc;
		report_choice(&c);
		id = c.id;
	}
	return chain_open(job->store_fd, job->store_name, job->instance, id, job->force, chain,
	    error);
}

static int
leave_out(const struct job *job, struct chain *c)
{
	const struct clone_databases *d = job->databases;
	char note[CHAIN_ERROR_MAX], error[CHAIN_ERROR_MAX];
	int rc;

	if (d == NULL || d->n == 0)
		return 0;
	if ((rc = partial_choose(c, d->include, d->name, d->n, note, error)) < 0)
		report_failed("%s", error);
	else if (job->fresh)
		report_send(MSG_NOTE, note, strlen(note));
	return rc;
}

/* Whatever a catalog claims: the machine has others who need memory. */
static void
limit_memory(void)
{
	struct rlimit limit;

#ifdef __SANITIZE_ADDRESS__
	return;		/* whose shadow takes terabytes of address space */
#endif
	if (getrlimit(RLIMIT_AS, &limit) != 0)
		return;
	limit.rlim_cur = MIN(limit.rlim_cur, (rlim_t)PREPARE_MEMORY_MAX);
	setrlimit(RLIMIT_AS, &limit);
}

/* Without a chain: the tree that hydration has left says what there is, and of which backups. */
static int
prepare_detached(const struct job *job, const struct msg_prepared *layers)
{
	struct msg_prepared p = *layers;
	struct index ix;
	uint32_t i;
	int rc;

	if ((rc = treefile_load(job->diff_fd, job->index_fd, job->index_max)) < 0 ||
	    (rc = index_open(job->index_fd, &ix)) < 0) {
		report_failed("%s", report_last_error()[0] != '\0' ? report_last_error() :
		    rc == -EUCLEAN ? "the tree in the diff directory is damaged" : strerror(-rc));
		return rc;
	}
	for (i = 0; i < ix.n_backups; i++) {
		struct msg_member m = {
			.version = ix.backups[i].version, .list_crc = ix.backups[i].list_crc,
		};

		memcpy(m.id, ix.backups[i].id, sizeof(m.id));
		report_send(MSG_MEMBER, &m, sizeof(m));
	}
	p.n_members = ix.n_backups;
	p.n_entries = ix.n_entries;
	p.tree_digest = ix.tree_digest;
	p.server_version = ix.server_version;
	p.root_mode = ix.entries[INDEX_ROOT].mode & 07777;
	index_close(&ix);
	report_send(MSG_PREPARED, &p, sizeof(p));
	return 0;
}

/* Before all else: what the diff directory stands on has to be there, and whole. */
static int
find_layers(const struct job *job, struct msg_prepared *p)
{
	int rc = engine_open_layers(job, p->snapshot);

	if (rc < 0)
		report_failed("%s", report_last_error()[0] != '\0' ? report_last_error() : strerror(-rc));
	p->layers = (uint32_t)MAX(rc, 0);
	return MIN(rc, 0);
}

int
worker_prepare(const struct job *job)
{
	struct msg_prepared layers = { 0 };
	char error[CHAIN_ERROR_MAX];
	struct chain *c;
	int rc;

	limit_memory();
	if (confine_worker(job) < 0 || find_layers(job, &layers) < 0)
		return EXIT_FAILURE;
	if (job->detached)
		return prepare_detached(job, &layers) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if ((rc = open_chain(job, &c, error)) < 0) {
		report_failed("%s", error);
		return EXIT_FAILURE;
	}
	if ((rc = leave_out(job, c)) == 0)
		rc = prepare(job, c, &layers);
	chain_free(c);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
