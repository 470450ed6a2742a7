/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A report as JSON, which is also what a history keeps of it.
 */
#include "config.h"

#include <limits.h>

#include "base/json.h"
#include "cli/report.h"

static void
put_name(struct json_out *o, const char *key, const char *name)
{
	char visible[TEXT_VISIBLE_MAX(PATH_MAX)];

	text_copy_visible(visible, sizeof(visible), name);
	json_put_string(o, key, visible);
}

static void
put_steps(struct json_out *o, const struct proof *p, bool brief)
{
	const struct prove_step *s;
	size_t i;

	json_open(o, "steps", '[');
	for (i = 0; i < PROVE_STEPS; i++) {
		s = &p->step[i];
		if (s->result == PROVE_NOT_ASKED)
			continue;
		json_open(o, NULL, '{');
		json_put_string(o, "step", prove_step_names[i]);
		json_put_string(o, "result", prove_result_word(s->result));
		json_put_double(o, "seconds", (double)s->ms / 1000);
		if (s->remark[0] != '\0' && !brief)
			json_put_string(o, "remark", s->remark);
		json_close(o, '}');
	}
	json_close(o, ']');
}

int
report_json_make(const struct report *r, bool brief, char **text, size_t *len)
{
	struct json_out o = { .compact = brief };
	const struct proof *p;

	json_open(&o, NULL, '{');
	json_put_string(&o, "format", "pbkfs-proof");
	json_put_u64(&o, "version", 1);
	put_name(&o, "store", r->store);
	json_put_u64(&o, "began", (uint64_t)r->began);
	json_put_u64(&o, "time", (uint64_t)r->ended);
	json_open(&o, "proofs", '[');
	for (p = r->proof; p < r->proof + r->n; p++) {
		json_open(&o, NULL, '{');
		put_name(&o, "instance", p->instance);
		if (p->id[0] != '\0')
			json_put_string(&o, "backup_id", p->id);
		json_put_string(&o, "result", prove_result_word(prove_judge(p)));
		if (p->has_age)
			json_put_u64(&o, "newest_age_seconds", (uint64_t)p->age);
		if (p->last_wal[0] != '\0') {
			json_put_string(&o, "last_wal", p->last_wal);
			json_put_u64(&o, "last_wal_age_seconds", (uint64_t)p->wal_age);
		}
		if (p->server_version != 0)
			json_put_u64(&o, "server_version", p->server_version);
		put_steps(&o, p, brief);
		json_close(&o, '}');
	}
	json_close(&o, ']');
	json_close(&o, '}');
	return json_take(&o, text, len);
}
