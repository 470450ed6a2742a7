/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Settings that fit a server to a machine: the exact sizes, those that each major version knows and no
 * others, and the memory limit of a cgroup of either version.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "cli/guest.h"
#include "supervisor/memlimit.h"
#include "support/unit.h"

static struct guest guest;
static struct options options;
static struct workdir place = {
	.mnt = "/run/mnt", .sock = "/run/a \"b\"/socket", .hba = "/run/hba", .ident = "/run/ident",
};
static struct guest_limits limits;

static void
setup(void)
{
	memset(&options, 0, sizeof(options));
	limits = (struct guest_limits){ .memory = GiB, .space = 8 * GiB, .major = 15, .discarded = true };
	guest_listen(&guest, NULL);
}

/* The value that the last of its places has; NULL without one. */
static const char *
value_of(const char *name)
{
	size_t len = strlen(name);
	const char *found = NULL;
	unsigned i;

	for (i = 1; i < guest.n; i++)
		if (strcmp(guest.argv[i - 1], "-c") == 0 && strncmp(guest.argv[i], name, len) == 0 &&
		    guest.argv[i][len] == '=')
			found = guest.argv[i] + len + 1;
	return found;
}

static void
make(void)
{
	guest_make(&guest, &options, &place, &limits, "/usr/lib/postgresql/15/bin");
	ck_assert_ptr_null(guest.argv[guest.n]);
}

/* ---- sizes --------------------------------------------------------------- */

static const struct {
	uint64_t memory, space, segment;
	const char *buffers, *work, *maintenance, *wal;
} sizes[] = {
	{ GiB, 8 * GiB, 16 * MiB, "131072kB", "4096kB", "32768kB", "1048576kB" },
	{ 3 * GiB, 20 * GiB, 16 * MiB, "393216kB", "12288kB", "98304kB", "2621440kB" },
	/* no less, */
	{ 64 * MiB, 100 * MiB, 16 * MiB, "16384kB", "4096kB", "16384kB", "131072kB" },
	{ 64 * MiB, 0, 0, "16384kB", "4096kB", "16384kB", "131072kB" },
	/* no more, */
	{ 512 * GiB, 2048 * GiB, 16 * MiB, "524288kB", "65536kB", "524288kB", "4194304kB" },
	/* and never less than two files of WAL. */
	{ GiB, 0, 64 * MiB, "131072kB", "4096kB", "32768kB", "131072kB" },
	{ GiB, 0, 128 * MiB, "131072kB", "4096kB", "32768kB", "262144kB" },
	{ GiB, 8 * GiB, GiB, "131072kB", "4096kB", "32768kB", "2097152kB" },
};

START_TEST(fits_sizes)
{
	limits.memory = sizes[_i].memory;
	limits.space = sizes[_i].space;
	limits.wal_segment = sizes[_i].segment;
	make();
	ck_assert_str_eq(value_of("shared_buffers"), sizes[_i].buffers);
	ck_assert_str_eq(value_of("work_mem"), sizes[_i].work);
	ck_assert_str_eq(value_of("maintenance_work_mem"), sizes[_i].maintenance);
	ck_assert_str_eq(value_of("max_wal_size"), sizes[_i].wal);
	ck_assert_str_eq(value_of("huge_pages"), "off");
	ck_assert_str_eq(value_of("wal_buffers"), "-1");
}
END_TEST

START_TEST(leaves_to_the_caller)
{
	static const char shared[] = "Shared_Buffers=1GB", pages[] = "huge_pages=try";

	options.set.item[options.set.n++] = shared;
	options.set.item[options.set.n++] = pages;
	make();
	ck_assert_ptr_null(value_of("shared_buffers"));
	ck_assert_ptr_null(value_of("huge_pages"));
	ck_assert_ptr_nonnull(value_of("max_wal_size"));
	options.keep_settings = true;
	make();
	ck_assert_ptr_null(value_of("max_wal_size"));
	ck_assert_ptr_null(value_of("fsync"));
	ck_assert_str_eq(value_of("listen_addresses"), "");
	ck_assert_str_eq(value_of("unix_socket_directories"), "\"/run/a \"\"b\"\"/socket\"");
}
END_TEST

START_TEST(keeps_what_is_kept)
{
	limits.discarded = false;
	make();
	ck_assert_ptr_null(value_of("fsync"));
	ck_assert_ptr_null(value_of("full_page_writes"));
	ck_assert_ptr_null(value_of("synchronous_commit"));
}
END_TEST

/* ---- major versions ------------------------------------------------------- */

