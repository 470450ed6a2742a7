/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds out whether the archive has the WAL for a recovery.  A server looks for
 * each segment under the timelines of the history that it follows.  The segment in
 * which a timeline begins belongs to that timeline; the older one may have a copy of
 * its first part.  So one pass over the directory notes the segments of these
 * timelines, and then the first number that is missing is looked for.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "pg/timeline.h"
#include "pg/waltime.h"
#include "pg/walxid.h"
#include "probackup/explain.h"
#include "probackup/recovery.h"
#include "probackup/recovery_time.h"
#include "probackup/segscan.h"

#define SEGMENTS_MAX	(1u << 24)	/* that one archive can have for one history */
#define PROBES_MAX	65536		/* timelines that "latest" looks at */
#define END_SEGMENTS	64		/* the last of the WAL, that are looked into */

struct check {
	const struct control *backup;
	const struct archive *a;
	const struct recovery_target *t;
	struct recovery_known *known;
	char	*error;
	struct timelines tl;
	unsigned backup_tl;	/* number of the backup's timeline in tl */
	uint64_t start, stop;	/* segments that the backup begins and ends in */
	uint32_t newest_history;	/* the highest timeline that the archive has one of */
	uint64_t *keys;		/* sorted: segno and number of the timeline */
	size_t	n, room;
};

static const char *
instance_of(const struct check *c)
{
	return c->a->path + strlen("wal/");
}

static uint32_t
high(uint64_t lsn)
{
	return (uint32_t)(lsn >> 32);
}

static uint32_t
low(uint64_t lsn)
{
	return (uint32_t)lsn;
}

/* ---- the target and the end of the backup ---- */

static int
check_time(const struct check *c)
{
	int64_t end;

	if ((recovery_time_parse(c->backup->recovery_time, &end) < 0 &&
	    recovery_time_parse(c->backup->end_time, &end) < 0) || c->t->time_us >= end)
		return 0;
	return explain(c->error, -EUCLEAN,
	    "recovery target time \"%.60s\" is before the end of the backup, which holds commits up to %s: use an older backup, or a later time",
	    c->t->written, c->backup->recovery_time[0] != '\0' ? c->backup->recovery_time :
	    c->backup->end_time);
}

/* Compares transaction ids, which go round: half of them are before any other one. */
static int
check_xid(const struct check *c)
{
	if (c->backup->recovery_xid == 0 || (int32_t)(c->t->xid - c->backup->recovery_xid) >= 0)
		return 0;
	return explain(c->error, -EUCLEAN,
	    "recovery target xid %u is before the end of the backup, which holds transactions up to %u: use an older backup, or a later transaction",
	    c->t->xid, c->backup->recovery_xid);
}

static int
check_lsn(const struct check *c)
{
	if (c->t->lsn >= c->backup->stop_lsn)
		return 0;
	return explain(c->error, -EUCLEAN,
	    "recovery target LSN %X/%X is before the end of the backup at %X/%X: use an older backup, or a later LSN",
	    high(c->t->lsn), low(c->t->lsn), high(c->backup->stop_lsn), low(c->backup->stop_lsn));
}

static int
check_target(const struct check *c)
{
	switch (c->t->kind) {
	case RECOVERY_TIME:
		return check_time(c);
	case RECOVERY_XID:
		return check_xid(c);
	case RECOVERY_LSN:
		return check_lsn(c);
	default:
		return 0;
	}
}

/* ---- the timeline ---- */

/*
 * Returns the latest timeline as the server finds it: the last number behind
 * the backup's before the first that is missing.
 */
static uint32_t
newest_timeline(const struct check *c)
{
	struct walname next = { .kind = WAL_HISTORY };
	struct recovery_known *k = c->known;
	uint32_t first = c->backup->timeline;
	struct archive_file f;
	unsigned i;

	if (k->from != 0 && first >= k->from && first <= k->newest)
		return k->newest;
	k->from = k->newest = first;
	for (i = 0; i < PROBES_MAX && k->newest < UINT32_MAX; i++, k->newest++) {
		next.timeline = k->newest + 1;
		if (archive_find(c->a, &next, &f) < 0)
			break;
	}
	return k->newest;
}

