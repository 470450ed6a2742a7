/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes catalogs that no pg_probackup would ever write:
 *
 *	badcatalog make DIR	an instance "bad-..." or "good-..." for each case below
 *	badcatalog wide DIR N	one backup with N files: instance "good-wide"
 *	badcatalog deep DIR N	a chain of N backups: instance "good-deep"
 *	badcatalog thicket DIR N	a list of N paths of 128 names each: instance "bad-thicket"
 *	badcatalog claims DIR	files that claim to be huge: instance "bad-claims"
 *	badcatalog records FILE	the page records of a stream: block, offset, bytes
 *
 * make prints a line for each case: the instance, the backup to mount, and what
 * has to come of it:
 *
 *	refused REGEX	the mount fails, and says something that matches
 *	unreadable PATH	it is mounted, and reading PATH is an I/O error
 *	mounted		it is mounted, and all is there
 *	either		one or the other, in good order
 *
 * What is there in every case: PG_VERSION with "15", and a data file of two
 * blocks, base/5/1.
 */
#include "config.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/io.h"
#include "base/util.h"
#include "catwriter.h"
#include "orexit.h"

#define FULL_ID		"T00001"
#define CHILD_ID	"T00002"
#define JUNK		(100 * KiB)
#define FILE_MAX	(64 * MiB)

static const char *catalog;

/* --- backups --- */

static struct catwriter *
open_instance(const char *name)
{
	struct catwriter *w;

	check(catwriter_open(catalog, name, NULL, &w), name);
	return w;
}

/* Puts the files into a backup that every one has. */
static void
put_common(struct catbackup *b)
{
	static unsigned char bytes[2][BLCKSZ];
	struct catpage pages[] = { { .block = 0, .bytes = bytes[0] }, { .block = 1, .bytes = bytes[1] } };
	struct catfile f = { .path = "base/5/1", .n_blocks = 2, .pages = pages, .n_pages = 2 };

	catwriter_make_page(bytes[0], 1, 1);
	catwriter_make_page(bytes[1], 1, 2);
	catbackup_dir(b, "base", 0700);
	catbackup_dir(b, "base/5", 0700);
	catbackup_dir(b, "global", 0700);
	catbackup_dir(b, "pg_wal", 0700);
	catbackup_plain(b, "PG_VERSION", 0600, "15\n", 3);
	check(catbackup_data(b, &f), f.path);
}

static struct catbackup *
begin(struct catwriter *w, const struct catbackup_options *options)
{
	struct catbackup_options o = *options;
	struct catbackup *b;

	o.stream = true;	/* no mount asks for an archive */
	check(catbackup_begin(w, &o, &b), o.id);
	put_common(b);
	return b;
}

/* Makes a FULL with that line in its list. */
static void
full_with_line(const char *instance, const char *line)
{
	struct catbackup_options o = { .id = FULL_ID, .alg = CATALG_ZLIB, .level = 1 };
	struct catwriter *w = open_instance(instance);
	struct catbackup *b = begin(w, &o);

	if (line != NULL)
		catbackup_line(b, line);
	check(catbackup_finish(b), instance);
	catwriter_close(w);
}

static void
full(const char *instance, const struct catbackup_options *options)
{
	struct catbackup_options o = *options;
	struct catwriter *w = open_instance(instance);

	o.id = FULL_ID;
	o.alg = CATALG_ZLIB;
	o.level = 1;
	check(catbackup_finish(begin(w, &o)), instance);
	catwriter_close(w);
}

/* Makes a backup with that parent, alone in its instance unless others are there. */
static void
child(const char *instance, const char *id, const char *parent)
{
	struct catbackup_options o = { .id = id, .mode = "DELTA", .parent = parent };
	struct catwriter *w = open_instance(instance);

	check(catbackup_finish(begin(w, &o)), instance);
	catwriter_close(w);
}

/* --- damage --- */

/* name: that of a file in backup FULL_ID. */
static void
file_of(char *path, const char *instance, const char *name)
{
	format_path(path, "%s/backups/%s/%s/%s", catalog, instance, FULL_ID, name);
}

