/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * records, blockmap, pagefile, store: which backup of a chain provides a block,
 * and what happens where a backup is damaged.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/inotify.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/io.h"
#include "pg/page.h"
#include "probackup/filecrc.h"
#include "probackup/pagecheck.h"
#include "probackup/pagefile.h"
#include "probackup/records.h"
#include "probackup/staleness.h"
#include "support/rig.h"
#include "support/unit.h"

#define PATH		"base/5/16384"
#define MAX_PAGES	16
#define MAX_BACKUPS	4

static struct rig rig;
static struct fdcache *fds;
static struct store store;
static bool store_is_open;
static uint32_t entry;		/* of PATH */
static unsigned char page[MAX_BACKUPS][MAX_PAGES][BLCKSZ];

/*
 * The blocks that a backup stores of PATH: "r" behind one: raw, "T" before one: cut
 * there.
 */
struct spec {
	const char *version;
	enum catwriter_alg alg;
	unsigned n_blocks;
	const char *pages;	/* NULL: the file is not listed */
	const char *mode;	/* NULL: FULL or DELTA */
	bool	omit_header_map;
};

static void
setup(void)
{
	unsigned b, i;

	log_set_sink(swallow);
	rig_new(&rig);
	for (b = 0; b < MAX_BACKUPS; b++)
		for (i = 0; i < MAX_PAGES; i++)
			catwriter_make_page(page[b][i], b + 1, b * 1000 + i);
	ck_assert_ptr_nonnull(fds = fdcache_new(32));
}

static void
teardown(void)
{
	if (store_is_open)
		store_close(&store);
	store_is_open = false;
	fdcache_free(fds);
	rig_free(&rig);
}

static void
add_pages(struct catbackup *b, const struct spec *s, unsigned generation)
{
	struct catpage pages[MAX_PAGES + 1];
	struct catfile f = { .path = PATH, .n_blocks = s->n_blocks, .pages = pages };
	const char *at = s->pages;
	char *end;

	while (*at != '\0') {
		struct catpage *p = &pages[f.n_pages++];
		bool cut = *at == 'T';

		*p = (struct catpage){ .block = (uint32_t)strtoul(at + cut, &end, 10) };
		p->bytes = page[generation][p->block];
		if (cut)
			p->kind = CATPAGE_TRUNCATE;
		else if (*end == 'r')
			p->kind = CATPAGE_RAW;
		at = end + strspn(end, "r ");
	}
	catbackup_data(b, &f);
}

static int
open_store(const char *id)
{
	int r;

	if ((r = rig_index(&rig, id)) < 0)
		return r;
	ck_assert_int_eq(store_open(&store, rig.store_fd, "main", rig.index_fd, fds), 0);
	store_is_open = true;
	entry = index_lookup(&store.ix, PATH, strlen(PATH));
	ck_assert_uint_ne(entry, INDEX_NONE);
	return 0;
}

/* --- who provides a block --- */

