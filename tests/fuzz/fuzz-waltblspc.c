/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: WAL with CREATE TABLESPACE records, in pieces.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "pg/waltblspc.h"

#define PAGE	1024u
#define SEGMENT	(1024u * 1024)

/* Whatever WAL holds, a search ends, and a change stays within the window. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct walrecord_window w = { .page_size = PAGE, .seg_size = SEGMENT, .lsn = SEGMENT };
	struct waltblspc_record r;
	struct waltblspc s = { .scan.w = &w };
	size_t n = 0;

	w.len = size / PAGE * PAGE;
	if (w.len == 0 || (w.bytes = malloc(w.len)) == NULL)
		return 0;
	memcpy(w.bytes, data, w.len);
	while (waltblspc_next(&s, &r) == 1) {
		if (r.location[0] != '/' || r.at >= w.len || ++n > w.len / 24)
			abort();
		waltblspc_blank(&w, &r);
	}
	free(w.bytes);
	return 0;
}