static void
write_file(const char *instance, const char *name, const void *bytes, size_t len)
{
	char path[PATH_MAX];
	int fd;

	file_of(path, instance, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || io_write(fd, bytes, len) < 0 || close(fd) != 0)
		err(1, "could not write \"%s\"", path);
}

static char *
read_path(const char *path, size_t *len)
{
	int fd autoclose = open(path, O_RDONLY | O_CLOEXEC);
	char *text;

	if (fd < 0)
		err(1, "could not open \"%s\"", path);
	check(io_read_file(fd, FILE_MAX, &text, len), path);
	return text;
}

static char *
read_name(const char *instance, const char *name, size_t *len)
{
	char path[PATH_MAX];

	file_of(path, instance, name);
	return read_path(path, len);
}

/* Gives the first "key":"..." in the line of base/5/1 another value. */
static void
set_key(const char *instance, const char *key, const char *value)
{
	char quoted[64];
	char *list autofree = NULL, *at, *end, *out autofree = NULL;
	size_t len, new_len;

	list = read_name(instance, "backup_content.control", &len);
	snprintf(quoted, sizeof(quoted), "\"%s\":\"", key);
	if ((at = strstr(list, "\"base/5/1\"")) == NULL || (at = strstr(at, quoted)) == NULL ||
	    (end = strchr(at += strlen(quoted), '"')) == NULL)
		errx(1, "there is no %s", key);
	new_len = (size_t)(at - list) + strlen(value) + strlen(end);
	if ((out = malloc(new_len + 1)) == NULL)
		err(1, NULL);
	snprintf(out, new_len + 1, "%.*s%s%s", (int)(at - list), list, value, end);
	write_file(instance, "backup_content.control", out, new_len);
}

/* Makes a FULL whose list nobody can check, with a lie about base/5/1. */
static void
full_with_lie(const char *instance, const char *key, const char *value)
{
	full(instance, &(struct catbackup_options){ .omit_content_crc = true });
	set_key(instance, key, value);
}

static void
fill_junk(unsigned char *bytes, size_t len)
{
	uint32_t state = 1;

	for (size_t i = 0; i < len; i++) {
		state = state * 1664525u + 1013904223u;
		bytes[i] = (unsigned char)(state >> 24);
	}
}

static void
full_with_junk(const char *instance, const char *name)
{
	static unsigned char junk[JUNK];

	full(instance, &(struct catbackup_options){ .omit_content_crc = true });
	fill_junk(junk, sizeof(junk));
	write_file(instance, name, junk, sizeof(junk));
}

/* --- the cases --- */

static void
say(const char *instance, const char *id, const char *verdict, const char *rest)
{
	printf("%s %s %s%s%s\n", instance, id, verdict, rest[0] != '\0' ? " " : "", rest);
}