static const struct {
	const char *name;
	struct spec backup[MAX_BACKUPS];
	const char *expected;	/* for each block the number of a backup, the FULL being 0, or "." */
} chains[] = {
	{ "full", { { "2.5.16", CATALG_ZLIB, 4, "0 1 2 3", NULL, 0 } }, "0000" },
	{ "delta", { { "2.5.16", CATALG_ZLIB, 5, "0 1 2 3 4", NULL, 0 },
	    { "2.5.16", CATALG_ZLIB, 5, "1 3", NULL, 0 } }, "01010" },
	{ "newest wins", { { "2.5.16", CATALG_ZLIB, 6, "0 1 2 3 4 5", NULL, 0 },
	    { "2.5.16", CATALG_LZ4, 6, "0 1 2", NULL, 0 },
	    { "2.5.16", CATALG_ZSTD, 6, "1 3", NULL, 0 },
	    { "2.5.16", CATALG_PGLZ, 6, "2 5", NULL, 0 } }, "123203" },
	{ "grown", { { "2.5.16", CATALG_ZLIB, 2, "0 1", NULL, 0 },
	    { "2.5.16", CATALG_ZLIB, 5, "2 3 4", NULL, 0 } }, "00111" },
	{ "shrunk", { { "2.5.16", CATALG_ZLIB, 6, "0 1 2 3 4 5", NULL, 0 },
	    { "2.5.16", CATALG_ZLIB, 3, "1", NULL, 0 } }, "010" },
	{ "shrunk and grown again", { { "2.5.16", CATALG_ZLIB, 8, "0 1 2 3 4 5 6 7", NULL, 0 },
	    { "2.5.16", CATALG_ZLIB, 3, "", NULL, 0 },
	    { "2.5.16", CATALG_ZLIB, 8, "5", NULL, 0 } }, "00000200" },
	{ "empty between", { { "2.5.16", CATALG_ZLIB, 4, "0 1 2 3", NULL, 0 },
	    { "2.5.16", CATALG_ZLIB, 0, "", NULL, 0 },
	    { "2.5.16", CATALG_ZLIB, 4, "0", NULL, 0 } }, "2000" },
	{ "empty at last", { { "2.5.16", CATALG_ZLIB, 4, "0 1 2 3", NULL, 0 },
	    { "2.5.16", CATALG_ZLIB, 0, "", NULL, 0 } }, "" },
	{ "not listed between", { { "2.5.16", CATALG_ZLIB, 3, "0 1 2", NULL, 0 },
	    { "2.5.16", CATALG_ZLIB, 0, NULL, NULL, 0 },
	    { "2.5.16", CATALG_ZLIB, 3, "1", NULL, 0 } }, "020" },
	{ "unchanged", { { "2.5.16", CATALG_ZLIB, 3, "0 1 2", NULL, 0 },
	    { "2.5.16", CATALG_ZLIB, 3, "", NULL, 0 },
	    { "2.5.16", CATALG_ZLIB, 3, "", NULL, 0 } }, "000" },
	{ "stored past the end", { { "2.3.5", CATALG_ZLIB, 4, "0 1 2 3", NULL, 0 },
	    { "2.3.5", CATALG_ZLIB, 2, "0 1 2 3", NULL, 0 } }, "11" },
	{ "holes", { { "2.5.16", CATALG_ZLIB, 7, "0 3 4", NULL, 0 },
	    { "2.5.16", CATALG_ZLIB, 7, "5", NULL, 0 } }, "0..001." },
	{ "nothing but holes", { { "2.5.16", CATALG_ZLIB, 9, "8", NULL, 0 },
	    { "2.5.16", CATALG_ZLIB, 3, "", NULL, 0 } }, "..." },
	{ "raw pages", { { "2.5.16", CATALG_ZLIB, 6, "0 1r 2 3r 4r 5", NULL, 0 } }, "000000" },
	{ "uncompressed", { { "2.5.16", CATALG_NONE, 3, "0 1 2", NULL, 0 } }, "000" },
	{ "no header map", { { "2.5.16", CATALG_ZLIB, 5, "0 1r 2 3 4", NULL, true },
	    { "2.5.16", CATALG_ZLIB, 5, "1 3", NULL, true } }, "01010" },
	{ "2.3.5, padded", { { "2.3.5", CATALG_ZLIB, 5, "0 1 2r 3 4", NULL, 0 },
	    { "2.3.5", CATALG_PGLZ, 5, "1 3", NULL, 0 } }, "01010" },
	{ "old below new", { { "2.3.5", CATALG_ZLIB, 5, "0 1 2 3 4", NULL, 0 },
	    { "2.4.15", CATALG_ZLIB, 5, "1 3", NULL, 0 },
	    { "2.5.16", CATALG_LZ4, 4, "2", NULL, 0 } }, "0121" },
	{ "2.3.5, shrunk and grown", { { "2.3.5", CATALG_ZLIB, 6, "0 1 2 3 4 5", NULL, 0 },
	    { "2.3.5", CATALG_ZLIB, 2, "", NULL, 0 },
	    { "2.3.5", CATALG_ZLIB, 6, "3", NULL, 0 } }, "000200" },
	{ "length not listed", { { "2.1.0", CATALG_ZLIB, 4, "0 1 2 3", NULL, 0 },
	    { "2.1.0", CATALG_ZLIB, 6, "1 4 5", "PAGE", 0 } }, "010011" },
	{ "cut by a record", { { "2.1.0", CATALG_ZLIB, 6, "0 1 2 3 4 5", NULL, 0 },
	    { "2.1.0", CATALG_ZLIB, 3, "1 T3", "PAGE", 0 } }, "010" },
	{ "cut by a record alone", { { "2.1.0", CATALG_ZLIB, 6, "0 1 2 3 4 5", NULL, 0 },
	    { "2.1.0", CATALG_ZLIB, 3, "T3", "PAGE", 0 } }, "000" },
	{ "cut and grown", { { "2.1.0", CATALG_ZLIB, 6, "0 1 2 3 4 5", NULL, 0 },
	    { "2.1.0", CATALG_ZLIB, 3, "1 T3", "PAGE", 0 },
	    { "2.1.0", CATALG_ZLIB, 6, "4 5", "PAGE", 0 } }, "010.22" },
	{ "cut twice", { { "2.1.0", CATALG_ZLIB, 6, "0 1 2 3 4 5", NULL, 0 },
	    { "2.1.0", CATALG_ZLIB, 4, "T4", "PAGE", 0 },
	    { "2.1.0", CATALG_ZLIB, 2, "0 T2", "PAGE", 0 } }, "20" },
};

static unsigned
write_chain(const struct spec *backups)
{
	struct catwriter *w;
	unsigned n;

	ck_assert_int_eq(catwriter_open(rig.store, "main", NULL, &w), 0);
	for (n = 0; n < MAX_BACKUPS && backups[n].version != NULL; n++) {
		char id[8], parent[8];
		struct catbackup_options o = {
			.id = id, .parent = n > 0 ? parent : NULL,
			.program_version = backups[n].version, .alg = backups[n].alg,
			.mode = n == 0 ? "FULL" : backups[n].mode != NULL ? backups[n].mode : "DELTA",
			.omit_header_map = backups[n].omit_header_map, .level = 1,
		};
		struct catbackup *b;

		snprintf(id, sizeof(id), "T%u", n);
		snprintf(parent, sizeof(parent), "T%u", n - 1);
		ck_assert_int_eq(catbackup_begin(w, &o, &b), 0);
		catbackup_plain(b, "PG_VERSION", 0600, "15\n", 3);
		if (backups[n].pages != NULL)
			add_pages(b, &backups[n], n);
		ck_assert_int_eq(catbackup_finish(b), 0);
	}
	catwriter_close(w);
	return n;
}

static void
open_chain(const struct spec *backups)
{
	char id[8];

	snprintf(id, sizeof(id), "T%u", write_chain(backups) - 1);
	ck_assert_int_eq(open_store(id), 0);
}

static struct blockmap *
build(void)
{
	struct blockmap *m;

	ck_assert_int_eq(blockmap_build(&store, entry, &rig.reader, &m), 0);
	return m;
}