static int
load_history(struct check *c, uint32_t tli)
{
	char *text autofree = NULL;
	unsigned line = 0;
	size_t len = 0;
	int rc = archive_read_history(c->a, tli, &text, &len);

	if (rc == -ENOENT && tli != c->backup->timeline)
		return explain(c->error, -EUCLEAN,
		    "timeline %u is not known: \"%08X.history\" is missing from the WAL archive of instance \"%s\"",
		    tli, tli, instance_of(c));
	if (rc < 0 && rc != -ENOENT)
		return explain(c->error, rc, "could not read \"%08X.history\" of instance \"%s\": %s",
		    tli, instance_of(c), strerror(-rc));
	if ((rc = timelines_parse(text, len, tli, &c->tl, &line)) == 0)
		return 0;
	if (rc == -ENOMEM)
		return explain(c->error, rc, "out of memory");
	return explain(c->error, rc, "\"%08X.history\" of instance \"%s\" is damaged at line %u",
	    tli, instance_of(c), line);
}

static int
follow_timeline(struct check *c)
{
	uint32_t tli = c->t->tli_kind == RECOVERY_TLI_NUMBER ? c->t->tli :
	    c->t->tli_kind == RECOVERY_TLI_LATEST ? newest_timeline(c) : c->backup->timeline;
	uint64_t end;
	int at, rc;

	if ((rc = load_history(c, tli)) < 0)
		return rc;
	if ((at = timelines_find(&c->tl, c->backup->timeline)) < 0)
		return explain(c->error, -EUCLEAN,
		    "timeline %u does not descend from timeline %u, which the backup is of: choose another timeline or backup",
		    tli, c->backup->timeline);
	c->backup_tl = (unsigned)at;
	if ((end = c->tl.list[at].end) >= c->backup->stop_lsn)
		return 0;
	return explain(c->error, -EUCLEAN,
	    "timeline %u leaves timeline %u at %X/%X, before the end of the backup at %X/%X: choose another timeline or backup",
	    tli, c->backup->timeline, high(end), low(end), high(c->backup->stop_lsn),
	    low(c->backup->stop_lsn));
}

/* ---- the segments ---- */

static uint64_t
key_of(uint64_t segno, unsigned timeline)
{
	return segno << 16 | timeline;
}
_Static_assert(TIMELINE_ANCESTORS_MAX < 1 << 16, "16 bits of a key");