/* Lines that a list must not have. */
static const struct {
	const char *name, *line, *says;
} lines[] = {
#define ENTRY(path, size, mode)	"{\"path\":\"" path "\", \"size\":\"" size "\", \"mode\":\"" mode "\", \"is_datafile\":\"0\"}"
#define FILE_MODE	"33152"
#define DIR_MODE	"16832"
	{ "bad-dotdot", ENTRY("base/../../etc/passwd", "10", FILE_MODE), "not a plain relative path" },
	{ "bad-dotdot-alone", ENTRY("..", "0", DIR_MODE), "not a plain relative path" },
	{ "bad-dotdot-last", ENTRY("base/..", "0", DIR_MODE), "not a plain relative path" },
	{ "bad-dot", ENTRY("base/./x", "0", FILE_MODE), "not a plain relative path" },
	{ "bad-absolute", ENTRY("/etc/passwd", "10", FILE_MODE), "not a plain relative path" },
	{ "bad-empty-path", ENTRY("", "0", DIR_MODE), "not a plain relative path" },
	{ "bad-double-slash", ENTRY("base//x", "0", FILE_MODE), "not a plain relative path" },
	{ "bad-trailing-slash", ENTRY("base/", "0", DIR_MODE), "not a plain relative path" },
	{ "bad-duplicate", ENTRY("PG_VERSION", "3", FILE_MODE), "PG_VERSION.*twice" },
	{ "bad-duplicate-directory", ENTRY("base/5", "0", DIR_MODE), "base/5.*twice" },
	{ "bad-file-that-is-a-directory", ENTRY("base/5", "0", FILE_MODE), "base/5.*twice" },
	{ "bad-below-a-file", ENTRY("PG_VERSION/x", "0", FILE_MODE), "PG_VERSION.*below a file" },
	{ "bad-reserved-name", ENTRY(".pbkfs/stat", "3", FILE_MODE), "pbkfs needs" },
	{ "bad-symlink", ENTRY("link", "0", "41471"), "mode" },
#define KIND(kind)	"{\"path\":\"dir/odd\", \"size\":\"0\", \"kind\":\"" kind "\", \"mode\":\"384\"}"
	{ "bad-kind-sym", KIND("sym"), "dir/odd.*symbolic link" },
	{ "bad-kind-fifo", KIND("fifo"), "dir/odd.*FIFO" },
	{ "bad-kind-sock", KIND("sock"), "dir/odd.*socket" },
	{ "bad-kind-chdev", KIND("chdev"), "dir/odd.*character device" },
	{ "bad-kind-bldev", KIND("bldev"), "dir/odd.*block device" },
	{ "bad-kind-unknown", KIND("door"), "door" },
#undef KIND
	{ "bad-device", ENTRY("device", "0", "24960"), "mode" },
	{ "bad-fifo", ENTRY("fifo", "0", "4480"), "mode" },
	{ "bad-mode-bits", ENTRY("strange", "0", "4294934528"), "mode" },
	{ "bad-no-mode", "{\"path\":\"x\", \"size\":\"0\"}", "mode is missing" },
	{ "bad-negative-size", ENTRY("x", "-5", FILE_MODE), "size" },
	{ "bad-size-of-65-bits", ENTRY("x", "18446744073709551617", FILE_MODE), "size" },
	{ "bad-size-text", ENTRY("x", "0x10", FILE_MODE), "size" },
	{ "bad-key-twice", "{\"path\":\"x\", \"path\":\"y\", \"size\":\"0\", \"mode\":\"33152\"}", "twice" },
	{ "bad-no-object", "path=x size=0", "not as expected" },
	{ "bad-quote-in-path", ENTRY("x\"y", "0", FILE_MODE), "not as expected" },
	{ "bad-not-in-the-parent", ENTRY("x", "-1", FILE_MODE), "\"x\"" },
	{ "bad-codec", "{\"path\":\"base/5/2\", \"size\":\"9\", \"mode\":\"33152\", \"is_datafile\":\"1\", \"compress_alg\":\"lzma\"}", "lzma" },
#undef ENTRY
};

static void
make_lines(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		full_with_line(lines[i].name, lines[i].line);
		say(lines[i].name, FULL_ID, "refused", lines[i].says);
	}
}

/* Makes a line with a path of len bytes, in components of step bytes. */
static void
make_long_path(const char *instance, size_t len, size_t step, const char *says)
{
	static char line[3 * PATH_MAX];
	size_t i, n = (size_t)snprintf(line, sizeof(line), "{\"path\":\"");

	for (i = 0; i < len; i++)
		line[n++] = i % (step + 1) == step ? '/' : 'x';
	snprintf(line + n, sizeof(line) - n, "\", \"size\":\"0\", \"mode\":\"33152\"}");
	full_with_line(instance, line);
	say(instance, FULL_ID, "refused", says);
}

static void
make_long_paths(void)
{
	make_long_path("bad-path-of-4096", 4096, 100, "not a plain relative path");
	make_long_path("bad-path-of-8000", 8000, 100, "not a plain relative path");
	make_long_path("bad-line-of-9000", 9000, 100, "longer than");
	make_long_path("bad-name-of-256", 256, 4096, "not a plain relative path");
	make_long_path("bad-depth-of-2000", 3999, 1, "too many directories");
}

