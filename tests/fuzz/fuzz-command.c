/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests that a command can make of a supervisor, and answers to them.  The first
 * byte chooses the direction and the phase, the second nothing; then come frames,
 * the last one perhaps cut.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "fuzz.h"
#include "supervisor/attend.h"
#include "supervisor/leave.h"
#include "supervisor/state.h"
#include "support/tmpdir.h"

static const struct supervisor_config config = {
	.mnt = "/mnt", .diff = "/diff", .notify_fd = -1, .log_fd = -1, .pid_fd = -1,
};

static struct shared shared;

/* No worker, no mount, nobody connected: whatever is done, nothing outside is touched. */
static struct client *
reset(struct supervisor *s, unsigned phase)
{
	memset(s, 0, sizeof(*s));
	*s = (struct supervisor){
		.config = &config, .phase = phase, .kit = { .shared = &shared },
		.claim = { .dir = { .fd = -1, .infodir_fd = -1, .parent_fd = -1 }, .lock_fd = -1 },
		.worker = { .pidfd = -1, .in_fd = -1, .out_fd = -1 },
		.source = { .store = "/store", .instance = "main", .backup_id = "ABCDEF" },
		.mnt = { .fuse_fd = -1 }, .signal_fd = -1,
	};
	attend_init(&s->attend);
	leave_init(&s->leave);
	return &s->attend.client[0];
}

static void
check(const struct supervisor *s, const struct command_frame *f)
{
	if (f->text[COMMAND_TEXT_MAX - 1] != '\0' || (s->done && !s->failed) || s->leave.child.pid != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct supervisor s;
	static struct command_frame f;
	struct client *c;
	bool is_answer;
	size_t n;

	if (size < 2)
		return 0;
	log_set_sink(swallow);
	is_answer = (data[0] & 4) != 0;
	c = reset(&s, 1u << (data[0] % 4));
	for (data += 2, size -= 2; size > 0; data += n, size -= n) {
		n = MIN(size, sizeof(f));
		memset(&f, 0, sizeof(f));
		memcpy(&f, data, n);
		if (command_check(&f, is_answer) != 0)
			continue;
		check(&s, &f);
		if (!is_answer)
			attend_request(&s, c, &f);
	}
	return 0;
}
