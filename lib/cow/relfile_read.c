/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/util.h"
#include "cow/find.h"
#include "cow/hydrate.h"
#include "cow/impl.h"
#include "cow/relfile.h"
#include "cow/source.h"

/*
 * Reading: each run of blocks from its source.
 */

static int
read_range(struct cow *c, struct relfile *f, uint64_t off, size_t len, unsigned char *dst,
    struct reader *rd)
{
	enum source s;
	size_t n;
	int rc = 0;

	for (; len > 0 && rc == 0; off += n, dst += n, len -= n) {
		n = source_run(f, off, len, &s);
		if (s == SOURCE_CHAIN && atomic_load_explicit(&c->hot.wanted, memory_order_relaxed))
			hydrate_note(c, f->base);
		rc = source_read(c, f, s, off, n, dst, rd);
	}
	return rc;
}

ssize_t
cow_read(struct cow *c, uint64_t nodeid, uint64_t off, size_t size, void *buf, struct reader *rd)
{
	struct relfile *f;
	uint64_t end;
	ssize_t n = 0;
	int rc;

	if ((rc = find_relfile(c, nodeid, &f)) < 0)
		return rc;
	pthread_rwlock_rdlock(&f->lock);
	end = f->size;
	if (off < end) {
		n = (ssize_t)MIN((uint64_t)size, end - off);
		if ((rc = read_range(c, f, off, (size_t)n, buf, rd)) < 0)
			n = rc;
	}
	pthread_rwlock_unlock(&f->lock);
	return n;
}