/* Lines of base/5/1 that contradict themselves. */
static const struct {
	const char *name, *key, *value;
} contradictions[] = {
	{ "bad-n-headers-2g", "n_headers", "2147483648" },
	{ "bad-n-headers-4g", "n_headers", "4294967295" },
	{ "bad-n-headers-more", "n_headers", "3" },
	{ "bad-hdr-size-0", "hdr_size", "0" },
	{ "bad-n-blocks-less", "n_blocks", "1" },
	{ "bad-stored-nothing", "size", "0" },
	{ "bad-no-datafile", "is_datafile", "0" },
	{ "bad-mode-of-directory", "mode", "16832" },
};

/* Lies about the pages of base/5/1: the mount may do without that file. */
static const struct {
	const char *name, *key, *value;
} lies[] = {
	{ "bad-n-headers-less", "n_headers", "1" },
	{ "bad-hdr-off-beyond", "hdr_off", "1000000000000" },
	{ "bad-hdr-off-2e63", "hdr_off", "9223372036854775807" },
	{ "bad-hdr-size-4g", "hdr_size", "4294967295" },
	{ "bad-hdr-crc", "hdr_crc", "1" },
	{ "bad-n-blocks-4g", "n_blocks", "4294967295" },
	{ "bad-stored-less", "size", "100" },
	{ "bad-other-codec", "compress_alg", "pglz" },
};

static void
make_lies(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(contradictions); i++) {
		full_with_lie(contradictions[i].name, contradictions[i].key, contradictions[i].value);
		say(contradictions[i].name, FULL_ID, "refused",
		    "line 6: \"base/5/1\" contradicts itself: .*restore backup_content.control");
	}
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		full_with_lie(lies[i].name, lies[i].key, lies[i].value);
		say(lies[i].name, FULL_ID, "unreadable", "base/5/1");
	}
	full_with_lie("good-n-blocks-more", "n_blocks", "1000000");
	say("good-n-blocks-more", FULL_ID, "mounted", "");
}

/* Files of the catalog that are of the wrong kind or size. */
static void
make_files(void)
{
	full_with_junk("bad-control-junk", "backup.control");
	say("bad-control-junk", FULL_ID, "refused", "backup.control");
	full_with_junk("bad-list-junk", "backup_content.control");
	say("bad-list-junk", FULL_ID, "refused", "backup_content.control|file list");
	full_with_junk("bad-map-junk", "page_header_map");
	say("bad-map-junk", FULL_ID, "unreadable", "base/5/1");
	full_with_junk("bad-stream-junk", "database/base/5/1");
	say("bad-stream-junk", FULL_ID, "unreadable", "base/5/1");
	full_with_junk("good-conf-junk", "../pg_probackup.conf");
	say("good-conf-junk", FULL_ID, "mounted", "");
	full("bad-control-empty", &(struct catbackup_options){ 0 });
	write_file("bad-control-empty", "backup.control", "", 0);
	say("bad-control-empty", FULL_ID, "refused", "empty");
	full("bad-list-empty", &(struct catbackup_options){ .omit_content_crc = true });
	write_file("bad-list-empty", "backup_content.control", "", 0);
	say("bad-list-empty", FULL_ID, "refused", "lists no file");
	full("bad-map-empty", &(struct catbackup_options){ 0 });
	write_file("bad-map-empty", "page_header_map", "", 0);
	say("bad-map-empty", FULL_ID, "unreadable", "base/5/1");
	full("bad-content-crc", &(struct catbackup_options){ .wrong_content_crc = true });
	say("bad-content-crc", FULL_ID, "refused", "content-crc");
}

