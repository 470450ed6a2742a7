/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lets those who decide at a first mount decide without one.  clone.c is who asks them
 * at a mount, in the same order.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "worker/cloneconf.h"
#include "worker/copyout.h"
#include "worker/foresee.h"
#include "worker/report.h"

int
foresee_settings(const struct store *store, const struct clone_config *p, unsigned server_version,
    bool recovers, struct reader *rd, void (*tell)(enum msg_type type, const char *text), struct pgautoconf *a)
{
	struct settings *s = settings_new_stored(store, rd);
	const struct cloneconf c = { .p = p, .rd = rd, .settings = s, .version = server_version };
	bool all;

	if (s == NULL)
		return -ENOMEM;
	report_set_sink(tell);
	all = preload_choose(&c, p->keep_settings ? NULL : a);
	if (recovers)
		minima_raise(&c, a);
	report_set_sink(NULL);
	settings_free(s);
	return a->error != 0 || all ? a->error : 1;
}

uint64_t
foresee_wal(const struct index *ix)
{
	uint32_t wal = index_child(ix, INDEX_ROOT, "pg_wal", strlen("pg_wal"));

	return wal == INDEX_NONE || (ix->entries[wal].flags & INDEX_DIR) == 0 ? 0 : copyout_size(ix, wal);
}
