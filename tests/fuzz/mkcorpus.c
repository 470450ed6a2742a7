/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mkcorpus DIR: writes seeds for the fuzz targets whose inputs are binary, each
 * target's in a directory of its own, so that the tree holds no opaque files.
 */
#include "config.h"

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <lz4.h>
#include <lz4frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/io.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "codec/codec.h"
#include "cow/treefile.h"
#include "diff/content.h"
#include "diff/journal.h"
#include "diff/seal.h"
#include "ipc/command.h"
#include "ipc/msg.h"
#include "pg/pg_types.h"
#include "supervisor/binding.h"
#include "support/mapbytes.h"
#include "support/pglz_compress.h"
#include "support/rig.h"
#include "support/samplejob.h"
#include "support/walwriter.h"

/* Where things stand in a journal. */
#define FILE_HEADER	32
#define RECORD		112	/* without names */
#define AT_LEN		4
#define AT_NAME_LEN	28

static const char *root;

static void
make_directory(const char *path)
{
	if (mkdir(path, 0700) != 0 && access(path, F_OK) != 0)
		err(1, "%s", path);
}

/* A seed: prefix, then bytes. */
static void
put(const char *target, const char *name, const void *prefix, size_t prefix_len, const void *bytes,
    size_t len)
{
	char path[PATH_MAX];
	FILE *fp;

	snprintf(path, sizeof(path), "%s/%s", root, target);
	make_directory(path);
	snprintf(path, sizeof(path), "%s/%s/%s", root, target, name);
	if ((fp = fopen(path, "wb")) == NULL)
		err(1, "%s", path);
	if (prefix_len > 0)
		fwrite(prefix, 1, prefix_len, fp);
	if (len > 0)
		fwrite(bytes, 1, len, fp);
	if (fclose(fp) != 0)
		err(1, "%s", path);
}

/* --- journals --- */

#define NAMED(n)	.name = (n), .name_len = sizeof(n) - 1
#define NAMED2(n)	.name2 = (n), .name2_len = sizeof(n) - 1

static const struct journal_record good[] = {
	{ .type = JOURNAL_MOUNT, .length = 1 },
	{ .type = JOURNAL_BIND, .serial = 2, NAMED("f") },
	{ .type = JOURNAL_CREATE, .serial = 3, .parent = 1, .mode = S_IFDIR | 0700, .unique = 1, NAMED("new") },
	{ .type = JOURNAL_CREATE, .serial = 4, .parent = 3, .mode = S_IFREG | 0600, .unique = 2, NAMED("a") },
	{ .type = JOURNAL_CREATE, .serial = 5, .parent = 3, .mode = S_IFLNK | 0777, NAMED("b"), NAMED2("../f") },
	{ .type = JOURNAL_LINK, .serial = 4, .parent = 1, .unique = 3, NAMED("c") },
	{ .type = JOURNAL_RENAME, .serial = 3, .parent = 1, .parent2 = 1, NAMED("new"), NAMED2("dir") },
	{ .type = JOURNAL_RENAME, .serial = 4, .parent = 1, .parent2 = 3, .flags = JOURNAL_EXCHANGE, NAMED("c"), NAMED2("b") },
	{ .type = JOURNAL_ATTR, .serial = 2, .valid = 31, .mode = 0600, .mtime = 7 },
	{ .type = JOURNAL_BIND, .serial = 6, NAMED("base/5/16384") },
	{ .type = JOURNAL_TRUNCATE, .serial = 6, .length = 8192, .content = 6 },
	{ .type = JOURNAL_UNLINK, .serial = 4, .parent = 3, NAMED("a") },
	{ .type = JOURNAL_UNLINK, .parent = 1, NAMED("e") },
	{ .type = JOURNAL_TRUNCATE, .serial = 2, .length = 0, .content = 7 },
	/* Of a file that has lost its last name. */
	{ .type = JOURNAL_CREATE, .serial = 8, .parent = 1, .mode = S_IFREG | 0600, NAMED("open") },
	{ .type = JOURNAL_UNLINK, .serial = 8, .parent = 1, NAMED("open") },
	{ .type = JOURNAL_CONTENT, .serial = 8, .content = 8 },
};

/* Above the layer that the target has: file 2 is "f", 3 is "made". */
static const struct journal_record layered[] = {
	{ .type = JOURNAL_MOUNT, .length = 1 },
	{ .type = JOURNAL_TRUNCATE, .serial = 2, .length = 5, .content = 2 },
	{ .type = JOURNAL_TRUNCATE, .serial = 3, .length = 100, .content = 3, .flags = JOURNAL_CUT },
	{ .type = JOURNAL_TRUNCATED, .serial = 3 },
	{ .type = JOURNAL_TRUNCATE, .serial = 3, .length = 0, .content = 7 },
	{ .type = JOURNAL_CREATE, .serial = 8, .parent = 1, .mode = S_IFREG | 0600, .unique = 2, NAMED("a") },
	{ .type = JOURNAL_ATTR, .serial = 3, .valid = 31, .mode = 0600, .mtime = 7 },
	{ .type = JOURNAL_UNLINK, .serial = 3, .parent = 1, NAMED("made") },
	{ .type = JOURNAL_TRUNCATE, .serial = 3, .length = 0, .content = 9 },
};

