/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words the failure that ends a restore.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>

#include "restore/restore_impl.h"

int
restore_fail(struct restore *r, int rc, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&r->lock);
	if (atomic_load(&r->failed) == 0) {
		va_start(ap, fmt);
		if (vsnprintf(r->error, sizeof(r->error), fmt, ap) < 0)
			r->error[0] = '\0';
		va_end(ap);
		atomic_store(&r->failed, rc);
	}
	pthread_mutex_unlock(&r->lock);
	return rc;
}
