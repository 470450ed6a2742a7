/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "probackup/filecrc.h"
#include "probackup/pagecheck.h"
#include "probackup/records.h"
#include "probackup/verify_impl.h"

/*
 * A stored file is read once, from its beginning to its end.  All its bytes go
 * through the crc, and then record by record through the codec, while they are
 * in the processor's cache.
 */

#define CHUNK		(256 * KiB)	/* read at a time */
#define SIZE_TRUNCATED	(-2)		/* compressed_size of a truncation record */

_Static_assert(CHUNK + RECORD_HEADER + BLCKSZ + 8 <= READER_SCRATCH, "a record always fits");

/* A file while it is checked. */
struct file {
	struct verify *v;
	struct reader *rd;
	const struct verify_task *task;
	const struct backup *backup;
	char	name[FILELIST_LINE_MAX + 64];	/* in the directory of the backup */
	const char *shown;		/* that without "database/" */
	uint32_t relation_block;	/* that its block 0 is in its relation */
	unsigned n_faults, n_pages;	/* n_pages: not yet added to the figures */
	unsigned char *page;		/* BLCKSZ bytes */

	/* the window over its bytes: in the reader's scratch */
	int	fd;
	uint64_t limit;			/* bytes that are there, and listed */
	uint64_t start;			/* offset of the window */
	size_t	have;
	uint32_t crc;			/* of all that was in it */
	uint32_t payload_crc;		/* old versions: without record headers */
	int	error;			/* of reading */
};

#define FAULT(f, ...) do {						\
	if ((f)->n_faults++ < VERIFY_SHOWN)				\
		verify_fault((f)->v, (f)->backup->id, (f)->shown, __VA_ARGS__);	\
	else								\
		atomic_fetch_add(&(f)->v->faults, 1);			\
} while (0)

static void
block_fault(struct file *f, BlockNumber blkno, const char *why)
{
	if (blkno == InvalidBlockNumber)
		FAULT(f, "%s", why);
	else
		FAULT(f, "block %u: %s", blkno, why);
}

/* --- the window --- */

/* Reads more behind what is held, of which all before pos is given up. */
static bool
read_more(struct file *f, uint64_t pos)
{
	size_t drop = (size_t)MIN(pos - f->start, (uint64_t)f->have), want;
	unsigned char *buf = f->rd->scratch;
	ssize_t n;

	memmove(buf, buf + drop, f->have - drop);
	f->start += drop;
	f->have -= drop;
	want = (size_t)MIN((uint64_t)CHUNK, f->limit - (f->start + f->have));
	n = io_pread(f->fd, buf + f->have, want, (off_t)(f->start + f->have));
	if (n <= 0) {
		if (n < 0) {
			f->error = (int)n;
			FAULT(f, "could not read at %" PRIu64 ": %s", f->start + f->have,
			    strerror((int)-n));
		}
		f->limit = f->start + f->have;
		return false;
	}
	f->crc = filecrc_add(f->backup->control.version, f->crc, buf + f->have, (size_t)n);
	f->have += (size_t)n;
	atomic_fetch_add(&f->v->bytes, (uint64_t)n);
	atomic_fetch_add(&f->v->pages, f->n_pages);
	f->n_pages = 0;
	return true;
}

/*
 * Finds the bytes from pos on, which is never less than before.  Returns how
 * many there are: len, unless the file ends.
 */
static size_t
window_at(struct file *f, uint64_t pos, size_t len, const unsigned char **at)
{
	while (pos + len > f->start + f->have && f->start + f->have < f->limit)
		if (!read_more(f, pos))
			break;
	if (pos >= f->start + f->have)
		return 0;
	*at = f->rd->scratch + (pos - f->start);
	return (size_t)MIN((uint64_t)len, f->start + f->have - pos);
}

/* Reads to the end, for the crc's sake. */
static void
read_rest(struct file *f)
{
	while (f->start + f->have < f->limit && read_more(f, f->start + f->have))
		;
}

/* --- records --- */