static bool
is_page(const unsigned char *found, char provider, uint32_t block)
{
	static const unsigned char zero[BLCKSZ];

	return memcmp(found, provider == '.' ? zero : page[provider - '0'][block], BLCKSZ) == 0;
}

START_TEST(provides)
{
	static unsigned char buf[MAX_PAGES][BLCKSZ];
	const char *name = chains[_i].name, *expected = chains[_i].expected;
	uint32_t n = (uint32_t)strlen(expected), first, count, i;
	struct blockmap *m;

	open_chain(chains[_i].backup);
	ck_assert_msg(store.ix.entries[entry].size == (uint64_t)n * BLCKSZ, "%s: %" PRIu64 " bytes",
	    name, store.ix.entries[entry].size);
	m = build();
	ck_assert_uint_eq(m->n, n);
	for (first = 0; first < n; first++)
		for (count = 1; first + count <= n; count++) {
			memset(buf, 0xee, sizeof(buf));
			ck_assert_msg(pagefile_read(&store, entry, m, first, count, &rig.reader,
			    buf) == 0, "%s: blocks %u + %u", name, first, count);
			for (i = 0; i < count; i++)
				ck_assert_msg(is_page(buf[i], expected[first + i], first + i),
				    "%s: block %u", name, first + i);
			ck_assert_uint_eq(buf[MAX_PAGES - 1][0], count == MAX_PAGES ? buf[MAX_PAGES - 1][0] : 0xee);
		}
	blockmap_free(m);
	blockmap_free(NULL);
}
END_TEST

/* Runs as long as one call may be, of records as large as they get, padded too. */
START_TEST(long_runs)
{
	enum { N = READER_BLOCKS };
	static unsigned char noise[N][BLCKSZ], buf[N][BLCKSZ];
	static struct catpage pages[N];
	struct catfile f = { .path = PATH, .n_blocks = N, .pages = pages, .n_pages = N };
	struct catbackup_options o = { .id = "T0", .alg = CATALG_ZLIB, .level = 1, .pad_always = _i == 1,
	    .program_version = _i == 1 ? "2.3.5" : "2.5.16" };
	struct catwriter *w;
	struct catbackup *b;
	struct blockmap *m;
	uint32_t i;

	for (i = 0; i < N; i++) {
		catwriter_make_noise_page(noise[i], i, i);
		pages[i] = (struct catpage){ .block = i, .bytes = noise[i] };
	}
	ck_assert_int_eq(catwriter_open(rig.store, "main", NULL, &w), 0);
	ck_assert_int_eq(catbackup_begin(w, &o, &b), 0);
	catbackup_data(b, &f);
	ck_assert_int_eq(catbackup_finish(b), 0);
	catwriter_close(w);
	ck_assert_int_eq(open_store("T0"), 0);
	m = build();
	ck_assert_int_eq(pagefile_read(&store, entry, m, 0, N, &rig.reader, buf), 0);
	ck_assert_mem_eq(buf, noise, sizeof(buf));
	ck_assert_uint_eq(rig.stats.blocks_chain[0], N);
	blockmap_free(m);
}
END_TEST

/* A page whose compressed form has BLCKSZ bytes exactly, if one can be found. */
static bool
make_exact(unsigned char *plain, unsigned char *packed)
{
	uLongf len;
	uint32_t i, k;

	for (i = 0; i < 5000; i++) {
		k = 8100 + i % 70;
		catwriter_make_noise_page(plain, 1, i);
		memset(plain + k, 0, BLCKSZ - k);
		len = 2 * BLCKSZ;
		if (compress2(packed, &len, plain, BLCKSZ, 9) == Z_OK && len == BLCKSZ)
			return true;
	}
	return false;
}

/*
 * BLCKSZ bytes of payload are a page as it is, except that before 2.0.23 they
 * can be a compressed page that happens to have that length.
 */
START_TEST(exact_length)
{
	static unsigned char plain[BLCKSZ], packed[2 * BLCKSZ], found[BLCKSZ];
	bool old = _i % 2 == 0;
	struct catpage pages[] = {
		{ .block = 0, .bytes = page[0][0] },
		{ .block = 1, .kind = CATPAGE_VERBATIM, .bytes = packed, .len = BLCKSZ },
		{ .block = 2, .kind = CATPAGE_RAW, .bytes = page[0][2] },
	};
	struct catfile f = { .path = PATH, .n_blocks = 3, .pages = pages, .n_pages = 3 };
	struct catbackup_options o = { .id = "T0", .alg = CATALG_ZLIB, .level = 1,
	    .program_version = old ? "2.0.22" : "2.0.23" };
	struct catwriter *w;
	struct catbackup *b;
	struct blockmap *m;

	ck_assert(make_exact(plain, packed));
	ck_assert_int_eq(catwriter_open(rig.store, "main", NULL, &w), 0);
	ck_assert_int_eq(catbackup_begin(w, &o, &b), 0);
	catbackup_data(b, &f);
	ck_assert_int_eq(catbackup_finish(b), 0);
	catwriter_close(w);
	ck_assert_int_eq(open_store("T0"), 0);
	m = build();
	ck_assert_int_eq(pagefile_read(&store, entry, m, 1, 1, &rig.reader, found), 0);
	ck_assert_mem_eq(found, old ? plain : packed, BLCKSZ);
	ck_assert_int_eq(pagefile_read(&store, entry, m, 2, 1, &rig.reader, found), 0);
	ck_assert_mem_eq(found, page[0][2], BLCKSZ);
	blockmap_free(m);
}
END_TEST