/* Replaces a file of the backup by what a reader must not follow or wait for. */
static void
replace(const char *instance, const char *name, const char *link_to)
{
	char path[PATH_MAX];

	full(instance, &(struct catbackup_options){ 0 });
	file_of(path, instance, name);
	if (unlink(path) != 0 ||
	    (link_to != NULL ? symlink(link_to, path) : mkfifo(path, 0600)) != 0)
		err(1, "could not replace \"%s\"", path);
}

static void
make_types(void)
{
	replace("bad-control-is-a-fifo", "backup.control", NULL);
	say("bad-control-is-a-fifo", FULL_ID, "refused", "backup.control");
	replace("bad-control-is-a-link", "backup.control", "/etc/passwd");
	say("bad-control-is-a-link", FULL_ID, "refused", "backup.control");
	replace("bad-list-is-a-fifo", "backup_content.control", NULL);
	say("bad-list-is-a-fifo", FULL_ID, "refused", "backup_content.control");
	replace("bad-list-is-a-device", "backup_content.control", "/dev/zero");
	say("bad-list-is-a-device", FULL_ID, "refused", "backup_content.control");
	replace("bad-map-is-a-fifo", "page_header_map", NULL);
	say("bad-map-is-a-fifo", FULL_ID, "unreadable", "base/5/1");
	replace("bad-stream-is-a-fifo", "database/base/5/1", NULL);
	say("bad-stream-is-a-fifo", FULL_ID, "unreadable", "base/5/1");
	replace("bad-stream-is-a-link", "database/base/5/1", "/etc/passwd");
	say("bad-stream-is-a-link", FULL_ID, "unreadable", "base/5/1");
	replace("bad-file-is-a-link", "database/PG_VERSION", "/etc/passwd");
	say("bad-file-is-a-link", FULL_ID, "unreadable", "PG_VERSION");
	replace("bad-file-is-a-fifo", "database/PG_VERSION", NULL);
	say("bad-file-is-a-fifo", FULL_ID, "unreadable", "PG_VERSION");
}

/* Chains. */
static void
make_chains(void)
{
	char from[PATH_MAX], to[PATH_MAX];

	child("bad-self-parent", CHILD_ID, CHILD_ID);
	say("bad-self-parent", CHILD_ID, "refused", "parent");
	child("bad-cycle", CHILD_ID, "T00003");
	child("bad-cycle", "T00003", "T00004");
	child("bad-cycle", "T00004", CHILD_ID);
	say("bad-cycle", CHILD_ID, "refused", "parent");
	child("bad-no-parent", CHILD_ID, FULL_ID);
	say("bad-no-parent", CHILD_ID, "refused", FULL_ID ".*missing");
	child("bad-parent-path", CHILD_ID, "../bad-cycle/T00003");
	say("bad-parent-path", CHILD_ID, "refused", "parent-backup-id");
	full("bad-full-with-parent", &(struct catbackup_options){ .parent = "T00009" });
	say("bad-full-with-parent", FULL_ID, "refused", "FULL");
	/* The parent is a link to another instance's backup. */
	child("bad-parent-is-a-link", CHILD_ID, FULL_ID);
	format_path(to, "../bad-full-with-parent/%s", FULL_ID);
	file_of(from, "bad-parent-is-a-link", "");
	from[strlen(from) - 1] = '\0';
	if (symlink(to, from) != 0)
		err(1, "could not make \"%s\"", from);
	say("bad-parent-is-a-link", CHILD_ID, "refused", FULL_ID);
	for (unsigned i = 0; i < 251; i++) {
		char id[16], parent[16];

		snprintf(id, sizeof(id), "T%05u", i + 1);
		snprintf(parent, sizeof(parent), "T%05u", i);
		if (i == 0)
			full("bad-251-deep", &(struct catbackup_options){ 0 });
		else
			child("bad-251-deep", id, parent);
	}
	say("bad-251-deep", "T00251", "refused", "more than 250");
}

