/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes backups as a table: a column is a function that fills in a cell.
 */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/show_text.h"
#include "cli/table.h"
#include "probackup/member.h"
#include "probackup/choose.h"

static void
cell_id(const void *row, char *text)
{
	const struct instance_backup *b = row;

	strlcpy(text, b->id, TABLE_CELL_MAX);
}

static void
cell_mount(const void *row, char *text)
{
	const struct instance_backup *b = row;

	strlcpy(text, b->reason == NULL ? "yes" : "no", TABLE_CELL_MAX);
}

/* Returns the control file, which the columns below show; an empty one if it is not known. */
static const struct control *
control_of(const void *row)
{
	static const struct control none;
	const struct instance_backup *b = row;

	return b->control != NULL ? b->control : &none;
}

static void
cell_mode(const void *row, char *text)
{
	const struct instance_backup *b = row;

	if (b->control != NULL)
		strlcpy(text, backup_mode_name(b->control->mode), TABLE_CELL_MAX);
}

static void
cell_wal(const void *row, char *text)
{
	const struct instance_backup *b = row;

	if (b->control != NULL)
		strlcpy(text, b->control->stream ? "STREAM" : "ARCHIVE", TABLE_CELL_MAX);
}

static void
cell_took(const void *row, char *text)
{
	const struct control *c = control_of(row);
	int64_t start, end;

	if (control_time(c->start_time, &start) == 0 && control_time(c->end_time, &end) == 0 &&
	    end >= start)
		text_duration((uint64_t)(end - start), text);
}

static void
cell_timeline(const void *row, char *text)
{
	if (control_of(row)->timeline != 0)
		snprintf(text, TABLE_CELL_MAX, "%u", control_of(row)->timeline);
}

#define CELL_STRING(field)							\
static void									\
cell_##field(const void *row, char *text)					\
{										\
	strlcpy(text, control_of(row)->field, TABLE_CELL_MAX);			\
}
#define CELL_BYTES(field)							\
static void									\
cell_##field(const void *row, char *text)					\
{										\
	if (control_of(row)->field != 0)					\
		text_size(control_of(row)->field, text);			\
}

CELL_STRING(parent)
CELL_STRING(status)
CELL_STRING(start_time)
CELL_STRING(recovery_time)
CELL_STRING(compress_alg)
CELL_STRING(server_version)
CELL_STRING(program_version)
CELL_BYTES(data_bytes)
CELL_BYTES(wal_bytes)
CELL_BYTES(pgdata_bytes)

static const struct table_column columns[] = {
	{ "ID", cell_id, false },
	{ "MODE", cell_mode, false },
	{ "PARENT", cell_parent, false },
	{ "STATUS", cell_status, false },
	{ "MOUNT", cell_mount, false },
	{ "STARTED", cell_start_time, false },
	{ "TOOK", cell_took, true },
	{ "RECOVERY TIME", cell_recovery_time, false },
	{ "WAL", cell_wal, false },
	{ "CODEC", cell_compress_alg, false },
	{ "DATA", cell_data_bytes, true },
	{ "WAL SIZE", cell_wal_bytes, true },
	{ "PGDATA", cell_pgdata_bytes, true },
	{ "TLI", cell_timeline, true },
	{ "SERVER", cell_server_version, false },
	{ "PROGRAM", cell_program_version, false },
};

static void
print_backup(const struct instance_backup *b, const int *width)
{
	table_print(columns, ARRAY_SIZE(columns), b, width);
	if (b->reason != NULL)
		table_remark("no mount", b->reason);
	if (b->control != NULL && member_warning(b->control) != NULL)
		table_remark("warning", member_warning(b->control));
	if (b->control != NULL && b->control->expire_time[0] != '\0')
		table_remark("kept until", b->control->expire_time);
	if (b->control != NULL && b->control->note[0] != '\0')
		table_remark("note", b->control->note);
}

static void
print_name(const char *name)
{
	char copy[NAME_MAX + 1];

	strlcpy(copy, name, sizeof(copy));
	text_make_terminal(copy);
	cli_print("instance %s: ", copy);
}

void
show_text_instance(const char *name, const struct instance *in)
{
	const struct instance_backup *latest = choose_newest(in);
	int width[ARRAY_SIZE(columns)] = { 0 };
	size_t i, good = 0;

	for (i = 0; i < in->n; i++)
		good += in->backup[i].reason == NULL;
	print_name(name);
	if (in->n == 0)
		cli_print("no backups\n");
	else
		cli_print("%zu %s, %zu can be mounted%s%s\n", in->n, in->n == 1 ? "backup" : "backups",
		    good, latest != NULL ? ", latest " : "", latest != NULL ? latest->id : "");
	if (in->odd_names > 0)
		cli_print("(%zu other %s: no id of a backup)\n", in->odd_names,
		    in->odd_names == 1 ? "directory" : "directories");
	if (in->n == 0)
		return;
	table_measure(columns, ARRAY_SIZE(columns), NULL, width);
	for (i = 0; i < in->n; i++)
		table_measure(columns, ARRAY_SIZE(columns), &in->backup[i], width);
	table_print(columns, ARRAY_SIZE(columns), NULL, width);
	for (i = 0; i < in->n; i++)
		print_backup(&in->backup[i], width);
}

void
show_text_fault(const char *name, const char *error)
{
	print_name(name);
	cli_say("%s", error);
}
