/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "ipc/clone_config.h"
#include "pg/pgconf.h"
#include "probackup/archive.h"
#include "probackup/pgautoconf.h"
#include "probackup/tablespace.h"
#include "worker/clone.h"
#include "worker/cloneconf.h"
#include "worker/engine.h"
#include "worker/redirect.h"
#include "worker/relocate.h"
#include "worker/report.h"
#include "worker/settings.h"
#include "worker/walblank.h"

/*
 * All of this goes through the same engine as the changes of a server.  So the
 * next worker and the next mount find it like them, and a cleanup removes it.
 * A first mount that dies in the middle has no binding yet, and the next one
 * begins anew; a later one replaces one file by rename.
 */

#define AUTO_CONF	"postgresql.auto.conf"
#define AUTO_CONF_NEW	"postgresql.auto.conf.pbkfs"
#define RESTORE_COMMAND	"cp \"" ONDISK_INFODIR "/" ONDISK_ARCHIVEDIR "/%f\" \"%p\""

struct work {
	const struct job *job;
	const struct clone_config *p;
	const struct chain *chain;
	const struct control *backup;
	const char *id;
	unsigned version;		/* major, of the server */
	struct cow *cow;
	struct reader rd;
};

bool
clone_recovers(const struct clone_config *p, const struct control *backup)
{
	return !backup->stream || p->target->kind != RECOVERY_NONE || p->target->timeline != NULL ||
	    p->restore_command != NULL || p->replica;
}

static int
check_mappings(const struct job *job, const struct chain *c)
{
	char name[RELOCATE_NAME_MAX], error[CHAIN_ERROR_MAX];
	const char *dir;
	unsigned i;
	int rc;

	for (i = 0; i < job->clone->n_mappings; i++)
		if ((rc = relocate_find(job->clone, i, c, &dir, name, error)) < 0 &&
		    relocate_find_in_wal(job, i, c, name) < 0) {
			report_failed("%s", error);
			return rc;
		}
	return 0;
}

int
clone_check(const struct job *job, const struct chain *c)
{
	const struct control *backup = &c->member[0].control;
	char error[CHAIN_ERROR_MAX], warning[CHAIN_ERROR_MAX] = "";
	struct archive a;
	int rc;

	if (job->fresh && (rc = check_mappings(job, c)) < 0)
		return rc;
	/* A restore_command of the user's has another archive, which is not checked. */
	if (!job->fresh || !clone_recovers(job->clone, backup) ||
	    job->clone->restore_command != NULL)
		return 0;
	rc = archive_init(&a, job->store_fd, job->instance, c->xlog_seg_size,
	    (uint32_t)strtoul(backup->server_version, NULL, 10));
	if (rc == 0 && (rc = recovery_check(backup, &a, job->clone->target, error, warning)) < 0)
		report_failed("%s", error);
	if (rc == 0 && warning[0] != '\0')
		report_send(MSG_WARNING, warning, strlen(warning));
	return rc;
}

static void
add_user_settings(const struct clone_config *p, struct pgautoconf *a)
{
	char name[PGCONF_NAME_MAX];
	const char *equals;
	unsigned i;

	if (p->n_settings == 0)
		return;
	pgautoconf_comment(a, PGAUTOCONF_OF_USER);
	for (i = 0; i < p->n_settings; i++) {
		equals = strchr(p->setting[i], '=');
		snprintf(name, sizeof(name), "%.*s", (int)(equals - p->setting[i]), p->setting[i]);
		pgautoconf_set(a, name, equals + 1);
	}
}

static int
add_clone_settings(struct work *w, const struct cloneconf *c, struct pgautoconf *a)
{
	char line[128];
	int rc;

	snprintf(line, sizeof(line), PGAUTOCONF_OF_CLONE "%s", w->id);
	pgautoconf_comment(a, line);
	pgautoconf_set_clone(a, c->version, w->job->instance, w->id);
	if ((rc = rules_make(c, a)) < 0)
		return rc;
	preload_choose(c, a);
	return listen_choose(c, a);
}

