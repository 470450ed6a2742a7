/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mkproof KIND STORE HISTORY REPORT...: writes reports of proofs that never were, by the code of
 * prove: "good", "mixed", "many" (300 backups), "one", or "hostile", whose names and remarks are as bad as a
 * catalog and a server can make them.  HISTORY is a directory, or "" for none.
 */
#include "config.h"

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "cli/report.h"

#define PROOFS	300

static struct proof proofs[PROOFS];

/* Names that two of them would have in common, if they were only made printable. */
static const char *const hostile[] = {
	"<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "a&amp;b & 'c' \"d\" \\ \\n {x=\"1\"}",
	"\033[31mred\033[0m", "same\001", "same\002", "no utf-8 \xff\xfe", "no utf-8 \xff\xfd", "\xe2\x80\xaegpj.exe", "\xef\xbf\xbf\xef\xbf\xbe",
	"two\nlines\r\t", "]]><!--<![CDATA[ -->", "\\xff", "\xff", "\xd7\x9e\xd7\x99\xd7\x93\xd7\xa2", "</style></title></svg><svg onload=alert(1)>",
};

static struct proof *
put(size_t i, const char *instance, unsigned id, int64_t scale)
{
	static const int64_t ms[PROVE_STEPS] = {
		[PROVE_VERIFY] = 2100, [PROVE_SERVER] = 3900, [PROVE_CONNECT] = 230, [PROVE_AMCHECK] = 5200,
		[PROVE_SCHEMA] = 480, [PROVE_DUMP] = 3100, [PROVE_SQL] = 150,
	};
	struct proof *p = &proofs[i];
	size_t k;

	strlcpy(p->instance, instance, sizeof(p->instance));
	snprintf(p->id, sizeof(p->id), "T5%04X", 0x3A7C + id * 7);
	p->has_age = true;
	p->age = 3600 * 5 + (int64_t)i * 240;
	p->server_version = 15 + (unsigned)i % 3;
	for (k = 0; k < PROVE_STEPS; k++) {
		p->step[k].result = PROVE_OK;
		p->step[k].ms = ms[k] * scale / 10;
	}
	strlcpy(p->step[PROVE_AGE].remark, "5h04m", PROVE_REMARK_MAX);
	snprintf(p->step[PROVE_SERVER].remark, PROVE_REMARK_MAX, "version %u", p->server_version);
	strlcpy(p->step[PROVE_CONNECT].remark, "7 databases", PROVE_REMARK_MAX);
	return p;
}

static void
spoil(struct proof *p, size_t step, enum prove_result result, const char *remark)
{
	size_t k;

	p->step[step].result = result;
	strlcpy(p->step[step].remark, remark, PROVE_REMARK_MAX);
	if (step > PROVE_SERVER)
		return;
	for (k = step == PROVE_SERVER ? PROVE_CONNECT : PROVE_SERVER; k < PROVE_STEPS && step != PROVE_AGE; k++) {
		p->step[k] = (struct prove_step){ .result = PROVE_NOT_RUN };
		p->server_version = 0;
	}
}

static size_t
make(const char *kind)
{
	static const char *const names[] = { "main", "billing", "warehouse", "analytics-eu-west" };
	char name[64];
	size_t i, n;

	if (strcmp(kind, "one") == 0) {
		put(0, "main", 1, 10);
		return 1;
	}
	if (strcmp(kind, "hostile") == 0) {
		for (i = 0; i < ARRAY_SIZE(hostile); i++)
			spoil(put(i, hostile[i], (unsigned)i, 3), PROVE_AMCHECK, i % 2 ? PROVE_FAILED : PROVE_UNKNOWN, hostile[i]);
		return i;
	}
	n = strcmp(kind, "many") == 0 ? PROOFS : 5;
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), n > 5 ? "%s-%zu" : "%s", names[i % ARRAY_SIZE(names)], i / 8);
		put(i, name, (unsigned)i, (int64_t)(10 + i * 37 % 61));
	}
	if (strcmp(kind, "mixed") == 0) {
		spoil(&proofs[1], PROVE_AMCHECK, PROVE_FAILED, "amcheck: btree index \"shop.public.orders_pkey\": ERROR: heap tuple (12,4)"
		    " from table \"orders\" lacks matching index tuple within index \"orders_pkey\" HINT: Retrying verification using"
		    " the function bt_index_parent_check() might provide a more specific error.");
		spoil(&proofs[2], PROVE_SERVER, PROVE_UNKNOWN, "PostgreSQL 17 is not installed: the package is postgresql-17, or --bindir says where it is");
		spoil(&proofs[3], PROVE_AGE, PROVE_FAILED, "the newest backup is 1d07h old, more than 1d02h");
		proofs[3].age = 31 * 3600;
	}
	if (strcmp(kind, "many") == 0)
		for (i = 7; i < n; i += 90)
			spoil(&proofs[i], PROVE_SERVER, PROVE_FAILED, "no segment 000000010000000A000000C4 in the archive");
	return n;
}

int
main(int argc, char *argv[])
{
	static struct options o;
	struct report r = { .max_age = 26 * 3600, .proof = proofs };
	struct report_files files;
	int i;

	if (argc < 5)
		errx(2, "usage: mkproof KIND STORE HISTORY REPORT...");
	r.store = argv[2];
	r.ended = (int64_t)time(NULL);
	r.n = make(argv[1]);
	for (i = 0; i < (int)r.n; i++)
		r.began -= prove_time(&proofs[i]) / 1000;
	r.began += r.ended;
	o.history = argv[3][0] != '\0' ? argv[3] : NULL;
	for (i = 4; i < argc && o.reports.n < OPTION_LIST_MAX; i++)
		o.reports.item[o.reports.n++] = argv[i];
	return report_begin(&files, &o) != 0 || report_end(&files, &r) != 0;
}
