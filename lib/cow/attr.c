#include "config.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "cow/impl.h"

/* What the tree knows; the size and times of a regular file may lie elsewhere. */
static int
tree_attr(struct cow *c, uint64_t nodeid, struct cow_attr *a)
{
	const struct node *n = node_find(c, nodeid);
	char target[PATH_MAX];
	int len;

	if (n == NULL && !cow_is_base(c, nodeid))
		return -ESTALE;
	*a = (struct cow_attr){
		.nodeid = nodeid, .mode = node_mode(c, nodeid), .nlink = 1,
		.uid = c->config.uid, .gid = c->config.gid,
		.atime = c->created, .mtime = c->created, .ctime = c->created,
	};
	if (n != NULL) {
		a->nlink = n->nlink;
		a->uid = n->uid;
		a->gid = n->gid;
		a->atime = n->atime;
		a->mtime = n->mtime;
		a->ctime = n->ctime;
	}
	if (S_ISLNK(a->mode) && (len = node_target(c, nodeid, target, sizeof(target))) > 0)
		a->size = (uint64_t)len;
	else if (S_ISDIR(a->mode))
		a->size = 4096;
	return 0;
}

int
attr_get(struct cow *c, uint64_t nodeid, struct cow_attr *attr)
{
	int r = tree_attr(c, nodeid, attr);

	return r == 0 && S_ISREG(attr->mode) ? relfile_attr(c, nodeid, attr) : r;
}

int
cow_getattr(struct cow *c, uint64_t nodeid, struct cow_attr *attr)
{
	int r;

	pthread_rwlock_rdlock(&c->tree_lock);
	r = attr_get(c, nodeid, attr);
	pthread_rwlock_unlock(&c->tree_lock);
	return r;
}

int
attr_record(struct cow *c, uint64_t nodeid, unsigned set, const struct cow_attr *attr)
{
	struct journal_record rec = {
		.type = JOURNAL_ATTR, .time = cow_now(), .mode = attr->mode & 07777,
		.uid = attr->uid, .gid = attr->gid, .atime = attr->atime, .mtime = attr->mtime,
		.valid = (set & COW_SET_MODE ? JOURNAL_MODE : 0u) |
		    (set & COW_SET_UID ? JOURNAL_UID : 0u) |
		    (set & COW_SET_GID ? JOURNAL_GID : 0u) |
		    (set & COW_SET_ATIME ? JOURNAL_ATIME : 0u) |
		    (set & COW_SET_MTIME ? JOURNAL_MTIME : 0u) |
		    (set & COW_SET_CTIME ? JOURNAL_CTIME : 0u),
		.length = set & COW_SET_CTIME ? (uint64_t)attr->ctime : 0,
	};
	struct node *n;
	int r;

	if (rec.valid == 0)
		return 0;
	pthread_rwlock_wrlock(&c->tree_lock);
	if ((r = node_get(c, nodeid, &n)) == 0 && (r = node_bind(c, n)) == 0) {
		rec.serial = n->serial;
		/* A file without a name is gone for the next mount: it replays no record of it. */
		if (n->nlink > 0)
			r = journal_append(c->journal, &rec);
		if (r == 0)
			r = apply_record(c, &rec);
	}
	pthread_rwlock_unlock(&c->tree_lock);
	return r;
}

#define COW_SET_TIMES	(COW_SET_ATIME | COW_SET_MTIME | COW_SET_CTIME)

/*
 * Size and times of a regular file, whose ctime the journal knows as known;
 * takes out of *set what the journal need not know.
 */
static int
set_file(struct cow *c, uint64_t nodeid, unsigned *set, const struct cow_attr *attr,
    int64_t known, struct reader *rd)
{
	struct relfile *f;
	int r;

	if ((r = relfile_of(c, nodeid, &f)) < 0)
		return r;
	if (*set & COW_SET_SIZE) {
		if ((r = relfile_own(c, nodeid, f)) < 0 ||
		    (r = relfile_truncate(c, f, attr->size, rd)) < 0)
			return r;
	}
	if (*set & COW_SET_TIMES && relfile_times_set(f, *set, attr, known))
		*set &= ~(unsigned)COW_SET_TIMES;
	return 0;
}

int
cow_setattr(struct cow *c, uint64_t nodeid, unsigned set, struct cow_attr *attr,
    struct reader *rd)
{
	struct cow_attr known;
	uint32_t mode;
	int r;

	pthread_rwlock_rdlock(&c->tree_lock);
	r = tree_attr(c, nodeid, &known);
	pthread_rwlock_unlock(&c->tree_lock);
	if (r < 0)
		return r;
	mode = known.mode;
	if (c->config.wal_link != NULL && nodeid - 1 == c->wal_entry)
		return -EPERM;
	if (set & COW_SET_SIZE && !S_ISREG(mode))
		return S_ISDIR(mode) ? -EISDIR : -EINVAL;
	if (S_ISREG(mode) && set & (COW_SET_SIZE | COW_SET_TIMES) &&
	    (r = set_file(c, nodeid, &set, attr, known.ctime, rd)) < 0)
		return r;
	if ((r = attr_record(c, nodeid, set, attr)) < 0)
		return r;
	return cow_getattr(c, nodeid, attr);
}
