/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads, in a confined child, which backup is to be restored and what it is made of; refuses what no
 * server could start from.  Nothing is written but the index.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/confined.h"
#include "cli/restoring.h"
#include "cli/target_args.h"
#include "pg/walname.h"
#include "probackup/archive.h"
#include "probackup/blockmap.h"
#include "probackup/partial.h"
#include "probackup/tablespace.h"
#include "restore/mark.h"

#define INDEX_THREADS	4
#define FDS_MAX		64

/* ---- what a server needs ----------------------------------------------------- */

static int
check_recovery(const struct restoring *r, const struct chain *c, int store_fd)
{
	const struct control *backup = &c->member[0].control;
	const struct servconf conf = {
		.stream = backup->stream, .replica = r->clone.replica, .target = &r->target,
		.own_command = r->clone.restore_command != NULL,
	};
	char error[CHAIN_ERROR_MAX], warning[CHAIN_ERROR_MAX] = "";
	struct archive a;
	int rc;

	/* A restore_command of the user's has another archive. */
	if (!servconf_recovers(&conf) || conf.own_command)
		return 0;
	rc = archive_init(&a, store_fd, r->options->instance, c->xlog_seg_size,
	    (uint32_t)strtoul(backup->server_version, NULL, 10));
	if (rc < 0)
		return cli_error("could not use the archive: %s", strerror(-rc));
	if (recovery_check(backup, &a, &r->target, error, warning) < 0)
		return cli_error("%s", error);
	if (warning[0] != '\0')
		log_warn("%s", warning);
	return 0;
}

/* A backup with its own WAL has to have all of it. */
static int
check_wal(const struct chain *c, struct store *s, struct reader *rd)
{
	const struct index *ix = &s->ix;
	const struct control *b = &c->member[0].control;
	struct walname w = { .kind = WAL_SEGMENT, .timeline = b->timeline };
	char path[WALNAME_MAX + 16] = "pg_wal/";
	uint64_t last;
	uint32_t e;
	char byte;

	if (!b->stream || b->stop_lsn <= b->start_lsn || c->xlog_seg_size == 0 || b->timeline == 0)
		return 0;
	last = wal_segno_before(b->stop_lsn, c->xlog_seg_size);
	for (w.segno = wal_segno(b->start_lsn, c->xlog_seg_size); w.segno <= last; w.segno++) {
		walname_format(&w, c->xlog_seg_size, path + strlen("pg_wal/"));
		e = index_lookup(ix, path, strlen(path));
		s->quiet = true;
		if (e == INDEX_NONE || plainfile_read(s, e, 0, 1, &byte, rd) < 0)
			return cli_error("\"%s\" is missing in backup %s, without which it is not consistent", path,
			    c->member[0].id);
		s->quiet = false;
	}
	return 0;
}

/* ---- figures ------------------------------------------------------------------- */

static void
add_sizes(const struct index *ix, uint32_t dir, uint64_t *bytes, uint64_t *files)
{
	const struct index_entry *d = &ix->entries[dir];
	uint32_t i;

	for (i = d->first; i < d->first + d->count; i++) {
		if ((ix->entries[i].flags & INDEX_DIR) != 0)
			add_sizes(ix, i, bytes, files);
		*bytes += ix->entries[i].size;
		*files += 1;
	}
}

static void
add_sizes_at(const struct index *ix, const char *shown, uint64_t *bytes, uint64_t *files)
{
	uint32_t e = index_lookup(ix, shown, strlen(shown));

	if (e != INDEX_NONE && (ix->entries[e].flags & INDEX_DIR) != 0)
		add_sizes(ix, e, bytes, files);
}

static void
measure(struct survey *s, const struct index *ix)
{
	uint64_t bytes = 0, files = 0;
	char shown[64];
	unsigned i;

	add_sizes(ix, INDEX_ROOT, &s->bytes, &s->files);
	add_sizes_at(ix, ONDISK_TABLESPACES, &bytes, &files);
	add_sizes_at(ix, ONDISK_EXTERNAL, &bytes, &files);
	add_sizes_at(ix, ONDISK_WAL, &s->wal_bytes, &s->wal_files);
	s->bytes -= bytes + s->wal_bytes;
	s->files -= files + s->wal_files;
	for (i = 0; i < s->n_places; i++) {
		snprintf(shown, sizeof(shown), "%s/%s", s->place[i].external ? ONDISK_EXTERNAL :
		    ONDISK_TABLESPACES, s->place[i].name);
		add_sizes_at(ix, shown, &s->place[i].bytes, &s->place[i].files);
	}
}

