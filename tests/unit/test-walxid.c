/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/pg/walxid: which transaction ids WAL has, what bounds them, and what does not.
 */
#include "config.h"

#include <stdlib.h>

#include "base/util.h"
#include "pg/walxid.h"
#include "support/unit.h"
#include "support/walwriter.h"

#define SEGMENT	(1024u * 1024)

struct record {
	unsigned char rmid, info, at;	/* the place of next in the data */
	uint32_t xid, next;
};
#define OF(xid)		{ 10, 0, 0, xid, 0 }
#define RUNNING(next)	{ 8, 0x10, 12, 0, next }
#define CHECKPOINT(next) { 0, 0x10, 24, 0, next }
#define SHUTDOWN(next)	{ 0, 0x00, 24, 0, next }

static const struct story {
	const char *what;
	struct record record[4];	/* rmid and xid 0 and next 0: the end */
	bool	is_seen, is_bound;
	uint32_t highest;
} stories[] = {
	{ "nothing of a transaction", { OF(0) }, false, false, 0 },
	{ "transactions alone", { OF(700), OF(702), OF(701) }, true, false, 702 },
	{ "running ones", { RUNNING(800) }, true, true, 799 },
	{ "a checkpoint", { CHECKPOINT(800) }, true, true, 799 },
	{ "a shutdown", { SHUTDOWN(800) }, true, true, 799 },
	{ "a bound, and transactions behind it", { RUNNING(800), OF(801), OF(700) }, true, true, 801 },
	{ "a bound behind a transaction", { OF(803), RUNNING(800) }, true, true, 803 },
	{ "another record of theirs", { { 8, 0x20, 12, 0, 800 } }, false, false, 0 },
	{ "another manager's", { { 9, 0x10, 12, 0, 800 } }, false, false, 0 },
	{ "ids that go round", { OF(4294967290u), OF(5), OF(4294967295u) }, true, false, 5 },
};

static void
append(struct walwriter *w, const struct record *r)
{
	unsigned char rec[128] = { 0 };

	walwriter_put(rec + 4, r->xid, 4);
	rec[16] = r->info;
	rec[17] = r->rmid;
	rec[24] = 255;
	rec[25] = 72;
	walwriter_put(rec + 26 + r->at, r->next, 4);
	walwriter_record(w, rec, 26 + 72);
}

static struct walxid
look(const struct story *s, uint32_t left, bool damage)
{
	struct walwriter w = {
		.bytes = calloc(1, SEGMENT), .size = SEGMENT, .lsn = 5 * SEGMENT, .page = 8192,
		.segment = SEGMENT, .timeline = 1,
	};
	struct walrecord_window v = { .lsn = w.lsn, .page_size = w.page, .seg_size = w.segment, .len = w.size };
	struct walxid x = { 0 };
	size_t i;

	ck_assert_ptr_nonnull(v.bytes = w.bytes);
	walwriter_reach(&w, left);
	for (i = 0; i < ARRAY_SIZE(s->record) && (i == 0 || s->record[i].xid != 0 || s->record[i].next != 0); i++) {
		append(&w, &s->record[i]);
		/* The last byte of its data; where that is in the same page. */
		if (damage)
			w.bytes[w.at - 7] ^= 1;
	}
	walxid_look(&v, &x);
	free(w.bytes);
	return x;
}

/* Whatever the distance from the end of a page. */
START_TEST(what_records_tell)
{
	const struct story *s = &stories[_i];
	struct walxid x;
	uint32_t left;

	for (left = 8; left < 400; left += 8) {
		x = look(s, left, false);
		ck_assert_msg(x.is_seen == s->is_seen && x.is_bound == s->is_bound && x.highest == s->highest,
		    "%s, %u before the end of a page: seen %d, bound %d, %u", s->what, left, x.is_seen, x.is_bound,
		    x.highest);
	}
	x = look(s, 4096, true);
	ck_assert_msg(!x.is_bound, "%s: a record with a wrong checksum is no bound", s->what);
}
END_TEST

START_TEST(ids_go_round)
{
	ck_assert(walxid_is_behind(5, 4));
	ck_assert(!walxid_is_behind(4, 4));
	ck_assert(walxid_is_behind(5, 4294967290u));
	ck_assert(!walxid_is_behind(4294967290u, 5));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("walxid");
	TCase *tc = tcase_create("walxid");

	tcase_add_loop_test(tc, what_records_tell, 0, ARRAY_SIZE(stories));
	tcase_add_test(tc, ids_go_round);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
