/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes the session of libfuse: its table of handlers, its log, and a descriptor to
 * write to where nobody hears it.  It receives nothing and answers nothing: loop.c
 * and the handlers do.
 */
#include "config.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "worker/op.h"
#include "worker/session.h"

const struct fuse_lowlevel_ops session_handlers = {
	.lookup		= op_lookup,
	.forget		= op_forget,
	.forget_multi	= op_forget_multi,
	.getattr	= op_getattr,
	.setattr	= op_setattr,
	.readlink	= op_readlink,
	.mknod		= op_mknod,
	.mkdir		= op_mkdir,
	.unlink		= op_unlink,
	.rmdir		= op_rmdir,
	.symlink	= op_symlink,
	.rename		= op_rename,
	.link		= op_link,
	.read		= op_read,
	.write		= op_write,
	.fsync		= op_fsync,
	.fsyncdir	= op_fsyncdir,
	.readdir	= op_readdir,
	.readdirplus	= op_readdirplus,
	.statfs		= op_statfs,
	.fallocate	= op_fallocate,
};

static void quiet_log(enum fuse_log_level, const char *, va_list)
    __attribute__((format(printf, 2, 0)));

static void
quiet_log(enum fuse_log_level level, const char *fmt, va_list ap)
{
	char text[256];

	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	if (level <= FUSE_LOG_ERR)
		log_error("libfuse: %s", text);
	else
		log_debug("libfuse: %s", text);
}

int
session_init(struct serve *s)
{
	char name[] = "pbkfs", *argv[] = { name, NULL }, place[32];
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct shared *shared = s->job->shared;
	union {
		struct fuse_in_header h;
		unsigned char bytes[SHARED_INIT_MAX];
	} init;
	struct fuse_buf buf = { .mem = &init };

	if (shared->init_len < sizeof(init.h) || shared->init_len > sizeof(init))
		return -EPROTO;
	fuse_set_log_func(quiet_log);
	s->session = fuse_session_new(&args, &session_handlers, sizeof(session_handlers), s);
	fuse_opt_free_args(&args);
	/* This name lets a session adopt a descriptor; nothing is mounted, and never unmounted by it. */
	snprintf(place, sizeof(place), "/dev/fd/%d", s->null_fd);
	if (s->session == NULL || fuse_session_mount(s->session, place) != 0)
		return -EIO;
	memcpy(init.bytes, shared->init, shared->init_len);
	init.h.len = shared->init_len;
	buf.size = shared->init_len;
	fuse_session_process_buf(s->session, &buf);
	return fuse_session_exited(s->session) ? -EPROTO : 0;
}
