/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal of a diff directory over a small catalog.  The first byte says
 * what the rest is: the file as it lies on disk, or records that get the right
 * length, number and checksum, so that replay comes to see what they say; it
 * also chooses the worker that opens it, and whether the header marks those
 * records as synced, and a bit of them is damaged then.  What is accepted has to
 * be a tree that can be walked, changed and opened again; damage to what was
 * synced has to be refused.  It may also stand on a frozen layer, which has content of a file of the
 * backup and of one that was created there.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>

#include "base/crc32c.h"
#include "base/io.h"
#include "diff/journal.h"
#include "fuzz.h"
#include "support/layering.h"

#define HEADER		32	/* of the file */
#define RECORD		112	/* without names */
#define AT_MARK		24	/* of the header */
#define AT_LEN		4
#define AT_SEQ		8
#define AT_TYPE		24
#define AT_NAME_LEN	28
#define DEPTH_MAX	12
#define JOURNAL_MAX	65536

static struct rig rig;
static bool is_set_up;
static uint8_t header[HEADER], above[HEADER + RECORD + 64];	/* how a journal begins, on the backup and on a layer */
static size_t above_len;
static struct layering layering;
static uint64_t asked[4] = { 1, 2, 3, 4 };

static void
clean_up(void)
{
	layering_end(&layering);
	rig_free(&rig);
}

static void
put_journal(const void *bytes, size_t len)
{
	int fd = openat(rig.diff_fd, "journal", O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || io_pwrite(fd, bytes, len, 0) < 0)
		exit(1);
	close(fd);
}

