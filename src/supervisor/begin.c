/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order of these steps is the point: nothing is made before it is known for whom, nothing in
 * the diff directory counts before it is locked, and the log begins before there is more to tell.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "sandbox/sandbox.h"
#include "supervisor/begin.h"
#include "supervisor/identity.h"
#include "supervisor/logfile.h"
#include "supervisor/mapping.h"
#include "supervisor/notify.h"
#include "supervisor/paths.h"
#include "supervisor/readsearch.h"

static int
check_overlap(struct supervisor *s)
{
	const struct paths_named paths[] = {
		{ "store", s->source.store }, { "mountpoint", s->config->mnt },
		{ "diff directory", s->config->diff },
	};
	char error[2 * PATH_MAX + 128];

	if (paths_check_overlap(paths, ARRAY_SIZE(paths), error, sizeof(error)) != 0)
		return state_fail(s, "%s", error);
	return 0;
}

static int
start_log(struct supervisor *s)
{
	const struct supervisor_config *c = s->config;
	struct logstore file = {
		.fd = c->log_fd, .dir_fd = c->log_dir_fd, .name = c->log_name, .as_caller = true,
		.limit = c->log_limit != 0 ? c->log_limit : LOGSTORE_LIMIT,
	};
	int rc;

	if (diffdir_make_infodir(&s->claim.dir) != 0)
		return state_fail(s, "could not use \"%s/%s\": it is not a directory of the owner's",
		    c->diff, ONDISK_INFODIR);
	if (c->log_fd < 0) {
		file.dir_fd = s->claim.dir.infodir_fd;
		file.name = ONDISK_LOG;
		file.as_caller = false;
	}
	if (c->log_fd < 0 && c->log_target == LOG_TO_FILE &&
	    (file.fd = logstore_open(file.dir_fd, file.name)) < 0)
		return state_fail(s, "could not open \"%s/%s/%s\": %s", c->diff, ONDISK_INFODIR,
		    ONDISK_LOG, file.fd == -EPERM ? "it is not a plain file" : strerror(-file.fd));
	if ((rc = logfile_start(c->log_target, c->log_format, &file, c->console)) != 0)
		return state_fail(s, "could not reach journald: %s", strerror(-rc));
	/* The owner reads that file, but perhaps not the store. */
	if (identity_is_root() && s->owner.uid != 0 && c->log_fd < 0 && c->log_target == LOG_TO_FILE)
		logfile_hold();
	log_set_debug(c->debug);
	return 0;
}

static const char *
why_not_there(int rc)
{
	return identity_is_root() && (rc == -EPERM || rc == -ENOTDIR || rc == -ELOOP) ?
	    "it and \"/run\" have to be directories of root's that nobody else can write to" :
	    strerror(-rc);
}

/* Some file systems of an ordinary user's have no sockets. */
static int
listen_to_commands(struct supervisor *s)
{
	bool root = identity_is_root();
	int rc;

	if ((rc = attend_open(s)) != 0)
		state_warn(s, "could not listen at a socket in \"%s%s\": %s; pbkfs stat cannot ask,"
		    " and unmount --force only detaches", root ? SOCKET_RUN : s->config->diff,
		    root ? "" : "/" ONDISK_INFODIR, why_not_there(rc));
	return 0;
}

static int
tell_what_is_weak(struct supervisor *s)
{
	if (sandbox_level(SANDBOX_FULL) == SANDBOX_NONE)
		state_warn(s, "the worker runs without a sandbox: this build has none (--disable-sandbox)");
	else if (s->config->sandbox == SANDBOX_NONE)
		state_warn(s, "the worker runs without a sandbox (--sandbox=none)");
	else if (s->config->sandbox == SANDBOX_SECCOMP_ONLY)
		state_warn(s, "the worker runs without Landlock (--sandbox=seccomp-only)");
	if (identity_is_root() && s->owner.uid == 0)
		state_warn(s, "the mount belongs to root, as whom PostgreSQL refuses to start:"
		    " use --owner");
	return 0;
}

static int
tell_what_stays(struct supervisor *s)
{
	const struct supervisor_config *c = s->config;

	if (s->binding.saved.detached && c->store_error != NULL)
		state_note(s, "\"%s\" is detached and needs no store: -B can be left out", c->diff);
	if (s->binding.is_fresh || !c->latest)
		return 0;
	state_note(s, "\"%s\" holds changes of backup %s, which stays"
	    " mounted there: the latest needs a fresh diff directory, or pbkfs cleanup", c->diff,
	    s->binding.saved.backup_id);
	return 0;
}

int
begin_mount(struct supervisor *s)
{
	static int (*const steps[])(struct supervisor *) = {
		mountpoint_open,
		claim_open,
		owner_choose,
		claim_check_way,
		mountpoint_check_way,
		claim_set_owner,
		owner_assume,
		claim_lock,
		bind_load,
		terms_check_first_only,
		terms_choose_backup,
		terms_choose_databases,
		check_overlap,
		claim_wipe_unfinished,
		claim_open_layers,
		claim_open_changes,
		start_log,
		listen_to_commands,
		tell_what_is_weak,
		tell_what_stays,
		claim_check_dirty,
		readsearch_open_store,
		terms_choose_wal,
		mapping_open,
		storehold_begin,
		readsearch_choose,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		if (steps[i](s) != 0)
			return -1;
	return 0;
}
