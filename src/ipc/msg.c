/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sends frames, and cuts a stream of bytes into them.  Whether a message may
 * come now is its receiver's to say (src/supervisor/answer.c).
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ipc/msg.h"

_Static_assert(sizeof(struct msg_header) + MSG_BODY_MAX <= PIPE_BUF,
    "a frame has to fit an atomic pipe write");

int
msg_send(int fd, enum msg_type type, const void *body, size_t len)
{
	struct msg_header h = {
		.type = (uint16_t)type, .protocol = MSG_PROTOCOL, .len = (uint32_t)len
	};
	struct iovec iov[2] = {
		{ &h, sizeof(h) }, { (void *)(uintptr_t)body, len }
	};
	ssize_t n;

	if (len > MSG_BODY_MAX)
		return -EMSGSIZE;
	do
		n = writev(fd, iov, len > 0 ? 2 : 1);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int
msg_fill(int fd, struct msg_reader *r)
{
	ssize_t n;

	do
		n = read(fd, r->buf + r->have, sizeof(r->buf) - r->have);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	r->have += (size_t)n;
	return (int)n;
}

/* Drops the frame that the last msg_next() returned: its body was in place until now. */
static void
discard(struct msg_reader *r, size_t len)
{
	r->have -= len;
	memmove(r->buf, r->buf + len, r->have);
}

int
msg_next(struct msg_reader *r, struct msg_header *h, const unsigned char **body)
{
	if (r->taken > 0) {
		discard(r, r->taken);
		r->taken = 0;
	}
	if (r->have < sizeof(*h))
		return 0;
	memcpy(h, r->buf, sizeof(*h));
	if (h->protocol != MSG_PROTOCOL || h->len > MSG_BODY_MAX)
		return -EPROTO;
	if (r->have < sizeof(*h) + h->len)
		return 0;
	*body = r->buf + sizeof(*h);
	r->taken = sizeof(*h) + h->len;
	return 1;
}