/* backup.control, cut after each of its lines, and in the middle of each. */
static void
make_cut_controls(void)
{
	char *text autofree = NULL, name[64];
	size_t len, i, from = 0, n = 0;

	full("good-whole", &(struct catbackup_options){ 0 });
	say("good-whole", FULL_ID, "mounted", "");
	text = read_name("good-whole", "backup.control", &len);
	for (i = 0; i < len; i++) {
		if (text[i] != '\n')
			continue;
		snprintf(name, sizeof(name), "cut-behind-line-%02zu", ++n);
		full(name, &(struct catbackup_options){ 0 });
		write_file(name, "backup.control", text, i + 1);
		say(name, FULL_ID, "either", "");
		if (i - from > 2) {
			snprintf(name, sizeof(name), "bad-cut-in-line-%02zu", n);
			full(name, &(struct catbackup_options){ 0 });
			write_file(name, "backup.control", text, from + (i - from) / 2);
			say(name, FULL_ID, "refused", "backup.control|truncated");
		}
		from = i + 1;
	}
}

/* Lists without a checksum to tell that they end too early. */
static void
make_cut_lists(void)
{
	char *text autofree = NULL;
	size_t len;

	full("bad-list-cut", &(struct catbackup_options){ .omit_content_crc = true });
	text = read_name("bad-list-cut", "backup_content.control", &len);
	write_file("bad-list-cut", "backup_content.control", text, len - 10);
	say("bad-list-cut", FULL_ID, "refused", "truncated|line feed");
	full("bad-list-cut-with-crc", &(struct catbackup_options){ 0 });
	write_file("bad-list-cut-with-crc", "backup_content.control", text,
	    (size_t)((char *)memrchr(text, '\n', len - 1) - text) + 1);
	say("bad-list-cut-with-crc", FULL_ID, "refused", "content-crc");
}

/* A page that inflates to more than a page, in a stream that is right otherwise. */
static void
make_bombs(void)
{
	static unsigned char zeroes[4 * MiB], packed[64 * KiB];
	uLongf len = sizeof(packed);
	struct catpage page = { .block = 0, .kind = CATPAGE_VERBATIM, .bytes = packed };
	struct catfile f = { .path = "base/5/2", .n_blocks = 1, .pages = &page, .n_pages = 1 };
	struct catbackup_options o = { .id = FULL_ID, .alg = CATALG_ZLIB, .level = 1 };
	struct catwriter *w = open_instance("bad-page-bomb");
	struct catbackup *b = begin(w, &o);

	if (compress2(packed, &len, zeroes, sizeof(zeroes), 9) != Z_OK || len > BLCKSZ)
		errx(1, "could not make the bomb");
	page.len = (uint32_t)len;
	check(catbackup_data(b, &f), f.path);
	check(catbackup_finish(b), "bad-page-bomb");
	catwriter_close(w);
	say("bad-page-bomb", FULL_ID, "unreadable", "base/5/2");

	/* A map of headers that inflates to 4 MiB, for two pages. */
	full("bad-map-bomb", &(struct catbackup_options){ .omit_content_crc = true });
	write_file("bad-map-bomb", "page_header_map", packed, len);
	snprintf((char *)zeroes, 32, "%lu", (unsigned long)len);
	set_key("bad-map-bomb", "hdr_size", (const char *)zeroes);
	say("bad-map-bomb", FULL_ID, "unreadable", "base/5/1");
}

static void
command_make(void)
{
	make_lines();
	make_long_paths();
	make_lies();
	make_files();
	make_types();
	make_chains();
	make_cut_controls();
	make_cut_lists();
	make_bombs();
}

/* Makes a FULL backup whose list has n lines, which write_line() writes one by one. */
static void
make_many_lines(const char *instance, unsigned long n,
    void (*write_line)(char *line, size_t size, unsigned long i))
{
	struct catbackup_options o = { .id = FULL_ID };
	struct catwriter *w = open_instance(instance);
	struct catbackup *b = begin(w, &o);
	char line[4096];

	for (unsigned long i = 0; i < n; i++) {
		write_line(line, sizeof(line), i);
		catbackup_line(b, line);
	}
	check(catbackup_finish(b), instance);
	catwriter_close(w);
}

