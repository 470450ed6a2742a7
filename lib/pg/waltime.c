/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads times out of records of WAL, PostgreSQL 12 to 18.  They are the clock of the server, which may
 * go backwards: the latest one counts.
 */
#include "config.h"

#include "base/bytes.h"
#include "base/util.h"
#include "pg/waltime.h"

#define EPOCH		INT64_C(946684800)	/* of PostgreSQL, in seconds since ours */
#define RM_XLOG		0
#define RM_XACT		1

/* A kind of record with a time in its data. */
static const struct kind {
	uint8_t	rmid, mask, info;
	uint8_t	at;		/* where the time is */
	bool	in_seconds;	/* of our epoch; else microseconds of PostgreSQL's */
} kinds[] = {
	{ RM_XACT, 0x70, 0x00, 0, false },	/* XLOG_XACT_COMMIT */
	{ RM_XACT, 0x70, 0x20, 0, false },	/* XLOG_XACT_ABORT */
	{ RM_XACT, 0x70, 0x30, 0, false },	/* XLOG_XACT_COMMIT_PREPARED */
	{ RM_XACT, 0x70, 0x40, 0, false },	/* XLOG_XACT_ABORT_PREPARED */
	{ RM_XLOG, 0xF0, 0x00, 64, true },	/* XLOG_CHECKPOINT_SHUTDOWN */
	{ RM_XLOG, 0xF0, 0x10, 64, true },	/* XLOG_CHECKPOINT_ONLINE */
	{ RM_XLOG, 0xF0, 0x70, 0, false },	/* XLOG_RESTORE_POINT */
	{ RM_XLOG, 0xF0, 0x90, 0, false },	/* XLOG_END_OF_RECOVERY */
};

static const struct kind *
kind_of(uint8_t rmid, uint8_t info)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].rmid == rmid && (info & kinds[i].mask) == kinds[i].info)
			return &kinds[i];
	return NULL;
}

/* The time in the record at `at`; 0 if it has none. */
static int64_t
time_of(const struct walrecord_window *w, size_t at)
{
	unsigned char rec[WALRECORD_WHOLE_MAX];
	const struct kind *k;
	size_t data, len;
	int64_t t;

	if (walrecord_gather(w, at, 0, WALRECORD_HEADER, rec) < WALRECORD_HEADER ||
	    (k = kind_of(rec[WALRECORD_RMID], rec[WALRECORD_INFO])) == NULL ||
	    (len = walrecord_whole(w, at, rec, &data)) == 0 || data + k->at + sizeof(t) > len)
		return 0;
	t = (int64_t)get_le64(rec + data + k->at);
	if (!k->in_seconds)
		t = t / 1000000 + EPOCH;
	return t > 0 ? t : 0;
}

int64_t
waltime_latest(const struct walrecord_window *w)
{
	struct walrecord_scan s = { .w = w };
	int64_t latest = 0;
	size_t at;

	while (walrecord_next(&s, &at))
		latest = MAX(latest, time_of(w, at));
	return latest;
}