/* --- damage --- */

static const struct spec good[] = {
	{ "2.5.16", CATALG_ZLIB, 6, "0 1 2 3 4 5", NULL, 0 },
	{ "2.5.16", CATALG_ZLIB, 6, "2 3", NULL, 0 },
	{ NULL, 0, 0, NULL, NULL, 0 },
};

static int
open_stored(const char *id, const char *path)
{
	char full[PATH_MAX];
	int fd;

	snprintf(full, sizeof(full), "%s/backups/main/%s/%s", rig.store, id, path);
	ck_assert_msg((fd = open(full, O_RDWR)) >= 0, "%s", full);
	return fd;
}

static void
poke(int fd, uint64_t at, unsigned char flip)
{
	unsigned char byte;

	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= flip;
	ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
}

/* Reads each block alone: those in the mask are bad, and no others. */
static void
check_blocks(const struct blockmap *m, const char *expected, unsigned bad, const char *what)
{
	unsigned char found[BLCKSZ];
	uint32_t i;
	int r;

	for (i = 0; i < m->n; i++) {
		r = pagefile_read(&store, entry, m, i, 1, &rig.reader, found);
		ck_assert_msg(r == (bad & 1u << i ? -EUCLEAN : 0), "%s: block %u: %d", what, i, r);
		if (r == 0)
			ck_assert_msg(is_page(found, expected[i], i), "%s: block %u", what, i);
	}
}

START_TEST(damaged_record)
{
	static const struct { uint32_t at; unsigned char flip; const char *what; } damage[] = {
		{ 0, 1, "block number" }, { 3, 0x80, "block number" }, { 5, 0x40, "size" },
		{ 7, 0x80, "negative size" }, { 4, 1, "size" }, { RECORD_HEADER, 0xff, "zlib header" },
		{ RECORD_HEADER + 40, 0x10, "zlib stream" },
	};
	unsigned char all[6 * BLCKSZ];
	struct blockmap *m;
	int fd autoclose = -1;
	uint32_t b;

	open_chain(good);
	m = build();
	fd = open_stored("T0", "database/" PATH);
	for (b = 0; b < 6; b++) {
		if (blockmap_provider(m, b) != 1)
			continue;
		poke(fd, m->pos[b] + damage[_i].at, damage[_i].flip);
		check_blocks(m, "001100", 1u << b, damage[_i].what);
		ck_assert_int_eq(pagefile_read(&store, entry, m, 0, 6, &rig.reader, all), -EUCLEAN);
		poke(fd, m->pos[b] + damage[_i].at, damage[_i].flip);
	}
	check_blocks(m, "001100", 0, "repaired");
	blockmap_free(m);
}
END_TEST

/* The stored file ends too early, anywhere: what lies before stays readable. */
START_TEST(cut_stream)
{
	struct blockmap *m;
	int fd autoclose = -1;
	unsigned bad;
	uint32_t b;
	off_t len;

	open_chain(good);
	m = build();
	fd = open_stored("T0", "database/" PATH);
	for (len = lseek(fd, 0, SEEK_END) - 1; len >= 0; len -= 13) {
		ck_assert_int_eq(ftruncate(fd, len), 0);
		for (bad = 0, b = 0; b < 6; b++)
			if (blockmap_provider(m, b) == 1 && (b == 5 || (off_t)m->pos[b + 1] > len || blockmap_provider(m, b + 1) == 0))
				bad |= 1u << b;
		/* Block 1 ends where the record of block 2 begins, which the map does not show. */
		if ((off_t)m->pos[1] + 400 > len || (bad & 2) != 0) {
			unsigned char found[BLCKSZ];

			bad &= ~2u;
			if (pagefile_read(&store, entry, m, 1, 1, &rig.reader, found) != 0)
				bad |= 2;
			else
				ck_assert(is_page(found, '0', 1));
		}
		check_blocks(m, "001100", bad, "cut");
	}
	blockmap_free(m);
}
END_TEST

START_TEST(damaged_header_map)
{
	struct blockmap *m;
	int fd autoclose = -1;
	off_t len;

	open_chain(good);
	fd = open_stored("T0", "page_header_map");
	len = lseek(fd, 0, SEEK_END);
	poke(fd, (uint64_t)len / 2, 0x20);
	ck_assert_int_eq(blockmap_build(&store, entry, &rig.reader, &m), -EUCLEAN);
	poke(fd, (uint64_t)len / 2, 0x20);
	m = build();
	check_blocks(m, "001100", 0, "repaired");
	blockmap_free(m);
	ck_assert_int_eq(ftruncate(fd, len - 1), 0);
	ck_assert_int_eq(blockmap_build(&store, entry, &rig.reader, &m), -EUCLEAN);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(blockmap_build(&store, entry, &rig.reader, &m), -EUCLEAN);
}
END_TEST

/* A map that is whole, and not the one that the list means. */
START_TEST(wrong_header_map)
{
	struct index_provider p;
	struct records rec;

	open_chain(good);
	p = store.ix.providers[store.ix.entries[entry].first + 1];
	ck_assert_int_eq(records_load(&store, entry, &p, &rig.reader, 6, &rec), 0);
	ck_assert_uint_eq(rec.n, 6);
	ck_assert_uint_eq(rec.truncated, InvalidBlockNumber);
	records_fini(&rec);
	p.hdr_crc ^= 1;
	ck_assert_int_eq(records_load(&store, entry, &p, &rig.reader, 6, &rec), -EUCLEAN);
	p.hdr_crc ^= 1;
	p.n_headers--;
	ck_assert_int_eq(records_load(&store, entry, &p, &rig.reader, 6, &rec), -EUCLEAN);
	p.n_headers = BLOCKMAP_MAX_BLOCKS + 1;
	ck_assert_int_eq(records_load(&store, entry, &p, &rig.reader, 6, &rec), -EUCLEAN);
	p.n_headers = 6;
	p.hdr_size = UINT32_MAX;
	ck_assert_int_eq(records_load(&store, entry, &p, &rig.reader, 6, &rec), -EUCLEAN);
}
END_TEST

