#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "worker/archived.h"
#include "worker/provided.h"
#include "worker/serve.h"

/* The cookie of .pbkfs, which the root lists last; and of what it holds. */
#define COOKIE_PROVIDED	(UINT64_C(1) << 60)

/* A reply to readdir or readdirplus that is being filled. */
struct reply {
	fuse_req_t req;
	struct thread *t;
	char	*buf;
	size_t	size, used;
	bool	plus;
};

/* Adds an entry; returns false when there is no room for it. */
static bool
add(struct reply *rp, const struct cow_dirent *d, const struct cow_attr *attr)
{
	struct fuse_entry_param e = { .attr = { .st_ino = d->nodeid, .st_mode = d->mode } };
	size_t room = rp->size - rp->used, n;

	if (rp->plus && attr != NULL)
		reply_fill_entry(&e, attr);
	if (rp->plus)
		n = fuse_add_direntry_plus(rp->req, rp->buf + rp->used, room, d->name, &e,
		    (off_t)d->cookie);
	else
		n = fuse_add_direntry(rp->req, rp->buf + rp->used, room, d->name, &e.attr,
		    (off_t)d->cookie);
	if (n > room)
		return false;
	rp->used += n;
	return true;
}

static bool
is_dots(const struct cow_dirent *d)
{
	return d->name[0] == '.' && (d->len == 1 || (d->len == 2 && d->name[1] == '.'));
}

/* The kernel makes no lookup of "." and "..", so none is counted. */
static bool
add_listed(struct reply *rp, struct cow_list *l, const struct cow_dirent *d)
{
	struct cow_attr attr;

	if (!rp->plus || is_dots(d) || cow_list_attr(l, d, &attr) < 0)
		return add(rp, d, NULL);
	if (add(rp, d, &attr))
		return true;
	cow_list_uncount(l, d);
	return false;
}

static int
list_cow(struct reply *rp, uint64_t dir, uint64_t cookie)
{
	struct cow_list l;
	struct cow_dirent d;
	bool more = true;
	int r;

	if ((r = cow_list_begin(&l, rp->t->serve->cow, dir, cookie)) < 0)
		return r;
	while (more && cow_list_next(&l, &d) == 1)
		more = add_listed(rp, &l, &d);
	cow_list_end(&l);
	if (more && dir == COW_ROOT && cookie < COOKIE_PROVIDED) {
		d = (struct cow_dirent){
			.name = PROVIDED_NAME, .len = strlen(PROVIDED_NAME),
			.nodeid = PROVIDED_DIR, .cookie = COOKIE_PROVIDED, .mode = S_IFDIR,
		};
		add(rp, &d, NULL);
	}
	return 0;
}

/* "." and ".." of a directory that has none; cookies are 1 and 2. */
static bool
add_dots(struct reply *rp, uint64_t dir, uint64_t parent, uint64_t *cookie)
{
	struct cow_dirent d;

	for (; *cookie < 2; (*cookie)++) {
		d = (struct cow_dirent){
			.name = *cookie == 0 ? "." : "..", .len = *cookie + 1, .mode = S_IFDIR,
			.nodeid = *cookie == 0 ? dir : parent, .cookie = *cookie + 1,
		};
		if (!add(rp, &d, NULL))
			return false;
	}
	return true;
}

static void
list_provided(struct reply *rp, uint64_t cookie)
{
	struct cow_dirent d;

	if (!add_dots(rp, PROVIDED_DIR, COW_ROOT, &cookie))
		return;
	while (provided_list(rp->t, (unsigned)cookie - 2, &d) == 1) {
		d.cookie = ++cookie;
		if (!add(rp, &d, NULL))
			return;
	}
}

/* Cookies are those of the archive's own directory. */
static int
list_archived(struct reply *rp, uint64_t cookie)
{
	struct archived_list l;
	struct cow_dirent d;
	int r;

	if ((r = archived_list_begin(rp->t, cookie, &l)) < 0)
		return r;
	if (l.l.dir == NULL)
		add_dots(rp, ARCHIVED_DIR, PROVIDED_DIR, &cookie);
	while ((r = archived_list_next(&l, &d)) == 1)
		if (!add(rp, &d, NULL))
			break;
	archived_list_end(&l);
	return rp->used > 0 ? 0 : r;
}

static void
list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus)
{
	struct reply rp = {
		.req = req, .t = thread_self(), .size = MIN(size, OUT_MAX), .plus = plus,
	};
	int r = 0;

	rp.buf = (char *)rp.t->out;
	if (off < 0)
		r = -EINVAL;
	else if (ino == PROVIDED_DIR)
		list_provided(&rp, (uint64_t)off);
	else if (ino == ARCHIVED_DIR)
		r = list_archived(&rp, (uint64_t)off);
	else if (provided_is(ino))
		r = -ENOTDIR;
	else if ((uint64_t)off < COOKIE_PROVIDED)
		r = list_cow(&rp, ino, (uint64_t)off);
	if (r < 0)
		reply_error(req, r);
	else
		fuse_reply_buf(req, rp.buf, rp.used);
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
