/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cluster: its pg_control, and which of its files belong to a backup.
 */
#include "config.h"

#include <ctype.h>
#include <err.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "mkcatalog.h"

/* --- pg_control --- */

/* Offsets in ControlFileData, the same in PostgreSQL 12 to 18. */
enum {
	CONTROL_SYSTEM_ID = 0, CONTROL_VERSION = 8, CONTROL_STATE = 16, CONTROL_CHECKPOINT = 32,
	CONTROL_REDO = 40, CONTROL_TIMELINE = 48, CONTROL_NEXT_XID = 64, CONTROL_BLCKSZ = 216, CONTROL_SEG_SIZE = 228,
	CONTROL_CHECKSUMS = 252, CONTROL_USED = 292,
};
#define CONTROL_SHUTDOWNED	1	/* DB_SHUTDOWNED */
#define CONTROL_VERSION_MIN	1201	/* PostgreSQL 12 */
#define CONTROL_VERSION_MAX	1800	/* PostgreSQL 18 */

static uint64_t
control_u64(const char *control, size_t off)
{
	return (uint64_t)get_le32(control + off + 4) << 32 | get_le32(control + off);
}

/* Refuses a cluster of which a plain copy would not be a backup. */
static void
check_control(const char *control, size_t len, const char *path)
{
	uint32_t version = len >= CONTROL_USED ? get_le32(control + CONTROL_VERSION) : 0;

	if (version < CONTROL_VERSION_MIN || version > CONTROL_VERSION_MAX)
		errx(1, "\"%s\" is not of PostgreSQL 12 to 18 (pg_control version %u)", path, version);
	if (get_le32(control + CONTROL_STATE) != CONTROL_SHUTDOWNED)
		errx(1, "the cluster was not shut down cleanly (state %u)",
		    get_le32(control + CONTROL_STATE));
	if (get_le32(control + CONTROL_BLCKSZ) != BLCKSZ)
		errx(1, "the cluster has a block size of %u", get_le32(control + CONTROL_BLCKSZ));
}

void
load_cluster(struct cluster *c, const char *pgdata)
{
	char path[PATH_MAX];
	size_t len, version_len;
	uint64_t segno, per_id;

	format_path(path, "%s/global/pg_control", pgdata);
	char *control autofree = read_file(path, &len);

	check_control(control, len, path);
	c->pgdata = pgdata;
	c->system_id = control_u64(control, CONTROL_SYSTEM_ID);
	c->checkpoint = control_u64(control, CONTROL_CHECKPOINT);
	c->redo = control_u64(control, CONTROL_REDO);
	c->timeline = get_le32(control + CONTROL_TIMELINE);
	c->next_xid = get_le32(control + CONTROL_NEXT_XID);
	c->seg_size = get_le32(control + CONTROL_SEG_SIZE);
	c->checksums = get_le32(control + CONTROL_CHECKSUMS);
	if (c->seg_size == 0)
		errx(1, "\"%s\" has no WAL segment size", path);
	segno = c->redo / c->seg_size;
	per_id = 0x100000000 / c->seg_size;
	snprintf(c->redo_segment, sizeof(c->redo_segment), "%08" PRIX32 "%08" PRIX64 "%08" PRIX64,
	    c->timeline, segno / per_id, segno % per_id);

	format_path(path, "%s/PG_VERSION", pgdata);
	char *version autofree = read_file(path, &version_len);
	snprintf(c->server_version, sizeof(c->server_version), "%.*s",
	    (int)strcspn(version, "\n"), version);
}

/* An instance belongs to one cluster. */
void
check_instance(const struct options *o, const struct cluster *cluster)
{
	char path[PATH_MAX], value[32];
	size_t len;

	format_path(path, "%s/backups/%s/pg_probackup.conf", o->catalog, o->instance);
	char *conf autofree = read_file(path, &len);

	conf_value(conf, "system-identifier", value, sizeof(value));
	if (strtoull(value, NULL, 10) != cluster->system_id)
		errx(1, "instance \"%s\" is of system %s, the cluster of system %" PRIu64,
		    o->instance, value, cluster->system_id);
}

/* --- what belongs to a backup --- */

static bool
is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/* Returns whether the directory is listed, but empty. */
bool
is_emptied_dir(const char *path, const char *name)
{
	static const char *const paths[] = {
		"pg_replslot", "pg_stat_tmp", "pg_dynshmem", "pg_notify", "pg_serial",
		"pg_snapshots", "pg_subtrans", "log", "pg_log", NULL
	};

	return is_one_of(path, paths) || strcmp(name, "pgsql_tmp") == 0;
}

/*
 * Returns whether it is a segment from the redo location on, whatever its timeline,
 * or a history.
 */
static bool
is_wanted_wal(const struct cluster *c, const char *name)
{
	const size_t timeline_len = 8, segment_len = 24;

	if (strlen(name) == segment_len && strspn(name, "0123456789ABCDEF") == segment_len)
		return strcmp(name + timeline_len, c->redo_segment + timeline_len) >= 0;
	return strlen(name) == timeline_len + strlen(".history") &&
	    strcmp(name + timeline_len, ".history") == 0;
}

/* Returns whether it is a fork of an unlogged relation other than _init. */
static bool
is_unlogged(const char *directory, const char *name)
{
	char init[PATH_MAX];
	int digits = (int)strspn(name, "0123456789");

	if (digits == 0 || strncmp(name + digits, "_init", 5) == 0)
		return false;
	format_path(init, "%s/%.*s_init", directory, digits, name);
	return access(init, F_OK) == 0;
}

/* "t3_16384", "t3_16384_fsm" */
static bool
is_temporary(const char *name)
{
	size_t digits;

	if (name[0] != 't' || (digits = strspn(name + 1, "0123456789")) == 0)
		return false;
	return name[1 + digits] == '_' && isdigit((unsigned char)name[2 + digits]);
}

/* path is relative to PGDATA, directory is the absolute one that name lies in. */
bool
is_left_out(const struct cluster *c, bool stream, const char *path, const char *directory,
    const char *name)
{
	static const char *const paths[] = {
		"postmaster.pid", "postmaster.opts", "recovery.conf", "recovery.signal",
		"standby.signal", "probackup_recovery.conf", "tablespace_map", NULL
	};

	if (strncmp(path, "pg_wal/", 7) == 0)
		return !stream || !is_wanted_wal(c, name);
	if (is_one_of(path, paths) || strcmp(name, "pg_internal.init") == 0)
		return true;
	if (strncmp(path, "base/", 5) != 0 && strncmp(path, "pg_tblspc/", 10) != 0)
		return false;
	return is_temporary(name) || is_unlogged(directory, name);
}
