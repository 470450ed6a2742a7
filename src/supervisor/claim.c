/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nothing in a diff directory counts before it is known to be one, to be the owner's, and to be
 * locked.  Which backup it belongs to is none of this: see bind.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/ondisk.h"
#include "base/util.h"
#include "supervisor/claim.h"
#include "supervisor/holders.h"
#include "supervisor/identity.h"
#include "supervisor/lock.h"
#include "supervisor/mountinfo.h"
#include "supervisor/state.h"

static int
not_ours(struct supervisor *s, const char *foreign)
{
	return state_fail(s, "\"%s\" is neither empty nor a pbkfs diff directory%s%s%s",
	    s->config->diff, foreign[0] != '\0' ? ": it holds \"" : "", foreign,
	    foreign[0] != '\0' ? "\"" : "");
}

int
claim_open(struct supervisor *s)
{
	char error[DIFFDIR_ERROR_MAX] = "", foreign[NAME_MAX + 1];
	int content, rc;

	rc = diffdir_open(&s->claim.dir, s->config->diff, s->config->branch == NULL, error);
	if (rc == -ENOENT && s->config->branch != NULL)
		return state_fail(s, "there is no branch \"%s\": pbkfs branch -d DIR \"%s\" makes it", s->config->branch,
		    s->config->branch);
	if (rc != 0)
		return state_fail(s, "%s", error);
	if ((content = diffdir_content(&s->claim.dir, foreign)) < 0)
		return state_fail(s, "could not read diff directory \"%s\": %s", s->config->diff,
		    strerror(-content));
	if (content == DIFFDIR_FOREIGN)
		return not_ours(s, foreign);
	if (content == DIFFDIR_PROMOTING)
		return state_fail(s, DIFFDIR_PROMOTING_TEXT, s->config->diff, s->config->diff);
	if (content == DIFFDIR_LEFT_OVER)
		return state_fail(s, DIFFDIR_LEFT_OVER_TEXT, s->config->diff, s->config->diff);
	s->claim.content = content;
	return 0;
}

int
claim_check_way(struct supervisor *s)
{
	char error[DIFFDIR_ERROR_MAX];

	if (identity_is_root() && diffdir_check_way(&s->claim.dir, s->owner.uid, error) != 0)
		return state_fail(s, "%s", error);
	return 0;
}

int
claim_set_owner(struct supervisor *s)
{
	char error[DIFFDIR_ERROR_MAX] = "";
	bool empty = s->claim.content == DIFFDIR_EMPTY;

	if (diffdir_set_owner(&s->claim.dir, s->owner.uid, s->owner.gid, empty, error) != 0)
		return state_fail(s, "%s", error[0] != '\0' ? error : strerror(errno));
	return 0;
}

/* Whether other mount namespaces have the mount, and ours has not. */
static bool
is_elsewhere(const char *diff, uid_t owner, const char *mnt, char *holders, size_t size)
{
	struct mountinfo *m autofree = malloc(sizeof(*m));
	struct users found;

	if (m == NULL || (mountinfo_find(mnt, m) == 0 && strcmp(m->source, diff) == 0) ||
	    holders_find_source(diff, owner, m) != 0)
		return false;
	holders_find(m->major, m->minor, &found);
	users_tell(&found, holders, size);
	return found.n > 0;
}

/* Who holds the lock, as text. */
static const char *
holder_of(int fd, char text[64])
{
	pid_t pid = lock_holder(fd);

	if (pid > 0)
		snprintf(text, 64, "process %d", (int)pid);
	else
		snprintf(text, 64, "a process that cannot be seen from here");
	return text;
}

static int
in_use(struct supervisor *s, int fd)
{
	char mnt[PATH_MAX] = "", holders[400], who[64];

	if (lock_read_mountpoint(fd, mnt) != 0)
		mnt[0] = '\0';
	if (is_elsewhere(s->config->diff, s->owner.uid, mnt, holders, sizeof(holders)))
		return state_fail(s, "diff directory \"%s\" is in use: %s serves it, for other mount"
		    " namespaces hold the mount (%s): end these processes, or pbkfs unmount --force"
		    " -d \"%s\"", s->config->diff, holder_of(fd, who), holders, s->config->diff);
	if (mnt[0] == '\0' && lock_user(fd) == 0)
		return state_fail(s, "diff directory \"%s\" is in use, and its lock file was removed or"
		    " replaced: pbkfs unmount -D the mount that pbkfs list shows for it",
		    s->config->diff);
	if (mnt[0] == '\0')
		return state_fail(s, "diff directory \"%s\" is in use by %s", s->config->diff,
		    holder_of(fd, who));
	return state_fail(s, "diff directory \"%s\" is in use: %s has it mounted at \"%s\"",
	    s->config->diff, holder_of(fd, who), mnt);
}

/* Names alone do not make a directory ours: a lock file or a binding does. */
static int
open_lock(struct supervisor *s)
{
	bool unfinished = s->claim.content == DIFFDIR_UNFINISHED;
	char mnt[PATH_MAX];
	int fd;

	fd = lock_open(s->claim.dir.fd, s->owner.uid, O_RDWR | (unfinished ? 0 : O_CREAT));
	if (fd == -ENOENT)
		return not_ours(s, "");
	if (fd < 0)
		return state_fail(s, "could not use \"%s/%s\": %s", s->config->diff, ONDISK_LOCK,
		    fd == -EPERM ? "it is not a plain file of the owner's" : strerror(-fd));
	s->claim.lock_fd = fd;
	if (unfinished && lock_read_mountpoint(fd, mnt) != 0)
		return not_ours(s, "");
	return 0;
}

