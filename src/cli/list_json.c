/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes mounts as JSON.  It leaves out what is not known.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/list_json.h"

static void
put_text(struct json_out *o, const char *key, const char *text)
{
	if (text[0] != '\0')
		json_put_string(o, key, text);
}

static void
put_clients(struct json_out *o, const struct clients *c)
{
	unsigned i;

	json_open(o, "clients", '[');
	for (i = 0; i < MIN(c->n, (unsigned)CLIENTS_NAMED); i++) {
		json_open(o, NULL, '{');
		json_put_u64(o, "pid", (uint64_t)c->user[i].pid);
		json_put_string(o, "name", c->user[i].name);
		json_close(o, '}');
	}
	json_close(o, ']');
	json_put_u64(o, "clients_found", c->n);
}

static void
put_mount(struct json_out *o, const struct mountinfo *m, const struct mountstate *l,
    const struct clients *clients)
{
	static const char *const states[] = {
		[MOUNTSTATE_UNKNOWN] = "unknown", [MOUNTSTATE_MOUNTED] = "mounted",
		[MOUNTSTATE_LEAVING] = "leaving",
		[MOUNTSTATE_ALONE] = "no-supervisor", [MOUNTSTATE_DEAD] = "dead",
		[MOUNTSTATE_ELSEWHERE] = "elsewhere", [MOUNTSTATE_UNMOUNTED] = "unmounted",
		[MOUNTSTATE_STARTING] = "starting", [MOUNTSTATE_PROMOTING] = "promoting",
	};

	json_open(o, NULL, '{');
	put_text(o, "mountpoint", m->mountpoint);
	json_put_string(o, "state", states[l->state]);
	put_text(o, "remark", l->is_silent ? "its supervisor does not answer" : l->remark);
	put_text(o, "instance", l->instance);
	put_text(o, "backup_id", l->backup_id);
	put_text(o, "diff_dir", m->source);
	if (l->state == MOUNTSTATE_PROMOTING) {
		put_text(o, "target", l->mountpoint);
		json_put_bool(o, "can_be_taken_back", l->can_be_taken_back);
	}
	put_text(o, "branch", l->branch);
	put_text(o, "snapshot", l->snapshot);
	if (l->detached)
		json_put_bool(o, "detached", true);
	if (l->has_size)
		json_put_u64(o, "diff_bytes", l->size);
	if (l->has_uptime)
		json_put_u64(o, "uptime_seconds", l->uptime);
	if (l->supervisor != 0)
		json_put_u64(o, "supervisor_pid", (uint64_t)l->supervisor);
	if (l->worker != 0)
		json_put_u64(o, "worker_pid", (uint64_t)l->worker);
	if (clients->are_known || clients->n > 0)
		put_clients(o, clients);
	json_close(o, '}');
}

int
list_json_print(const struct mountinfo *mounts, const struct listed *listed, size_t n)
{
	struct json_out o = { 0 };
	char *text autofree = NULL;
	size_t len, i;
	int rc;

	json_open(&o, NULL, '{');
	json_put_string(&o, "format", "pbkfs-list");
	json_put_u64(&o, "version", 1);
	json_open(&o, "mounts", '[');
	for (i = 0; i < n; i++)
		put_mount(&o, &mounts[i], &listed[i].look, &listed[i].clients);
	json_close(&o, ']');
	json_close(&o, '}');
	rc = json_take(&o, &text, &len);
	return rc == 0 ? cli_put_json(text, len) : rc;
}
