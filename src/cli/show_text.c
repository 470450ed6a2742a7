#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "cli/show_text.h"

#define CELL_MAX	64	/* bytes of a cell, NUL included */

/* Each writes one value of a backup into text (CELL_MAX bytes); "" if there is none. */
typedef void (*cell)(const struct instance_backup *b, char *text);

static void
cell_id(const struct instance_backup *b, char *text)
{
	strlcpy(text, b->id, CELL_MAX);
}

static void
cell_mount(const struct instance_backup *b, char *text)
{
	strlcpy(text, b->reason == NULL ? "yes" : "no", CELL_MAX);
}

static void
cell_mode(const struct instance_backup *b, char *text)
{
	strlcpy(text, backup_mode_name(b->control->mode), CELL_MAX);
}

static void
cell_wal(const struct instance_backup *b, char *text)
{
	strlcpy(text, b->control->stream ? "STREAM" : "ARCHIVE", CELL_MAX);
}

static void
cell_took(const struct instance_backup *b, char *text)
{
	int64_t start, end;

	if (control_time(b->control->start_time, &start) == 0 &&
	    control_time(b->control->end_time, &end) == 0 && end >= start)
		text_duration((uint64_t)(end - start), text);
}

static void
cell_timeline(const struct instance_backup *b, char *text)
{
	if (b->control->timeline != 0)
		snprintf(text, CELL_MAX, "%u", b->control->timeline);
}

#define CELL_STRING(field)							\
static void									\
cell_##field(const struct instance_backup *b, char *text)			\
{										\
	strlcpy(text, b->control->field, CELL_MAX);				\
}
#define CELL_BYTES(field)							\
static void									\
cell_##field(const struct instance_backup *b, char *text)			\
{										\
	if (b->control->field != 0)						\
		text_size(b->control->field, text);				\
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

static const struct column {
	const char *title;
	cell	write;
	bool	right;		/* numbers */
	bool	always;		/* also without a control file */
} columns[] = {
	{ "ID", cell_id, false, true },
	{ "MODE", cell_mode, false, false },
	{ "PARENT", cell_parent, false, false },
	{ "STATUS", cell_status, false, false },
	{ "MOUNT", cell_mount, false, true },
	{ "STARTED", cell_start_time, false, false },
	{ "TOOK", cell_took, true, false },
	{ "RECOVERY TIME", cell_recovery_time, false, false },
	{ "WAL", cell_wal, false, false },
	{ "CODEC", cell_compress_alg, false, false },
	{ "DATA", cell_data_bytes, true, false },
	{ "WAL SIZE", cell_wal_bytes, true, false },
	{ "PGDATA", cell_pgdata_bytes, true, false },
	{ "TLI", cell_timeline, true, false },
	{ "SERVER", cell_server_version, false, false },
	{ "PROGRAM", cell_program_version, false, false },
};

static void
write_cell(const struct column *c, const struct instance_backup *b, char text[CELL_MAX])
{
	text[0] = '\0';
	if (c->always || b->control != NULL)
		c->write(b, text);
	text_make_printable(text);
	if (text[0] == '\0')
		strlcpy(text, "-", CELL_MAX);
}

static void
measure(const struct instance *in, int width[ARRAY_SIZE(columns)])
{
	char text[CELL_MAX];
	size_t i, k;

	for (k = 0; k < ARRAY_SIZE(columns); k++) {
		width[k] = (int)strlen(columns[k].title);
		for (i = 0; i < in->n; i++) {
			write_cell(&columns[k], &in->backup[i], text);
			width[k] = MAX(width[k], (int)strlen(text));
		}
	}
}

/* The row of a backup; of NULL, the titles. */
static void
print_row(const struct instance_backup *b, const int width[ARRAY_SIZE(columns)])
{
	char text[CELL_MAX];
	size_t k;

	for (k = 0; k < ARRAY_SIZE(columns); k++) {
		if (b != NULL)
			write_cell(&columns[k], b, text);
		else
			strlcpy(text, columns[k].title, sizeof(text));
		if (k == ARRAY_SIZE(columns) - 1)
			printf("%s\n", text);	/* no blanks at the end */
		else
			printf("%*s  ", columns[k].right ? width[k] : -width[k], text);
	}
}

static void
print_remark(const char *what, const char *text)
{
	char copy[sizeof(((struct control *)NULL)->note)];

	strlcpy(copy, text, sizeof(copy));
	text_make_printable(copy);
	printf("    %s: %s\n", what, copy);
}

static void
print_backup(const struct instance_backup *b, const int width[ARRAY_SIZE(columns)])
{
	print_row(b, width);
	if (b->reason != NULL)
		print_remark("no mount", b->reason);
	if (b->control != NULL && b->control->expire_time[0] != '\0')
		print_remark("kept until", b->control->expire_time);
	if (b->control != NULL && b->control->note[0] != '\0')
		print_remark("note", b->control->note);
}

static void
print_name(const char *name)
{
	char copy[NAME_MAX + 1];

	strlcpy(copy, name, sizeof(copy));
	text_make_printable(copy);
	printf("instance %s: ", copy);
}

void
show_text_instance(const char *name, const struct instance *in)
{
	int width[ARRAY_SIZE(columns)];
	size_t i, good = 0;

	for (i = 0; i < in->n; i++)
		good += in->backup[i].reason == NULL;
	print_name(name);
	if (in->n == 0)
		printf("no backups\n");
	else
		printf("%zu %s, %zu can be mounted\n", in->n, in->n == 1 ? "backup" : "backups", good);
	if (in->odd_names > 0)
		printf("(%zu other %s: no id of a backup)\n", in->odd_names,
		    in->odd_names == 1 ? "directory" : "directories");
	if (in->n > 0) {
		measure(in, width);
		print_row(NULL, width);
	}
	for (i = 0; i < in->n; i++)
		print_backup(&in->backup[i], width);
}

void
show_text_fault(const char *name, const char *error)
{
	print_name(name);
	printf("%s\n", error);
}
