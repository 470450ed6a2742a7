/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * layercost: how much frozen layers cost who reads and writes, and how long a freeze takes, without FUSE.
 *
 *	layercost io ROUNDS	prints lines "seq|random|write LAYERS MICROSECONDS", of processor time per block, for each
 *				round: all blocks in order, 128 KiB a request; blocks in random order; writes of
 *				random blocks.  A quarter of the blocks was changed, in 0 layers (all in the active
 *				one), 1, or 20; everything is in memory
 *	layercost freeze N	prints the milliseconds that a freeze of N content files takes
 *
 * TMPDIR tells where.
 */
#include "config.h"

#include <time.h>

#include "support/layering.h"

#define BLOCKS		8192u
#define TURN		4096u		/* blocks of a random turn */
#define REQUEST		16u		/* blocks */
#define TIMES		4		/* that a turn of reads does the same */
#define SIDES		3

static const unsigned depths[SIDES] = { 0, 1, 20 };
static struct rig rigs[SIDES];
static struct layering layerings[SIDES];
static uint64_t chance = 88172645463325252u;

/* xorshift: the same numbers in each run. */
static uint32_t
random_below(uint32_t n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (uint32_t)(chance >> 32) % n;
}

static double
now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
must(int64_t rc, const char *what)
{
	if (rc < 0)
		errx(1, "%s: %s", what, strerror((int)-rc));
}

static void
write_catalog(const struct rig *r)
{
	struct catbackup_options o = { .id = "T1" };
	struct catpage *pages = calloc(BLOCKS, sizeof(*pages));
	struct catfile f = { .path = "base/5/16384", .n_blocks = BLOCKS, .pages = pages, .n_pages = BLOCKS };
	static unsigned char page[BLCKSZ];
	struct catwriter *w;
	struct catbackup *b;
	uint32_t i;

	if (pages == NULL)
		err(1, "pages");
	catwriter_make_page(page, 1, 1);
	for (i = 0; i < BLOCKS; i++)
		pages[i] = (struct catpage){ .block = i, .bytes = page };
	must(catwriter_open(r->store, "main", NULL, &w), "catalog");
	must(catbackup_begin(w, &o, &b), "backup");
	catbackup_dir(b, "base", 0700);
	catbackup_dir(b, "base/5", 0700);
	catbackup_data(b, &f);
	must(catbackup_finish(b), "backup");
	catwriter_close(w);
	free(pages);
}

static void
begin(struct rig *r, struct layering *l)
{
	rig_new(r);
	write_catalog(r);
	must(rig_index(r, "T1"), "index");
	layering_begin(l, r);
	must(rig_open(r, true), "open");
}

static uint64_t
relation(struct rig *r)
{
	static const char *const names[] = { "base", "5", "16384" };
	uint64_t at = COW_ROOT;
	struct cow_attr a;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		must(cow_lookup(r->cow, at, names[i], strlen(names[i]), &a), names[i]);
		at = a.nodeid;
	}
	return at;
}

static double
freeze(struct rig *r, struct layering *l, unsigned number)
{
	struct layers_freeze f = { .diff_fd = l->top_fd, .layers_fd = l->layers_fd };
	struct layers_frozen frozen;
	char name[16];
	double took;

	snprintf(name, sizeof(name), "l%u", number);
	f.name = name;
	must(rig_close(r), "close");
	took = now(CLOCK_MONOTONIC);
	must(layers_freeze(&f, &frozen), "freeze");
	took = now(CLOCK_MONOTONIC) - took;
	must(layering_follow(l, r), "layers");
	must(rig_open(r, true), "open");
	return took;
}

/* ---- reads and writes ---- */

static void
write_block(struct rig *r, uint64_t id, uint32_t block)
{
	static unsigned char page[BLCKSZ];

	must(cow_write(r->cow, id, (uint64_t)block * BLCKSZ, BLCKSZ, page, &r->reader), "write");
}