/* Without a map the stream has to be walked: a damaged record header ends that. */
START_TEST(damaged_scan)
{
	static const struct spec scanned[] = {
		{ "2.3.5", CATALG_ZLIB, 6, "0 1 2 3 4 5", NULL, 0 }, { NULL, 0, 0, NULL, NULL, 0 },
	};
	static const struct { uint32_t at; unsigned char flip; int result; } damage[] = {
		{ 0, 0x40, -EUCLEAN }, { 7, 0x80, -EUCLEAN }, { 5, 0x40, -EUCLEAN },
		{ RECORD_HEADER + 40, 1, 0 },
	};
	struct blockmap *m, *other;
	int fd autoclose = -1;
	size_t i;
	int r;

	open_chain(scanned);
	m = build();
	fd = open_stored("T0", "database/" PATH);
	for (i = 0; i < ARRAY_SIZE(damage); i++) {
		poke(fd, m->pos[2] + damage[i].at, damage[i].flip);
		r = blockmap_build(&store, entry, &rig.reader, &other);
		ck_assert_msg(r == damage[i].result, "damage %zu: %d", i, r);
		if (r == 0) {
			check_blocks(other, "000000", 1u << 2, "payload");
			blockmap_free(other);
		}
		poke(fd, m->pos[2] + damage[i].at, damage[i].flip);
	}
	ck_assert_int_eq(ftruncate(fd, m->pos[5] + 12), 0);
	ck_assert_int_eq(blockmap_build(&store, entry, &rig.reader, &other), 0);
	check_blocks(other, "000000", 1u << 5, "cut");
	blockmap_free(other);
	ck_assert_int_eq(ftruncate(fd, m->pos[5] + 4), 0);
	ck_assert_int_eq(blockmap_build(&store, entry, &rig.reader, &other), -EUCLEAN);
	blockmap_free(m);
}
END_TEST

/* Records that no pg_probackup writes, each among good ones. */
START_TEST(odd_payloads)
{
	static const struct { const char *bytes; uint32_t len; } odd[] = {
		{ "x", 1 }, { "\x78\x9c", 2 }, { "not a stream at all", 19 },
		{ "\x78\x9c\x03\0\0\0\0\x01", 8 },	/* zlib, of no bytes */
	};
	struct catpage pages[3] = {
		{ .block = 0, .bytes = page[0][0] },
		{ .block = 1, .kind = CATPAGE_VERBATIM, .bytes = odd[_i].bytes, .len = odd[_i].len },
		{ .block = 2, .bytes = page[0][2] },
	};
	struct catfile f = { .path = PATH, .n_blocks = 3, .pages = pages, .n_pages = 3 };
	enum catwriter_alg alg;
	struct catwriter *w;

	ck_assert_int_eq(catwriter_open(rig.store, "main", NULL, &w), 0);
	for (alg = CATALG_NONE; alg < CATALG_COUNT; alg++) {
		char id[4];
		struct catbackup_options o = { .id = id, .alg = alg, .level = 1 };
		struct catbackup *b;
		struct blockmap *m;

		snprintf(id, sizeof(id), "A%u", (unsigned)alg % 10);
		ck_assert_int_eq(catbackup_begin(w, &o, &b), 0);
		catbackup_data(b, &f);
		ck_assert_int_eq(catbackup_finish(b), 0);
		ck_assert_int_eq(ftruncate(rig.index_fd, 0), 0);
		ck_assert_int_eq(open_store(id), 0);
		m = build();
		check_blocks(m, "000", 1u << 1, id);
		blockmap_free(m);
		store_close(&store);
		store_is_open = false;
		fdcache_free(fds);
		fds = fdcache_new(32);
	}
	catwriter_close(w);
}
END_TEST

/* --- pages that decode, and are not what was backed up --- */

#define SUMS_BLOCKS	6

/* Gives a page the checksum of that block of its relation. */
static void
put_sum(unsigned char *p, uint32_t blkno)
{
	uint16_t sum = page_checksum(p, blkno);

	memcpy(p + 8, &sum, sizeof(sum));
}

/* Backup T0 with one relation file, of pages with checksums if sums; opens it. */
static struct blockmap *
open_sums(const char *path, enum catwriter_alg alg, bool sums, enum pagecheck_level check)
{
	uint32_t first = pagecheck_first_block(strrchr(path, '/') + 1), i;
	struct catpage pages[SUMS_BLOCKS];
	struct catfile f = { .path = path, .n_blocks = SUMS_BLOCKS, .pages = pages,
	    .n_pages = SUMS_BLOCKS };
	struct catbackup_options o = { .id = "T0", .alg = alg, .level = 1, .checksum_version = sums };
	struct catwriter *w;
	struct catbackup *b;

	for (i = 0; i < SUMS_BLOCKS; i++) {
		if (i == 5)
			memset(page[0][i], 0, BLCKSZ);
		else if (sums)
			put_sum(page[0][i], first + i);
		pages[i] = (struct catpage){ .block = i, .bytes = page[0][i] };
	}
	ck_assert_int_eq(catwriter_open(rig.store, "main", NULL, &w), 0);
	ck_assert_int_eq(catbackup_begin(w, &o, &b), 0);
	catbackup_data(b, &f);
	ck_assert_int_eq(catbackup_finish(b), 0);
	catwriter_close(w);
	ck_assert_int_eq(rig_index(&rig, "T0"), 0);
	ck_assert_int_eq(store_open(&store, rig.store_fd, "main", rig.index_fd, fds), 0);
	store_is_open = true;
	store.check = check;
	entry = index_lookup(&store.ix, path, strlen(path));
	return build();
}

