/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Encodes replies and sends them.  It decides nothing of their content, but for
 * one thing: EUCLEAN becomes EIO.
 */
#include "config.h"

#include <errno.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "worker/infodir.h"
#include "worker/reply.h"

/* The mount is the only one that changes files: what the kernel knows stays true. */
#define FOREVER		(365u * 86400u)	/* seconds */
#define BLOCK_SIZE	8192u
#define NS_PER_SECOND	1000000000

/* --- sending --- */

/* Keeps a short reply where the next worker finds it. */
static void
save(struct shared_slot *slot, const struct fuse_out_header *h, const void *body)
{
	if (h->len > SHARED_REPLY_MAX)
		return;
	memcpy(slot->reply, h, sizeof(*h));
	if (h->len > sizeof(*h))
		memcpy(slot->reply + sizeof(*h), body, h->len - sizeof(*h));
	atomic_store_explicit(&slot->reply_len, h->len, memory_order_release);
}

/* body has len bytes, 0 with an error; it is only read. */
static void
answer(struct thread *t, int errnum, const void *body, size_t len)
{
	struct fuse_out_header h = {
		.len = (uint32_t)(sizeof(h) + len), .error = -errnum, .unique = t->request.header->unique,
	};
	struct iovec iov[2] = {
		{ &h, sizeof(h) }, { .iov_base = (void *)(uintptr_t)body, .iov_len = len },
	};

	t->request.answered = true;
	t->request.failed = errnum != 0;
	if (t->request.save_reply)
		save(t->slot, &h, body);
	/* ENOENT: whoever asked does not wait any more.  ENODEV: nor does anybody. */
	if (writev(t->serve->job->fuse_fd, iov, len > 0 ? 2 : 1) >= 0 || errno == ENOENT ||
	    errno == ENODEV)
		return;
	log_error("could not reply to request %llu (operation %u, error %d, %zu bytes): %s",
	    (unsigned long long)h.unique, t->request.header->opcode, errnum, len, strerror(errno));
	if (len > 0)
		answer(t, EIO, NULL, 0);
}

void
reply_without_handler(struct thread *t, int errnum)
{
	answer(t, errnum, NULL, 0);
}

bool
reply_repeat(struct thread *t)
{
	const struct fuse_out_header *h = (const void *)t->slot->reply;
	uint32_t saved = atomic_load(&t->slot->reply_len);

	if (saved < sizeof(*h) || saved > SHARED_REPLY_MAX || h->len != saved ||
	    h->unique != t->request.header->unique)
		return false;
	if (write(t->serve->job->fuse_fd, h, saved) < 0 && errno != ENOENT)
		log_warn("could not repeat a reply: %s", strerror(errno));
	return true;
}

static void
finish(fuse_req_t req, int errnum, const void *body, size_t len)
{
	answer(thread_self(), errnum, body, len);
	fuse_reply_none(req);
}

/* --- encoding --- */

static uint64_t
seconds_of(int64_t ns)
{
	return (uint64_t)(ns / NS_PER_SECOND - (ns % NS_PER_SECOND < 0));
}

static uint32_t
rest_of(int64_t ns)
{
	return (uint32_t)(ns % NS_PER_SECOND + (ns % NS_PER_SECOND < 0 ? NS_PER_SECOND : 0));
}

/* Returns the number that stat(2) shows. */
static uint64_t
inode_of(uint64_t nodeid)
{
	return infodir_is(nodeid) ? infodir_inode(nodeid) : nodeid;
}

static struct fuse_attr
encode_attr(const struct cow_attr *a)
{
	return (struct fuse_attr){
		.ino = inode_of(a->nodeid), .size = a->size, .blocks = a->size / 512 + (a->size % 512 != 0),
		.atime = seconds_of(a->atime), .atimensec = rest_of(a->atime),
		.mtime = seconds_of(a->mtime), .mtimensec = rest_of(a->mtime),
		.ctime = seconds_of(a->ctime), .ctimensec = rest_of(a->ctime),
		.mode = a->mode, .nlink = a->nlink, .uid = a->uid, .gid = a->gid,
		.blksize = BLOCK_SIZE,
	};
}

