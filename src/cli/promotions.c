/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A row has the diff directory as its source, and no type of a file system.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ondisk.h"
#include "base/util.h"
#include "cli/contact.h"
#include "cli/promotions.h"
#include "promote/promotion.h"
#include "supervisor/binding.h"
#include "supervisor/lock.h"

int
promotions_add(struct mountinfo_list *list, const char *diff)
{
	struct mountinfo *m autofree = calloc(1, sizeof(*m));

	if (m == NULL)
		return -ENOMEM;
	m->uid = geteuid();
	strlcpy(m->source, diff, sizeof(m->source));
	return mountinfo_append(list, m);
}

bool
promotions_is(const struct mountinfo *m)
{
	return m->fstype[0] == '\0' && m->source[0] == '/';
}

static void
take_binding(int diff_fd, struct mountstate *l)
{
	struct binding b;

	if (binding_load(diff_fd, &b) == 0) {
		strlcpy(l->instance, b.instance, sizeof(l->instance));
		strlcpy(l->backup_id, b.backup_id, sizeof(l->backup_id));
	}
	binding_fini(&b);
}

/* Finds who is at work. */
static void
take_process(int diff_fd, struct mountstate *l)
{
	int fd autoclose = -1;
	struct stat st;

	if (fstat(diff_fd, &st) == 0 && (fd = lock_open(diff_fd, st.st_uid, O_RDONLY)) >= 0)
		l->worker = MAX(lock_holder(fd), 0);
}

void
promotions_look(const struct mountinfo *m, void (*report)(const struct mountstate *l))
{
	struct promotion *p autofree = calloc(1, sizeof(*p));
	int fd autoclose = contact_open_diff(m->source);
	static struct mountstate l;

	if (p == NULL || fd < 0 || promotion_load(fd, p) != 0)
		return;
	l.state = MOUNTSTATE_PROMOTING;
	l.can_be_taken_back = p->step == PROMOTION_BUILDING;
	if (strlcpy(l.mountpoint, p->place[0].path, sizeof(l.mountpoint)) >= sizeof(l.mountpoint))
		l.mountpoint[0] = '\0';
	take_binding(fd, &l);
	take_process(fd, &l);
	report(&l);
}