/* Which blocks cannot be read, as a mask; those that can are returned in found. */
static unsigned
unreadable(const struct blockmap *m, unsigned char found[SUMS_BLOCKS][BLCKSZ])
{
	unsigned bad = 0;
	uint32_t i;

	for (i = 0; i < m->n; i++)
		if (pagefile_read(&store, entry, m, i, 1, &rig.reader, found[i]) != 0)
			bad |= 1u << i;
	return bad;
}

static void
put(int fd, const void *bytes, size_t len, off_t at)
{
	ck_assert_int_eq(pwrite(fd, bytes, len, at), (ssize_t)len);
}

/* The harm that is done to the payloads of blocks 1 and 2, all of which are raw. */
enum harm { HARM_NONE, HARM_BIT, HARM_FIELD, HARM_LSN, HARM_SWAP, HARM_OLDER, HARM_ZERO, HARM_SWAP_RECORDS };

static void
do_harm(int fd, const struct blockmap *m, enum harm harm)
{
	unsigned char one[RECORD_HEADER + BLCKSZ], two[sizeof(one)], old[BLCKSZ];
	off_t at1 = m->pos[1], at2 = m->pos[2];

	ck_assert_int_eq(pread(fd, one, sizeof(one), at1), sizeof(one));
	ck_assert_int_eq(pread(fd, two, sizeof(two), at2), sizeof(two));
	switch (harm) {
	case HARM_NONE:
		return;
	case HARM_BIT:
		poke(fd, m->pos[1] + RECORD_HEADER + 5000, 0x20);
		return;
	case HARM_FIELD:
		poke(fd, m->pos[1] + RECORD_HEADER + 8, 1);
		return;
	case HARM_LSN:
		poke(fd, m->pos[1] + RECORD_HEADER + 4, 1);
		return;
	case HARM_SWAP:
		put(fd, two + RECORD_HEADER, BLCKSZ, at1 + RECORD_HEADER);
		put(fd, one + RECORD_HEADER, BLCKSZ, at2 + RECORD_HEADER);
		return;
	case HARM_OLDER:
		catwriter_make_page(old, 77, 77);
		if (store.ix.backups[0].checksums != 0)
			put_sum(old, 1);
		put(fd, old, BLCKSZ, at1 + RECORD_HEADER);
		return;
	case HARM_ZERO:
		memset(old, 0, sizeof(old));
		put(fd, old, BLCKSZ, at1 + RECORD_HEADER);
		return;
	case HARM_SWAP_RECORDS:
		put(fd, two, sizeof(two), at1);
		put(fd, one, sizeof(one), at2);
	}
}

static const struct {
	const char *name;
	bool	sums;		/* checksum-version */
	enum harm harm;
	unsigned bad[3];	/* with each level of checking */
} harms[] = {
	{ "whole",			true, HARM_NONE,	{ 0, 0, 0 } },
	{ "a bit",			true, HARM_BIT,		{ 0, 2, 2 } },
	{ "a bit of the checksum",	true, HARM_FIELD,	{ 0, 2, 2 } },
	{ "a bit of the LSN",		true, HARM_LSN,		{ 0, 2, 2 } },
	{ "swapped pages",		true, HARM_SWAP,	{ 0, 6, 6 } },
	{ "swapped records",		true, HARM_SWAP_RECORDS, { 6, 6, 6 } },
	{ "another version",		true, HARM_OLDER,	{ 0, 0, 2 } },
	{ "zeroes",			true, HARM_ZERO,	{ 0, 0, 2 } },
	{ "whole, no sums",		false, HARM_NONE,	{ 0, 0, 0 } },
	{ "a bit, no sums",		false, HARM_BIT,	{ 0, 0, 0 } },	/* nothing can tell */
	{ "a bit of the LSN, no sums",	false, HARM_LSN,	{ 0, 0, 2 } },
	{ "another version, no sums",	false, HARM_OLDER,	{ 0, 0, 2 } },
	{ "zeroes, no sums",		false, HARM_ZERO,	{ 0, 0, 2 } },
	{ "swapped records, no sums",	false, HARM_SWAP_RECORDS, { 6, 6, 6 } },
};

START_TEST(checked_pages)
{
	static unsigned char found[SUMS_BLOCKS][BLCKSZ], all[SUMS_BLOCKS][BLCKSZ];
	unsigned n = (unsigned)_i / 3, check = (unsigned)_i % 3, bad, i;
	struct blockmap *m = open_sums(PATH, CATALG_NONE, harms[n].sums, (enum pagecheck_level)check);
	int fd autoclose = open_stored("T0", "database/" PATH);

	do_harm(fd, m, harms[n].harm);
	bad = unreadable(m, found);
	ck_assert_msg(bad == harms[n].bad[check], "%s, level %u: blocks %x", harms[n].name, check, bad);
	for (i = 0; i < SUMS_BLOCKS; i++)
		if (i == 0 || i > 2)
			ck_assert_mem_eq(found[i], page[0][i], BLCKSZ);
	ck_assert_int_eq(pagefile_read(&store, entry, m, 0, SUMS_BLOCKS, &rig.reader, all),
	    bad != 0 ? -EUCLEAN : 0);
	ck_assert_uint_eq(blockmap_bytes(m), sizeof(*m) +
	    SUMS_BLOCKS * (check == PAGECHECK_HEADERS ? 7 : 5));
	blockmap_free(m);
}
END_TEST

