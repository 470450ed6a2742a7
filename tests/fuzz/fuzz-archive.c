/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The content of the WAL archive.  The first byte says what the rest is: "h" a
 * timeline history, "p" the first page of a segment, "g", "l" and "z" a segment
 * compressed by gzip, LZ4 or zstd (after a byte for the size of the pieces that are
 * read), "n" the name of a file, "t" a recovery target.
 */
#include "config.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "fuzz.h"
#include "pg/timeline.h"
#include "pg/walpage.h"
#include "probackup/recovery.h"
#include "probackup/segstream.h"

#define SEG_SIZE	((uint32_t)1 << 20)

/* An accepted history is in order and without holes. */
static void
history(const uint8_t *data, size_t size)
{
	struct timelines t;
	unsigned line, i;

	if (timelines_parse((const char *)data, size, 1000, &t, &line) < 0)
		return;
	if (t.n == 0 || t.n > TIMELINE_ANCESTORS_MAX + 1 || t.list[t.n - 1].id != 1000)
		abort();
	for (i = 1; i < t.n; i++)
		if (t.list[i].id <= t.list[i - 1].id || t.list[i].begin != t.list[i - 1].end ||
		    t.list[i].end < t.list[i].begin || timelines_find(&t, t.list[i].id) != (int)i)
			abort();
	timelines_free(&t);
}

static void
page(const uint8_t *data, size_t size)
{
	struct walpage_expected e = {
		.timeline = 1, .segno = 1, .seg_size = SEG_SIZE, .server_version = 15,
	};
	char why[WALPAGE_WHY_MAX];

	if (size < WALPAGE_LONG)
		return;
	if (walpage_check(data, &e, why) < 0 && strlen(why) >= sizeof(why))
		abort();
	e.server_version = 0;
	e.sysid = 1;
	walpage_check(data, &e, why);
}

/* A descriptor of these bytes. */
static int
as_file(const uint8_t *data, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/pbkfs-fuzz-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if ((fd = mkstemp(path)) < 0)
		exit(1);
	unlink(path);
	if (io_pwrite(fd, data, size, 0) < 0)
		exit(1);
	return fd;
}

/* On the heap, where a sanitizer sees a byte too many. */
static void
segment(enum segstream_format format, const uint8_t *data, size_t size)
{
	size_t piece = 1 + (size_t)data[0] * 4096, done = 0;
	struct segstream *s;
	uint8_t *buf;
	ssize_t n;

	if ((buf = malloc(piece)) == NULL ||
	    segstream_new(format, as_file(data + 1, size - 1), SEG_SIZE, &s) < 0)
		exit(1);
	while ((n = segstream_read(s, buf, piece)) > 0)
		done += (size_t)n;
	if (done > SEG_SIZE || (n == 0 && done != SEG_SIZE) || (n < 0 && segstream_why(s)[0] == '\0'))
		abort();
	segstream_free(s);
	free(buf);
}

/* An accepted target is written the same way again. */
static void
name(const uint8_t *data, size_t size)
{
	char again[WALNAME_MAX];
	struct walname w;

	if (walname_parse((const char *)data, size, SEG_SIZE, &w) < 0)
		return;
	walname_format(&w, SEG_SIZE, again);
	if (strlen(again) != size || memcmp(again, data, size) != 0)
		abort();
}

static void
target(const uint8_t *data, size_t size)
{
	static const enum recovery_kind kinds[] = {
		RECOVERY_TIME, RECOVERY_XID, RECOVERY_LSN, RECOVERY_NAME,
	};
	char *text = strndup((const char *)data, size), error[CHAIN_ERROR_MAX];
	struct recovery_target t = { .value = text, .timeline = text };
	size_t i;

	for (i = 0; text != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		t.kind = kinds[i];
		recovery_parse(&t, error);
		t.timeline = NULL;
	}
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	switch (data[0]) {
	case 'h':
		history(data + 1, size - 1);
		break;
	case 'p':
		page(data + 1, size - 1);
		break;
	case 'g':
		segment(SEGSTREAM_GZIP, data + 1, size - 1);
		break;
	case 'l':
		segment(SEGSTREAM_LZ4, data + 1, size - 1);
		break;
	case 'z':
		segment(SEGSTREAM_ZSTD, data + 1, size - 1);
		break;
	case 'n':
		name(data + 1, size - 1);
		break;
	case 't':
		target(data + 1, size - 1);
		break;
	}
	return 0;
}