int
claim_lock(struct supervisor *s)
{
	int rc;

	if (open_lock(s) != 0)
		return -1;
	if ((rc = lock_take(s->claim.dir.fd, s->claim.lock_fd)) == -EWOULDBLOCK)
		return in_use(s, s->claim.lock_fd);
	if (rc == 0)
		s->claim.locked = true;
	if (rc == 0)
		rc = lock_write_mountpoint(s->claim.lock_fd, s->config->mnt);
	/* A lock file that says nothing makes of an empty directory one that is not ours. */
	if (rc != 0 && s->claim.locked && s->claim.content == DIFFDIR_EMPTY)
		unlinkat(s->claim.dir.fd, ONDISK_LOCK, 0);
	if (rc != 0)
		return state_fail(s, "could not lock diff directory \"%s\": %s", s->config->diff,
		    rc == -ESTALE ? "the lock file was replaced" : strerror(-rc));
	return 0;
}

int
claim_wipe_unfinished(struct supervisor *s)
{
	if (s->binding.is_fresh && diffdir_wipe(&s->claim.dir, false) != 0)
		return state_fail(s, "could not remove what an unfinished mount left in \"%s\"",
		    s->config->diff);
	return 0;
}

/* A branch is nothing without its snapshot. */
static int
tell_elsewhere(struct supervisor *s, int rc)
{
	const struct binding *b = &s->binding.saved;

	if (b->branch == NULL)
		return state_fail(s, "could not use \"%s/" ONDISK_LAYERS "\": %s", s->config->diff, diffdir_layers_strerror(rc));
	return state_fail(s, "\"%s\" is branch \"%s\" over snapshot \"%s\", which is not there: could not"
	    " use the directory \"" ONDISK_LAYERS "\" beside \"" ONDISK_BRANCHES "\": %s", s->config->diff, b->branch,
	    b->snapshot, diffdir_layers_strerror(rc));
}

int
claim_open_layers(struct supervisor *s)
{
	const struct supervisor_config *c = s->config;
	bool is_branch = s->binding.saved.branch != NULL;
	int fd;

	if (c->branch != NULL && !is_branch)
		return state_fail(s, "\"%s\" is no branch: pbkfs branch -d makes one", c->diff);
	if (diffdir_is_between(&s->claim.dir))
		return state_fail(s, "a snapshot or a reset of \"%s\" did not come to its end: pbkfs tree -d the diff directory says"
		    " to which, and brings it there", c->diff);
	fd = diffdir_open_layers(&s->claim.dir, is_branch);
	if (fd == -ENOENT && !is_branch)
		return 0;
	if (fd < 0)
		return tell_elsewhere(s, fd);
	s->claim.layers_fd = fd;
	s->claim.has_layers = true;
	if (c->no_wal)
		return state_fail(s, "--no-wal cannot be combined with snapshots: pbkfs reset drops what a branch has changed");
	if (c->hydrate)
		return state_fail(s, "\"%s\" has snapshots below it, and --hydrate does not copy out of these yet", c->diff);
	return 0;
}

int
claim_open_changes(struct supervisor *s)
{
	char error[DIFFDIR_ERROR_MAX];

	return diffdir_open_changes(&s->claim.dir, error) != 0 ? state_fail(s, "%s", error) : 0;
}

int
claim_renew_changes(struct claim *c, int how)
{
	int changes autoclose = diffdir_reopen_changes(&c->dir, how), layers;

	if (changes < 0)
		return changes;
	layers = c->layers_fd >= 0 || how != O_PATH ? -ENOENT : diffdir_open_layers(&c->dir, false);
	if (layers < 0 && layers != -ENOENT)
		return layers;
	if (layers >= 0)
		c->layers_fd = layers;
	c->has_layers = true;
	close(c->dir.changes_fd);
	c->dir.changes_fd = steal_fd(&changes);
	return 0;
}

static void
tell_of_cut(const struct supervisor *s)
{
	char what[DIFFDIR_CUT_MAX];

	if (diffdir_get_cut(&s->claim.dir, what))
		state_warn(s, "the last mount was cut off: %s; changes that its users"
		    " had not synced may be missing", what);
}

int
claim_check_dirty(struct supervisor *s)
{
	tell_of_cut(s);
	s->claim.dirty = diffdir_is_dirty(&s->claim.dir);
	if (!s->claim.dirty)
		return 0;
	if (!s->config->force)
		return state_fail(s, "the last --perf-unsafe mount of \"%s\" did not end cleanly and its"
		    " changes may be damaged: pbkfs cleanup it, or mount with --force",
		    s->config->diff);
	state_warn(s, "the last --perf-unsafe mount did not end cleanly: mounted because of --force");
	return 0;
}

void
claim_unlock(struct claim *c)
{
	if (c->lock_fd < 0)
		return;
	close(c->lock_fd);
	flock(c->dir.fd, LOCK_UN);
}
