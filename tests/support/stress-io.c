/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "stress.h"

/*
 * Content of files.  A file is units of some bytes; the model knows for each
 * the version that was written last, and for all how many there are.  Units
 * beyond the end have version 0, which is zeroes, as has what a truncation or a
 * hole leaves behind.
 */

#define RUN_MAX		24	/* units in one call */

struct model {
	char	name[32];
	int	fd, flags;
	uint32_t file;			/* number, part of the content */
	size_t	unit;			/* bytes */
	uint32_t room, n;		/* units: at most, and now */
	uint32_t *version;
	uint32_t next;
	unsigned char *buf;		/* RUN_MAX units */
};

static void
model_open(struct model *m, uint32_t file, size_t unit, uint32_t room, int flags)
{
	*m = (struct model){
		.file = file, .unit = unit, .room = room, .next = 1, .flags = O_RDWR | flags,
		.version = calloc(room, sizeof(uint32_t)), .buf = stress_buffer(RUN_MAX * unit),
	};
	snprintf(m->name, sizeof(m->name), "f%u", file);
	m->fd = STRESS_OK(open(m->name, m->flags | O_CREAT | O_EXCL, 0600), m->name);
}

static void
model_close(struct model *m, bool unlink_too)
{
	STRESS_OK(close(m->fd), m->name);
	if (unlink_too)
		STRESS_OK(unlink(m->name), m->name);
	free(m->version);
	free(m->buf);
}

/* Chooses the first unit and the length of a run of up to limit units. */
static uint32_t
any_run(uint32_t limit, uint32_t *count)
{
	uint32_t first = stress_below(limit);

	*count = 1 + stress_below(MIN(limit - first, (uint32_t)RUN_MAX));
	return first;
}

static void
set_versions(struct model *m, uint32_t first, uint32_t end, uint32_t version)
{
	uint32_t u;

	for (u = first; u < end; u++)
		m->version[u] = version;
}

static void
do_write(struct model *m)
{
	uint32_t count, first = any_run(m->room, &count), u;
	size_t len = count * m->unit;

	for (u = 0; u < count; u++)
		stress_fill(m->buf + u * m->unit, m->unit, m->file, first + u, m->next);
	if (STRESS_OK(pwrite(m->fd, m->buf, len, (off_t)(first * m->unit)), m->name) !=
	    (ssize_t)len)
		stress_fail("pwrite on %s: short", m->name);
	set_versions(m, first, first + count, m->next++);
	m->n = MAX(m->n, first + count);
}

static void
verify_run(struct model *m, uint32_t first, uint32_t count, const char *how)
{
	uint32_t there = first >= m->n ? 0 : MIN(count, m->n - first), u;
	ssize_t n = STRESS_OK(pread(m->fd, m->buf, count * m->unit, (off_t)(first * m->unit)),
	    m->name);

	if (n != (ssize_t)(there * m->unit))
		stress_fail("%s of file %u at %zu: expected %zu bytes, found %zd", how, m->file,
		    first * m->unit, there * m->unit, n);
	for (u = 0; u < there; u++)
		stress_verify(m->buf + u * m->unit, m->unit, m->file, first + u,
		    m->version[first + u], how);
}

static void
do_read(struct model *m)
{
	uint32_t count, first = any_run(m->room, &count);

	verify_run(m, first, count, "read");
}

static void
do_sync(struct model *m)
{
	if (stress_one_in(2))
		STRESS_OK(fdatasync(m->fd), m->name);
	else
		STRESS_OK(fsync(m->fd), m->name);
}

/* Drops the kernel's cache, so that the worker serves the content. */
static void
do_forget(struct model *m)
{
	STRESS_OK(fdatasync(m->fd), m->name);
	posix_fadvise(m->fd, 0, 0, POSIX_FADV_DONTNEED);
	do_read(m);
}

static void
do_truncate(struct model *m)
{
	uint32_t n = stress_below(m->room);

	STRESS_OK(ftruncate(m->fd, (off_t)(n * m->unit)), m->name);
	set_versions(m, MIN(n, m->n), m->room, 0);
	m->n = n;
}

static void
do_punch(struct model *m)
{
	uint32_t count, first = any_run(m->room, &count);

	STRESS_OK(fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    (off_t)(first * m->unit), (off_t)(count * m->unit)), m->name);
	set_versions(m, first, first + count, 0);
}