static const struct journal_record layer_again[] = {
	{ .type = JOURNAL_LAYER, .serial = 4, .length = 4, NAMED("one") },
};

/* Content that is not there. */
static const struct journal_record missing[] = {
	{ .type = JOURNAL_CREATE, .serial = 3, .parent = 1, .mode = S_IFREG | 0600, NAMED("x") },
	{ .type = JOURNAL_CONTENT, .serial = 3, .content = 3 },
};

static const struct journal_record compacted[] = {
	{ .type = JOURNAL_SERIAL, .serial = 9 },
	{ .type = JOURNAL_NODE, .serial = 1, .mode = S_IFDIR | 0700, .valid = 1 },
	{ .type = JOURNAL_NODE, .serial = 2, .mode = S_IFREG | 0600, .valid = 1, NAMED("f") },
	{ .type = JOURNAL_NODE, .serial = 3, .mode = S_IFDIR | 0700, .valid = 1 },
	{ .type = JOURNAL_NODE, .serial = 4, .mode = S_IFREG | 0600, .valid = 2 },
	{ .type = JOURNAL_NODE, .serial = 5, .mode = S_IFLNK | 0777, .valid = 1, NAMED2("x") },
	{ .type = JOURNAL_NAME, .serial = 3, .parent = 1, NAMED("new") },
	{ .type = JOURNAL_NAME, .serial = 4, .parent = 3, NAMED("a") },
	{ .type = JOURNAL_NAME, .serial = 4, .parent = 1, NAMED("b") },
	{ .type = JOURNAL_NAME, .serial = 5, .parent = 1, NAMED("c") },
	{ .type = JOURNAL_NAME, .serial = 0, .parent = 1, NAMED("e") },
	{ .type = JOURNAL_TRUNCATE, .serial = 2, .length = 3, .content = 2 },
	{ .type = JOURNAL_MOUNT, .length = 1 },
};

/* A tree that cannot be: what a forged journal may try. */
static const struct journal_record cycle[] = {
	{ .type = JOURNAL_CREATE, .serial = 3, .parent = 1, .mode = S_IFDIR | 0700, NAMED("x") },
	{ .type = JOURNAL_CREATE, .serial = 4, .parent = 3, .mode = S_IFDIR | 0700, NAMED("y") },
	{ .type = JOURNAL_NAME, .serial = 3, .parent = 4, NAMED("z") },
};

static const struct journal_record lost_parent[] = {
	{ .type = JOURNAL_CREATE, .serial = 3, .parent = 1, .mode = S_IFDIR | 0700, NAMED("x") },
	{ .type = JOURNAL_CREATE, .serial = 4, .parent = 3, .mode = S_IFREG | 0600, NAMED("y") },
	{ .type = JOURNAL_UNLINK, .serial = 3, .parent = 1, NAMED("x") },
	{ .type = JOURNAL_LINK, .serial = 4, .parent = 1, NAMED("z") },
};

static const struct journal_record wrong_count[] = {
	{ .type = JOURNAL_NODE, .serial = 4, .mode = S_IFREG | 0600, .valid = 1 },
	{ .type = JOURNAL_NAME, .serial = 4, .parent = 1, NAMED("a") },
	{ .type = JOURNAL_NAME, .serial = 4, .parent = 1, NAMED("b") },
	{ .type = JOURNAL_UNLINK, .serial = 4, .parent = 1, NAMED("a") },
};

static const struct journal_record large_serial[] = {
	{ .type = JOURNAL_CREATE, .serial = UINT64_MAX, .parent = 1, .mode = S_IFREG | 0600, NAMED("x") },
	{ .type = JOURNAL_CREATE, .serial = UINT64_MAX - ((UINT64_C(1) << 40) - 3), .parent = 1,
	  .mode = S_IFREG | 0600, NAMED("y") },
};

static const struct journal_record large_length[] = {
	{ .type = JOURNAL_BIND, .serial = 2, NAMED("f") },
	{ .type = JOURNAL_TRUNCATE, .serial = 2, .length = UINT64_MAX - 5, .content = UINT64_MAX },
};

static const struct journal_record twice[] = {
	{ .type = JOURNAL_NODE, .serial = 2, .mode = S_IFREG | 0600, .valid = 1, NAMED("f") },
	{ .type = JOURNAL_NODE, .serial = 3, .mode = S_IFREG | 0600, .valid = 1, NAMED("f") },
	{ .type = JOURNAL_NODE, .serial = 4, .mode = S_IFREG | 0600, .valid = 1, NAMED("e") },
};

static const struct {
	const char *name;
	const struct journal_record *records;
	size_t	n;
} journals[] = {
	{ "good", good, ARRAY_SIZE(good) },
	{ "good-compacted", compacted, ARRAY_SIZE(compacted) },
	{ "bad-missing", missing, ARRAY_SIZE(missing) },
	{ "bad-cycle", cycle, ARRAY_SIZE(cycle) },
	{ "bad-lost-parent", lost_parent, ARRAY_SIZE(lost_parent) },
	{ "bad-wrong-count", wrong_count, ARRAY_SIZE(wrong_count) },
	{ "bad-large-serial", large_serial, ARRAY_SIZE(large_serial) },
	{ "bad-large-length", large_length, ARRAY_SIZE(large_length) },
	{ "bad-twice", twice, ARRAY_SIZE(twice) },
};

