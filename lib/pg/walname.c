/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of WAL files, read and written.  lib/probackup/archive.c knows the
 * suffixes of compressed ones.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pg/walname.h"

static const char partial[] = ".partial", history[] = ".history";

/* Eight upper case digits. */
static int
parse_digits(const char *p, uint32_t *out)
{
	uint32_t n = 0;
	int i;

	for (i = 0; i < 8; i++) {
		if (p[i] >= '0' && p[i] <= '9')
			n = n << 4 | (uint32_t)(p[i] - '0');
		else if (p[i] >= 'A' && p[i] <= 'F')
			n = n << 4 | (uint32_t)(p[i] - 'A' + 10);
		else
			return -EINVAL;
	}
	*out = n;
	return 0;
}

static uint32_t
segments_per_log(uint32_t seg_size)
{
	return (uint32_t)((UINT64_C(1) << 32) / seg_size);
}

static int
ends_with(const char *rest, size_t len, const char *suffix)
{
	return len == strlen(suffix) && memcmp(rest, suffix, len) == 0;
}

static int
parse_segment(const char *name, uint32_t seg_size, struct walname *w)
{
	uint32_t log, seg;

	if (parse_digits(name + 8, &log) < 0 || parse_digits(name + 16, &seg) < 0 ||
	    seg >= segments_per_log(seg_size))
		return -EINVAL;
	w->segno = (uint64_t)log * segments_per_log(seg_size) + seg;
	return 0;
}

int
walname_parse(const char *name, size_t len, uint32_t seg_size, struct walname *w)
{
	struct walname parsed = { .kind = WAL_NONE };

	if (len < WALNAME_HISTORY_LEN || parse_digits(name, &parsed.timeline) < 0 ||
	    parsed.timeline == 0)
		return -EINVAL;
	if (ends_with(name + WALNAME_HISTORY_LEN, len - WALNAME_HISTORY_LEN, history)) {
		parsed.kind = WAL_HISTORY;
		*w = parsed;
		return 0;
	}
	if (len < WALNAME_SEGMENT_LEN || parse_segment(name, seg_size, &parsed) < 0)
		return -EINVAL;
	name += WALNAME_SEGMENT_LEN;
	len -= WALNAME_SEGMENT_LEN;
	if (len != 0 && !ends_with(name, len, partial))
		return -EINVAL;
	parsed.kind = len == 0 ? WAL_SEGMENT : WAL_PARTIAL;
	*w = parsed;
	return 0;
}

void
walname_format(const struct walname *w, uint32_t seg_size, char name[WALNAME_MAX])
{
	uint32_t n = segments_per_log(seg_size);

	if (w->kind == WAL_HISTORY)
		snprintf(name, WALNAME_MAX, "%08X%s", w->timeline, history);
	else
		snprintf(name, WALNAME_MAX, "%08X%08X%08X%s", w->timeline,
		    (uint32_t)(w->segno / n), (uint32_t)(w->segno % n),
		    w->kind == WAL_PARTIAL ? partial : "");
}