/* ---- places -------------------------------------------------------------------- */

static int
add_place(struct survey *s, bool external, const char *name, const char *location)
{
	struct survey_place *p = &s->place[s->n_places];

	if (s->n_places == ARRAY_SIZE(s->place))
		return cli_error("the backup has more tablespaces and external directories than %zu",
		    ARRAY_SIZE(s->place));
	if (strlcpy(p->location, location, sizeof(p->location)) >= sizeof(p->location))
		return cli_error("a location in the backup is too long: \"%.100s...\"", location);
	strlcpy(p->name, name, sizeof(p->name));
	p->external = external;
	s->n_places++;
	return 0;
}

static int
find_places(const struct restoring *r, const struct chain *c)
{
	const struct backup *b = &c->member[0];
	char text[CONTROL_EXTERNAL_MAX], *dirs[TABLESPACE_EXTERNALS_MAX], error[CHAIN_ERROR_MAX], number[12];
	struct tablespace_map m;
	unsigned n;
	size_t i;
	int rc = 0;

	if (tablespace_map_load(b->dirfd, &m, error) < 0)
		return cli_error("could not use " TABLESPACE_MAP " of backup %s: %s", b->id, error);
	for (i = 0; i < m.n && rc == 0; i++)
		rc = add_place(r->found, false, m.at[i].oid, m.at[i].location);
	tablespace_map_fini(&m);
	memcpy(text, b->control.external_dirs, sizeof(text));
	n = r->clone.skip_external ? 0 : tablespace_externals(text, dirs);
	for (i = 0; i < n && rc == 0; i++) {
		snprintf(number, sizeof(number), "%zu", i + 1);
		rc = add_place(r->found, true, number, dirs[i]);
	}
	return rc;
}

/* ---- the index ------------------------------------------------------------------- */

static int
read_sysid(struct survey *s, const struct store *store, struct reader *rd)
{
	uint32_t e = index_lookup(&store->ix, MARK_CONTROL_FILE, strlen(MARK_CONTROL_FILE));
	unsigned char bytes[8];

	if (e == INDEX_NONE || store->ix.entries[e].flags != 0 || store->ix.entries[e].size < sizeof(bytes))
		return cli_error("backup %s has no \"" MARK_CONTROL_FILE "\"", s->id);
	if (plainfile_read(store, e, 0, sizeof(bytes), bytes, rd) < 0)
		return EXIT_FAILURE;
	s->sysid = get_le64(bytes);
	return 0;
}

static void
read_facts(struct survey *s, const struct chain *c, const struct index *ix)
{
	unsigned i;

	s->server_version = ix->server_version;
	s->root_mode = ix->entries[INDEX_ROOT].mode & 0777;
	s->stream = c->member[0].control.stream;
	strlcpy(s->conninfo, c->member[0].control.primary_conninfo, sizeof(s->conninfo));
	s->tree = ix->tree_digest;
	s->n_members = ix->n_backups;
	for (i = 0; i < ix->n_backups; i++) {
		strlcpy(s->member[i], ix->backups[i].id, BACKUP_ID_MAX);
		s->lists = crc32c((uint32_t)s->lists, ix->backups[i].id, strlen(ix->backups[i].id) + 1);
		s->lists = crc32c((uint32_t)s->lists, &ix->backups[i].list_crc, sizeof(uint32_t));
	}
}

static int
use_index(const struct restoring *r, const struct chain *c, struct store *s)
{
	static struct iostats stats;
	struct reader rd;
	int rc;

	if (reader_init(&rd, &stats) < 0)
		return cli_error("out of memory");
	if ((rc = blockmap_find_lengths(s, r->index_fd, &rd)) < 0)
		rc = cli_error("could not find the lengths of files: %s", strerror(-rc));
	else if ((rc = check_wal(c, s, &rd)) == 0 && (rc = read_sysid(r->found, s, &rd)) == 0) {
		read_facts(r->found, c, &s->ix);
		measure(r->found, &s->ix);
	}
	reader_fini(&rd);
	return rc;
}

