/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Of all that the supervisor knows, this is what goes to a worker.  ipc/job.h says what that may be.
 */
#include "config.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/state.h"
#include "supervisor/task.h"

#define INDEX_MAX_DEFAULT	(2048 * MiB)

size_t
task_index_max(const struct supervisor *s)
{
	return s->config->index_max != 0 ? s->config->index_max : INDEX_MAX_DEFAULT;
}

void
task_fill(const struct supervisor *s, struct job *job, enum job_program program,
    unsigned generation)
{
	const struct supervisor_config *c = s->config;
	const struct owner *owner = &s->owner;
	const struct source *source = &s->source;
	const struct bind *b = &s->binding;
	const struct passwd *pw = generation == 0 && c->clone != NULL ?
	    getpwuid(owner->uid) : NULL;

	*job = (struct job){
		.program = program, .store_fd = source->fd, .diff_fd = s->claim.dir.changes_fd,
		.infodir_fd = s->claim.dir.infodir_fd, .layers_fd = s->claim.layers_fd, .index_fd = s->kit.index_fd,
		.fuse_fd = generation == 0 ? -1 : s->mnt.fuse_fd, .lock_fd = s->claim.lock_fd,
		.in_fd = -1, .out_fd = -1, .lockholder_fd = s->hold.holder.fd, .shared_fd = s->kit.shared_fd,
		.sandbox = c->sandbox, .namespaces = s->namespaces,
		.switch_user = geteuid() == 0 && owner->uid != 0,
		.keep_read_search = owner->keep_read_search, .uid = owner->uid, .gid = owner->gid,
		.store_name = source->store, .instance = source->instance, .backup_id = source->backup_id,
		.force = c->force, .wal = s->terms.wal, .cache = c->cache, .verify = c->verify,
		.no_wal = c->no_wal, .perf_unsafe = c->perf_unsafe, .discard = c->discard, .debug = c->debug,
		.fresh = b->is_fresh, .clone = c->clone, .databases = &s->terms.databases,
		.wal_link = s->terms.wal == WAL_DIRECT ? s->terms.wal_link : NULL, .mnt = c->mnt, .diff = c->diff,
		.keep_locations = b->is_fresh ? c->clone != NULL && c->clone->keep_settings :
		    b->saved.keep_settings,
		.threads = c->threads, .cache_size = c->cache_size,
		.index_max = task_index_max(s), .generation = generation,
		.mapped_fds = program == JOB_FILL ? s->mapped.fd : NULL,
	};
	if (owner->with_groups) {
		job->n_groups = (unsigned)owner->become.n_groups;
		memcpy(job->groups, owner->become.groups, sizeof(job->groups));
	}
	if (pw != NULL && strlen(pw->pw_name) < sizeof(job->owner_name))
		strcpy(job->owner_name, pw->pw_name);
}

void
task_fill_check(const struct supervisor *s, struct job *job, int store_fd)
{
	const struct binding *b = &s->binding.found;
	static struct msg_member member[CHAIN_MAX];
	size_t i;

	for (i = 0; i < b->n_members; i++) {
		memcpy(member[i].id, b->member[i].id, sizeof(member[i].id));
		member[i].list_crc = b->member[i].list_crc;
	}
	task_fill(s, job, JOB_RECHECK, 0);
	job->store_fd = store_fd;
	job->diff_fd = job->infodir_fd = job->layers_fd = job->index_fd = job->lock_fd = job->shared_fd = -1;
	job->member = member;
	job->n_members = (unsigned)b->n_members;
}
