/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counters of reads and writes.  Each thread has a struct of its own, so that
 * counting is a plain add; other threads that read it see each number whole.
 */
#ifndef BASE_IOSTATS_H
#define BASE_IOSTATS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/backupid.h"

struct iostats {
	_Atomic uint64_t blocks_chain[CHAIN_MAX];	/* read from backup i */
	_Atomic uint64_t blocks_diff, blocks_zero;	/* read from the diff, from nowhere */
	_Atomic uint64_t blocks_copied_up;	/* first write to a block of a backup */
	_Atomic uint64_t blocks_written;
	_Atomic uint64_t codec_ns, codec_bytes_in;	/* time in decompression */
	_Atomic uint64_t map_builds, map_evictions;
};

/* Adds to a counter that only the calling thread writes. */
static inline void
iostats_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter,
	    atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

#endif
