/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * src/ipc/job: a job arrives whole with its descriptors; a damaged one is refused.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/jobfd.h"
#include "ipc/shared.h"
#include "support/samplejob.h"
#include "support/unit.h"

static unsigned char *bytes;
static size_t len;

static void
encode(void)
{
	struct job job = sample_job();
	ssize_t n = job_encode(&job, &bytes);

	ck_assert_int_gt(n, 0);
	len = (size_t)n;
}

static void
drop(void)
{
	free(bytes);
}

static void
same_clone(const struct clone_config *p)
{
	const struct clone_config *q = &sample_clone;

	ck_assert_str_eq(p->inclusive, q->inclusive);
	ck_assert_str_eq(p->action, q->action);
	ck_assert_str_eq(p->restore_command, q->restore_command);
	ck_assert(p->replica && p->keep_settings && p->skip_external);
	ck_assert_uint_eq(p->n_mappings, 2);
	ck_assert_str_eq(p->mapping[0].from, "/old");
	ck_assert_str_eq(p->mapping[1].to, "/there");
	ck_assert(!p->mapping[0].external && p->mapping[1].external);
	ck_assert(p->databases.include);
	ck_assert_uint_eq(p->databases.n, 1);
	ck_assert_str_eq(p->databases.name[0], "shop");
	ck_assert_uint_eq(p->n_settings, 2);
	ck_assert_str_eq(p->setting[1], "work_mem=1MB");
	ck_assert_str_eq(p->first_only, q->first_only);
	ck_assert_str_eq(p->mnt, q->mnt);
}

static void
same_target(const struct recovery_target *t)
{
	ck_assert_int_eq(t->kind, sample_target.kind);
	ck_assert_str_eq(t->value, sample_target.value);
	ck_assert_str_eq(t->timeline, sample_target.timeline);
	ck_assert_int_eq(t->time_us, sample_target.time_us);
	ck_assert_str_eq(t->written, sample_target.written);
	ck_assert_uint_eq(t->xid, sample_target.xid);
	ck_assert_uint_eq(t->lsn, sample_target.lsn);
	ck_assert_int_eq(t->tli_kind, sample_target.tli_kind);
	ck_assert_uint_eq(t->tli, sample_target.tli);
}

START_TEST(arrives_whole)
{
	struct job s = sample_job(), *j;

	ck_assert_int_eq(job_decode(bytes, len, &j), 0);
	ck_assert(j->program == s.program && j->sandbox == s.sandbox && j->wal == s.wal &&
	    j->cache == s.cache && j->verify == s.verify);
	ck_assert(j->switch_user && j->keep_read_search && j->force && j->no_wal &&
	    j->perf_unsafe && j->discard && j->debug && j->fresh && j->detached && j->careful);
	ck_assert(j->uid == s.uid && j->gid == s.gid && j->threads == s.threads &&
	    j->cache_size == s.cache_size && j->index_max == s.index_max &&
	    j->generation == s.generation);
	ck_assert(j->n_groups == 2 && j->groups[0] == s.groups[0] && j->groups[1] == s.groups[1]);
	ck_assert_str_eq(j->owner_name, s.owner_name);
	ck_assert_str_eq(j->store_name, s.store_name);
	ck_assert_str_eq(j->instance, s.instance);
	ck_assert_str_eq(j->backup_id, s.backup_id);
	ck_assert_str_eq(j->wal_link, s.wal_link);
	ck_assert_str_eq(j->mnt, s.mnt);
	ck_assert_str_eq(j->diff, s.diff);
	ck_assert(j->keep_locations);
	ck_assert_str_eq(j->layer, s.layer);
	ck_assert_str_eq(j->message, s.message);
	ck_assert(j->again);
	same_clone(j->clone);
	same_target(j->clone->target);
	ck_assert_uint_eq(j->databases->n, 2);
	ck_assert_str_eq(j->databases->name[1], sample_databases.name[1]);
	ck_assert_uint_eq(j->n_members, 2);
	ck_assert_mem_eq(j->member, sample_members, sizeof(sample_members));
	ck_assert_ptr_null(j->shared);
	job_free(j);
}
END_TEST

START_TEST(numbers_the_descriptors)
{
	struct job *j;
	unsigned i;

	ck_assert_int_eq(job_decode(bytes, len, &j), 0);
	ck_assert_uint_eq(job_fds(j), JOB_FDS + 2);
	ck_assert_int_eq(j->out_fd, JOB_OUT_FD);
	ck_assert_int_eq(j->fuse_fd, -1);
	ck_assert_int_eq(j->lockholder_fd, -1);
	for (i = 0; i < job_fds(j); i++)
		ck_assert(job_fd(j, i) == -1 || job_fd(j, i) == job_fd_number(i));
	job_free(j);
}
END_TEST

START_TEST(leaves_out_what_is_not_there)
{
	struct job s = { .store_name = "", .instance = "i", .fuse_fd = -1 }, *j;
	unsigned char *b;
	ssize_t n = job_encode(&s, &b);

	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(job_decode(b, (size_t)n, &j), 0);
	ck_assert_ptr_null(j->clone);
	ck_assert_ptr_null(j->databases);
	ck_assert_ptr_null(j->mapped_fds);
	ck_assert_ptr_null(j->backup_id);
	ck_assert_str_eq(j->store_name, "");
	job_free(j);
	free(b);
}
END_TEST

