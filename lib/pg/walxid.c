/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A checkpoint, and the list of running transactions that a server writes every few seconds, say which id is
 * the next one: together with the ids of all records behind it that bounds them.
 */
#include "config.h"

#include "base/bytes.h"
#include "base/util.h"
#include "pg/walxid.h"

#define RM_XLOG		0
#define RM_STANDBY	8

/* A record that says which id is the next to be given away. */
static const struct kind {
	uint8_t	rmid, info;
	uint8_t	at;		/* where, in its data */
} kinds[] = {
	{ RM_XLOG, 0x00, 24 },		/* XLOG_CHECKPOINT_SHUTDOWN */
	{ RM_XLOG, 0x10, 24 },		/* XLOG_CHECKPOINT_ONLINE */
	{ RM_STANDBY, 0x10, 12 },	/* XLOG_RUNNING_XACTS */
};

bool
walxid_is_behind(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static void
add(struct walxid *x, uint32_t xid)
{
	if (xid == 0 || (x->is_seen && !walxid_is_behind(xid, x->highest)))
		return;
	x->is_seen = true;
	x->highest = xid;
}

/* Returns the last id that had been given away, as the record says it; 0 if it does not. */
static uint32_t
last_of(const struct walrecord_window *w, size_t at)
{
	unsigned char rec[WALRECORD_WHOLE_MAX];
	size_t data, len, i;

	if (walrecord_gather(w, at, 0, WALRECORD_HEADER, rec) < WALRECORD_HEADER)
		return 0;
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].rmid == rec[WALRECORD_RMID] && kinds[i].info == (rec[WALRECORD_INFO] & 0xF0) &&
		    (len = walrecord_whole(w, at, rec, &data)) != 0 && data + kinds[i].at + 4 <= len)
			return get_le32(rec + data + kinds[i].at) - 1;
	return 0;
}

void
walxid_look(const struct walrecord_window *w, struct walxid *x)
{
	struct walrecord_scan s = { .w = w };
	unsigned char head[WALRECORD_XID + 4];
	uint32_t last;
	size_t at;

	while (walrecord_next(&s, &at)) {
		if (walrecord_gather(w, at, 0, sizeof(head), head) == sizeof(head))
			add(x, get_le32(head + WALRECORD_XID));
		if ((last = last_of(w, at)) == 0)
			continue;
		add(x, last);
		x->is_bound = true;
	}
}
