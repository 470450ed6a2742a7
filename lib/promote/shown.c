/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A listing is taken up anew for each name, since no name may change while it is open.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "promote/promote.h"
#include "promote/shown.h"

int
shown_next(struct cow *c, uint64_t dir, uint64_t *cookie, struct shown *e)
{
	struct cow_dirent d;
	struct cow_list l;
	int rc;

	if ((rc = cow_list_begin(&l, c, dir, *cookie)) < 0)
		return rc;
	do
		rc = cow_list_next(&l, &d);
	while (rc > 0 && (strcmp(d.name, ".") == 0 || strcmp(d.name, "..") == 0));
	if (rc > 0 && d.len > COW_NAME_MAX)
		rc = -EUCLEAN;
	if (rc > 0) {
		*cookie = d.cookie;
		memcpy(e->name, d.name, d.len);
		e->name[d.len] = '\0';
		e->attr.nodeid = d.nodeid;
	}
	cow_list_end(&l);
	if (rc > 0 && (rc = cow_getattr(c, e->attr.nodeid, &e->attr)) == 0)
		rc = 1;
	return rc;
}

int
shown_find(struct cow *c, const char *shown, struct cow_attr *attr)
{
	const char *slash = strchr(shown, '/');
	char first[PROMOTE_SHOWN_MAX];
	int rc;

	if (shown[0] == '\0')
		return cow_getattr(c, COW_ROOT, attr);
	if (slash == NULL)
		return cow_find(c, COW_ROOT, shown, attr);
	snprintf(first, sizeof(first), "%.*s", (int)(slash - shown), shown);
	return (rc = cow_find(c, COW_ROOT, first, attr)) < 0 ? rc : cow_find(c, attr->nodeid, slash + 1, attr);
}