/* Checks a record, all of whose bytes are there; header is NULL without a map. */
static void
check_page(struct file *f, BlockNumber blkno, const unsigned char *payload, uint32_t size,
    const struct record_at *header)
{
	enum codec_alg alg = records_payload_alg(f->task->e.alg, f->backup->control.version,
	    payload, size);
	bool has_sums = f->backup->control.checksum_version != 0;
	char why[CHAIN_ERROR_MAX];

	f->n_pages++;
	if (codec_decode(f->rd->codec, alg, payload, size, f->page, BLCKSZ) < 0) {
		FAULT(f, "block %u: %u bytes of %s do not decompress to a page", blkno, size,
		    codec_name(alg));
		return;
	}
	if ((has_sums && pagecheck_sum(f->page, f->relation_block + blkno, why) < 0) ||
	    (header != NULL &&
	    pagecheck_header(f->page, f->relation_block + blkno, has_sums, header, why) < 0))
		block_fault(f, blkno, why);
}

/* Checks the records that the map names, each one whatever its neighbours are. */
static void
check_mapped(struct file *f, const struct records *rec)
{
	const unsigned char *at;
	uint32_t i, end, size;

	for (i = 0; i < rec->n; i++) {
		end = i + 1 < rec->n ? rec->at[i + 1].pos : rec->end;
		size = end - rec->at[i].pos - RECORD_HEADER;
		if (window_at(f, rec->at[i].pos, RECORD_HEADER + size, &at) < RECORD_HEADER + size) {
			/* open_file() has logged that the file is too short. */
			if (f->error == 0 && f->limit == (uint64_t)f->task->e.size)
				FAULT(f, "block %u: its record at offset %u is cut short",
				    rec->at[i].blkno, rec->at[i].pos);
			return;
		}
		if (get_le32(at) != rec->at[i].blkno || get_le32(at + 4) != size) {
			FAULT(f, "block %u: expected its record of %u bytes at offset %u, found block %u of %u bytes",
			    rec->at[i].blkno, size, rec->at[i].pos, get_le32(at), get_le32(at + 4));
			continue;
		}
		check_page(f, rec->at[i].blkno, at + RECORD_HEADER, size, &rec->at[i]);
	}
	if (rec->end != f->task->e.size)
		FAULT(f, "its page headers end at %u of %" PRId64 " bytes", rec->end,
		    f->task->e.size);
}

/* Checks the records of a stream one after the other. */
static void
check_stream(struct file *f)
{
	uint32_t version = f->backup->control.version, size, padded;
	BlockNumber last = InvalidBlockNumber, blkno;
	const unsigned char *at;
	uint64_t pos;

	for (pos = 0; pos < f->limit; pos += RECORD_HEADER + padded) {
		if (window_at(f, pos, RECORD_HEADER, &at) < RECORD_HEADER)
			break;
		blkno = get_le32(at);
		size = get_le32(at + 4);
		if ((int32_t)size == SIZE_TRUNCATED)
			return;
		if (size == 0 || size > BLCKSZ || blkno == InvalidBlockNumber ||
		    (last != InvalidBlockNumber && blkno <= last)) {
			FAULT(f, "block %u: no valid page record at offset %" PRIu64 " of %" PRId64,
			    last == InvalidBlockNumber ? 0 : last + 1, pos, f->task->e.size);
			return;
		}
		last = blkno;
		padded = records_padded(size, version);
		if (window_at(f, pos, RECORD_HEADER + padded, &at) < RECORD_HEADER + padded)
			break;
		if (version < FILECRC_WHOLE)
			f->payload_crc = filecrc_add(version, f->payload_crc, at + RECORD_HEADER,
			    padded);
		check_page(f, blkno, at + RECORD_HEADER, size, NULL);
	}
	if (pos != f->limit && f->error == 0 && f->limit == (uint64_t)f->task->e.size)
		FAULT(f, "block %u: its record at offset %" PRIu64 " is cut short", last, pos);
}

