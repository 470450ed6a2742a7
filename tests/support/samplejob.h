/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A job that has something in every field.
 */
#ifndef SAMPLEJOB_H
#define SAMPLEJOB_H

#include "ipc/clone_config.h"
#include "ipc/job.h"
#include "ipc/msg.h"

static const struct recovery_target sample_target = {
	.kind = RECOVERY_TIME, .value = "2026-11-24 12:00", .timeline = "latest",
	.time_us = 1795521600000000, .written = "2026-11-24 12:00:00+00", .xid = 7, .lsn = 1ULL << 40,
	.tli_kind = RECOVERY_TLI_NUMBER, .tli = 3,
};
static const struct clone_config sample_clone = {
	.target = &sample_target, .inclusive = "false", .action = "promote",
	.restore_command = "cp %f %p", .replica = true, .keep_settings = true,
	.skip_external = true,
	.mapping = { { "/old", "/new", false }, { "/ext", "/there", true } }, .n_mappings = 2,
	.databases = { .include = true, .n = 1, .name = { "shop" } },
	.setting = { "port=5433", "work_mem=1MB" }, .n_settings = 2,
	.first_only = "--set", .mnt = "/mnt/a b",
};
static const struct clone_databases sample_databases = { .n = 2, .name = { "a", "\303\244" } };
static const struct msg_member sample_members[] = {
	{ .id = "TOXCS1", .version = 20516, .list_crc = 7 }, { .id = "TOXCS0", .list_crc = 8 },
};
static const int sample_mapped[] = { 50, 51 };

static inline struct job
sample_job(void)
{
	return (struct job){
		.program = JOB_FILL, .store_fd = 20, .diff_fd = 21, .infodir_fd = 23, .index_fd = 22, .fuse_fd = -1,
		.in_fd = 24, .out_fd = 25, .lock_fd = 26, .lockholder_fd = -1, .shared_fd = 28, .layers_fd = 29,
		.mapped_fds = sample_mapped, .sandbox = SANDBOX_SECCOMP_ONLY, .namespaces = MSG_NS_NET, .switch_user = true,
		.groups = { 4711, 4712 }, .n_groups = 2,
		.keep_read_search = true, .uid = 70000, .gid = 4294967294u, .owner_name = "postgres",
		.store_name = "/srv/catalog", .instance = "main", .backup_id = "TOXCS1",
		.force = true, .wal = WAL_DIRECT, .cache = CACHE_WRITETHROUGH, .verify = VERIFY_OFF,
		.no_wal = true, .perf_unsafe = true, .discard = true, .debug = true, .fresh = true, .detached = true,
		.clone = &sample_clone, .databases = &sample_databases,
		.wal_link = "/diff/pg_wal", .mnt = "/mnt/c", .diff = "/diff/c", .keep_locations = true, .threads = 4, .cache_size = 64 << 20, .index_max = 1 << 30,
		.member = sample_members, .n_members = 2, .generation = 9, .careful = true,
		.layer = "before", .message = "what it is", .again = true,
	};
}

#endif