/* Compressed pages without damage pass; one with damaged literals does not. */
START_TEST(checked_codecs)
{
	static unsigned char found[SUMS_BLOCKS][BLCKSZ];
	enum catwriter_alg alg = (enum catwriter_alg)(_i / 3);
	unsigned check = (unsigned)_i % 3;
	struct blockmap *m = open_sums(PATH, alg, true, (enum pagecheck_level)check);
	int fd autoclose = open_stored("T0", "database/" PATH);
	uint32_t at;

	ck_assert_uint_eq(unreadable(m, found), 0);
	ck_assert_mem_eq(found, page[0], sizeof(found));
	for (at = m->pos[1] + RECORD_HEADER; at < m->pos[2]; at += 31) {
		poke(fd, at, 0x04);
		if (check > 0 && unreadable(m, found) != 2)
			ck_assert_mem_eq(found, page[0], sizeof(found));
		poke(fd, at, 0x04);
	}
	blockmap_free(m);
}
END_TEST

/* Segments of a relation go on counting blocks. */
START_TEST(checked_segments)
{
	static unsigned char found[SUMS_BLOCKS][BLCKSZ];
	struct blockmap *m = open_sums("base/5/16384.3", CATALG_ZLIB, true, PAGECHECK_HEADERS);

	ck_assert_uint_eq(pagecheck_first_block("16384.3"), 3 * RELSEG_SIZE);
	ck_assert_uint_eq(pagecheck_first_block("16384"), 0);
	ck_assert_uint_eq(unreadable(m, found), 0);
	blockmap_free(m);
}
END_TEST

/* Without data checksums the header map may have the one that a page would have. */
START_TEST(checked_without_sums)
{
	struct record_at header = { .lsn = 1 };
	char why[CHAIN_ERROR_MAX];

	header.checksum = page_checksum(page[0][3], 9);
	ck_assert_int_eq(pagecheck_header(page[0][3], 9, false, &header, why), 0);
	ck_assert_int_eq(pagecheck_header(page[0][3], 9, true, &header, why), -EUCLEAN);
	ck_assert(pagecheck_has_mark(page[0][3], 9, false, pagecheck_mark(1, header.checksum)));
	ck_assert(!pagecheck_has_mark(page[0][3], 9, true, pagecheck_mark(1, header.checksum)));
	ck_assert(!pagecheck_has_mark(page[0][3], 8, false, pagecheck_mark(1, header.checksum)));
	header.checksum = 0;
	ck_assert_int_eq(pagecheck_header(page[0][3], 9, false, &header, why), 0);
}
END_TEST

/* Three versions had a CRC-32 in their lists instead of a CRC-32C. */
static const struct { uint32_t version, crc; } crcs[] = {
	{ 20000, 0xE3069283 }, { 20021, 0xE3069283 }, { 20022, 0xCBF43926 }, { 20024, 0xCBF43926 },
	{ 20025, 0xE3069283 }, { 20516, 0xE3069283 },
};

START_TEST(crc_of_version)
{
	uint32_t version = crcs[_i].version, crc = filecrc_add(version, 0, "12345", 5);

	ck_assert_uint_eq(filecrc_add(version, crc, "6789", 4), crcs[_i].crc);
}
END_TEST

START_TEST(missing_files)
{
	unsigned char found[BLCKSZ];
	struct blockmap *m, *other;
	char path[PATH_MAX];

	open_chain(good);
	m = build();
	fdcache_free(fds);
	store.fds = fds = fdcache_new(32);
	snprintf(path, sizeof(path), "%s/backups/main/T0/database/" PATH, rig.store);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(pagefile_read(&store, entry, m, 0, 1, &rig.reader, found), -ENOENT);
	ck_assert_int_eq(pagefile_read(&store, entry, m, 2, 1, &rig.reader, found), 0);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_lt(pagefile_read(&store, entry, m, 0, 1, &rig.reader, found), 0);
	snprintf(path, sizeof(path), "%s/backups/main/T0/page_header_map", rig.store);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(blockmap_build(&store, entry, &rig.reader, &other), -ENOENT);
	blockmap_free(m);
}
END_TEST

START_TEST(plain_files)
{
	uint32_t e;
	char buf[8];
	int fd;

	open_chain(good);
	e = index_lookup(&store.ix, "PG_VERSION", strlen("PG_VERSION"));
	ck_assert_int_eq(plainfile_read(&store, e, 0, 3, buf, &rig.reader), 0);
	ck_assert_mem_eq(buf, "15\n", 3);
	ck_assert_int_eq(plainfile_read(&store, e, 1, 2, buf, &rig.reader), 0);
	ck_assert_mem_eq(buf, "5\n", 2);
	fd = open_stored("T1", "database/PG_VERSION");
	ck_assert_int_eq(ftruncate(fd, 2), 0);
	close(fd);
	ck_assert_int_eq(plainfile_read(&store, e, 0, 2, buf, &rig.reader), 0);
	ck_assert_int_eq(plainfile_read(&store, e, 0, 3, buf, &rig.reader), -EUCLEAN);
	ck_assert_int_eq(plainfile_read(&store, e, 2, 1, buf, &rig.reader), -EUCLEAN);
}
END_TEST