/* Loads the headers of the file.  Returns whether they can be used. */
static bool
load_headers(struct file *f, struct records *rec)
{
	const struct filelist_entry *e = &f->task->e;
	const struct index_provider p = {
		.stored = (uint64_t)e->size, .hdr_off = e->hdr_off, .hdr_size = e->hdr_size,
		.n_headers = e->n_headers, .hdr_crc = e->hdr_crc,
	};
	struct stat st;
	int fd autoclose = io_open_plain(f->backup->dirfd, "page_header_map", &st);
	struct records_fault fault = { InvalidBlockNumber, "out of memory" };

	if (fd < 0) {
		if (!atomic_exchange(&f->v->no_map_logged[f->task->member], true))
			verify_fault(f->v, f->backup->id, "page_header_map",
			    "could not open it: %s", io_plain_error(fd));
		return false;
	}
	if (records_unpack(fd, &p, f->rd->codec, InvalidBlockNumber, rec, &fault) == 0)
		return true;
	block_fault(f, fault.blkno, fault.why);
	return false;
}

static void
check_data(struct file *f)
{
	const char *name = strrchr(f->task->path, '/');
	struct records rec;

	f->relation_block = pagecheck_first_block(name != NULL ? name + 1 : f->task->path);
	if (f->task->e.n_headers > 0 && load_headers(f, &rec)) {
		check_mapped(f, &rec);
		records_fini(&rec);
	} else {
		check_stream(f);
	}
}

/* --- crc --- */

static bool
crc_fits(const struct file *f)
{
	const struct filelist_entry *e = &f->task->e;
	uint32_t version = f->backup->control.version;

	if (f->crc == e->crc || (e->is_cfs && e->crc == 0))
		return true;
	if (e->is_datafile && version < FILECRC_WHOLE && f->payload_crc == e->crc)
		return true;
	return f->start == 0 && strcmp(f->name, "database/global/pg_control") == 0 &&
	    filecrc_is_control(version, f->rd->scratch, f->have, e->crc);
}

/* --- a file --- */

static void
name_file(struct file *f)
{
	const struct filelist_entry *e = &f->task->e;

	if (e->external_dir_num == 0)
		snprintf(f->name, sizeof(f->name), "database/%s", f->task->path);
	else
		snprintf(f->name, sizeof(f->name), "external_directories/externaldir%u/%s",
		    e->external_dir_num, f->task->path);
	f->shown = strchr(f->name, '/') + 1;
}

static bool
open_file(struct file *f)
{
	const struct filelist_entry *e = &f->task->e;
	struct stat st;

	f->fd = io_open_plain(f->backup->dirfd, f->name, &st);
	if (f->fd < 0) {
		FAULT(f, "could not open it: %s", io_plain_error(f->fd));
		return false;
	}
	if (st.st_size != e->size)
		FAULT(f, "expected %" PRId64 " bytes, found %" PRId64, e->size, (int64_t)st.st_size);
	f->limit = (uint64_t)MIN(st.st_size, e->size);
	posix_fadvise(f->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	posix_fadvise(f->fd, 0, 0, POSIX_FADV_NOREUSE);
	return true;
}

void
verify_file(struct verify_thread *t)
{
	struct file f = {
		.v = t->v, .rd = &t->reader, .task = &t->task, .fd = -1, .page = t->page,
		.backup = &t->v->chain->member[t->task.member],
	};
	const struct filelist_entry *e = &t->task.e;

	name_file(&f);
	if (open_file(&f)) {
		if (e->is_datafile && !e->is_cfs && e->external_dir_num == 0)
			check_data(&f);
		read_rest(&f);
		/* A fault of a page or of the length makes the crc wrong, too. */
		if (f.n_faults == 0 && !crc_fits(&f))
			FAULT(&f, "its crc should be %u, found %u", e->crc, f.crc);
	}
	if (f.n_faults > VERIFY_SHOWN)
		log_error("\"%s\" in backup %s: %u more faults", f.shown, f.backup->id,
		    f.n_faults - VERIFY_SHOWN);
	if (f.fd >= 0)
		close(f.fd);
	atomic_fetch_add(&f.v->pages, f.n_pages);
	atomic_fetch_add(&f.v->files, 1);
}
