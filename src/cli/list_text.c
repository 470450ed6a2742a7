/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes mounts as a table, and below a row the way out of its state.
 */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/list_text.h"
#include "cli/table.h"

struct row {
	const struct mountinfo *mount;
	const struct look *look;
	const struct clients *clients;
};

static void
cell_mountpoint(const void *row, char *text)
{
	const struct row *r = row;

	strlcpy(text, r->mount->mountpoint, TABLE_CELL_MAX);
}

static void
cell_state(const void *row, char *text)
{
	static const char *const states[] = {
		[LOOK_UNKNOWN] = "unknown", [LOOK_MOUNTED] = "mounted",
		[LOOK_LEAVING] = "leaving",
		[LOOK_ALONE] = "no supervisor", [LOOK_DEAD] = "dead",
		[LOOK_ELSEWHERE] = "elsewhere", [LOOK_UNMOUNTED] = "unmounted",
	};
	const struct row *r = row;

	strlcpy(text, states[r->look->state], TABLE_CELL_MAX);
}

static void
cell_instance(const void *row, char *text)
{
	const struct row *r = row;

	strlcpy(text, r->look->instance, TABLE_CELL_MAX);
}

static void
cell_backup(const void *row, char *text)
{
	const struct row *r = row;

	strlcpy(text, r->look->backup_id, TABLE_CELL_MAX);
}

static void
cell_uptime(const void *row, char *text)
{
	const struct row *r = row;

	if (r->look->has_uptime)
		text_duration(r->look->uptime, text);
}

static void
cell_size(const void *row, char *text)
{
	const struct row *r = row;

	if (r->look->has_size)
		text_size(r->look->size, text);
}

static void
cell_diff(const void *row, char *text)
{
	const struct row *r = row;

	strlcpy(text, r->mount->source, TABLE_CELL_MAX);
}

static void
cell_clients(const void *row, char *text)
{
	const struct row *r = row;

	users_print(r->clients->user, MIN(r->clients->n, (unsigned)USERS_NAMED),
	    r->clients->n, text, TABLE_CELL_MAX);
}

static const struct table_column columns[] = {
	{ "MOUNTPOINT", cell_mountpoint, false },
	{ "STATE", cell_state, false },
	{ "INSTANCE", cell_instance, false },
	{ "BACKUP", cell_backup, false },
	{ "UPTIME", cell_uptime, true },
	{ "SIZE", cell_size, true },
	{ "DIFF DIRECTORY", cell_diff, false },
	{ "CLIENTS", cell_clients, false },
};

static void
print_way_out(const struct row *r)
{
	char text[2 * PATH_MAX];
	bool alone = r->look->state == LOOK_ALONE;

	if (r->look->remark[0] != '\0')
		table_remark("unknown", r->look->remark);
	if (r->look->state == LOOK_LEAVING)
		table_remark("leaving", "it was told to go, and is unmounted as soon as nobody uses it");
	if (r->look->state == LOOK_ELSEWHERE) {
		snprintf(text, sizeof(text), "not mounted here, but clients in other mount namespaces"
		    " hold it; end them, or pbkfs unmount --force -d \"%s\"", r->mount->source);
		table_remark("elsewhere", text);
	}
	if (r->look->state == LOOK_UNMOUNTED) {
		snprintf(text, sizeof(text), r->look->is_silent ? "its supervisor does not answer: pbkfs"
		    " unmount --force -d \"%s\" ends it" : "its processes have not ended: pbkfs unmount"
		    " -d \"%s\" says why", r->mount->source);
		table_remark("unmounted", text);
	}
	if (r->look->state != LOOK_DEAD && !alone)
		return;
	snprintf(text, sizeof(text), "%spbkfs unmount -D \"%s\"",
	    alone ? "its worker goes on alone; mount it again after " : "", r->mount->mountpoint);
	table_remark(alone ? "no supervisor" : "dead", text);
}

void
list_text_print(const struct mountinfo *mounts, const struct listed *listed, size_t n)
{
	int width[ARRAY_SIZE(columns)] = { 0 };
	struct row row;
	size_t i;

	if (n == 0) {
		cli_print("no mounts\n");
		return;
	}
	table_measure(columns, ARRAY_SIZE(columns), NULL, width);
	for (i = 0; i < n; i++) {
		row = (struct row){ &mounts[i], &listed[i].look, &listed[i].clients };
		table_measure(columns, ARRAY_SIZE(columns), &row, width);
	}
	table_print(columns, ARRAY_SIZE(columns), NULL, width);
	for (i = 0; i < n; i++) {
		row = (struct row){ &mounts[i], &listed[i].look, &listed[i].clients };
		table_print(columns, ARRAY_SIZE(columns), &row, width);
		print_way_out(&row);
	}
}
