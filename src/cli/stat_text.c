/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prints the parsed report of a supervisor, which may be hostile: a missing
 * text is "?", a missing number 0.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/figures.h"
#include "cli/stat_text.h"

/*
 * Removes control characters: the text comes from the owner of the mount, the
 * terminal belongs to whoever asks.  The text lies in the buffer that was
 * parsed, which is ours to change.
 */
static const char *
printable(const char *text)
{
	text_make_terminal((char *)(uintptr_t)text);
	return text;
}

static const char *
text_of(const struct json_node *nodes, const struct json_node *object, const char *key)
{
	const struct json_node *node = json_get(nodes, object, key);

	return node != NULL && node->text != NULL ? printable(node->text) : "?";
}

#define TEXT(key)	text_of(nodes, nodes, key)
#define MEGABYTES(n)	((n) / 1e6)

static void
print_users(const struct json_node *nodes, const char *before, const char *key,
    const char *total_key)
{
	const struct json_node *list = json_get(nodes, nodes, key), *u = NULL;
	double total = figures_number(nodes, nodes, total_key), named = 0;

	while ((u = json_next(nodes, list, u)) != NULL)
		cli_print("%s%s (pid %s)", named++ == 0 ? before : ", ",
		    text_of(nodes, u, "name"), text_of(nodes, u, "pid"));
	if (total > named)
		cli_print(" and %.0f more", total - named);
	cli_print("\n");
}

/* Tells who is in the way of a mount that was told to go, or is gone from here. */
static void
print_leaving(const struct json_node *nodes)
{
	if (figures_is_true(nodes, nodes, "elsewhere")) {
		cli_print("ELSEWHERE     unmounted here, other mount namespaces hold it");
		print_users(nodes, ": ", "holders", "holders_total");
	}
	if (figures_is_true(nodes, nodes, "leaving")) {
		cli_print("LEAVING       since %s, as soon as nobody uses it", TEXT("leaving_since"));
		print_users(nodes, "; in use by ", "users", "users_total");
	}
}

/* Tells how far the copy is, of a mount that makes one. */
static void
print_hydration(const struct json_node *nodes)
{
	const struct json_node *h = json_get(nodes, nodes, "hydrate");
	char left[FIGURES_TIME_MAX];

	if (figures_is_true(nodes, nodes, "detached")) {
		cli_print("DETACHED      needs no store any more\n");
		return;
	}
	if (!figures_is_true(nodes, h, "wanted"))
		return;
	cli_print("hydration     %s: %s of %s blocks, %s of %s files, %.1f MB/s", text_of(nodes, h, "state"),
	    text_of(nodes, h, "blocks_done"), text_of(nodes, h, "blocks"), text_of(nodes, h, "files_done"),
	    text_of(nodes, h, "files"), MEGABYTES(figures_number(nodes, h, "bytes_per_second")));
	if (figures_number(nodes, h, "seconds_left") > 0)
		cli_print(", left %s", figures_time_left(figures_number(nodes, h, "seconds_left"), left));
	cli_print("\n");
}

static void
print_mount(const struct json_node *nodes)
{
	const struct json_node *worker = json_get(nodes, nodes, "worker");

	cli_print("mountpoint    %s\n", TEXT("mountpoint"));
	cli_print("backup        %s of instance %s, PostgreSQL %s\n", TEXT("backup_id"),
	    TEXT("instance"), TEXT("server_version"));
	if (json_get(nodes, nodes, "branch") != NULL)
		cli_print("branch        %s\n", TEXT("branch"));
	if (json_get(nodes, nodes, "snapshot") != NULL)
		cli_print("snapshot      %s, %s below it\n", TEXT("snapshot"), TEXT("layers"));
	cli_print("store         %s (read as: %s, lock: %s)\n", TEXT("store"),
	    TEXT("store_read_by"), TEXT("store_lock"));
	if (figures_is_true(nodes, nodes, "store_changed"))
		cli_print("              CHANGED under the mount: see the log\n");
	print_leaving(nodes);
	print_hydration(nodes);
	cli_print("diff          %s\n", TEXT("diff_dir"));
	cli_print("owner         %s:%s\n", TEXT("owner_uid"), TEXT("owner_gid"));
	cli_print("mode          cache %s, wal %s, verify %s%s%s\n", TEXT("cache"), TEXT("wal"),
	    TEXT("verify"),
	    figures_is_true(nodes, nodes, "no_wal") ? ", no-wal" : "",
	    figures_is_true(nodes, nodes, "perf_unsafe") ? ", perf-unsafe" : "");
	cli_print("sandbox       %s (Landlock: %s, namespaces: %s)\n", TEXT("sandbox"),
	    TEXT("landlock"), TEXT("namespaces"));
	cli_print("uptime        %.0f s\n", figures_number(nodes, nodes, "uptime_seconds"));
	cli_print("supervisor    pid %s\n", TEXT("supervisor_pid"));
	cli_print("worker        pid %s, generation %s, %s, replaced %s times\n",
	    text_of(nodes, worker, "pid"), text_of(nodes, worker, "generation"),
	    text_of(nodes, worker, "state"), text_of(nodes, worker, "replaced"));
}