/* --- is it still the backup that the index was made from? --- */

static int
watch_list(const char *backup)
{
	char path[PATH_MAX];
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	snprintf(path, sizeof(path), "%s/backups/main/%s/backup_content.control", rig.store, backup);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(inotify_add_watch(fd, path, IN_OPEN), 0);
	return fd;
}

/* Whether the list was opened since the last call. */
static bool
list_was_read(int watch)
{
	char events[4096] __attribute__((aligned(8)));

	return read(watch, events, sizeof(events)) > 0;
}

/* The state after a worker was replaced: nothing is open, nothing was looked at. */
static int
read_anew(void)
{
	unsigned char buf[8];
	int r;

	fdcache_free(fds);
	store.fds = fds = fdcache_new(32);
	staleness_free(store.staleness);
	ck_assert_int_eq(store_refuse_stale(&store), 0);
	r = plainfile_read(&store, index_lookup(&store.ix, "PG_VERSION", strlen("PG_VERSION")), 0,
	    3, buf, &rig.reader);
	return r;
}

START_TEST(guarded_list)
{
	const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
	int watch, fd;

	open_chain(good);
	watch = watch_list("T1");
	ck_assert_int_eq(read_anew(), 0);
	ck_assert_msg(!list_was_read(watch), "a list was read that nobody touched");
	ck_assert_int_eq(read_anew(), 0);
	ck_assert(!list_was_read(watch));

	fd = open_stored("T1", "backup_content.control");
	ck_assert_int_eq(list_was_read(watch), true);	/* by ourselves */
	ck_assert_int_eq(futimens(fd, times), 0);
	ck_assert_int_eq(read_anew(), 0);
	ck_assert_msg(list_was_read(watch), "a list that was touched has to be read");

	ck_assert_int_eq(ftruncate(fd, 10), 0);
	ck_assert_int_eq(read_anew(), -ESTALE);
	close(fd);
	close(watch);
}
END_TEST

/*
 * With --force a backup may not be complete when the index is made.  What a merge
 * left behind is known as it was then; what is still being made is never believed.
 */
static const struct {
	const char *status;
	bool known;
} incomplete[] = {
	{ "RUNNING", false },
	{ "MERGING", true },
	{ "DELETING", true },
};

static void
set_status(const char *id, const char *status)
{
	char text[4096], *begin, *rest;
	ssize_t n;
	int fd;

	fd = open_stored(id, "backup.control");
	ck_assert_int_gt(n = pread(fd, text, sizeof(text) - 1, 0), 0);
	text[n] = '\0';
	ck_assert_ptr_nonnull(begin = strstr(text, "status = "));
	ck_assert_ptr_nonnull(rest = strchr(begin, '\n'));
	ck_assert_int_gt(dprintf(fd, "%.*sstatus = %s%s", (int)(begin - text), text, status, rest), 0);
	close(fd);
}

START_TEST(guarded_incomplete)
{
	char error[CHAIN_ERROR_MAX];
	struct chain *c;

	open_chain(good);
	ck_assert_uint_ne(store.ix.backups[0].list.ino, 0);
	ck_assert_uint_ne(store.ix.backups[0].control.ino, 0);
	store_close(&store);
	set_status("T1", incomplete[_i].status);
	ck_assert_int_eq(chain_open(rig.store_fd, rig.store, "main", "T1", true, &c, error), 0);
	ck_assert_int_eq(index_build(c, rig.index_fd, 64 * MiB, 1, error), 0);
	chain_free(c);
	ck_assert_int_eq(store_open(&store, rig.store_fd, "main", rig.index_fd, fds), 0);
	ck_assert_int_eq(store.ix.backups[0].list.ino != 0, incomplete[_i].known);
	ck_assert_int_eq(store.ix.backups[0].control.ino != 0, incomplete[_i].known);
	ck_assert_uint_ne(store.ix.backups[1].list.ino, 0);
	ck_assert_int_eq(read_anew(), incomplete[_i].known ? 0 : -ESTALE);
	set_status("T1", "MERGED");
	ck_assert_int_eq(read_anew(), -ESTALE);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pages");
	TCase *tc = tcase_create("pages");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, provides, 0, ARRAY_SIZE(chains));
	tcase_add_loop_test(tc, long_runs, 0, 2);
	tcase_add_loop_test(tc, exact_length, 0, 2);
	tcase_add_loop_test(tc, damaged_record, 0, 7);
	tcase_add_test(tc, cut_stream);
	tcase_add_test(tc, damaged_header_map);
	tcase_add_test(tc, wrong_header_map);
	tcase_add_test(tc, damaged_scan);
	tcase_add_loop_test(tc, odd_payloads, 0, 4);
	tcase_add_loop_test(tc, checked_pages, 0, 3 * ARRAY_SIZE(harms));
	tcase_add_loop_test(tc, checked_codecs, 0, 3 * CATALG_COUNT);
	tcase_add_test(tc, checked_segments);
	tcase_add_test(tc, checked_without_sums);
	tcase_add_loop_test(tc, crc_of_version, 0, ARRAY_SIZE(crcs));
	tcase_add_test(tc, missing_files);
	tcase_add_test(tc, plain_files);
	tcase_add_test(tc, guarded_list);
	tcase_add_loop_test(tc, guarded_incomplete, 0, ARRAY_SIZE(incomplete));
	suite_add_tcase(s, tc);
	return unit_main(s);
}