static int
build_index(const struct restoring *r, struct chain *c, int store_fd)
{
	struct fdcache *fds = fdcache_new(FDS_MAX);
	char error[CHAIN_ERROR_MAX];
	struct store s;
	int rc;

	if (fds == NULL)
		return cli_error("out of memory");
	if ((rc = index_build(c, r->index_fd, RESTORING_INDEX_MAX, INDEX_THREADS, error)) < 0) {
		rc = confined_failed(rc, error);
	} else if ((rc = store_open(&s, store_fd, r->options->instance, r->index_fd, fds)) < 0) {
		rc = cli_error("could not open the index: %s", strerror(-rc));
	} else {
		rc = use_index(r, c, &s);
		store_close(&s);
	}
	fdcache_free(fds);
	return rc;
}

static int
leave_out(const struct restoring *r, struct chain *c)
{
	const struct clone_databases *d = &r->clone.databases;
	char note[CHAIN_ERROR_MAX], error[CHAIN_ERROR_MAX];
	int rc;

	if (d->n == 0)
		return 0;
	if ((rc = partial_choose(c, d->include, d->name, d->n, note, error)) < 0)
		return confined_failed(rc, error);
	log_info("%s", note);
	return 0;
}

static int
survey_chain(const struct restoring *r, struct chain *c, int store_fd)
{
	int rc;

	if (c->warning[0] != '\0')
		log_warn("%s", c->warning);
	if (r->clone.replica && r->options->conninfo == NULL && c->member[0].control.primary_conninfo[0] == '\0')
		log_warn("backup %s does not say how its primary is reached: the standby has no primary"
		    " until primary_conninfo is set, --primary-conninfo sets it", c->member[0].id);
	strlcpy(r->found->id, c->member[0].id, sizeof(r->found->id));
	if ((rc = check_recovery(r, c, store_fd)) != 0 || (rc = leave_out(r, c)) != 0 ||
	    (rc = find_places(r, c)) != 0)
		return rc;
	return build_index(r, c, store_fd);
}

/* Runs in the confined child. */
static int
survey_inside(int store_fd, void *arg)
{
	const struct restoring *r = arg;
	const struct options *o = r->options;
	char id[BACKUP_ID_MAX], error[CHAIN_ERROR_MAX];
	struct chain *c;
	int rc;

	memset(r->found, 0, sizeof(*r->found));
	if (r->choose && (rc = target_args_find(store_fd, o, &r->target, id)) != 0)
		return rc;
	rc = chain_open(store_fd, o->store, o->instance, r->choose ? id : o->backup_id, false, &c, error);
	if (rc < 0)
		return confined_failed(rc, error);
	rc = survey_chain(r, c, store_fd);
	chain_free(c);
	return rc;
}

/* ---- outside ----------------------------------------------------------------------- */

static bool
is_number(const char *name)
{
	return name[0] != '\0' && strspn(name, "0123456789") == strlen(name);
}

/* Believes nothing but what can be true of a backup. */
static int
check_found(struct survey *s)
{
	char id[BACKUP_ID_MAX];
	uint32_t i;

	s->id[sizeof(s->id) - 1] = '\0';
	for (i = 0; i < ARRAY_SIZE(s->member); i++)
		s->member[i][BACKUP_ID_MAX - 1] = '\0';
	if (backup_id_normalize(s->id, id) != 0 || s->n_places > ARRAY_SIZE(s->place) ||
	    s->n_members > ARRAY_SIZE(s->member))
		return cli_error("the confined process was taken over");
	strlcpy(s->id, id, sizeof(s->id));
	s->conninfo[sizeof(s->conninfo) - 1] = '\0';
	s->root_mode &= 0777;
	for (i = 0; i < s->n_places; i++) {
		struct survey_place *p = &s->place[i];

		p->name[sizeof(p->name) - 1] = p->location[sizeof(p->location) - 1] = '\0';
		if (!is_number(p->name) || p->location[0] != '/')
			return cli_error("the confined process was taken over");
	}
	return 0;
}

int
survey_run(struct restoring *r)
{
	const struct options *o = r->options;
	struct confined c = {
		.store = o->store, .instance = o->instance, .write_fd = -1, .sandbox = o->sandbox,
		.debug = o->debug, .so_what = "nothing was restored",
	};
	int rc = confined_run(&c, survey_inside, r);

	return rc != 0 ? rc : check_found(r->found);
}
