/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The session of libfuse, which decodes requests and calls their handlers.
 */
#ifndef WORKER_SESSION_H
#define WORKER_SESSION_H

#include "worker/thread.h"

/* The handlers: one for each operation that loop.c has marked as SERVED, CHANGES or SILENT. */
extern const struct fuse_lowlevel_ops session_handlers;

/*
 * Makes s->session, and libfuse believe that the kernel has just said FUSE_INIT.  Once,
 * before the threads serve.  Returns 0 or negative errno.
 */
int	session_init(struct serve *s);

#endif