static int
compare_keys(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int
compare_ids(const void *id, const void *timeline)
{
	uint32_t x = *(const uint32_t *)id, y = ((const struct timeline *)timeline)->id;

	return x < y ? -1 : x > y;
}

static int
note_segment(struct check *c, const struct walname *w)
{
	const struct timeline *t = bsearch(&w->timeline, c->tl.list, c->tl.n, sizeof(*t), compare_ids);
	uint64_t *bigger;

	if (t == NULL || t < &c->tl.list[c->backup_tl] || w->segno < c->start ||
	    w->segno < wal_segno(t->begin, c->a->seg_size) ||
	    w->segno > wal_segno_before(t->end, c->a->seg_size))
		return 0;
	if (c->n == SEGMENTS_MAX)
		return -E2BIG;
	if (c->n == c->room) {
		c->room = c->room == 0 ? 1024 : 2 * c->room;
		if ((bigger = realloc(c->keys, c->room * sizeof(*bigger))) == NULL)
			return -ENOMEM;
		c->keys = bigger;
	}
	c->keys[c->n++] = key_of(w->segno, (unsigned)(t - c->tl.list));
	return 0;
}

static int
scan(struct check *c)
{
	struct archive_entry e;
	struct archive_list l;
	int rc;

	if ((rc = archive_list_begin(c->a, 0, &l)) == 0) {
		l.twice = true;
		while ((rc = archive_list_next(&l, &e)) == 1) {
			if (e.wal.kind == WAL_HISTORY)
				c->newest_history = MAX(c->newest_history, e.wal.timeline);
			if ((e.wal.kind == WAL_SEGMENT || e.wal.kind == WAL_PARTIAL) &&
			    (rc = note_segment(c, &e.wal)) < 0)
				break;
		}
		archive_list_end(&l);
	}
	if (rc < 0)
		return explain(c->error, rc, "could not list the WAL archive of instance \"%s\": %s",
		    instance_of(c), strerror(-rc));
	if (c->n > 0)
		qsort(c->keys, c->n, sizeof(*c->keys), compare_keys);
	return 0;
}

static bool
has(const struct check *c, uint64_t segno, unsigned timeline)
{
	uint64_t key = key_of(segno, timeline);

	return c->n > 0 && bsearch(&key, c->keys, c->n, sizeof(key), compare_keys) != NULL;
}

/* Returns the number of the newest timeline that had begun by the end of the segment. */
static unsigned
timeline_of(const struct check *c, uint64_t segno)
{
	unsigned first = c->backup_tl, last = c->tl.n - 1, middle;

	while (first < last) {
		middle = first + (last - first + 1) / 2;
		if (wal_segno(c->tl.list[middle].begin, c->a->seg_size) <= segno)
			first = middle;
		else
			last = middle - 1;
	}
	return first;
}

/*
 * Whether the archive has the segment for a server that needs the WAL before lsn.
 * Of a segment in which a timeline begins, the copy of the older timeline has the
 * WAL before that.  If none has it, *timeline is the one whose copy is missing.
 */
static bool
is_there(const struct check *c, uint64_t segno, uint64_t lsn, unsigned *timeline)
{
	for (*timeline = timeline_of(c, segno);; (*timeline)--) {
		if (has(c, segno, *timeline))
			return true;
		if (*timeline == c->backup_tl || c->tl.list[*timeline].begin < lsn)
			return false;
	}
}

/* Finds the first of the segments from..to that is not there.  Returns false if all are. */
static bool
find_gap(const struct check *c, uint64_t from, uint64_t to, uint64_t lsn, char name[WALNAME_MAX])
{
	struct walname w = { .kind = WAL_SEGMENT };
	unsigned timeline;

	for (w.segno = from; w.segno <= to; w.segno++) {
		if (is_there(c, w.segno, lsn, &timeline))
			continue;
		w.timeline = c->tl.list[timeline].id;
		walname_format(&w, c->a->seg_size, name);
		return true;
	}
	return false;
}

/* Finds the newest segment of the timeline that is followed; false: there is none. */
static bool
newest_segment(const struct check *c, uint64_t *segno)
{
	size_t i;

	for (i = c->n; i-- > 0;)
		if ((c->keys[i] & 0xFFFF) == c->tl.n - 1) {
			*segno = c->keys[i] >> 16;
			return true;
		}
	return false;
}

static int
missing(const struct check *c, const char *name, const char *consequence)
{
	return explain(c->error, -EUCLEAN,
	    "WAL segment \"%s\" is missing from the archive of instance \"%s\": %s", name,
	    instance_of(c), consequence);
}

/*
 * Checks the WAL without which recovery fails: that of the backup, if it has none
 * of its own, and all up to the target, if that is an LSN.
 */
static int
check_needed(const struct check *c)
{
	char name[WALNAME_MAX];
	uint64_t target;

	if (!c->backup->stream &&
	    find_gap(c, c->start, c->stop, c->backup->stop_lsn, name))
		return missing(c, name, "the backup cannot be recovered without it");
	if (c->t->kind != RECOVERY_LSN || c->t->lsn == c->backup->stop_lsn)
		return 0;
	target = wal_segno(c->t->lsn, c->a->seg_size);
	if (find_gap(c, c->stop, MAX(c->stop, target), c->t->lsn, name))
		return missing(c, name, "the recovery target cannot be reached without it");
	return 0;
}

/* ---- the end of the WAL ---- */

struct ending {
	struct walxid xid;
	int64_t	time;		/* the latest in records; 0 = none */
};

static void
look_at_end(const struct walrecord_window *w, void *arg)
{
	struct ending *e = arg;
	int64_t time = waltime_latest(w);

	e->time = MAX(e->time, time);
	walxid_look(w, &e->xid);
}

/* Whether what was seen of the end tells enough about the target. */
static bool
is_known(const struct check *c, const struct ending *e)
{
	if (c->t->kind == RECOVERY_TIME)
		return e->time != 0;
	return e->xid.is_bound || (e->xid.is_seen && !walxid_is_behind(c->t->xid, e->xid.highest));
}

/* Looks into the last segments, from the newest back, until that tells enough or the backup's begin. */
static void
read_end(const struct check *c, uint64_t newest, struct ending *e)
{
	unsigned char *bytes autofree = malloc(SEGSCAN_BYTES);
	struct walname w = { .kind = WAL_SEGMENT, .segno = newest };
	struct archive_file f;
	unsigned timeline, i;

	for (i = 0; bytes != NULL && i < END_SEGMENTS && w.segno >= c->stop; i++, w.segno--) {
		if (!is_there(c, w.segno, UINT64_MAX, &timeline))
			return;
		w.timeline = c->tl.list[timeline].id;
		if (archive_find(c->a, &w, &f) < 0)
			return;
		segscan(c->a, &f, bytes, look_at_end, e);
		if (is_known(c, e) || w.segno == 0)
			return;
	}
}

/*
 * Compares the target with the end of the WAL.  A transaction that nobody began before is not there.  A time
 * is no proof, since clocks are set back.
 */
static int
check_end(const struct check *c, uint64_t newest, char *warning)
{
	char last[RECOVERY_TIME_MAX];
	struct ending e = { .time = 0 };

	if (c->t->kind != RECOVERY_TIME && c->t->kind != RECOVERY_XID)
		return 0;
	read_end(c, newest, &e);
	if (c->t->kind == RECOVERY_XID && e.xid.is_bound && walxid_is_behind(c->t->xid, e.xid.highest))
		return explain(c->error, -EUCLEAN,
		    "recovery target xid %u is not in the archive of instance \"%s\", whose last transaction is %u: use an earlier transaction, or wait for its WAL",
		    c->t->xid, instance_of(c), e.xid.highest);
	if (c->t->kind == RECOVERY_TIME && e.time != 0 && c->t->time_us / 1000000 > e.time &&
	    recovery_time_format(e.time * 1000000, NULL, last) == 0)
		explain(warning, 0,
		    "the last transaction in the archive of instance \"%s\" is of %s: the server does not reach the target if there is none behind it",
		    instance_of(c), last);
	return 0;
}

/* Warns if the end of the backup is all that a server reaches. */
static void
warn_of_nothing(const struct check *c, char *warning)
{
	if (c->t->kind != RECOVERY_LATEST)
		explain(warning, 0,
		    "the archive of instance \"%s\" has no WAL behind the backup: the server does not reach a target behind its end",
		    instance_of(c));
}

/*
 * Warns of a gap before the newest segment, since recovery may need all WAL up to there, and of a target that may
 * be behind it.
 */
static int
check_rest(const struct check *c, char *warning)
{
	int rc;

	char name[WALNAME_MAX];
	uint64_t newest;

	if (c->t->kind == RECOVERY_NONE || c->t->kind == RECOVERY_IMMEDIATE ||
	    c->t->kind == RECOVERY_LSN)
		return 0;
	if (!newest_segment(c, &newest)) {
		if (c->backup_tl == c->tl.n - 1) {
			warn_of_nothing(c, warning);
			return 0;
		}
		return explain(c->error, -EUCLEAN,
		    "the archive of instance \"%s\" has no WAL of timeline %u", instance_of(c),
		    c->tl.list[c->tl.n - 1].id);
	}
	if (newest < c->stop)
		warn_of_nothing(c, warning);
	else if ((rc = check_end(c, newest, warning)) < 0)
		return rc;
	if (newest < c->stop || !find_gap(c, c->stop, newest, UINT64_MAX, name))
		return 0;
	if (c->t->kind == RECOVERY_LATEST)
		return missing(c, name, "recovery would end there, and later WAL is in the archive");
	explain(warning, 0,
	    "WAL segment \"%s\" is missing from the archive of instance \"%s\": recovery ends there if the target does not come before",
	    name, instance_of(c));
	return 0;
}

/* The server counts up to the first number that is missing, and no further. */
static void
warn_of_hole(const struct check *c, char *warning)
{
	uint32_t followed = c->tl.list[c->tl.n - 1].id;

	if (c->t->tli_kind != RECOVERY_TLI_LATEST || c->newest_history <= followed ||
	    warning[0] != '\0')
		return;
	explain(warning, 0,
	    "timeline %u is in the archive, but the server takes %u for the latest, since \"%08X.history\" is missing: --recovery-target-timeline=%u names it",
	    c->newest_history, followed, followed + 1, c->newest_history);
}

int
recovery_fits(const struct control *backup, const struct archive *a,
    const struct recovery_target *t, struct recovery_known *known, char *error)
{
	struct check c = { .backup = backup, .a = a, .t = t, .known = known, .error = error };
	int rc;

	if (check_target(&c) < 0)
		return RECOVERY_ENDS_LATER;
	rc = follow_timeline(&c);
	timelines_free(&c.tl);
	return rc == -EUCLEAN ? RECOVERY_LEADS_ELSEWHERE : rc;
}

/* ---- what was looked at ---- */

void
recovery_append(struct recovery_range *r, const struct walname *first, uint64_t n, uint32_t seg_size, bool missing)
{
	bool goes_on = missing && r->last_is_missing;
	struct walname last = *first;

	if (n == 0)
		return;
	last.segno += n - 1;
	if (r->n == 0)
		walname_format(first, seg_size, r->first);
	walname_format(&last, seg_size, r->last);
	r->n += n;
	r->last_is_missing = missing;
	if (!missing)
		return;
	r->missing += n;
	if (!goes_on && r->n_gaps < RECOVERY_GAPS_MAX) {
		r->gap[r->n_gaps] = (struct recovery_gap){ .n = 0 };
		walname_format(first, seg_size, r->gap[r->n_gaps++].first);
	} else if (!goes_on) {
		r->more_gaps = true;
	}
	if (!r->more_gaps)
		r->gap[r->n_gaps - 1].n += n;
}

/* Returns the number of the first segment at or behind segno that the archive has, or UINT64_MAX. */
static uint64_t
next_there(const struct check *c, uint64_t segno)
{
	size_t low = 0, high = c->n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (c->keys[middle] >> 16 < segno)
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->n ? c->keys[low] >> 16 : UINT64_MAX;
}

/* Looks at the segments from..to; what is between those that the archive has is one step. */
static void
survey_range(const struct check *c, uint64_t from, uint64_t to, uint64_t lsn, struct recovery_range *r)
{
	struct walname w = { .kind = WAL_SEGMENT };
	unsigned timeline;
	uint64_t n;
	bool there;

	for (w.segno = from; w.segno <= to; w.segno += n) {
		there = is_there(c, w.segno, lsn, &timeline);
		w.timeline = c->tl.list[timeline].id;
		n = there ? 1 : MAX(MIN(next_there(c, w.segno), to + 1) - w.segno, (uint64_t)1);
		recovery_append(r, &w, n, c->a->seg_size, !there);
	}
}

static void
survey(const struct check *c, struct recovery_need *need)
{
	uint64_t from = c->backup->stream ? c->stop : c->stop + 1, to;

	need->timeline = c->tl.list[c->tl.n - 1].id;
	if (!c->backup->stream)
		survey_range(c, c->start, c->stop, c->backup->stop_lsn, &need->own);
	if (c->t->kind == RECOVERY_LSN)
		survey_range(c, from, wal_segno(c->t->lsn, c->a->seg_size), c->t->lsn, &need->rest);
	else if (c->t->kind != RECOVERY_NONE && c->t->kind != RECOVERY_IMMEDIATE && newest_segment(c, &to))
		survey_range(c, from, to, UINT64_MAX, &need->rest);
}

static int
check_all(struct check *c, struct recovery_need *need, char *warning)
{
	int rc;

	if ((rc = check_target(c)) < 0 || (rc = follow_timeline(c)) < 0 || (rc = scan(c)) < 0)
		return rc;
	if (need != NULL)
		survey(c, need);
	return (rc = check_needed(c)) < 0 ? rc : check_rest(c, warning);
}

static int
check(const struct control *backup, const struct archive *a, const struct recovery_target *t,
    struct recovery_need *need, char *error, char *warning)
{
	struct recovery_known known = { 0 };
	struct check c = {
		.backup = backup, .a = a, .t = t, .known = &known, .error = error,
		.start = wal_segno(backup->start_lsn, a->seg_size),
		.stop = wal_segno_before(backup->stop_lsn, a->seg_size),
	};
	int rc;

	warning[0] = '\0';
	if (t->kind == RECOVERY_NONE && t->timeline == NULL && backup->stream)
		return 0;
	if ((rc = check_all(&c, need, warning)) == 0)
		warn_of_hole(&c, warning);
	free(c.keys);
	timelines_free(&c.tl);
	return rc;
}

int
recovery_check(const struct control *backup, const struct archive *a,
    const struct recovery_target *t, char *error, char *warning)
{
	return check(backup, a, t, NULL, error, warning);
}

int
recovery_survey(const struct control *backup, const struct archive *a,
    const struct recovery_target *t, struct recovery_need *need, char *error, char *warning)
{
	*need = (struct recovery_need){ 0 };
	return check(backup, a, t, need, error, warning);
}
