/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds what -T and --external-mapping name, and fills their directories.
 * Where the links to these are made is in clone.c.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "ipc/clone_config.h"
#include "probackup/explain.h"
#include "probackup/tablespace.h"
#include "worker/confine.h"
#include "worker/copyout.h"
#include "worker/relocate.h"
#include "worker/report.h"
#include "worker/walfind.h"
#include "worker/worker.h"

static int
find_external(const struct chain *c, const char *from, char *name, char *error)
{
	const struct backup *b = &c->member[0];
	char text[CONTROL_EXTERNAL_MAX], *dirs[TABLESPACE_EXTERNALS_MAX];
	unsigned i, n;

	memcpy(text, b->control.external_dirs, sizeof(text));
	n = tablespace_externals(text, dirs);
	for (i = 0; i < n; i++)
		if (strcmp(dirs[i], from) == 0) {
			snprintf(name, RELOCATE_NAME_MAX, "%u", i + 1);
			return 0;
		}
	return explain(error, -ENOENT, "backup %s has no external directory \"%s\", only: %s", b->id,
	    from, n > 0 ? b->control.external_dirs : "none");
}

static void
list_locations(const struct tablespace_map *m, char *text, size_t size)
{
	size_t i, len = 0;

	snprintf(text, size, "none");
	for (i = 0; i < m->n && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s\"%s\"", i > 0 ? ", " : "",
		    m->at[i].location);
}

static int
find_tablespace(const struct chain *c, const char *from, char *name, char *error)
{
	const struct backup *b = &c->member[0];
	char why[CHAIN_ERROR_MAX], known[CHAIN_ERROR_MAX / 2];
	struct tablespace_map m;
	size_t i;
	int rc;

	if ((rc = tablespace_map_load(b->dirfd, &m, why)) < 0)
		return explain(error, rc, "could not use " TABLESPACE_MAP " of backup %s: %s", b->id,
		    why);
	for (i = 0, rc = -ENOENT; i < m.n && rc < 0; i++)
		if (strcmp(m.at[i].location, from) == 0) {
			snprintf(name, RELOCATE_NAME_MAX, "%s", m.at[i].oid);
			rc = 0;
		}
	list_locations(&m, known, sizeof(known));
	tablespace_map_fini(&m);
	return rc == 0 ? 0 : explain(error, rc, "backup %s has no tablespace at \"%s\", only: %s",
	    b->id, from, known);
}

int
relocate_find(const struct clone_config *p, unsigned i, const struct chain *c, const char **dir,
    char name[RELOCATE_NAME_MAX], char *error)
{
	const struct clone_mapping *m = &p->mapping[i];

	*dir = m->external ? ONDISK_EXTERNAL : ONDISK_TABLESPACES;
	return m->external ? find_external(c, m->from, name, error) :
	    find_tablespace(c, m->from, name, error);
}

int
relocate_find_in_wal(const struct job *job, unsigned i, const struct chain *c,
    char name[RELOCATE_NAME_MAX])
{
	static char known[CLONE_MAPPINGS_MAX][RELOCATE_NAME_MAX];
	const struct control *backup = &c->member[0].control;
	struct archive a;
	uint32_t oid;

	if (job->clone->mapping[i].external)
		return -ENOENT;
	if (known[i][0] == '\0') {
		if (archive_init(&a, job->store_fd, job->instance, c->xlog_seg_size, 0) < 0 ||
		    walfind(&a, wal_segno(backup->start_lsn, a.seg_size),
		    job->clone->mapping[i].from, &oid) < 0)
			return -ENOENT;
		snprintf(known[i], RELOCATE_NAME_MAX, "%u", (unsigned)oid);
	}
	memcpy(name, known[i], RELOCATE_NAME_MAX);
	return 0;
}

static uint32_t
entry_of(const struct index *ix, const char *dir, const char *name)
{
	uint32_t e = index_child(ix, INDEX_ROOT, dir, strlen(dir));

	return e == INDEX_NONE ? e : index_child(ix, e, name, strlen(name));
}

static int
fill_one(const struct job *job, const struct chain *c, struct copyout *out, unsigned i)
{
	const struct clone_config *p = job->clone;
	char name[RELOCATE_NAME_MAX], error[CHAIN_ERROR_MAX];
	const char *dir;
	uint32_t e;
	int rc;

	/*
	 * WAL makes the tablespace that the backup does not have; the preparer
	 * has found it there.
	 */
	if ((rc = relocate_find(p, i, c, &dir, name, error)) == -ENOENT && !p->mapping[i].external)
		return 0;
	if (rc < 0) {
		report_failed("%s", error);
		return rc;
	}
	/* An external directory that was empty is not in the lists. */
	if ((e = entry_of(&out->store->ix, dir, name)) == INDEX_NONE)
		return 0;
	if ((rc = copyout_children(out, e, job->mapped_fds[i])) < 0)
		report_failed("could not copy to \"%s\": %s", p->mapping[i].to,
		    report_last_error()[0] != '\0' ? report_last_error() : strerror(-rc));
	return rc;
}

static int
fill_all(const struct job *job, const struct chain *c, struct store *s, struct fdcache *fds)
{
	static struct iostats stats;
	struct copyout out = { .store = s, .keep_modes = true };
	struct reader rd;
	unsigned i;
	int rc;

	if ((rc = store_open(s, job->store_fd, job->instance, job->index_fd, fds)) < 0)
		return rc;
	if ((rc = reader_init(&rd, &stats)) == 0) {
		out.rd = &rd;
		for (i = 0; i < job->clone->n_mappings && rc == 0; i++)
			rc = fill_one(job, c, &out, i);
		reader_fini(&rd);
	}
	store_close(s);
	return rc;
}

int
worker_fill(const struct job *job)
{
	char error[CHAIN_ERROR_MAX];
	struct fdcache *fds;
	static struct store s;
	struct chain *c;
	int rc;

	if (confine_worker(job) < 0)
		return EXIT_FAILURE;
	if (chain_open(job->store_fd, job->store_name, job->instance, job->backup_id, job->force,
	    &c, error) < 0) {
		report_failed("%s", error);
		return EXIT_FAILURE;
	}
	fds = fdcache_new(confine_max_fds());
	rc = fds != NULL ? fill_all(job, c, &s, fds) : -ENOMEM;
	fdcache_free(fds);
	chain_free(c);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
