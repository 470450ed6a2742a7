/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * READDIR and READDIRPLUS, of the tree, of .pbkfs and of the archive.  No
 * directory is ever opened: a cookie says where a listing goes on.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "worker/archivedir.h"
#include "worker/infodir.h"
#include "worker/op.h"
#include "worker/reply.h"

/* A reply to readdir or readdirplus that is being filled. */
struct listing {
	struct thread *t;
	unsigned char *buf;
	size_t	size, used;
	bool	plus;
};

/* Adds an entry; returns false when there is no room for it. */
static bool
add(struct listing *out, const struct cow_dirent *d, const struct cow_attr *attr)
{
	size_t n = reply_add_entry(out->buf + out->used, out->size - out->used, d, out->plus, attr);

	out->used += n;
	return n > 0;
}

static bool
is_dots(const struct cow_dirent *d)
{
	return d->name[0] == '.' && (d->len == 1 || (d->len == 2 && d->name[1] == '.'));
}

/*
 * Adds an entry with its attributes, and counts a lookup, unless it is "." or
 * "..", of which the kernel makes none.
 */
static bool
add_listed(struct listing *out, struct cow_list *l, const struct cow_dirent *d)
{
	struct cow_attr attr;

	if (!out->plus || is_dots(d) || cow_list_attr(l, d, &attr) < 0)
		return add(out, d, NULL);
	if (add(out, d, &attr))
		return true;
	cow_list_uncount(l, d);
	return false;
}

static int
list_cow(struct listing *out, uint64_t dir, uint64_t cookie)
{
	struct cow_list l;
	struct cow_dirent d;
	bool more = true;
	int rc;

	if ((rc = cow_list_begin(&l, out->t->serve->cow, dir, cookie)) < 0)
		return rc;
	while (more && cow_list_next(&l, &d) == 1)
		more = add_listed(out, &l, &d);
	cow_list_end(&l);
	return 0;
}

/* "." and ".." of a directory that has none; cookies are 1 and 2. */
static bool
add_dots(struct listing *out, uint64_t dir, uint64_t parent, uint64_t *cookie)
{
	struct cow_dirent d;

	for (; *cookie < 2; (*cookie)++) {
		d = (struct cow_dirent){
			.name = *cookie == 0 ? "." : "..", .len = *cookie + 1, .mode = S_IFDIR,
			.nodeid = *cookie == 0 ? dir : parent, .cookie = *cookie + 1,
		};
		if (!add(out, &d, NULL))
			return false;
	}
	return true;
}

static void
list_infodir(struct listing *out, uint64_t cookie)
{
	struct cow_dirent d;

	if (!add_dots(out, INFODIR_ROOT, COW_ROOT, &cookie))
		return;
	while (infodir_list(out->t, (unsigned)cookie - 2, &d) == 1) {
		d.cookie = ++cookie;
		if (!add(out, &d, NULL))
			return;
	}
}

/* Cookies are those of the archive's own directory. */
static int
list_archivedir(struct listing *out, uint64_t cookie)
{
	struct archivedir_list l;
	struct cow_dirent d;
	int rc;

	if ((rc = archivedir_list_begin(out->t, cookie, &l)) < 0)
		return rc;
	if (l.l.dir == NULL)
		add_dots(out, ARCHIVEDIR_ROOT, INFODIR_ROOT, &cookie);
	while ((rc = archivedir_list_next(&l, &d)) == 1)
		if (!add(out, &d, NULL))
			break;
	archivedir_list_end(&l);
	return out->used > 0 ? 0 : rc;
}

static void
list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus)
{
	struct listing out = {
		.t = thread_self(), .size = MIN(size, OUT_MAX), .plus = plus,
	};
	int rc = 0;

	out.buf = out.t->out;
	if (off < 0)
		rc = -EINVAL;
	else if (ino == INFODIR_ROOT)
		list_infodir(&out, (uint64_t)off);
	else if (ino == ARCHIVEDIR_ROOT)
		rc = list_archivedir(&out, (uint64_t)off);
	else if (infodir_is(ino))
		rc = -ENOTDIR;
	else
		rc = list_cow(&out, ino, (uint64_t)off);
	if (rc < 0)
		reply_error(req, rc);
	else
		reply_data(req, out.buf, out.used);
}

void
op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, off, false);
}

void
op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
    struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, off, true);
}
