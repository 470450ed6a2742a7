/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "base/util.h"
#include "diff/layers.h"
#include "ipc/msg.h"
#include "ipc/shared.h"
#include "pg/page.h"
#include "worker/confine.h"
#include "worker/engine.h"

/*
 * Chooses --verify=auto: where checksums are computed by vector instructions,
 * that of a page costs a few percent of reading it; comparing with the header
 * maps costs memory.
 */
static enum pagecheck_level
check_of(enum verify_mode verify)
{
	switch (verify) {
	case VERIFY_ON:
		return PAGECHECK_HEADERS;
	case VERIFY_OFF:
		return PAGECHECK_NOTHING;
	case VERIFY_AUTO:
		break;
	}
	return page_checksum_is_fast() ? PAGECHECK_SUMS : PAGECHECK_NOTHING;
}

static struct layers_chain chain;
static struct cow_layer layers[SEAL_LAYERS_MAX];	/* of chain */
static bool are_open;
_Static_assert(SEAL_NAME_MAX < MSG_SNAPSHOT_MAX, "a name has room");

int
engine_open_layers(const struct job *job, char *name)
{
	unsigned i;
	int rc;

	if (!are_open && (rc = layers_open(job->layers_fd, job->diff_fd, &chain)) < 0)
		return rc;
	are_open = true;
	for (i = 0; i < chain.n; i++)
		layers[i] = (struct cow_layer){ chain.layer[i].fd, chain.layer[i].name };
	if (name != NULL)
		strlcpy(name, chain.n > 0 ? chain.layer[chain.n - 1].name : "", MSG_SNAPSHOT_MAX);
	return (int)chain.n;
}

void
engine_config(const struct job *job, struct cow_config *config)
{
	*config = (struct cow_config){
		.store_fd = job->detached ? -1 : job->store_fd, .diff_fd = job->diff_fd, .index_fd = job->index_fd,
		.layers = layers, .n_layers = chain.n,
		.instance = job->instance, .uid = job->uid, .gid = job->gid,
		.pending = &job->shared->pending, .mount_id = job->shared->mount_id,
		.no_sync = job->perf_unsafe, .no_wal = job->no_wal,
		.check = check_of(job->verify),
		.kernel_times = job->cache == CACHE_WRITEBACK,
		.wal_link = job->wal == WAL_DIRECT ? job->wal_link : NULL,
		.tablespace_root = job->wal == WAL_DIRECT ? job->mnt : NULL,
		.cache_size = job->cache_size, .max_fds = confine_max_fds(),
		.reserve = confine_kernel_holds(),
	};
}
