/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "pg/walpage.h"
#include "probackup/segstream.h"
#include "probackup/verify_impl.h"

/*
 * WAL from start-lsn to stop-lsn of the mounted backup, without which no server
 * starts on it: in pg_wal of a backup made with --stream, else in the archive.
 * The length of each segment and the header of its first page are checked; a
 * compressed one is decompressed as a whole.  Records are the server's to
 * check.
 */

#define NAME_LEN	24
#define CHUNK		(128 * KiB)

/* A segment of the range. */
struct segment {
	struct verify_thread *t;
	const struct backup *backup;
	uint32_t size;
	uint64_t number;		/* of all since LSN 0 */
	char	name[NAME_LEN + 1];
	char	shown[WALNAME_MAX + 16];	/* its place, as faults name it */
};

#define FAULT(s, ...) \
	verify_fault((s)->t->v, (s)->backup->id, (s)->shown, __VA_ARGS__)

static void
check_header(struct segment *s, const unsigned char *h)
{
	const struct archive *a = &s->t->v->archive;
	struct walpage_expected e = {
		.timeline = s->backup->control.timeline, .segno = s->number, .seg_size = s->size,
		.server_version = a->server_version, .sysid = a->sysid,
	};
	char why[WALPAGE_WHY_MAX];

	if (walpage_check(h, &e, why) < 0)
		FAULT(s, "%s", why);
}

static void
check_size(struct segment *s, uint64_t found, const unsigned char *h)
{
	if (found != s->size)
		FAULT(s, "expected %u bytes, found %" PRIu64, s->size, found);
	else
		check_header(s, h);
}

/* --- of a backup made with --stream --- */

/* Length and crc of a stored segment were checked as those of any other file. */
static void
check_stored(struct segment *s)
{
	struct verify *v = s->t->v;
	unsigned char h[WALPAGE_LONG];
	uint32_t e;

	if (!v->has_index)
		return;
	snprintf(s->shown, sizeof(s->shown), "pg_wal/%s", s->name);
	e = index_lookup(&v->store.ix, s->shown, strlen(s->shown));
	if (e == INDEX_NONE || v->store.ix.entries[e].flags != 0)
		FAULT(s, "it is missing, and WAL from start-lsn to stop-lsn has it");
	else if (v->store.ix.entries[e].size != s->size)
		check_size(s, v->store.ix.entries[e].size, NULL);
	else if (plainfile_read(&v->store, e, 0, sizeof(h), h, &s->t->reader) == 0)
		check_header(s, h);
}

/* --- of the archive --- */

static void
check_plain(struct segment *s, int fd, uint64_t size)
{
	unsigned char h[WALPAGE_LONG] = { 0 };
	ssize_t n = io_pread(fd, h, sizeof(h), 0);

	if (n < 0)
		FAULT(s, "could not read it: %s", strerror((int)-n));
	else
		check_size(s, size, h);
}

/* Decompresses all of it, and keeps the first bytes.  Takes over fd. */
static void
check_packed(struct segment *s, int fd, enum segstream_format format)
{
	unsigned char h[WALPAGE_LONG] = { 0 }, *out = s->t->reader.scratch;
	struct segstream *stream;
	uint64_t made = 0;
	ssize_t n;

	if (segstream_new(format, fd, s->size, &stream) < 0) {
		FAULT(s, "out of memory");
		return;
	}
	while ((n = segstream_read(stream, out, CHUNK)) > 0) {
		if (made == 0)
			memcpy(h, out, MIN((size_t)n, sizeof(h)));
		made += (uint64_t)n;
	}
	atomic_fetch_add(&s->t->v->bytes, segstream_consumed(stream));
	if (n < 0)
		FAULT(s, "it does not decompress: %s", segstream_why(stream));
	else if (segstream_has_more(stream) != 0)	/* archive-push writes nothing there */
		FAULT(s, "something follows its end");
	else
		check_header(s, h);
	segstream_free(stream);
}

/* Checks a segment that archive-get would find.  A partial segment is no whole one. */
static void
check_archived(struct segment *s)
{
	const struct archive *a = &s->t->v->archive;
	struct walname w = {
		.kind = WAL_SEGMENT, .timeline = s->backup->control.timeline, .segno = s->number,
	};
	struct archive_file f;
	int fd autoclose = -1, rc;

	snprintf(s->shown, sizeof(s->shown), "archive/%s", s->name);
	rc = archive_find(a, &w, &f);
	if (rc == -ENOENT || (rc == 0 && f.wal.kind != WAL_SEGMENT)) {
		FAULT(s, "it is missing in the archive, and WAL from start-lsn to stop-lsn has it");
		return;
	}
	if (rc == 0)
		snprintf(s->shown, sizeof(s->shown), "archive/%s", f.name);
	if (rc < 0 || (rc = fd = archive_open(a, &f)) < 0)
		FAULT(s, "could not open it: %s", strerror(-rc));
	else if (f.format != SEGSTREAM_PLAIN)
		check_packed(s, steal_fd(&fd), f.format);
	else
		check_plain(s, fd, (uint64_t)f.st.st_size);
}

/* --- the range --- */

static void
name_segment(struct segment *s)
{
	uint64_t per_id = (UINT64_C(1) << 32) / s->size;

	snprintf(s->name, sizeof(s->name), "%08X%08X%08X", s->backup->control.timeline,
	    (uint32_t)(s->number / per_id), (uint32_t)(s->number % per_id));
}

static void
check_range(struct segment *s, uint64_t last)
{
	uint64_t before = atomic_load(&s->t->v->faults), first = s->number;

	for (; s->number <= last; s->number++) {
		/* A stop-lsn may be any number. */
		if (s->number - first >= VERIFY_SHOWN &&
		    atomic_load(&s->t->v->faults) - before >= s->number - first) {
			log_error("WAL of backup %s: %" PRIu64 " more segments were not checked",
			    s->backup->id, last - s->number + 1);
			return;
		}
		name_segment(s);
		if (s->backup->control.stream)
			check_stored(s);
		else
			check_archived(s);
	}
}

void
verify_wal(struct verify_thread *t)
{
	const struct backup *b = &t->v->chain->member[0];
	const struct control *c = &b->control;
	struct segment s = { .t = t, .backup = b, .size = t->v->chain->xlog_seg_size };

	if (c->stop_lsn == 0)
		return;		/* the backup does not say */
	strcpy(s.shown, "backup.control");
	if (c->stop_lsn < c->start_lsn || c->timeline == 0) {
		FAULT(&s, "WAL from %" PRIX64 " to %" PRIX64 " of timeline %u cannot be",
		    c->start_lsn, c->stop_lsn, c->timeline);
		return;
	}
	if (s.size == 0) {
		log_warn("pg_probackup.conf has no xlog-seg-size: WAL was not checked");
		return;
	}
	s.number = c->start_lsn / s.size;
	check_range(&s, MAX((c->stop_lsn - 1) / s.size, s.number));
}