/* Writes the records by the journal's own code; returns the file's bytes. */
static size_t
make_journal(int dirfd, const struct journal_record *records, size_t n, bool marked, char **bytes)
{
	struct journal_record rec;
	struct journal *j;
	size_t i, len;
	int fd;

	unlinkat(dirfd, "journal", 0);
	if (journal_open(dirfd, &j) < 0)
		errx(1, "journal_open");
	for (i = 0; i < n; i++) {
		rec = records[i];
		if (journal_append(j, &rec) < 0)
			errx(1, "journal_append");
	}
	if (marked && journal_sync(j) == 0)
		journal_mark(j);
	journal_close(j);
	if ((fd = openat(dirfd, "journal", O_RDONLY)) < 0 ||
	    io_read_file(fd, MiB, bytes, &len) < 0)
		errx(1, "journal");
	close(fd);
	unlinkat(dirfd, "journal", 0);
	return len;
}

/* The records without what pads them: the target adds that, and the checksums, by itself. */
static size_t
unseal(char *bytes, size_t len)
{
	size_t at = FILE_HEADER, used = 0, n;
	uint16_t names[2];
	uint32_t whole;

	while (at < len) {
		memcpy(&whole, bytes + at + AT_LEN, sizeof(whole));
		memcpy(names, bytes + at + AT_NAME_LEN, sizeof(names));
		n = RECORD + (size_t)names[0] + names[1];
		memmove(bytes + used, bytes + at, n);
		used += n;
		at += whole;
	}
	return used;
}

/* A frozen layer above another, with two content files. */
static void
make_seals(int dirfd)
{
	struct seal_content content[] = { { 2, 10, 0 }, { 7, 8192, 65 } };
	struct seal s = {
		.id = { { 1 } }, .has_parent = true, .depth = 1, .last = 9, .next_serial = 8, .journal_length = 500,
		.parent = { .id = { { 2 } }, .last = 4, .next_serial = 3, .name = "base" }, .message = "why",
		.content = content, .n_contents = ARRAY_SIZE(content),
	};
	char *bytes;
	size_t len;
	int fd;

	if (seal_write(dirfd, &s) < 0 || (fd = openat(dirfd, ONDISK_SEAL, O_RDONLY)) < 0 ||
	    io_read_file(fd, MiB, &bytes, &len) < 0)
		errx(1, "seal");
	close(fd);
	unlinkat(dirfd, ONDISK_SEAL, 0);
	put("seal", "good", "", 1, bytes, len);
	put("seal", "good-fixed", "\1", 1, bytes, len);
	put("seal", "bad-short", "\1", 1, bytes, len - 10);
	bytes[104] = 3;
	put("seal", "bad-number", "\1", 1, bytes, len);
	bytes[104] = 2;
	bytes[120] = 8;
	put("seal", "bad-order", "\1", 1, bytes, len);
	free(bytes);
}

/* Each for the first worker of a mount and for a later one, as a file and as records. */
static void
make_journals(int dirfd)
{
	static const char modes[] = { 0, 1, 2, 3 }, marked[] = { 7, 15 }, on_layer[] = { 17, 19, 16 };
	char name[64], *bytes;
	size_t i, k, len;

	for (i = 0; i < ARRAY_SIZE(journals); i++) {
		len = make_journal(dirfd, journals[i].records, journals[i].n, false, &bytes);
		if (i == 0)
			put("journal", "bad-cut", modes, 1, bytes, len - 20);
		for (k = 0; k < 4; k += 2) {
			snprintf(name, sizeof(name), "%s-%zu", journals[i].name, k);
			put("journal", name, &modes[k], 1, bytes, len);
		}
		len = unseal(bytes, len);
		for (k = 1; k < 4; k += 2) {
			snprintf(name, sizeof(name), "%s-%zu", journals[i].name, k);
			put("journal", name, &modes[k], 1, bytes, len);
		}
		if (i == 0) {
			put("journal", "good-marked", &marked[0], 1, bytes, len);
			put("journal", "bad-damaged", &marked[1], 1, bytes, len);
		}
		free(bytes);
	}
	for (i = 0; i < 2; i++) {
		len = make_journal(dirfd, i == 0 ? layered : layer_again, i == 0 ? ARRAY_SIZE(layered) : 1, false, &bytes);
		put("journal", i == 0 ? "bad-layer-file" : "bad-layer-again-file", &on_layer[2], 1, bytes, len);
		len = unseal(bytes, len);
		for (k = 0; k < 2; k++) {
			snprintf(name, sizeof(name), "%s-%zu", i == 0 ? "good-layered" : "bad-layer-again", k);
			put("journal", name, &on_layer[k], 1, bytes, len);
		}
		free(bytes);
	}
	len = make_journal(dirfd, good, ARRAY_SIZE(good), true, &bytes);
	put("journal", "good-marked-file", &modes[2], 1, bytes, len);
	bytes[len / 2] ^= 1;
	put("journal", "bad-damaged-file", &modes[2], 1, bytes, len);
	put("journal", "bad-short-file", &modes[2], 1, bytes, FILE_HEADER + RECORD);
	free(bytes);
	put("journal", "good-empty", modes, 1, "", 0);
	put("journal", "bad-magic", modes, 1, "something that is not a journal at all", 38);
}

