/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The libraries that are known, and lists of names as a server reads them.
 * Which of a cluster's libraries stay is decided in src/worker/preload.c.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/util.h"
#include "pg/library.h"

static const struct {
	const char *name;
	enum library_kind kind;
} known[] = {
	/* storage, types, replay of WAL */
	{ "age", LIBRARY_NEEDED }, { "babelfishpg_tds", LIBRARY_NEEDED },
	{ "citus", LIBRARY_NEEDED }, { "citus_columnar", LIBRARY_NEEDED },
	{ "orioledb", LIBRARY_NEEDED }, { "pg_documentdb", LIBRARY_NEEDED },
	{ "pg_documentdb_core", LIBRARY_NEEDED }, { "pg_ivm", LIBRARY_NEEDED },
	{ "pg_pathman", LIBRARY_NEEDED }, { "pg_search", LIBRARY_NEEDED },
	{ "pg_tde", LIBRARY_NEEDED }, { "pgsodium", LIBRARY_NEEDED },
	{ "shared_ispell", LIBRARY_NEEDED }, { "timescaledb", LIBRARY_NEEDED },
	{ "vchord", LIBRARY_NEEDED }, { "vectors", LIBRARY_NEEDED },
	/* rights */
	{ "anon", LIBRARY_NEEDED }, { "auth_delay", LIBRARY_NEEDED },
	{ "credcheck", LIBRARY_NEEDED }, { "passwordcheck", LIBRARY_NEEDED },
	{ "pg_tle", LIBRARY_NEEDED }, { "pgextwlist", LIBRARY_NEEDED },
	{ "sepgsql", LIBRARY_NEEDED }, { "set_user", LIBRARY_NEEDED },
	{ "supautils", LIBRARY_NEEDED },
	/* observers and helpers */
	{ "aqo", LIBRARY_WATCHES }, { "auto_explain", LIBRARY_WATCHES },
	{ "basic_archive", LIBRARY_WATCHES }, { "hypopg", LIBRARY_WATCHES },
	{ "logerrors", LIBRARY_WATCHES }, { "online_analyze", LIBRARY_WATCHES },
	{ "pg_hint_plan", LIBRARY_WATCHES }, { "pg_overexplain", LIBRARY_WATCHES },
	{ "pg_prewarm", LIBRARY_WATCHES }, { "pg_qualstats", LIBRARY_WATCHES },
	{ "pg_query_state", LIBRARY_WATCHES }, { "pg_show_plans", LIBRARY_WATCHES },
	{ "pg_stat_kcache", LIBRARY_WATCHES }, { "pg_stat_monitor", LIBRARY_WATCHES },
	{ "pg_stat_statements", LIBRARY_WATCHES }, { "pg_store_plans", LIBRARY_WATCHES },
	{ "pg_wait_sampling", LIBRARY_WATCHES }, { "pgaudit", LIBRARY_WATCHES },
	{ "pgauditlogtofile", LIBRARY_WATCHES }, { "pgpro_stats", LIBRARY_WATCHES },
	{ "pgsentinel", LIBRARY_WATCHES }, { "plantuner", LIBRARY_WATCHES },
	{ "plpgsql", LIBRARY_WATCHES }, { "plpgsql_check", LIBRARY_WATCHES },
	{ "plprofiler", LIBRARY_WATCHES }, { "plugin_debugger", LIBRARY_WATCHES },
	{ "ptrack", LIBRARY_WATCHES }, { "repmgr", LIBRARY_WATCHES },
	/* schedulers, replication, senders */
	{ "bdr", LIBRARY_ACTS }, { "bg_mon", LIBRARY_ACTS }, { "bgw_replstatus", LIBRARY_ACTS },
	{ "multimaster", LIBRARY_ACTS }, { "pg_cron", LIBRARY_ACTS },
	{ "pg_failover_slots", LIBRARY_ACTS }, { "pg_later", LIBRARY_ACTS },
	{ "pg_net", LIBRARY_ACTS }, { "pg_partman_bgw", LIBRARY_ACTS },
	{ "pg_squeeze", LIBRARY_ACTS }, { "pg_statsinfo", LIBRARY_ACTS },
	{ "pg_task", LIBRARY_ACTS }, { "pgautofailover", LIBRARY_ACTS },
	{ "pglogical", LIBRARY_ACTS }, { "pglogical_ticker", LIBRARY_ACTS },
	{ "pgmemcache", LIBRARY_ACTS }, { "pgpro_scheduler", LIBRARY_ACTS },
	{ "powa", LIBRARY_ACTS }, { "spock", LIBRARY_ACTS }, { "worker_spi", LIBRARY_ACTS },
};

static const char *
skip_blanks(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

/* Copies a quoted name, p being behind the first quote; returns what follows, or NULL. */
static const char *
read_quoted(const char *p, char *name)
{
	size_t n = 0;

	for (; *p != '"' || p[1] == '"'; p++) {
		if (*p == '\0' || n + 1 >= LIBRARY_NAME_MAX)
			return NULL;
		p += *p == '"';
		name[n++] = *p;
	}
	name[n] = '\0';
	return p + 1;
}

static const char *
read_plain(const char *p, char *name)
{
	size_t n = strcspn(p, ","), i;

	for (i = n; i > 0 && isspace((unsigned char)p[i - 1]); i--)
		;
	if (i == 0 || i >= LIBRARY_NAME_MAX)
		return NULL;
	memcpy(name, p, i);
	name[i] = '\0';
	return p + n;
}

int
library_next(const char **list, char name[LIBRARY_NAME_MAX])
{
	const char *p = skip_blanks(*list);

	if (*p == '\0')
		return 0;
	if ((p = *p == '"' ? read_quoted(p + 1, name) : read_plain(p, name)) == NULL)
		return -EINVAL;
	p = skip_blanks(p);
	if (*p == ',') {
		if (*skip_blanks(++p) == '\0')
			return -EINVAL;
	} else if (*p != '\0')
		return -EINVAL;
	*list = p;
	return 1;
}

int
library_append(char *buf, size_t size, const char *name)
{
	bool quoted = strpbrk(name, ",\" \t\n") != NULL;
	size_t n = strlen(buf), i;

	if (n + 2 * strlen(name) + sizeof(", \"\"") > size)
		return -ENAMETOOLONG;
	if (n > 0) {
		buf[n++] = ',';
		buf[n++] = ' ';
	}
	if (quoted)
		buf[n++] = '"';
	for (i = 0; name[i] != '\0'; i++) {
		if (name[i] == '"')
			buf[n++] = '"';
		buf[n++] = name[i];
	}
	if (quoted)
		buf[n++] = '"';
	buf[n] = '\0';
	return 0;
}

enum library_kind
library_kind(const char *name)
{
	const char *slash = strrchr(name, '/');
	size_t len, i;

	if (slash != NULL)
		name = slash + 1;
	len = strlen(name);
	if (len > 3 && strcmp(name + len - 3, ".so") == 0)
		len -= 3;
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (strncmp(known[i].name, name, len) == 0 && known[i].name[len] == '\0')
			return known[i].kind;
	return LIBRARY_UNKNOWN;
}
