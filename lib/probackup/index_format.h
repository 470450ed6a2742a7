/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How an index lies in its memfd: header, entries, providers, backups,
 * strings, in this order and without gaps.  There is exactly one way to write
 * down a tree, which makes checking it one pass:
 *
 *  - entries stand breadth first: the children of the first directory, those
 *    of the second, and so on, so that "first" of each directory is one past
 *    the last child of the one before it;
 *  - names and providers stand in the order of their entries; a link has no
 *    provider.
 */
#ifndef PROBACKUP_INDEX_FORMAT_H
#define PROBACKUP_INDEX_FORMAT_H

#include <stdint.h>
#include <string.h>

#include "base/util.h"
#include "probackup/index.h"

#define INDEX_MAGIC	UINT64_C(0x7865646e49736670)	/* "pfsIndex" */
#define INDEX_VERSION	4

struct index_header {
	uint64_t magic;
	uint32_t version;
	uint32_t n_entries, n_providers, n_backups;
	uint64_t strings_len;
	uint64_t tree_digest;
	uint32_t server_version;
	uint32_t xlog_seg_size;
	uint64_t length;	/* bytes of all of it */
	int64_t	since;
};

_Static_assert(sizeof(struct index_header) == 64, "no padding to leak");
_Static_assert(sizeof(struct index_entry) == 32, "no padding to leak");
_Static_assert(sizeof(struct index_provider) == 40, "no padding to leak");
_Static_assert(sizeof(struct index_backup) == 112, "no padding to leak");

/* Where the parts lie, in bytes from the start. */
struct index_parts {
	uint64_t entries, providers, backups, strings, length;
};

/* The counts of h may be anything: nothing overflows. */
static inline struct index_parts
index_parts_of(const struct index_header *h)
{
	struct index_parts p;

	p.entries = sizeof(*h);
	p.providers = p.entries + (uint64_t)h->n_entries * sizeof(struct index_entry);
	p.backups = p.providers + (uint64_t)h->n_providers * sizeof(struct index_provider);
	p.strings = p.backups + (uint64_t)h->n_backups * sizeof(struct index_backup);
	p.length = p.strings + (h->strings_len <= UINT32_MAX ? h->strings_len : UINT64_MAX / 2);
	return p;
}

/* The order of the children of a directory: by bytes, the shorter first. */
static inline int
index_compare_names(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, MIN(a_len, b_len));

	return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

#endif
