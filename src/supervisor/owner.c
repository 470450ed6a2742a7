/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Root may act for anybody, by default for whom the diff directory belongs to; everybody else acts
 * for himself.
 */
#include "config.h"

#include <pwd.h>
#include <unistd.h>

#include "supervisor/identity.h"
#include "supervisor/owner.h"
#include "supervisor/state.h"
#include "supervisor/username.h"

static gid_t
group_of(uid_t uid, gid_t otherwise)
{
	const struct passwd *pw = getpwuid(uid);

	return pw != NULL ? pw->pw_gid : otherwise;
}

int
owner_choose(struct supervisor *s)
{
	const struct diffdir *d = &s->claim.dir;
	struct owner *o = &s->owner;

	if (!identity_is_root()) {
		o->uid = geteuid();
		o->gid = getegid();
	} else if (s->config->owner_given) {
		o->uid = s->config->uid;
		o->gid = s->config->gid;
	} else {
		o->uid = d->uid;
		o->gid = group_of(d->uid, d->gid);
	}
	return 0;
}

int
owner_assume(struct supervisor *s)
{
	char name[USERNAME_MAX];

	if (identity_assume(s->owner.uid, s->owner.gid) != 0)
		return state_fail(s, "could not act as user %s", username_of(s->owner.uid, name));
	return 0;
}