/* --- block maps --- */

static void
make_maps(int dirfd)
{
	static const uint8_t kinds[] = { 0, 1, 1, 0, 1 };
	static const char modes[] = { (char)0x80, (char)0x81 };
	struct fdcache *fds = fdcache_new(16);
	struct contents *c;
	char *bytes;
	size_t len;
	bool created;
	int fd;

	if (contents_open(dirfd, fds, &c) < 0 ||
	    map_write_bytes(c, 5, kinds, 0, sizeof(kinds), &created) < 0 ||
	    (fd = openat(dirfd, "data/0000000000000005.map", O_RDONLY)) < 0 ||
	    io_read_file(fd, MiB, &bytes, &len) < 0)
		errx(1, "map");
	close(fd);
	put("map", "good-file", modes, 1, bytes, len);
	put("map", "good-kinds", modes + 1, 1, kinds, sizeof(kinds));
	put("map", "bad-kind", modes + 1, 1, "\1\2\3", 3);
	put("map", "bad-short", modes, 1, bytes, 40);
	bytes[20] ^= 1;
	put("map", "bad-crc", modes, 1, bytes, len);
	memset(bytes, 0, len);
	put("map", "good-zeroes", modes, 1, bytes, len);
	free(bytes);
	content_remove(c, 5);
	contents_close(c);
	fdcache_free(fds);
	unlinkat(dirfd, "data", AT_REMOVEDIR);
}

/* --- page streams and their headers --- */

static size_t
append_record(unsigned char *stream, size_t at, uint32_t block, int32_t size, const void *payload)
{
	memcpy(stream + at, &block, 4);
	memcpy(stream + at + 4, &size, 4);
	if (size > 0)
		memcpy(stream + at + 8, payload, (size_t)size);
	return at + 8 + (size > 0 ? (size_t)size : 0);
}

static void
make_streams(void)
{
	static unsigned char page[BLCKSZ], packed[2 * BLCKSZ], stream[4 * BLCKSZ];
	const uint8_t zlib[] = { 3 + 4 * 2, 9 }, old[] = { 2 + 4 * 2, 9 }, raw[] = { 3, 9 };
	uLongf n = sizeof(packed);
	size_t len;

	memset(page, 'p', 100);
	if (compress2(packed, &n, page, sizeof(page), 6) != Z_OK)
		errx(1, "compress2");
	len = append_record(stream, 0, 0, (int32_t)n, packed);
	len = append_record(stream, len, 1, BLCKSZ, page);
	len = append_record(stream, len, 4, (int32_t)n, packed);
	put("stream", "good-zlib", zlib, 2, stream, len);
	put("stream", "bad-cut", zlib, 2, stream, len - 5);
	n = (n + 7) / 8 * 8;
	len = append_record(stream, 0, 0, (int32_t)n, packed);
	len = append_record(stream, len, 3, -2, NULL);
	put("stream", "good-truncated", old, 2, stream, len);
	len = append_record(stream, 0, 5, BLCKSZ, page);
	len = append_record(stream, len, 4, BLCKSZ, page);
	put("stream", "bad-order", raw, 2, stream, len);
	put("stream", "bad-zeroes", raw, 2, stream + 16, 500);
}

static void
make_header_maps(void)
{
	struct {
		uint64_t lsn;
		int32_t	block, pos;
		uint16_t checksum;
	} e[4] = { { 1, 0, 0, 0 }, { 2, 1, 100, 0 }, { 3, 5, 8300, 0 }, { 0, 0, 8400, 0 } };
	const uint8_t packed_mode[] = { 8, 3 }, plain_mode[] = { 9, 3 };
	unsigned char packed[1024];
	uLongf n = sizeof(packed);

	_Static_assert(sizeof(e[0]) == 24, "an element of page_header_map has 24 bytes");
	put("hdrmap", "good-elements", plain_mode, 2, e, sizeof(e));
	if (compress2(packed, &n, (const Bytef *)e, sizeof(e), 1) != Z_OK)
		errx(1, "compress2");
	put("hdrmap", "bad-crc", packed_mode, 2, packed, n);
	e[2].pos = -1;
	put("hdrmap", "bad-pos", plain_mode, 2, e, sizeof(e));
	e[2].pos = 8300;
	e[2].block = 1;
	put("hdrmap", "bad-order", plain_mode, 2, e, sizeof(e));
}

/* --- what the WAL archive holds --- */

/* gzip in memory; returns its length. */
static size_t
gzip(const void *bytes, size_t len, void *packed, size_t room)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)len,
	    .next_out = packed, .avail_out = (uInt)room };

	if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
	    deflate(&z, Z_FINISH) != Z_STREAM_END || deflateEnd(&z) != Z_OK)
		errx(1, "deflate");
	return z.total_out;
}