static void
print_replacements(const struct json_node *nodes)
{
	const struct json_node *list, *r = NULL;

	list = json_get(nodes, json_get(nodes, nodes, "worker"), "replacements");
	while ((r = json_next(nodes, list, r)) != NULL)
		cli_print("  %s  generation %s: %s (%.1f ms)\n", text_of(nodes, r, "time"),
		    text_of(nodes, r, "generation"), text_of(nodes, r, "reason"),
		    figures_number(nodes, r, "gap_ms"));
}

static void
print_operations(const struct json_node *nodes)
{
	const struct json_node *list = json_get(nodes, nodes, "operations"), *op = NULL;

	cli_print("\n%-13s %12s %8s %12s %10s %10s\n", "operation", "count", "errors", "MB",
	    "p50 us", "p99 us");
	while ((op = json_next(nodes, list, op)) != NULL) {
		if (op->key == NULL || figures_number(nodes, op, "count") == 0)
			continue;
		cli_print("%-13s %12s %8s %12.1f %10.1f %10.1f\n", printable(op->key),
		    text_of(nodes, op, "count"), text_of(nodes, op, "errors"),
		    MEGABYTES(figures_number(nodes, op, "bytes")),
		    figures_number(nodes, op, "p50_us"), figures_number(nodes, op, "p99_us"));
	}
}

static void
print_blocks(const struct json_node *nodes)
{
	const struct json_node *blocks = json_get(nodes, nodes, "blocks"), *b = NULL, *list;

	cli_print("\nblocks read from\n");
	list = json_get(nodes, blocks, "backups");
	while ((b = json_next(nodes, list, b)) != NULL)
		cli_print("  backup %-10s %12s\n", text_of(nodes, b, "id"), text_of(nodes, b, "read"));
	cli_print("  %-17s %12s\n", "diff", text_of(nodes, blocks, "diff"));
	cli_print("  %-17s %12s\n", "nowhere (zero)", text_of(nodes, blocks, "zero"));
	cli_print("blocks written      %12s, first copied up: %s\n",
	    text_of(nodes, blocks, "written"), text_of(nodes, blocks, "copied_up"));
}

static void
print_engine(const struct json_node *nodes)
{
	const struct json_node *codec = json_get(nodes, nodes, "codec");
	const struct json_node *maps = json_get(nodes, nodes, "block_maps");
	const struct json_node *diff = json_get(nodes, nodes, "diff");

	cli_print("\ndecompression %.3f s for %.1f MB\n", figures_number(nodes, codec, "seconds"),
	    MEGABYTES(figures_number(nodes, codec, "bytes_in")));
	cli_print("block maps    %.1f of %.1f MB, %s built, %s evicted\n",
	    MEGABYTES(figures_number(nodes, maps, "bytes")),
	    MEGABYTES(figures_number(nodes, maps, "bytes_max")),
	    text_of(nodes, maps, "builds"), text_of(nodes, maps, "evictions"));
	cli_print("diff          %.1f MB in %s files, journal %.1f MB, %s files not synced\n",
	    MEGABYTES(figures_number(nodes, diff, "bytes")), text_of(nodes, diff, "files"),
	    MEGABYTES(figures_number(nodes, diff, "journal_bytes")),
	    text_of(nodes, diff, "dirty_files"));
}

void
stat_text_print(const struct json_node *nodes)
{
	print_mount(nodes);
	print_replacements(nodes);
	print_operations(nodes);
	print_blocks(nodes);
	print_engine(nodes);
}