/* From the release notes: when a setting came, if that was behind PostgreSQL 12, and the last version that had it. */
static const struct { const char *name; unsigned first, last; } known[] = {
	{ "autovacuum", 12, 18 }, { "checkpoint_timeout", 12, 18 }, { "dynamic_shared_memory_type", 12, 18 },
	{ "external_pid_file", 12, 18 }, { "fsync", 12, 18 }, { "full_page_writes", 12, 18 }, { "hba_file", 12, 18 },
	{ "huge_pages", 12, 18 }, { "ident_file", 12, 18 }, { "io_method", 18, 18 }, { "lc_messages", 12, 18 },
	{ "listen_addresses", 12, 18 }, { "log_destination", 12, 18 }, { "log_line_prefix", 12, 18 },
	{ "log_min_messages", 12, 18 }, { "logging_collector", 12, 18 }, { "maintenance_work_mem", 12, 18 },
	{ "max_wal_size", 12, 18 }, { "min_dynamic_shared_memory", 14, 18 }, { "port", 12, 18 },
	{ "recovery_min_apply_delay", 12, 18 }, { "shared_buffers", 12, 18 }, { "ssl", 12, 18 },
	{ "synchronous_commit", 12, 18 }, { "track_activities", 12, 18 }, { "unix_socket_directories", 12, 18 },
	{ "unix_socket_group", 12, 18 }, { "unix_socket_permissions", 12, 18 }, { "update_process_title", 12, 18 },
	{ "wal_buffers", 12, 18 }, { "work_mem", 12, 18 },
};

START_TEST(knows_each_version)
{
	unsigned i, k, settings = 0;
	size_t len;

	limits.major = (unsigned)_i;
	make();
	for (i = 1; i < guest.n; i++) {
		if (strcmp(guest.argv[i - 1], "-c") != 0)
			continue;
		settings++;
		len = strcspn(guest.argv[i], "=");
		for (k = 0; k < ARRAY_SIZE(known); k++)
			if (strlen(known[k].name) == len && strncmp(known[k].name, guest.argv[i], len) == 0)
				break;
		ck_assert_msg(k < ARRAY_SIZE(known) && known[k].first <= limits.major && limits.major <= known[k].last,
		    "PostgreSQL %d does not know %s", _i, guest.argv[i]);
	}
	/* and gets all that it does know */
	for (k = 0; k < ARRAY_SIZE(known); k++)
		settings -= known[k].first <= limits.major && limits.major <= known[k].last;
	ck_assert_uint_eq(settings, 0);
}
END_TEST

/* ---- the memory of a cgroup ------------------------------------------------ */

static char root[256];

/* Writes a file below root, and the directories that it lies in. */
static void
put(const char *path, const char *text)
{
	char full[1024], *slash;
	int fd;

	ck_assert_int_lt(snprintf(full, sizeof(full), "%s%s", root, path), (int)sizeof(full));
	for (slash = full + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
		*slash = '\0';
		mkdir(full, 0700);
	}
	ck_assert_int_ge(fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), 0);
	ck_assert_int_eq(io_write(fd, text, strlen(text)), 0);
	close(fd);
}

START_TEST(reads_version_2)
{
	tmpdir_new(root, sizeof(root));
	ck_assert_uint_eq(memlimit_below(root), MEMLIMIT_NONE);
	put("/proc/self/cgroup", "0::/a.slice/b.service\n");
	ck_assert_uint_eq(memlimit_below(root), MEMLIMIT_NONE);
	put("/sys/fs/cgroup/a.slice/b.service/memory.max", "max\n");
	ck_assert_uint_eq(memlimit_below(root), MEMLIMIT_NONE);
	/* The lowest counts: one above, then our own. */
	put("/sys/fs/cgroup/a.slice/memory.max", "1073741824\n");
	ck_assert_uint_eq(memlimit_below(root), GiB);
	put("/sys/fs/cgroup/a.slice/b.service/memory.max", "268435456\n");
	ck_assert_uint_eq(memlimit_below(root), 256 * MiB);
	/* Of version 1 those files mean nothing. */
	put("/sys/fs/cgroup/a.slice/memory.limit_in_bytes", "4096\n");
	ck_assert_uint_eq(memlimit_below(root), 256 * MiB);
}
END_TEST

START_TEST(reads_version_1)
{
	tmpdir_new(root, sizeof(root));
	put("/proc/self/cgroup", "4:memory:/docker/1\n0::/\n");
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	ck_assert_uint_eq(memlimit_below(root), MEMLIMIT_NONE);
	/* A container sees its own group as the root, under another name. */
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n");
	ck_assert_uint_eq(memlimit_below(root), 512 * MiB);
	put("/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "134217728\n");
	ck_assert_uint_eq(memlimit_below(root), 128 * MiB);
}
END_TEST

START_TEST(takes_the_lesser)
{
	uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	ck_assert_uint_eq(guest_memory(), MIN(pages, memlimit_bytes()));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("guest");
	TCase *tc = tcase_create("guest");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, fits_sizes, 0, ARRAY_SIZE(sizes));
	tcase_add_test(tc, leaves_to_the_caller);
	tcase_add_test(tc, keeps_what_is_kept);
	tcase_add_loop_test(tc, knows_each_version, 12, 19);
	tcase_add_test(tc, reads_version_2);
	tcase_add_test(tc, reads_version_1);
	tcase_add_test(tc, takes_the_lesser);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