static void
add_recovery_settings(const struct clone_config *p, struct pgautoconf *a)
{
	const struct pgautoconf_recovery recovery = {
		.target = p->target, .inclusive = p->inclusive, .action = p->action,
		.restore_command = p->restore_command != NULL ? p->restore_command : RESTORE_COMMAND,
		.standby = p->replica,
	};

	pgautoconf_comment(a, PGAUTOCONF_OF_RECOVERY);
	pgautoconf_set_recovery(a, &recovery);
}

static int
add_first_settings(struct work *w, const struct cloneconf *c, struct pgautoconf *a)
{
	int rc;

	if (!w->p->keep_settings && (rc = add_clone_settings(w, c, a)) < 0)
		return rc;
	if (clone_recovers(w->p, w->backup))
		add_recovery_settings(w->p, a);
	return 0;
}

/* Whether the server that starts next recovers as it would from an archive. */
static bool
will_recover(struct work *w)
{
	struct cow_attr attr;

	if (w->job->fresh)
		return clone_recovers(w->p, w->backup);
	return settings_find(w->cow, "recovery.signal", &attr) == 0 ||
	    settings_find(w->cow, "standby.signal", &attr) == 0;
}

static int
add_settings(struct work *w, struct settings *s, struct pgautoconf *a)
{
	const struct cloneconf c = {
		.job = w->job, .p = w->p, .cow = w->cow, .rd = &w->rd, .settings = s,
		.version = w->version,
	};
	int rc;

	if (w->job->fresh && (rc = add_first_settings(w, &c, a)) < 0)
		return rc;
	add_user_settings(w->p, a);
	if (will_recover(w))
		minima_raise(&c, a);
	return a->error;
}

static int
compose(struct work *w, struct pgautoconf *a)
{
	bool first = w->job->fresh, recovers = first && clone_recovers(w->p, w->backup);
	char *text autofree = NULL;
	struct settings *s;
	size_t len = 0;
	int rc;

	rc = settings_read(w->cow, AUTO_CONF, &w->rd, &text, &len);
	if (rc < 0 && rc != -ENOENT) {
		log_error("could not read \"" AUTO_CONF "\": %s",
		    rc == -EFBIG ? "it is too large" : strerror(-rc));
		return rc;
	}
	pgautoconf_base(a, text != NULL ? text : "", len,
	    first && (recovers || !w->p->keep_settings));
	if ((s = settings_new(w->cow, &w->rd)) == NULL)
		return -ENOMEM;
	rc = add_settings(w, s, a);
	settings_free(s);
	return rc;
}

static int
write_settings(struct work *w)
{
	const struct cloneconf c = { .job = w->job, .p = w->p, .cow = w->cow, .rd = &w->rd };
	struct pgautoconf a = { 0 };
	int rc;

	if ((rc = compose(w, &a)) == 0 &&
	    (rc = cloneconf_make_file(&c, AUTO_CONF_NEW, a.text, a.len)) == 0)
		rc = cow_rename(w->cow, 0, COW_ROOT, AUTO_CONF_NEW, COW_ROOT, AUTO_CONF, 0);
	free(a.text);
	return rc;
}

static bool
changes_settings(const struct work *w)
{
	return w->p->n_settings > 0 || (w->job->fresh &&
	    (!w->p->keep_settings || clone_recovers(w->p, w->backup)));
}

static int
hide_externals(struct work *w)
{
	int rc = cow_hide(w->cow, COW_ROOT, ONDISK_EXTERNAL);

	return rc == -ENOENT ? 0 : rc;
}

/* Puts the link to the real copy in the place of what the mount would serve. */
static int
map_one(struct work *w, unsigned i)
{
	char name[RELOCATE_NAME_MAX], error[CHAIN_ERROR_MAX];
	struct cow_attr attr;
	const char *dir;
	int rc;

	if (relocate_find(w->p, i, w->chain, &dir, name, error) == -ENOENT &&
	    relocate_find_in_wal(w->job, i, w->chain, name) == 0)
		return redirect_map(w->cow, w->job, name, w->p->mapping[i].to);
	if ((rc = relocate_find(w->p, i, w->chain, &dir, name, error)) < 0 ||
	    (rc = settings_find(w->cow, dir, &attr)) < 0)
		return rc == -ENOENT ? 0 : rc;
	if ((rc = cow_hide(w->cow, attr.nodeid, name)) < 0)
		return rc == -ENOENT ? 0 : rc;
	if (w->p->mapping[i].external)
		return 0;
	if ((rc = settings_find(w->cow, TABLESPACE_DIR, &attr)) < 0 ||
	    (rc = cow_remove(w->cow, 0, attr.nodeid, name, false)) < 0)
		return rc;
	return cow_create(w->cow, 0, attr.nodeid, name, S_IFLNK | 0777, w->job->uid, w->job->gid,
	    w->p->mapping[i].to, &attr);
}