/* The same changes, whatever the number of layers that share them. */
static void
change(struct rig *r, struct layering *l, unsigned depth)
{
	uint64_t id = relation(r), seed = chance;
	unsigned turn, turns = MAX(depth, 1u);
	uint32_t b;

	for (turn = 0; turn < turns; turn++) {
		chance = seed;
		for (b = 0; b < BLOCKS; b++)
			if (random_below(4) == 0 && random_below(20) % turns == turn)
				write_block(r, id, b);
		if (depth > 0)
			freeze(r, l, turn);
		id = relation(r);
	}
	chance = seed;
}

static double
read_blocks(struct rig *r, uint64_t id, uint32_t n, uint32_t step, bool random)
{
	static unsigned char buf[REQUEST * BLCKSZ];
	double took = now(CLOCK_PROCESS_CPUTIME_ID);
	uint32_t i, at;

	for (i = 0; i < n * TIMES; i += step) {
		at = random ? random_below(BLOCKS) : i % n;
		must(cow_read(r->cow, id, (uint64_t)at * BLCKSZ, (size_t)step * BLCKSZ, buf, &r->reader), "read");
	}
	return (now(CLOCK_PROCESS_CPUTIME_ID) - took) / (n * TIMES);
}

static double
write_blocks(struct rig *r, uint64_t id)
{
	double took = now(CLOCK_PROCESS_CPUTIME_ID);
	uint32_t i;

	for (i = 0; i < TURN; i++)
		write_block(r, id, random_below(BLOCKS));
	took = (now(CLOCK_PROCESS_CPUTIME_ID) - took) / TURN;
	must(cow_flush(r->cow), "flush");
	return took;
}

static void
print(const char *row, unsigned side, double seconds)
{
	printf("%s %u %.4f\n", row, depths[side], seconds * 1e6);
}

/* Each turn begins with another side, and uses the same blocks on all. */
static void
turn(const char *row, unsigned round, bool quiet)
{
	uint64_t seed = chance, id;
	unsigned i, side;
	double took;

	for (i = 0; i < SIDES; i++) {
		side = (i + round) % SIDES;
		chance = seed;
		id = relation(&rigs[side]);
		if (strcmp(row, "write") == 0)
			took = write_blocks(&rigs[side], id);
		else if (strcmp(row, "seq") == 0)
			took = read_blocks(&rigs[side], id, BLOCKS, REQUEST, false);
		else
			took = read_blocks(&rigs[side], id, TURN, 1, true);
		if (!quiet)
			print(row, side, took);
	}
}

static void
measure_io(unsigned rounds)
{
	unsigned i;

	for (i = 0; i < SIDES; i++) {
		begin(&rigs[i], &layerings[i]);
		change(&rigs[i], &layerings[i], depths[i]);
	}
	turn("seq", 0, true);
	for (i = 0; i < rounds; i++)
		turn("seq", i, false);
	for (i = 0; i < rounds; i++)
		turn("random", i, false);
	/* Last: it changes what is read. */
	for (i = 0; i < rounds; i++)
		turn("write", i, false);
	for (i = 0; i < SIDES; i++) {
		layering_end(&layerings[i]);
		rig_free(&rigs[i]);
	}
}

/* ---- freezing ---- */

static void
measure_freeze(unsigned n)
{
	struct cow_attr a;
	char name[16];
	unsigned i;

	begin(&rigs[0], &layerings[0]);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		must(cow_create(rigs[0].cow, i + 1, COW_ROOT, name, S_IFREG | 0600, 0, 0, NULL, &a), name);
		write_block(&rigs[0], a.nodeid, 0);
	}
	printf("%.2f\n", freeze(&rigs[0], &layerings[0], 0) * 1e3);
	layering_end(&layerings[0]);
	rig_free(&rigs[0]);
}

int
main(int argc, char **argv)
{
	unsigned n = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;

	if (n > 0 && strcmp(argv[1], "io") == 0)
		measure_io(n);
	else if (n > 0 && strcmp(argv[1], "freeze") == 0)
		measure_freeze(n);
	else
		errx(2, "usage: layercost io ROUNDS | layercost freeze N");
	return 0;
}