static void
do_allocate(struct model *m)
{
	uint32_t count, first = any_run(m->room, &count);

	STRESS_OK(fallocate(m->fd, 0, (off_t)(first * m->unit), (off_t)(count * m->unit)),
	    m->name);
	m->n = MAX(m->n, first + count);
}

static void
do_size(struct model *m)
{
	struct stat st;

	STRESS_OK(fstat(m->fd, &st), m->name);
	if (st.st_size != (off_t)(m->n * m->unit))
		stress_fail("size of file %u: expected %zu, found %lld", m->file, m->n * m->unit,
		    (long long)st.st_size);
}

static void
do_reopen(struct model *m)
{
	STRESS_OK(close(m->fd), m->name);
	m->fd = STRESS_OK(open(m->name, m->flags), m->name);
}

struct step {
	unsigned weight;
	void	(*run)(struct model *m);
};

static void
step(struct model *m, const struct step *steps)
{
	unsigned sum = 0, at;
	const struct step *s;

	for (s = steps; s->run != NULL; s++)
		sum += s->weight;
	at = stress_below(sum);
	for (s = steps; at >= s->weight; s++)
		at -= s->weight;
	s->run(m);
}

static void
verify_all(struct model *m)
{
	uint32_t u;

	STRESS_OK(fsync(m->fd), m->name);
	posix_fadvise(m->fd, 0, 0, POSIX_FADV_DONTNEED);
	do_size(m);
	for (u = 0; u < m->room; u += RUN_MAX)
		verify_run(m, u, MIN(m->room - u, (uint32_t)RUN_MAX), "last read");
}

static const struct step plain_steps[] = {
	{ 40, do_write }, { 30, do_read }, { 6, do_sync }, { 6, do_forget }, { 4, do_truncate },
	{ 3, do_punch }, { 2, do_allocate }, { 5, do_size }, { 4, do_reopen }, { 0, NULL }
};

static void
run_plain(size_t unit, uint32_t room, int flags)
{
	struct model m[2];
	int i;

	for (i = 0; i < 2; i++)
		model_open(&m[i], stress_self.number * 2 + (uint32_t)i, unit, room, flags);
	while (stress_going())
		step(&m[stress_below(2)], plain_steps);
	for (i = 0; i < 2; i++) {
		verify_all(&m[i]);
		model_close(&m[i], true);
	}
}

void
stress_buffered(void)
{
	run_plain(512, 2000, 0);
}

void
stress_direct(void)
{
	run_plain(4096, 200, O_DIRECT);
}

/* ---- files that are mapped ---------------------------------------------- */

static unsigned char *mapping;

static void
do_map_write(struct model *m)
{
	uint32_t count, first = any_run(m->room, &count), u;

	stress_enter("write to a mapping");
	for (u = first; u < first + count; u++)
		stress_fill(mapping + u * m->unit, m->unit, m->file, u, m->next);
	stress_leave("write to a mapping");
	set_versions(m, first, first + count, m->next++);
}

static void
do_map_read(struct model *m)
{
	uint32_t count, first = any_run(m->room, &count), u;

	stress_enter("read of a mapping");
	for (u = first; u < first + count; u++)
		stress_verify(mapping + u * m->unit, m->unit, m->file, u, m->version[u],
		    "read of a mapping");
	stress_leave("read of a mapping");
}

static void
do_map_sync(struct model *m)
{
	STRESS_OK(msync(mapping, m->room * m->unit, MS_SYNC), m->name);
}

static void
do_map_forget(struct model *m)
{
	do_map_sync(m);
	madvise(mapping, m->room * m->unit, MADV_DONTNEED);
	posix_fadvise(m->fd, 0, 0, POSIX_FADV_DONTNEED);
	do_map_read(m);
}

static const struct step mmap_steps[] = {
	{ 40, do_map_write }, { 30, do_map_read }, { 10, do_read }, { 10, do_write },
	{ 4, do_map_sync }, { 6, do_map_forget }, { 0, NULL }
};

