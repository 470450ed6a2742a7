/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <sys/stat.h>

#include "base/clock.h"
#include "base/util.h"
#include "cow/impl.h"
#include "cow/relfile.h"

/*
 * With the writeback cache the kernel tells mtime and ctime after each round of
 * writes.  The content file has much the same time by itself, so that is kept in
 * memory, and goes to the journal at the end of the mount; any other change of times
 * goes there now.  So does the ctime that the kernel made when it renamed or linked
 * the file, which is nearly, but not quite, that of our record.
 */
#define FLUSHED_WITHIN	INT64_C(60000000000)	/* ns */

/* Whether that is what a write makes: nothing but times, now, and not before what is known. */
static bool
is_of_write(unsigned set, const struct cow_attr *attr, int64_t known)
{
	int64_t age = clock_real_ns() - attr->mtime;

	if (set & COW_SET_CTIME && (attr->ctime != attr->mtime || attr->ctime < known))
		return false;
	return (set & ~(unsigned)(COW_SET_SIZE | COW_SET_CTIME)) == COW_SET_MTIME &&
	    age > -FLUSHED_WITHIN && age < FLUSHED_WITHIN;
}

bool
relfile_times_set(struct relfile *f, unsigned set, const struct cow_attr *attr, int64_t known)
{
	bool done = false;

	if (!relfile_has_content(f))
		return false;
	pthread_mutex_lock(&f->times.lock);
	if (set & COW_SET_ATIME)
		f->times.atime = attr->atime;
	if (set & COW_SET_MTIME)
		f->times.mtime = attr->mtime;
	f->times.ctime = set & COW_SET_CTIME ? attr->ctime : clock_real_ns();
	done = is_of_write(set, attr, known);
	if (done)
		f->times.unsaved = true;
	pthread_mutex_unlock(&f->times.lock);
	return done;
}

void
relfile_times_get(struct relfile *f, struct cow_attr *attr)
{
	pthread_mutex_lock(&f->times.lock);
	attr->atime = f->times.atime;
	attr->mtime = f->times.mtime;
	attr->ctime = MAX(attr->ctime, f->times.ctime);
	pthread_mutex_unlock(&f->times.lock);
}

/* Not inlined: each write would pay for its frame, and hardly any needs it. */
static void __attribute__((noinline))
touch(struct relfile *f)
{
	pthread_mutex_lock(&f->times.lock);
	f->times.mtime = f->times.ctime = clock_real_ns();
	f->times.unsaved = true;
	pthread_mutex_unlock(&f->times.lock);
}

void
relfile_times_touch(const struct cow *c, struct relfile *f)
{
	if (!c->config.kernel_times)
		touch(f);
}

void
relfile_times_told(struct relfile *f, int64_t atime, int64_t mtime, int64_t when)
{
	pthread_mutex_lock(&f->times.lock);
	f->times.said_atime = f->times.atime = atime;
	f->times.said_mtime = f->times.mtime = mtime;
	f->times.said_at = when;
	f->times.ctime = 0;
	pthread_mutex_unlock(&f->times.lock);
}

void
relfile_times_found(struct relfile *f, const struct stat *st)
{
	int64_t written = clock_ns(&st->st_mtim);
	bool told;

	pthread_mutex_lock(&f->times.lock);
	told = written <= f->times.said_at;
	f->times.atime = f->times.said_at != 0 ? f->times.said_atime : clock_ns(&st->st_atim);
	f->times.mtime = told ? f->times.said_mtime : written;
	f->times.ctime = told ? 0 : written;
	pthread_mutex_unlock(&f->times.lock);
}

bool
relfile_times_unsaved(struct relfile *f, bool then)
{
	bool was;

	pthread_mutex_lock(&f->times.lock);
	was = f->times.unsaved;
	f->times.unsaved = then;
	pthread_mutex_unlock(&f->times.lock);
	return was;
}