/* Does everything that is decided once. */
static int
first_mount(struct work *w)
{
	const struct cloneconf c = { .job = w->job, .p = w->p, .cow = w->cow, .rd = &w->rd };
	unsigned i;
	int rc = 0;

	if (clone_recovers(w->p, w->backup))
		rc = cloneconf_make_file(&c, w->p->replica ? "standby.signal" : "recovery.signal", NULL, 0);
	if (rc == 0 && w->p->skip_external)
		rc = hide_externals(w);
	for (i = 0; i < w->p->n_mappings && rc == 0; i++)
		rc = map_one(w, i);
	return rc;
}

/* Reports the server's time zone, for who asked for a time. */
static void
report_zone(const struct work *w, const struct settings *s)
{
	const char *zone = settings_get(s, "timezone");

	if (!w->job->fresh || w->p->target->kind != RECOVERY_TIME)
		return;
	log_info("recovery target time \"%s\" is %s", w->p->target->value, w->p->target->written);
	if (zone != NULL && zone[0] != '\0')
		report_send(MSG_ZONE, zone, MIN(strlen(zone), (size_t)MSG_ZONE_MAX));
}

/* Warns of tablespaces that go where production has them all the same. */
static void
warn_locations(const struct work *w)
{
	static const char keep[] = "tablespaces that are made while the server recovers or runs go"
	    " where WAL or the server says, also to production's: --keep-settings asks for that";
	static const char command[] = "WAL that --restore-command brings is not looked into: where it"
	    " makes a tablespace, the server goes to the directory that production named, and makes"
	    " it private, before the mount keeps what comes";

	if (w->p->keep_settings)
		report_send(MSG_WARNING, keep, strlen(keep));
	else if (w->p->restore_command != NULL)
		report_send(MSG_WARNING, command, strlen(command));
}

static int
work(struct work *w)
{
	struct cloneconf c = {
		.job = w->job, .p = w->p, .cow = w->cow, .rd = &w->rd, .version = w->version,
	};
	struct settings *s;
	int rc;

	if ((changes_settings(w) && (rc = write_settings(w)) < 0) ||
	    (w->job->fresh && (rc = first_mount(w)) < 0) ||
	    (w->job->fresh && (rc = walblank_directory(w->cow, w->job, &w->rd)) < 0) ||
	    (rc = cow_flush(w->cow)) < 0)
		return rc;
	if ((s = settings_new(w->cow, &w->rd)) == NULL)
		return -ENOMEM;
	c.settings = s;
	listen_advise(&c);
	if (w->job->fresh) {	/* later it is the server's or the user's choice */
		warn_locations(w);
		if (w->p->keep_settings)
			preload_choose(&c, NULL);
		settings_warn(s, w->p, w->version);
		report_zone(w, s);
	}
	settings_free(s);
	return 0;
}

int
clone_make(const struct job *job, const struct chain *c)
{
	static struct iostats stats;
	struct work w = {
		.job = job, .p = job->clone, .chain = c, .backup = &c->member[0].control,
		.id = c->member[0].id,
		.version = (unsigned)strtoul(c->member[0].control.server_version, NULL, 10),
	};
	struct cow_config config;
	int rc;

	if (!job->fresh && w.p->n_settings == 0)
		return 0;
	engine_config(job, &config);
	config.first = true;
	config.reserve = 0;
	if ((rc = reader_init(&w.rd, &stats)) < 0)
		return rc;
	if ((rc = cow_open(&config, &w.cow)) == 0) {
		if ((rc = work(&w)) < 0)
			log_error("could not write the settings of the clone: %s", strerror(-rc));
		cow_close(w.cow);
	}
	reader_fini(&w.rd);
	return rc;
}