static void
write_wide_line(char *line, size_t size, unsigned long i)
{
	snprintf(line, size, "{\"path\":\"base/5/%lu\", \"size\":\"0\", \"mode\":\"33152\"}",
	    100000 + i);
}

static void
command_wide(unsigned long n)
{
	make_many_lines("good-wide", n, write_wide_line);
	say("good-wide", FULL_ID, "mounted", "");
}

static void
write_deep_line(char *line, size_t size, unsigned long i)
{
	int len = snprintf(line, size, "{\"path\":\"%lu", i);

	for (int depth = 1; depth < 120; depth++)
		len += snprintf(line + len, size - (size_t)len, "/d");
	snprintf(line + len, size - (size_t)len, "\", \"size\":\"0\", \"mode\":\"33152\"}");
}

/* Directories that are not listed, so that each line makes more than a hundred of them. */
static void
command_thicket(unsigned long n)
{
	make_many_lines("bad-thicket", n, write_deep_line);
	say("bad-thicket", FULL_ID, "refused", "directories that it does not list");
}

/*
 * A plain file of 8 TB, a data file of 512 GiB without a page, and one of the same
 * length with two.
 */
static void
command_claims(void)
{
	struct catbackup_options o = { .id = FULL_ID, .omit_content_crc = true };
	struct catwriter *w = open_instance("bad-claims");
	struct catbackup *b = begin(w, &o);

	catbackup_line(b, "{\"path\":\"plain\", \"size\":\"8796093022208\", \"mode\":\"33152\"}");
	catbackup_line(b, "{\"path\":\"base/5/77\", \"size\":\"8200\", \"mode\":\"33152\","
	    " \"is_datafile\":\"1\", \"n_blocks\":\"67108863\"}");
	check(catbackup_finish(b), "bad-claims");
	catwriter_close(w);
	set_key("bad-claims", "n_blocks", "67108863");
	say("bad-claims", FULL_ID, "mounted", "");
}

static void
command_deep(unsigned long n)
{
	char id[16], parent[16] = "";

	for (unsigned long i = 1; i <= n; i++) {
		snprintf(id, sizeof(id), "T%05lu", i);
		if (i == 1)
			full("good-deep", &(struct catbackup_options){ 0 });
		else
			child("good-deep", id, parent);
		memcpy(parent, id, sizeof(id));
	}
	say("good-deep", id, "mounted", "");
}

/* Only streams without padding, as 2.4 and newer write them. */
static void
command_records(const char *path)
{
	size_t len, at = 0;
	char *bytes autofree = read_path(path, &len);

	while (at + 8 <= len) {
		uint32_t block = get_le32(bytes + at), size = get_le32(bytes + at + 4);

		if (size == 0 || size > BLCKSZ || size > len - at - 8)
			errx(1, "\"%s\" has no record at %zu", path, at);
		printf("%u %zu %u\n", block, at, size);
		at += 8 + size;
	}
}

static void __attribute__((noreturn))
usage(void)
{
	fprintf(stderr, "usage: badcatalog make DIR | wide DIR N | deep DIR N | thicket DIR N | claims DIR | records FILE\n");
	exit(2);
}

int
main(int argc, char **argv)
{
	if (argc < 3)
		usage();
	catalog = argv[2];
	if (strcmp(argv[1], "make") == 0 && argc == 3)
		command_make();
	else if (strcmp(argv[1], "wide") == 0 && argc == 4)
		command_wide(strtoul(argv[3], NULL, 10));
	else if (strcmp(argv[1], "deep") == 0 && argc == 4)
		command_deep(strtoul(argv[3], NULL, 10));
	else if (strcmp(argv[1], "thicket") == 0 && argc == 4)
		command_thicket(strtoul(argv[3], NULL, 10));
	else if (strcmp(argv[1], "claims") == 0 && argc == 3)
		command_claims();
	else if (strcmp(argv[1], "records") == 0 && argc == 3)
		command_records(argv[2]);
	else
		usage();
	if (fflush(stdout) != 0)
		err(1, "could not write");
	return 0;
}
