/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads segments as they are stored; what is in them is the caller's business.
 */
#include "config.h"

#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "probackup/segread.h"

int
segread_open(const struct archive *a, struct archive_file *f, struct segread *s)
{
	*s = (struct segread){ .fd = archive_open(a, f) };
	if (s->fd < 0 || f->format == SEGSTREAM_PLAIN)
		return s->fd < 0 ? s->fd : 0;
	return segstream_new(f->format, steal_fd(&s->fd), a->seg_size, &s->stream);
}

bool
segread_next(struct segread *s, unsigned char *to, size_t len)
{
	ssize_t n = s->stream != NULL ? segstream_read(s->stream, to, len) :
	    io_pread(s->fd, to, len, (off_t)s->off);

	if (n < 0 || (size_t)n != len)
		return false;
	s->off += len;
	return true;
}

void
segread_close(struct segread *s)
{
	segstream_free(s->stream);
	if (s->fd >= 0)
		close(s->fd);
}
