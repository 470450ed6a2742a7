/*
 * The few things that every room does with the state; what it consists of belongs to the rooms.
 */
#include "config.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/log.h"
#include "supervisor/state.h"

void
state_fail(struct supervisor *s, const char *fmt, ...)
{
	va_list ap;

	s->done = true;
	if (s->failed)
		return;
	s->failed = true;
	s->status = 1;
	va_start(ap, fmt);
	vsnprintf(s->error, sizeof(s->error), fmt, ap);
	va_end(ap);
	log_error("%s", s->error);
}

void
state_infodir_changed(struct supervisor *s)
{
	if (s->shared != NULL)
		atomic_fetch_add(&s->shared->infodir_version, 1);
	s->infodir_due = 0;
}