/* The same as a frame of LZ4 and of zstd. */
static void
make_archive_frames(const void *segment, size_t size, unsigned char *packed, size_t room)
{
	const LZ4F_preferences_t p = { .frameInfo = { .contentChecksumFlag = LZ4F_contentChecksumEnabled } };
	const char lz4_mode[] = { 'l', 16 }, zstd_mode[] = { 'z', 16 };
	size_t len;

	if (LZ4F_isError(len = LZ4F_compressFrame(packed, room, segment, size, &p)))
		errx(1, "LZ4F_compressFrame");
	put("archive", "good-lz4", lz4_mode, 2, packed, len);
	put("archive", "bad-lz4-cut", lz4_mode, 2, packed, len - 4);
	packed[len - 1] ^= 1;
	put("archive", "bad-lz4-checksum", lz4_mode, 2, packed, len);
	if (ZSTD_isError(len = ZSTD_compress(packed, room, segment, size, 3)))
		errx(1, "ZSTD_compress");
	put("archive", "good-zstd", zstd_mode, 2, packed, len);
	put("archive", "bad-zstd-cut", zstd_mode, 2, packed, len - 4);
}

static void
make_archive(void)
{
	static unsigned char segment[1 << 20], packed[(1 << 20) + (1 << 16)];
	const char page_mode[] = "p", gz_mode[] = { 'g', 16 };
	const struct {
		uint16_t magic, info;
		uint32_t timeline;
		uint64_t addr;
		uint32_t rem_len, reserved;
		uint64_t sysid;
		uint32_t seg_size, block_size;
	} header = { 0xD110, 2, 1, 1 << 20, 0, 0, 7, 1 << 20, 8192 };
	size_t len;

	_Static_assert(sizeof(header) == 40, "as PostgreSQL has it");
	memcpy(segment, &header, sizeof(header));
	put("archive", "good-page", page_mode, 1, segment, 40);
	segment[0] = 0;
	put("archive", "bad-magic", page_mode, 1, segment, 40);
	segment[0] = 0x10;
	len = gzip(segment, sizeof(segment), packed, sizeof(packed));
	put("archive", "good-segment", gz_mode, 2, packed, len);
	put("archive", "bad-cut", gz_mode, 2, packed, len - 8);
	packed[len - 5] ^= 1;
	put("archive", "bad-crc", gz_mode, 2, packed, len);
	len = gzip(segment, sizeof(segment) - 1, packed, sizeof(packed));
	put("archive", "bad-short", gz_mode, 2, packed, len);
	make_archive_frames(segment, sizeof(segment), packed, sizeof(packed));
}

/* --- pages as each codec writes them --- */

static void
put_codec(const char *name, enum codec_alg alg, const void *bytes, size_t len)
{
	const uint8_t mode = (uint8_t)alg;
	char cut[64];

	put("codec", name, &mode, 1, bytes, len);
	snprintf(cut, sizeof(cut), "bad-cut-%s", codec_name(alg));
	put("codec", cut, &mode, 1, bytes, len / 2);
}

static void
make_pages(void)
{
	static unsigned char page[BLCKSZ], packed[2 * BLCKSZ];
	uLongf n = sizeof(packed);
	size_t i;
	int len;

	/* Runs, and bytes that repeat from afar: each codec has something to refer to. */
	for (i = 0; i < sizeof(page); i++)
		page[i] = (unsigned char)(i % 1024 < 600 ? 0 : i * 7 % 1024 / 3);
	put_codec("good-none", CODEC_NONE, page, sizeof(page));
	if (compress2(packed, &n, page, sizeof(page), 9) != Z_OK)
		errx(1, "compress2");
	put_codec("good-zlib", CODEC_ZLIB, packed, n);
	if ((len = pglz_compress_page(page, sizeof(page), packed, sizeof(page))) < 0)
		errx(1, "pglz_compress_page");
	put_codec("good-pglz", CODEC_PGLZ, packed, (size_t)len);
	if ((len = LZ4_compress_default((char *)page, (char *)packed, sizeof(page), sizeof(packed))) <= 0)
		errx(1, "LZ4_compress_default");
	put_codec("good-lz4", CODEC_LZ4, packed, (size_t)len);
	n = ZSTD_compress(packed, sizeof(packed), page, sizeof(page), 3);
	if (ZSTD_isError(n))
		errx(1, "ZSTD_compress");
	put_codec("good-zstd", CODEC_ZSTD, packed, n);
}

/* --- bindings --- */

/* As the file has it, whether that is sound or not. */
static char *
binding_text(const struct binding *b, size_t *len)
{
	struct json_out o = { .raw = true };
	char *text;

	json_open(&o, NULL, '{');
	binding_put(&o, b);
	json_close(&o, '}');
	if (json_take(&o, &text, len) != 0)
		errx(1, "binding");
	return text;
}

static void
put_binding(const char *name, const struct binding *b)
{
	size_t len;
	char *text = binding_text(b, &len);

	put("binding", name, "", 0, text, len);
	free(text);
}

