/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of a hostile worker.  The first byte chooses the phase, the rest is the
 * stream of its pipe, in pieces of a length that the second byte gives.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "fuzz.h"
#include "supervisor/answer.h"
#include "support/tmpdir.h"

static const struct supervisor_config config = {
	.mnt = "/mnt", .diff = "/diff", .notify_fd = -1, .log_fd = -1, .pid_fd = -1,
	.perf_unsafe = true,
};

static struct shared shared;

/* No worker, no descriptors: whatever is done, nothing outside is touched. */
static void
reset(struct supervisor *s, unsigned phase)
{
	*s = (struct supervisor){
		.config = &config, .phase = phase, .kit = { .shared = &shared },
		.claim = {
			.dir = { .fd = -1, .changes_fd = -1, .infodir_fd = -1, .parent_fd = -1 },
			.lock_fd = -1,
		},
		.worker = { .pidfd = -1, .in_fd = -1, .out_fd = -1 },
		.source = { .store = "/store", .instance = "main", .backup_id = "ABCDEF" },
		.mnt = { .fuse_fd = -1 }, .signal_fd = -1, .stats = { .due = 1 },
	};
}

static void
check(const struct supervisor *s)
{
	if (s->binding.found.n_members > CHAIN_MAX || s->phase == 0 || s->done ||
	    strnlen(s->worker_error, sizeof(s->worker_error)) == sizeof(s->worker_error))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct supervisor s;
	struct msg_reader *r = &s.worker.reader;
	const unsigned char *body;
	struct msg_header h;
	size_t piece, n;
	int rc = 0;

	if (size < 2)
		return 0;
	log_set_sink(swallow);
	reset(&s, 1u << (data[0] % 4));
	piece = (size_t)data[1] * 8 + 1;
	for (data += 2, size -= 2; size > 0 && rc == 0; data += n, size -= n) {
		n = MIN(MIN(size, piece), sizeof(r->buf) - r->have);
		memcpy(r->buf + r->have, data, n);
		r->have += n;
		while ((rc = msg_next(r, &h, &body)) > 0)
			if ((rc = answer_message(&s, &h, body)) != 0)
				break;
		check(&s);
	}
	return 0;
}
