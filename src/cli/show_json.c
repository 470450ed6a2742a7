/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes backups as JSON, and flushes after each, so that memory does not grow
 * with them.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "cli/cli.h"
#include "cli/show_json.h"
#include "probackup/member.h"
#include "probackup/choose.h"

void
show_json_lsn(struct json_out *o, const char *key, uint64_t lsn)
{
	char text[32];

	snprintf(text, sizeof(text), "%X/%X", (unsigned)(lsn >> 32), (unsigned)lsn);
	json_put_string(o, key, text);
}

/* Writes a text, unless the control file leaves it out. */
static void
put_text(struct json_out *o, const char *key, const char *text)
{
	if (text[0] != '\0')
		json_put_string(o, key, text);
}

static void
put_control(struct json_out *o, const struct control *c)
{
	json_put_string(o, "mode", backup_mode_name(c->mode));
	put_text(o, "parent", c->parent);
	json_put_string(o, "status", c->status);
	json_put_string(o, "wal", c->stream ? "STREAM" : "ARCHIVE");
	put_text(o, "compress_alg", c->compress_alg);
	put_text(o, "start_time", c->start_time);
	put_text(o, "end_time", c->end_time);
	put_text(o, "recovery_time", c->recovery_time);
	if (c->recovery_xid != 0)
		json_put_u64(o, "recovery_xid", c->recovery_xid);
	put_text(o, "expire_time", c->expire_time);
	json_put_u64(o, "timeline", c->timeline);
	show_json_lsn(o, "start_lsn", c->start_lsn);
	show_json_lsn(o, "stop_lsn", c->stop_lsn);
	json_put_u64(o, "data_bytes", c->data_bytes);
	json_put_u64(o, "wal_bytes", c->wal_bytes);
	json_put_u64(o, "uncompressed_bytes", c->uncompressed_bytes);
	json_put_u64(o, "pgdata_bytes", c->pgdata_bytes);
	json_put_string(o, "program_version", c->program_version);
	json_put_string(o, "server_version", c->server_version);
	json_put_u64(o, "block_size", c->block_size);
	json_put_bool(o, "from_replica", c->from_replica);
	put_text(o, "external_dirs", c->external_dirs);
	put_text(o, "note", c->note);
}

static void
put_backup(struct json_out *o, const struct instance_backup *b)
{
	json_open(o, NULL, '{');
	json_put_string(o, "id", b->id);
	json_put_bool(o, "mountable", b->reason == NULL);
	if (b->reason != NULL)
		json_put_string(o, "reason", b->reason);
	if (b->control != NULL && member_warning(b->control) != NULL)
		json_put_string(o, "warning", member_warning(b->control));
	if (b->control != NULL)
		put_control(o, b->control);
	json_close(o, '}');
}

void
show_json_begin(struct json_out *o, const char *store)
{
	json_open(o, NULL, '{');
	json_put_string(o, "format", "pbkfs-show");
	json_put_u64(o, "version", 1);
	json_put_string(o, "store", store);
	json_open(o, "instances", '[');
}

void
show_json_instance(struct json_out *o, const char *name, const struct instance *in)
{
	const struct instance_backup *latest = choose_newest(in);
	size_t i;

	json_open(o, NULL, '{');
	json_put_string(o, "instance", name);
	if (latest != NULL)
		json_put_string(o, "latest", latest->id);
	json_open(o, "backups", '[');
	for (i = 0; i < in->n; i++) {
		put_backup(o, &in->backup[i]);
		json_flush(o, cli_put_json);
	}
	json_close(o, ']');
	json_close(o, '}');
}

void
show_json_fault(struct json_out *o, const char *name, const char *error)
{
	json_open(o, NULL, '{');
	json_put_string(o, "instance", name);
	json_put_string(o, "error", error);
	json_open(o, "backups", '[');
	json_close(o, ']');
	json_close(o, '}');
}

int
show_json_end(struct json_out *o)
{
	char *text autofree = NULL;
	size_t len;
	int rc;

	json_close(o, ']');
	json_close(o, '}');
	rc = json_take(o, &text, &len);
	return rc == 0 ? cli_put_json(text, len) : rc;
}