static void
make_bindings(void)
{
	struct binding b = {
		.store = (char []){ "/var/lib/a store" }, .instance = (char []){ "main" },
		.backup_id = (char []){ "TOXCS1" }, .host = (char []){ "host" },
		.created = (char []){ "2026-01-02T03:04:05Z" },
		.member = { { "TOXCS1", 20516, 1 }, { "TOXCR8", 20516, UINT32_MAX } },
		.n_members = 2, .tree_digest = 0x0123456789abcdef, .server_version = 15,
		.wal = WAL_DIRECT,
	};

	put_binding("good", &b);
	b.database[b.n_databases++] = (char []){ "a \"database\"" };
	b.database[b.n_databases++] = (char []){ "another" };
	put_binding("good-part", &b);
	b.n_databases = 0;
	b.branch = (char []){ "one" };
	b.snapshot = (char []){ "base" };
	b.snapshot_id = (char []){ "00112233445566778899aabbccddeeff" };
	put_binding("good-branch", &b);
	b.snapshot_id = (char []){ "00112233" };
	put_binding("bad-branch", &b);
	b.branch = b.snapshot = b.snapshot_id = NULL;
	b.no_wal = true;
	b.wal = WAL_MOUNT;
	for (; b.n_members < CHAIN_MAX; b.n_members++)
		b.member[b.n_members] = b.member[1];
	put_binding("good-deep", &b);
	b.store = (char []){ "relative" };
	put_binding("bad-store", &b);
	b.store = (char []){ "/store" };
	b.instance = (char []){ "../../etc" };
	put_binding("bad-instance", &b);
}

/* --- records --- */

static void
put_record(const char *name, const char *head, const struct binding *b)
{
	size_t len;
	char *binding = binding_text(b, &len), *text;
	int n = asprintf(&text, "{\"format\": \"pbkfs-record\", %s, \"binding\": %s}", head, binding);

	if (n < 0)
		errx(1, "record");
	put("record", name, "", 0, text, (size_t)n);
	free(binding);
	free(text);
}

static void
make_records(void)
{
	struct binding b = {
		.store = (char []){ "/store" }, .instance = (char []){ "main" },
		.backup_id = (char []){ "TOXCS1" }, .host = (char []){ "host" },
		.created = (char []){ "2026-01-02T03:04:05Z" },
		.member = { { "TOXCS1", 20516, 1 }, { "TOXCR8", 20516, UINT32_MAX } },
		.n_members = 2, .database = { (char []){ "postgres" } }, .n_databases = 1,
	};

	put_record("good", "\"version\": 1, \"diff\": \"/srv/diff\", \"fsid\": \"0123456789abcdef\","
	    " \"inode\": 18446744073709551615, \"born\": 0, \"owner\": 999", &b);
	put_record("bad-version", "\"version\": 2", &b);
	put_record("bad-fsid", "\"version\": 1, \"diff\": \"/srv/diff\", \"fsid\": \"0x23456789abcdef\","
	    " \"inode\": 1, \"born\": 1, \"owner\": 999", &b);
	put_record("bad-owner", "\"version\": 1, \"diff\": \"/srv/diff\", \"fsid\": \"0123456789abcdef\","
	    " \"inode\": 1, \"born\": 1, \"owner\": 4294967296", &b);
	b.store = (char []){ "relative" };
	put_record("bad-binding", "\"version\": 1, \"diff\": \"/srv/diff\", \"fsid\": \"0123456789abcdef\","
	    " \"inode\": 1, \"born\": 1, \"owner\": 0", &b);
}

/* --- indexes --- */

static void
make_indexes(void)
{
	struct rig rig;
	struct stat st;
	char *bytes;

	rig_new(&rig);
	rig_small_catalog(&rig);
	if (rig_index(&rig, "T1") < 0 || fstat(rig.index_fd, &st) != 0 ||
	    (bytes = malloc((size_t)st.st_size)) == NULL ||
	    io_pread(rig.index_fd, bytes, (size_t)st.st_size, 0) != st.st_size)
		errx(1, "index");
	put("index", "good", "", 0, bytes, (size_t)st.st_size);
	put("index", "bad-cut", "", 0, bytes, (size_t)st.st_size - 1);
	free(bytes);
	rig_free(&rig);
}

/* --- the tree of a detached diff directory --- */

#define TREE_HEADER	64
#define TREE_ENTRY	24
#define TREE_BACKUP	24

/* Of the small catalog: backup T1, entries with the root first. */
static void
make_trees(void)
{
	static const char as_it_is = 0, repaired = 1;
	static const uint32_t far = UINT32_MAX;
	struct rig rig;
	struct stat st;
	char *bytes, *root_entry;
	int fd;

	rig_new(&rig);
	rig_small_catalog(&rig);
	if (rig_index(&rig, "T1") < 0 || rig_open(&rig, true) < 0 || treefile_write(rig.cow) < 0 ||
	    (fd = openat(rig.diff_fd, ONDISK_TREE, O_RDONLY)) < 0 || fstat(fd, &st) != 0 ||
	    (bytes = malloc((size_t)st.st_size)) == NULL || io_pread(fd, bytes, (size_t)st.st_size, 0) != st.st_size)
		errx(1, "tree");
	put("tree", "good", &as_it_is, 1, bytes, (size_t)st.st_size);
	put("tree", "good-repaired", &repaired, 1, bytes, (size_t)st.st_size);
	put("tree", "bad-cut", &as_it_is, 1, bytes, (size_t)st.st_size - 1);
	put("tree", "bad-header", &as_it_is, 1, bytes, TREE_HEADER - 1);
	/* The root has more children than there are entries; its first is the root itself, then one beyond the end. */
	root_entry = bytes + TREE_HEADER + TREE_BACKUP;
	memcpy(root_entry + 16, &far, sizeof(far));
	put("tree", "bad-count", &repaired, 1, bytes, (size_t)st.st_size);
	memset(root_entry + 12, 0, 4);
	put("tree", "bad-circle", &repaired, 1, bytes, (size_t)st.st_size);
	memcpy(root_entry + TREE_ENTRY + 8, &far, sizeof(far));
	put("tree", "bad-name", &repaired, 1, bytes, (size_t)st.st_size);
	close(fd);
	free(bytes);
	rig_free(&rig);
}