/* Seconds for which the kernel may believe a name that leads to nodeid, and its attributes. */
static void
timeouts(uint64_t nodeid, uint64_t *entry, uint64_t *attr)
{
	*entry = *attr = FOREVER;
	if (infodir_is(nodeid))
		infodir_timeouts(nodeid, entry, attr);
}

static struct fuse_entry_out
encode_entry(const struct cow_attr *a)
{
	struct fuse_entry_out e = { .nodeid = a->nodeid, .attr = encode_attr(a) };
	uint64_t entry, attr;

	timeouts(a->nodeid, &entry, &attr);
	e.entry_valid = entry;
	e.attr_valid = attr;
	return e;
}

size_t
reply_add_entry(void *buf, size_t room, const struct cow_dirent *d, bool plus,
    const struct cow_attr *attr)
{
	struct fuse_entry_out e = { 0 };
	struct fuse_dirent dirent = {
		.ino = inode_of(d->nodeid), .off = d->cookie, .namelen = (uint32_t)d->len,
		.type = (d->mode & S_IFMT) >> 12,
	};
	size_t entry = plus ? sizeof(e) : 0;
	size_t used = entry + FUSE_NAME_OFFSET + d->len, n = FUSE_DIRENT_ALIGN(used);
	unsigned char *at = buf;

	if (n > room)
		return 0;
	if (plus && attr != NULL)
		e = encode_entry(attr);
	memcpy(at, &e, entry);
	memcpy(at + entry, &dirent, FUSE_NAME_OFFSET);
	memcpy(at + entry + FUSE_NAME_OFFSET, d->name, d->len);
	memset(at + used, 0, n - used);
	return n;
}

/* --- what handlers end with --- */

void
reply_error(fuse_req_t req, int rc)
{
	finish(req, rc == -EUCLEAN ? EIO : -rc, NULL, 0);
}

void
reply_entry(fuse_req_t req, int rc, const struct cow_attr *a)
{
	struct fuse_entry_out e;

	if (rc < 0) {
		reply_error(req, rc);
		return;
	}
	e = encode_entry(a);
	finish(req, 0, &e, sizeof(e));
}

void
reply_no_entry(fuse_req_t req)
{
	struct fuse_entry_out e = { .entry_valid = FOREVER };

	finish(req, 0, &e, sizeof(e));
}

void
reply_attr(fuse_req_t req, int rc, const struct cow_attr *a)
{
	struct fuse_attr_out out;
	uint64_t entry, attr;

	if (rc < 0) {
		reply_error(req, rc);
		return;
	}
	timeouts(a->nodeid, &entry, &attr);
	out = (struct fuse_attr_out){ .attr_valid = attr, .attr = encode_attr(a) };
	finish(req, 0, &out, sizeof(out));
}

void
reply_data(fuse_req_t req, const void *data, size_t len)
{
	finish(req, 0, data, len);
}

void
reply_written(fuse_req_t req, size_t size)
{
	struct fuse_write_out out = { .size = (uint32_t)size };

	finish(req, 0, &out, sizeof(out));
}

void
reply_statfs(fuse_req_t req, const struct statvfs *st)
{
	struct fuse_statfs_out out = { .st = {
		.blocks = st->f_blocks, .bfree = st->f_bfree, .bavail = st->f_bavail,
		.files = st->f_files, .ffree = st->f_ffree, .bsize = (uint32_t)st->f_bsize,
		.namelen = (uint32_t)st->f_namemax, .frsize = (uint32_t)st->f_frsize,
	} };

	finish(req, 0, &out, sizeof(out));
}

void
reply_none(fuse_req_t req)
{
	fuse_reply_none(req);
}