void
stress_mmap(void)
{
	struct model m;

	model_open(&m, stress_self.number, 512, 1024, 0);
	STRESS_OK(ftruncate(m.fd, (off_t)(m.room * m.unit)), m.name);
	m.n = m.room;
	mapping = mmap(NULL, m.room * m.unit, PROT_READ | PROT_WRITE, MAP_SHARED, m.fd, 0);
	if (mapping == MAP_FAILED)
		stress_fail_call("mmap", m.name);
	while (stress_going())
		step(&m, mmap_steps);
	munmap(mapping, m.room * m.unit);
	verify_all(&m);
	model_close(&m, true);
}

/* ---- two processes append to one file ----------------------------------- */

#define RECORD		64
#define RECORDS		400	/* of each process in one round */

static void
append_records(uint32_t who)
{
	int fd = STRESS_OK(open("log", O_WRONLY | O_APPEND | O_CREAT, 0600), "log");
	unsigned char record[RECORD] __attribute__((aligned(8)));
	uint32_t i;

	for (i = 0; i < RECORDS; i++) {
		stress_fill(record, RECORD, who, who, i + 1);
		if (STRESS_OK(write(fd, record, RECORD), "log") != RECORD)
			stress_fail("write on log: short");
		if (stress_one_in(20))
			STRESS_OK(fdatasync(fd), "log");
	}
	STRESS_OK(close(fd), "log");
}

/* Each writer's records are all there, once, in order. */
static void
verify_records(void)
{
	unsigned char record[RECORD] __attribute__((aligned(8)));
	uint32_t next[2] = { 1, 1 }, who;
	int i, fd = STRESS_OK(open("log", O_RDONLY), "log");

	if (stress_one_in(2)) {
		STRESS_OK(fdatasync(fd), "log");
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	}
	for (i = 0; i < 2 * RECORDS; i++) {
		if (STRESS_OK(read(fd, record, RECORD), "log") != RECORD)
			stress_fail("log: expected %d records, found %d", 2 * RECORDS, i);
		who = (uint32_t)(*(uint64_t *)record >> 32) & 1;
		stress_verify(record, RECORD, who, who, next[who]++, "record");
	}
	if (STRESS_OK(read(fd, record, RECORD), "log") != 0)
		stress_fail("log: more than %d records", 2 * RECORDS);
	STRESS_OK(close(fd), "log");
}

void
stress_append(void)
{
	pid_t pid;
	int status;

	while (stress_going()) {
		if ((pid = fork()) == 0) {
			stress_self.depth = 1;
			append_records(0);
			_exit(0);
		}
		append_records(1);
		if (waitpid(pid, &status, 0) < 0 || status != 0)
			_exit(1);
		verify_records();
		STRESS_OK(unlink("log"), "log");
	}
}

/* ---- files without a name ----------------------------------------------- */

static const struct step unlinked_steps[] = {
	{ 40, do_write }, { 30, do_read }, { 6, do_sync }, { 8, do_forget }, { 6, do_truncate },
	{ 5, do_size }, { 0, NULL }
};

static void
lose_name(struct model *m)
{
	struct stat st;
	int fd;

	/* Its last name goes by unlink, or by a rename over it. */
	if (stress_one_in(2)) {
		STRESS_OK(unlink(m->name), m->name);
	} else {
		fd = STRESS_OK(open("over", O_WRONLY | O_CREAT | O_EXCL, 0600), "over");
		STRESS_OK(close(fd), "over");
		STRESS_OK(rename("over", m->name), m->name);
		STRESS_OK(unlink(m->name), m->name);
	}
	STRESS_OK(fstat(m->fd, &st), m->name);
	if (st.st_nlink != 0)
		stress_fail("links of an unlinked file: expected 0, found %u",
		    (unsigned)st.st_nlink);
	STRESS_GIVES(access(m->name, F_OK), ENOENT, m->name);
}

void
stress_unlinked(void)
{
	struct model m[3];
	uint32_t file = 0;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(m); i++) {
		model_open(&m[i], file++, 512, 200, 0);
		do_write(&m[i]);
		lose_name(&m[i]);
	}
	while (stress_going()) {
		i = stress_below(ARRAY_SIZE(m));
		step(&m[i], unlinked_steps);
		if (!stress_one_in(60))
			continue;
		verify_all(&m[i]);
		model_close(&m[i], false);
		model_open(&m[i], file++, 512, 200, 0);
		do_write(&m[i]);
		lose_name(&m[i]);
	}
	for (i = 0; i < ARRAY_SIZE(m); i++)
		verify_all(&m[i]);
}