/* --- what a worker says --- */

#define PIECE_WHOLE	((char)255)	/* 2041 bytes at a time */
#define PIECE_BYTE	0

static size_t
append_message(unsigned char *stream, size_t at, enum msg_type type, const void *body, size_t len)
{
	struct msg_header h = { .type = (uint16_t)type, .protocol = MSG_PROTOCOL, .len = (uint32_t)len };

	memcpy(stream + at, &h, sizeof(h));
	memcpy(stream + at + sizeof(h), body, len);
	return at + sizeof(h) + len;
}

static void
make_messages(void)
{
	static const char preparing[] = { 0, PIECE_WHOLE }, bytewise[] = { 0, PIECE_BYTE },
	    starting[] = { 1, PIECE_WHOLE }, serving[] = { 2, PIECE_WHOLE }, leaving[] = { 3, PIECE_WHOLE };
	static unsigned char s[16384];
	struct msg_member member = { .id = "TOXCS1", .version = 20516, .list_crc = 7 };
	struct msg_prepared prepared = {
		.n_entries = 3, .n_members = 1, .server_version = 15, .root_mode = 0700,
		.warning = "one line",
	};
	struct msg_progress progress = { 1, 2 };
	struct msg_stats stats = { .diff_bytes = 1 };
	struct msg_confined confined = { .landlock = 7, .namespaces = MSG_NS_NET, .why = "\33[2Jtext" };
	size_t len;

	len = append_message(s, 0, MSG_CONFINED, &confined, sizeof(confined));
	len = append_message(s, len, MSG_PROGRESS, &progress, sizeof(progress));
	len = append_message(s, len, MSG_MEMBER, &member, sizeof(member));
	len = append_message(s, len, MSG_NOTE, "\33[2Jtext", 8);
	len = append_message(s, len, MSG_ZONE, "../../\33[2J", 10);
	len = append_message(s, len, MSG_ADVICE, "\33[2Jtext", 8);
	len = append_message(s, len, MSG_PREPARED, &prepared, sizeof(prepared));
	put("msg", "good-preparing", preparing, 2, s, len);
	put("msg", "good-bytewise", bytewise, 2, s, len);
	put("msg", "bad-phase", serving, 2, s, len);
	put("msg", "bad-cut", preparing, 2, s, len - 1);
	len = append_message(s, 0, MSG_CONFINED, &confined, sizeof(confined));
	len = append_message(s, len, MSG_LOG, "\2a line", 7);
	len = append_message(s, len, MSG_READY, "", 0);
	len = append_message(s, len, MSG_DIRTY, "", 0);
	len = append_message(s, len, MSG_HEARTBEAT, "", 0);
	len = append_message(s, len, MSG_STATS, &stats, sizeof(stats));
	len = append_message(s, len, MSG_STORE_FAILED, "", 0);
	len = append_message(s, len, MSG_CLEAN, "", 0);
	put("msg", "good-life", starting, 2, s, len);
	len = append_message(s, 0, MSG_STATS, &stats, sizeof(stats));
	len = append_message(s, len, MSG_FAILED, "\33[2Jtext", 8);
	put("msg", "good-leaving", leaving, 2, s, len);
	len = append_message(s, 0, MSG_DIRTY_DONE, "", 0);
	put("msg", "bad-direction", serving, 2, s, len);
	s[2]++;
	put("msg", "bad-protocol", serving, 2, s, len);
}

/* --- what a command asks, and a supervisor answers --- */

static void
make_commands(void)
{
	static const char serving[] = { 2, 0 }, preparing[] = { 0, 0 }, answers[] = { 6, 0 };
	static struct command_frame q[7], a[6];

	command_init(&q[0], COMMAND_IDENTIFY);
	command_init(&q[1], COMMAND_STATUS);
	command_init(&q[2], COMMAND_LEAVE);
	command_init(&q[3], COMMAND_STOP);
	command_init(&q[4], COMMAND_AWAIT);
	command_init(&q[5], COMMAND_FREEZE);
	strcpy(q[5].text, "name\nmessage");
	command_init(&q[6], COMMAND_RESET);
	strcpy(q[6].text, "-");
	q[1].arg[0] = 1;
	put("command", "good-requests", serving, 2, (unsigned char *)q, sizeof(q));
	put("command", "bad-phase", preparing, 2, (unsigned char *)q, sizeof(q));
	put("command", "bad-direction", answers, 2, (unsigned char *)q, sizeof(q));
	put("command", "bad-cut", serving, 2, (unsigned char *)q, sizeof(q) - 8);
	command_init(&a[0], COMMAND_IDENTITY);
	a[0].arg[IDENTITY_PID] = a[0].arg[IDENTITY_MINOR] = 77;
	a[0].arg[IDENTITY_STATE] = STATE_SERVING;
	strcpy(a[0].text, "/mnt");
	command_init(&a[1], COMMAND_REPORT);
	a[1].arg[0] = 1000;
	command_init(&a[2], COMMAND_DONE);
	command_init(&a[3], COMMAND_REFUSED);
	strcpy(a[3].text, "\33[2Jno");
	command_init(&a[4], COMMAND_HYDRATION);
	command_init(&a[5], COMMAND_STEPPED);
	a[5].arg[STEPPED_GAP_NS] = 20000000;
	put("command", "good-answers", answers, 2, (unsigned char *)a, sizeof(a));
	a[3].text[100] = 'x';
	put("command", "bad-text", answers, 2, (unsigned char *)a, sizeof(a));
}

