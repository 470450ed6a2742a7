/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The helpers that rules.c, preload.c, listen.c and minima.c share: making a
 * file, and looking up a setting.
 */
#include "config.h"

#include <errno.h>
#include <sys/stat.h>

#include "worker/cloneconf.h"

int
cloneconf_make_file(const struct cloneconf *c, const char *name, const char *text, size_t len)
{
	struct cow_attr attr;
	int rc;

	if ((rc = cow_remove(c->cow, 0, COW_ROOT, name, false)) < 0 && rc != -ENOENT)
		return rc;
	rc = cow_create(c->cow, 0, COW_ROOT, name, S_IFREG | 0600, c->job->uid, c->job->gid, NULL,
	    &attr);
	return rc == 0 && len > 0 ? cow_write(c->cow, attr.nodeid, 0, len, text, c->rd) : rc;
}

const char *
cloneconf_value(const struct cloneconf *c, const char *name)
{
	const char *chosen = settings_chosen(c->p, name);

	return chosen != NULL ? chosen : settings_get(c->settings, name);
}