static size_t
read_journal(void *bytes, size_t room)
{
	int fd = openat(rig.diff_fd, "journal", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : io_pread(fd, bytes, room, 0);

	if (n < 0)
		exit(1);
	close(fd);
	return (size_t)n;
}

static void
set_up(void)
{
	struct cow_attr a;

	log_set_sink(swallow);
	rig_new(&rig);
	rig_small_catalog(&rig);
	if (rig_index(&rig, "T1") < 0 || rig_open(&rig, true) < 0)
		exit(1);
	if (read_journal(header, sizeof(header)) != sizeof(header) ||
	    cow_find(rig.cow, COW_ROOT, "f", &a) < 0 || cow_write(rig.cow, a.nodeid, 2, 3, "abc", &rig.reader) < 0 ||
	    cow_create(rig.cow, 0, COW_ROOT, "made", S_IFREG | 0600, 0, 0, NULL, &a) < 0 ||
	    cow_write(rig.cow, a.nodeid, BLCKSZ, 3, "abc", &rig.reader) < 0 || rig_close(&rig) < 0)
		exit(1);
	layering_begin(&layering, &rig);
	if (layering_freeze(&layering, &rig, "one", false) < 0)
		exit(1);
	above_len = read_journal(above, sizeof(above));
	atexit(clean_up);
	is_set_up = true;
}

/* Seals the records in data one after the other; what is left of data is the tail. */
static size_t
seal(uint8_t *out, bool layered, const uint8_t *data, size_t size)
{
	uint16_t lens[2];
	uint64_t seq;
	uint32_t len, crc;
	size_t at = layered ? above_len : HEADER;
	uint8_t *r;

	memcpy(out, layered ? above : header, at);
	seq = 0;
	if (layered)
		memcpy(&seq, above + HEADER + AT_SEQ, sizeof(seq));
	for (seq++; size >= RECORD && at + RECORD + 64 < JOURNAL_MAX; seq++) {
		r = out + at;
		memset(r, 0, RECORD + 64);
		memcpy(r, data, RECORD);
		data += RECORD;
		size -= RECORD;
		memcpy(lens, r + AT_NAME_LEN, sizeof(lens));
		lens[0] = (uint16_t)MIN((size_t)lens[0] % 32, size);
		lens[1] = (uint16_t)MIN((size_t)lens[1] % 32, size - lens[0]);
		memcpy(r + AT_NAME_LEN, lens, sizeof(lens));
		memcpy(r + RECORD, data, (size_t)lens[0] + lens[1]);
		data += lens[0] + lens[1];
		size -= (size_t)lens[0] + lens[1];
		r[AT_TYPE] = (uint8_t)((r[AT_TYPE] + JOURNAL_TYPE_MAX - 2u) % (JOURNAL_TYPE_MAX - 1u) + 1);
		r[AT_TYPE + 1] = 0;
		len = (RECORD + lens[0] + lens[1] + 7u) & ~7u;
		memcpy(r + AT_LEN, &len, sizeof(len));
		memcpy(r + AT_SEQ, &seq, sizeof(seq));
		crc = crc32c(0, r + AT_LEN, len - AT_LEN);
		memcpy(r, &crc, sizeof(crc));
		at += len;
	}
	return at;
}

/* The first byte of the input. */
enum { SEALED = 1, FIRST = 2, MARKED = 4, DAMAGED = 8, LAYERED = 16 };

static void
put_mark(uint8_t *journal, size_t bytes)
{
	uint64_t mark = bytes / 8;

	mark |= (uint64_t)crc32c(0, &mark, sizeof(mark)) << 40;
	memcpy(journal + AT_MARK, &mark, sizeof(mark));
}

/* Returns whether what was synced is damaged. */
static bool
put_sealed(uint8_t how, const uint8_t *data, size_t size)
{
	static uint8_t journal[JOURNAL_MAX];
	size_t len = seal(journal, (how & LAYERED) != 0, data, size);
	bool damaged = (how & DAMAGED) != 0 && len > HEADER;

	if (how & MARKED)
		put_mark(journal, len);
	if (damaged)
		journal[HEADER + data[size - 1] * (size_t)97 % (len - HEADER)] ^= (uint8_t)(1u << (how >> 5));
	put_journal(journal, len);
	return damaged && (how & MARKED) != 0;
}

/* Reads, and leaves as it is. */
static void
visit_file(uint64_t nodeid)
{
	static unsigned char buf[3 * BLCKSZ];

	cow_read(rig.cow, nodeid, 0, sizeof(buf), buf, &rig.reader);
	cow_readlink(rig.cow, nodeid, (char *)buf);
}

static void
walk(uint64_t dir, unsigned depth, unsigned *budget)
{
	uint64_t child[16];
	struct cow_attr a;
	struct cow_dirent d;
	struct cow_list l;
	unsigned n = 0;

	if (depth > DEPTH_MAX)
		abort();	/* a handful of records cannot nest that deep: it is a cycle */
	if (cow_list_begin(&l, rig.cow, dir, 0) < 0)
		return;
	while (n < ARRAY_SIZE(child) && cow_list_next(&l, &d) > 0)
		if (strcmp(d.name, ".") != 0 && strcmp(d.name, "..") != 0 &&
		    cow_list_attr(&l, &d, &a) == 0)
			child[n++] = a.nodeid;
	cow_list_end(&l);
	while (n > 0 && *budget > 0) {
		n--;
		(*budget)--;
		if (cow_getattr(rig.cow, child[n], &a) < 0)
			continue;
		if (S_ISDIR(a.mode))
			walk(child[n], depth + 1, budget);
		else
			visit_file(child[n]);
	}
}

/* Changes each kind of thing once; whether it works is for the journal to say. */
static void
change(void)
{
	struct cow_attr a;
	uint64_t f = 0, d = 0;

	if (cow_lookup(rig.cow, COW_ROOT, "f", 1, &a) == 0)
		f = a.nodeid;
	if (cow_lookup(rig.cow, COW_ROOT, "d", 1, &a) == 0)
		d = a.nodeid;
	cow_write(rig.cow, f, 3, 5, "12345", &rig.reader);
	a = (struct cow_attr){ .size = 4 };
	cow_setattr(rig.cow, f, COW_SET_SIZE, &a);
	cow_fsync(rig.cow, f, true);
	if (cow_create(rig.cow, 0, d, "new", S_IFREG | 0600, 0, 0, NULL, &a) == 0)
		cow_write(rig.cow, a.nodeid, 0, 5, "12345", &rig.reader);
	cow_link(rig.cow, 0, f, d, "link", &a);
	cow_rename(rig.cow, 0, COW_ROOT, "d", COW_ROOT, "e", 0);
	cow_rename(rig.cow, 0, COW_ROOT, "e", d, "x", 0);
	cow_rename(rig.cow, 0, COW_ROOT, "base", COW_ROOT, "d", 2);
	cow_remove(rig.cow, 0, COW_ROOT, "f", false);
	cow_remove(rig.cow, 0, COW_ROOT, "d", true);
	for (f = 1; f <= ARRAY_SIZE(asked); f++)
		cow_outcome(rig.cow, f, &a);
	cow_forget(rig.cow, d, 2);
	cow_idle(rig.cow);
}

static void
visit(void)
{
	unsigned budget = 200;

	walk(COW_ROOT, 0, &budget);
	change();
	budget = 200;
	walk(COW_ROOT, 0, &budget);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool first, damaged = false;

	if (size < 1 || size >= JOURNAL_MAX)
		return 0;
	if (!is_set_up)
		set_up();
	first = (data[0] & FIRST) != 0;
	if ((data[0] & SEALED) == 0)
		put_journal(data + 1, size - 1);
	else
		damaged = put_sealed(data[0], data + 1, size - 1);
	rig.config.n_layers = data[0] & LAYERED ? 1 : 0;
	rig.config.mount_id = 1;
	rig.config.in_flight = asked;
	rig.config.n_in_flight = ARRAY_SIZE(asked);
	if (first)
		rig.config.mount_id = 0;	/* rig_open() counts */
	if (rig_open(&rig, first) < 0)
		return 0;
	if (damaged)
		abort();
	visit();
	rig_close(&rig);
	/* A worker has to accept the accepted and changed journal again. */
	if (rig_open(&rig, first) < 0)
		abort();
	rig_kill(&rig);
	return 0;
}