/* WAL of CREATE TABLESPACE over a border of pages, whole and cut. */
static void
make_wal(void)
{
	static unsigned char bytes[8 * 1024];
	struct walwriter w = {
		.bytes = bytes, .size = sizeof(bytes), .lsn = 1024 * 1024, .page = 1024,
		.segment = 1024 * 1024, .timeline = 1,
	};

	walwriter_other(&w, 64);
	walwriter_tablespace(&w, 16384, "/srv/production/fast");
	walwriter_tablespace(&w, 16385, "/a");
	walwriter_other(&w, 3000);
	walwriter_reach(&w, 32);
	walwriter_tablespace(&w, 16386, "/srv/production/slow");
	put("waltblspc", "good-records", NULL, 0, bytes, sizeof(bytes));
	put("waltblspc", "bad-cut", NULL, 0, bytes, 4096);
	memset(bytes + 1100, 0xFF, 64);
	put("waltblspc", "bad-bytes", NULL, 0, bytes, sizeof(bytes));
}

/* A page with two rows of pg_authid, and a map. */
static void
make_roles(void)
{
	static unsigned char page[BLCKSZ];
	static const struct { const char *name; unsigned oid; } roles[] = { { "postgres", 10 }, { "app", 16384 } };
	static const uint32_t map[] = { 0x592717, 2, 1262, 1262, 1260, 1260 };
	unsigned char *row;
	uint32_t item;
	uint16_t word;
	size_t i;

	page[4] = 1;	/* an LSN */
	for (i = 0; i < 2; i++) {
		row = page + BLCKSZ - 160 * (i + 1);
		item = (uint32_t)((size_t)(row - page) | 1U << 15 | 160U << 17);
		memcpy(page + 24 + 4 * i, &item, sizeof(item));
		row[22] = 32;	/* length of its header */
		memcpy(row + 32, &roles[i].oid, sizeof(roles[i].oid));
		strcpy((char *)row + 36, roles[i].name);
		row[100] = row[104] = 1;	/* superuser, may log in */
	}
	for (i = 0; i < 4; i++) {
		word = (const uint16_t[]){ 32, BLCKSZ - 320, BLCKSZ, 0x2004 }[i];
		memcpy(page + 12 + 2 * i, &word, sizeof(word));
	}
	put("authid", "good-page", NULL, 0, page, sizeof(page));
	put("authid", "good-map", NULL, 0, (const unsigned char *)map, sizeof(map));
	put("authid", "bad-cut", NULL, 0, (const unsigned char *)map, sizeof(map) - 1);
	memset(page + 26, 0xFF, 2);
	put("authid", "bad-item", NULL, 0, page, sizeof(page));
}

static void
make_jobs(void)
{
	struct job job = sample_job(), plain = { .store_name = "/s", .instance = "i", .in_fd = -1 };
	unsigned char *bytes, byte;
	ssize_t len = job_encode(&job, &bytes);

	if (len < 0)
		errx(1, "could not encode a job");
	put("job", "good-full", "", 0, bytes, (size_t)len);
	put("job", "bad-cut", "", 0, bytes, (size_t)len - 1);
	put("job", "bad-long", bytes, (size_t)len, "", 1);
	byte = bytes[8]++;	/* the version */
	put("job", "bad-version", "", 0, bytes, (size_t)len);
	bytes[8] = byte;
	free(bytes);
	if ((len = job_encode(&plain, &bytes)) < 0)
		errx(1, "could not encode a job");
	put("job", "good-plain", "", 0, bytes, (size_t)len);
	free(bytes);
}

int
main(int argc, char **argv)
{
	char work[PATH_MAX];
	int dirfd;

	if (argc != 2)
		errx(1, "usage: mkcorpus DIR");
	root = argv[1];
	make_directory(root);
	snprintf(work, sizeof(work), "%s/work", root);
	make_directory(work);
	make_archive();
	if ((dirfd = open(work, O_RDONLY | O_DIRECTORY)) < 0)
		err(1, "%s", work);
	make_journals(dirfd);
	make_maps(dirfd);
	make_seals(dirfd);
	make_streams();
	make_header_maps();
	make_pages();
	make_bindings();
	make_records();
	make_indexes();
	make_trees();
	make_messages();
	make_commands();
	make_wal();
	make_roles();
	make_jobs();
	close(dirfd);
	return rmdir(work) != 0;
}
