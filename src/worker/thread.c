/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Remembers the serving thread for its handlers, which libfuse calls without
 * one.  It starts no threads: serve.c does.
 */
#include "config.h"

#include "worker/thread.h"

static _Thread_local struct thread *self;

void
thread_enter(struct thread *t)
{
	self = t;
}

struct thread *
thread_self(void)
{
	return self;
}