/* Any prefix and any byte too many is refused; a byte changed may be another job. */
START_TEST(refuses_what_is_not_one)
{
	unsigned char *b = calloc(1, len + 1);
	size_t i, refused = 0;
	struct job *j;

	for (i = 0; i < len; i++)
		ck_assert_int_eq(job_decode(bytes, i, &j), -EPROTO);
	memcpy(b, bytes, len);
	ck_assert_int_eq(job_decode(b, len + 1, &j), -EPROTO);
	for (i = 0; i < len; i++) {
		b[i] ^= 0xff;
		if (job_decode(b, len, &j) == 0)
			job_free(j);
		else
			refused++;
		b[i] ^= 0xff;
	}
	ck_assert_uint_gt(refused, len / 2);	/* numbers have 8 bytes, most of them 0 */
	free(b);
}
END_TEST

/* Magic, version and the size of shared memory come first, 8 bytes each. */
START_TEST(refuses_another_build)
{
	struct job *j;

	bytes[8 * _i]++;
	ck_assert_int_eq(job_decode(bytes, len, &j), -EPROTO);
}
END_TEST

START_TEST(refuses_too_much)
{
	struct job s = sample_job(), *j;
	char *text = malloc(JOB_MAX + 1);
	unsigned char *b;

	memset(text, 'x', JOB_MAX);
	text[JOB_MAX] = '\0';
	s.store_name = text;
	ck_assert_int_eq(job_encode(&s, &b), -E2BIG);
	ck_assert_int_eq(job_decode((unsigned char *)text, JOB_MAX + 1, &j), -EPROTO);
	free(text);
}
END_TEST

/* ---- by descriptor ------------------------------------------------------ */

enum { REAL, NONE, PIPE, UNSEALED, EMPTY, LACKS_ONE, SMALL_SHARED };

static const struct { const char *name; int kind, rc; } descriptors[] = {
	{ "a job", REAL, 0 },
	{ "nothing", NONE, -EBADF },
	{ "a pipe", PIPE, -EBADF },
	{ "a job that can be changed", UNSEALED, -EBADF },
	{ "no bytes", EMPTY, -EPROTO },
	{ "a descriptor is not there", LACKS_ONE, -EPROTO },
	{ "shared memory of another size", SMALL_SHARED, -EPROTO },
};

static int
make_memfd(size_t size, int seals)
{
	int fd = memfd_create("test", MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)size) != 0 || fcntl(fd, F_ADD_SEALS, seals) != 0)
		_exit(99);
	return fd;
}

static int
make_job(int kind)
{
	struct job job = {
		.store_name = "s", .instance = "i", .in_fd = -1, .out_fd = 0, .store_fd = -1,
		.diff_fd = -1, .infodir_fd = -1, .index_fd = -1, .fuse_fd = -1, .lock_fd = -1,
		.lockholder_fd = -1, .layers_fd = -1,
	};
	int fds[2];

	switch (kind) {
	case NONE:
		return -1;
	case PIPE:
		return pipe(fds) == 0 ? fds[0] : -1;
	case UNSEALED:
		return make_memfd(100, F_SEAL_SHRINK);
	case EMPTY:
		return make_memfd(0, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	default:
		return jobfd_make(&job);
	}
}

/* In a child, whose descriptors are its own to number. */
static int
receive(int kind)
{
	int shared = make_memfd(sizeof(struct shared) - (kind == SMALL_SHARED ? 4096 : 0),
	    F_SEAL_SHRINK), fd = make_job(kind), from = 200;
	struct job *job;

	shared = fcntl(shared, F_DUPFD, from);
	fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD, from);
	for (from = 3; from < 200; from++)
		close(from);
	if (fd >= 0)
		dup2(fd, JOB_FD);
	dup2(0, JOB_OUT_FD);
	if (kind != LACKS_ONE)
		dup2(shared, job_fd_number(JOB_FDS - 1));
	return -jobfd_receive(&job);
}

START_TEST(receives_by_descriptor)
{
	int status;
	pid_t pid;

	if ((pid = fork()) == 0)
		_exit(receive(descriptors[_i].kind));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == -descriptors[_i].rc, "%s: %x",
	    descriptors[_i].name, status);
}
END_TEST

#define N(table)	(int)(sizeof(table) / sizeof((table)[0]))

int
main(void)
{
	Suite *s = suite_create("job");
	TCase *tc = tcase_create("job");

	tcase_add_checked_fixture(tc, encode, drop);
	tcase_add_test(tc, arrives_whole);
	tcase_add_test(tc, numbers_the_descriptors);
	tcase_add_test(tc, leaves_out_what_is_not_there);
	tcase_add_test(tc, refuses_what_is_not_one);
	tcase_add_loop_test(tc, refuses_another_build, 0, 3);
	tcase_add_test(tc, refuses_too_much);
	tcase_add_loop_test(tc, receives_by_descriptor, 0, N(descriptors));
	suite_add_tcase(s, tc);
	return unit_main(s);
}
