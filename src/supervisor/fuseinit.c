/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/fuseinit.h"

#define FUSEINIT_MINOR_MIN	28		/* max_pages: Linux 4.20 */
#define FUSEINIT_MAX_WRITE	(1u << 20)
#define FUSEINIT_MAX_PAGES	256		/* of 4 KiB: FUSEINIT_MAX_WRITE */
#define FUSEINIT_WAIT_MS	10000
#define FUSEINIT_REQUEST_MAX 16384		/* the kernel wants at least 8192 */

/*
 * We take these if the kernel offers them.  Not ATOMIC_O_TRUNC (the truncation
 * would vanish, as OPEN is answered with ENOSYS), not POSIX_LOCKS and
 * FLOCK_LOCKS (the kernel's own locks outlive a worker), not AUTO_INVAL_DATA
 * (nothing changes behind the mount), not EXPORT_SUPPORT.
 */
#define FUSEINIT_FLAGS \
	(FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO | \
	 FUSE_ASYNC_DIO | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS | \
	 FUSE_ABORT_ERROR)

struct request {
	struct fuse_in_header header;
	struct fuse_init_in init;
};

/* The request of kernels before 7.36 ends before flags2. */
#define REQUEST_MIN	(sizeof(struct fuse_in_header) + 16)

int
fuseinit_decide(const void *request, size_t len, enum cache_mode cache,
    struct fuse_init_out *out, char *error)
{
	struct request r = { 0 };
	uint32_t wanted = FUSEINIT_FLAGS;

	memcpy(&r, request, MIN(len, sizeof(r)));
	if (len < REQUEST_MIN || r.header.opcode != FUSE_INIT || r.header.len != len) {
		snprintf(error, FUSEINIT_ERROR_MAX, "the kernel did not begin with FUSE_INIT");
		return -EPROTO;
	}
	if (r.init.major != FUSE_KERNEL_VERSION || r.init.minor < FUSEINIT_MINOR_MIN ||
	    (r.init.flags & FUSE_MAX_PAGES) == 0) {
		snprintf(error, FUSEINIT_ERROR_MAX, "this kernel supports FUSE %u.%u;"
		    " pbkfs needs 7.%d (max_pages), that is Linux 4.20",
		    r.init.major, r.init.minor, FUSEINIT_MINOR_MIN);
		return -EOPNOTSUPP;
	}
	if (cache == CACHE_WRITEBACK)
		wanted |= FUSE_WRITEBACK_CACHE;
	*out = (struct fuse_init_out){
		.major = FUSE_KERNEL_VERSION,
		.minor = MIN(r.init.minor, (uint32_t)FUSE_KERNEL_MINOR_VERSION),
		.max_readahead = r.init.max_readahead,
		.flags = r.init.flags & wanted,
		.max_background = 64,
		.congestion_threshold = 48,
		.max_write = FUSEINIT_MAX_WRITE,
		.time_gran = 1,
		.max_pages = FUSEINIT_MAX_PAGES,
	};
	return 0;
}

static ssize_t
read_request(int fuse_fd, void *request, size_t size)
{
	struct pollfd p = { .fd = fuse_fd, .events = POLLIN };
	ssize_t n;
	int rc;

	do
		rc = poll(&p, 1, FUSEINIT_WAIT_MS);
	while (rc < 0 && errno == EINTR);
	if (rc <= 0)
		return rc == 0 ? -ETIMEDOUT : -errno;
	do
		n = read(fuse_fd, request, size);
	while (n < 0 && (errno == EINTR || errno == EAGAIN));
	return n < 0 ? -errno : n;
}

static int
send_answer(int fuse_fd, uint64_t unique, struct fuse_init_out *out)
{
	struct fuse_out_header header = {
		.len = sizeof(header) + sizeof(*out), .unique = unique
	};
	struct iovec iov[2] = { { &header, sizeof(header) }, { out, sizeof(*out) } };

	return writev(fuse_fd, iov, 2) < 0 ? -errno : 0;
}

int
fuseinit_answer(int fuse_fd, enum cache_mode cache, struct shared *shared, char *error)
{
	char request[FUSEINIT_REQUEST_MAX] __attribute__((aligned(8)));
	const struct fuse_in_header *header = (const void *)request;
	struct fuse_init_out out;
	ssize_t n;
	int rc;

	if ((n = read_request(fuse_fd, request, sizeof(request))) < 0) {
		snprintf(error, FUSEINIT_ERROR_MAX, "could not read FUSE_INIT: %s", strerror((int)-n));
		return (int)n;
	}
	if ((rc = fuseinit_decide(request, (size_t)n, cache, &out, error)) != 0)
		return rc;
	if ((size_t)n > SHARED_INIT_MAX) {
		snprintf(error, FUSEINIT_ERROR_MAX, "FUSE_INIT has %zd bytes, expected at most %d",
		    n, SHARED_INIT_MAX);
		return -EPROTO;
	}
	memcpy(shared->init, request, (size_t)n);
	shared->init_len = (uint32_t)n;
	if ((rc = send_answer(fuse_fd, header->unique, &out)) != 0) {
		snprintf(error, FUSEINIT_ERROR_MAX, "could not answer FUSE_INIT: %s", strerror(-rc));
		return rc;
	}
	atomic_store(&shared->started, 1);
	return 0;
}
