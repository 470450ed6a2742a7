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
	const struct mountstate *look;
	const struct clients *clients;
};

static void
cell_mountpoint(const void *row, char *text)
{
	const struct row *r = row;

	strlcpy(text, r->mount->mountpoint, TABLE_CELL_MAX);
}

static const char *const states[] = {
	[MOUNTSTATE_UNKNOWN] = "unknown", [MOUNTSTATE_MOUNTED] = "mounted", [MOUNTSTATE_LEAVING] = "leaving",
	[MOUNTSTATE_ALONE] = "no supervisor", [MOUNTSTATE_DEAD] = "dead", [MOUNTSTATE_ELSEWHERE] = "elsewhere",
	[MOUNTSTATE_UNMOUNTED] = "unmounted", [MOUNTSTATE_STARTING] = "starting",
	[MOUNTSTATE_PROMOTING] = "promoting",
};

static void
cell_state(const void *row, char *text)
{
	const struct row *r = row;

	snprintf(text, TABLE_CELL_MAX, "%s%s", states[r->look->state], r->look->detached ? ", detached" : "");
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

	snprintf(text, TABLE_CELL_MAX, "%s%s%s", r->look->backup_id, r->look->snapshot[0] != '\0' ? ", snapshot " : "",
	    r->look->snapshot);
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

/* A command for the mount; the diff directory may not be known. */
static void
print_command(const struct row *r, const char *word, const char *before, const char *options,
    const char *after)
{
	bool by_mnt = r->mount->source[0] == '\0' || r->look->state == MOUNTSTATE_ALONE ||
	    r->look->state == MOUNTSTATE_DEAD;
	char text[2 * PATH_MAX];

	snprintf(text, sizeof(text), "%spbkfs unmount%s -%c \"%s\"%s", before, options,
	    by_mnt ? 'D' : 'd', by_mnt ? r->mount->mountpoint : r->mount->source, after);
	table_remark(word, text);
}

static void
print_promotion(const struct row *r)
{
	const char *word = states[r->look->state], *diff = r->mount->source;
	char text[3 * PATH_MAX];

	snprintf(text, sizeof(text), "process %d makes \"%s\" of it", (int)r->look->worker, r->look->mountpoint);
	if (r->look->worker == 0)
		snprintf(text, sizeof(text), "pbkfs promote -d \"%s\" --to \"%s\", with the same options as before, finishes it%s", diff,
		    r->look->mountpoint, r->look->can_be_taken_back ? "; --abort takes it back" : "");
	table_remark(word, text);
}

static void
print_way_out(const struct row *r)
{
	const char *word = states[r->look->state];

	if (r->look->is_silent) {
		print_command(r, word, "its supervisor does not answer: ", " --force", " ends it");
		return;
	}
	if (r->look->remark[0] != '\0')
		table_remark(word, r->look->remark);
	switch (r->look->state) {
	case MOUNTSTATE_LEAVING:
		table_remark(word, "it was told to go, and is unmounted as soon as nobody uses it");
		break;
	case MOUNTSTATE_ELSEWHERE:
		print_command(r, word, "not mounted here, but a service or container that has a copy of the mount"
		    " holds it; end that, or ", " --force", "");
		break;
	case MOUNTSTATE_UNMOUNTED:
		print_command(r, word, "its processes have not ended: ", "", " says why");
		break;
	case MOUNTSTATE_STARTING:
		print_command(r, word, "it is not mounted yet: ", "", " gives up");
		break;
	case MOUNTSTATE_ALONE:
		print_command(r, word, "its worker goes on alone; mount it again after ", "", "");
		break;
	case MOUNTSTATE_DEAD:
		print_command(r, word, "", "", "");
		break;
	case MOUNTSTATE_PROMOTING:
		print_promotion(r);
		break;
	case MOUNTSTATE_UNKNOWN:
	case MOUNTSTATE_MOUNTED:
		break;
	}
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
