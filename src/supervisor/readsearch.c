/*
 * Root mounts for an owner who may not read the store: then the worker keeps one
 * capability, and the owner reads through the mount what is closed to him
 * otherwise.  So root decides who that is and what he reads: nothing that the
 * owner can write does, the binding least of all.
 *
 * Who may read is found out by a child with the owner's rights, and every doubt
 * about its answer is a refusal: errors grant less, never more.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "supervisor/identity.h"
#include "supervisor/logfile.h"
#include "supervisor/probe.h"
#include "supervisor/readsearch.h"

#define FAIL(s, ...)	(state_fail((s), __VA_ARGS__), -1)

enum { MAY_READ, IS_DENIED };	/* the child's answers */

/* Opens name and nothing else: the supervisor reads no byte of a backup. */
static bool
is_denied(int dir_fd, const char *name, int flags)
{
	int fd autoclose = openat(dir_fd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 && errno == EACCES;
}

static bool
backup_is_denied(int instance_fd, const char *id)
{
	int fd autoclose = openat(instance_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == EACCES;
	return is_denied(fd, "backup.control", O_RDONLY) ||
	    is_denied(fd, "backup_content.control", O_RDONLY) ||
	    is_denied(fd, "database", O_RDONLY | O_DIRECTORY);
}

/* The archive is needed by who recovers; each of its files is made by the same user. */
static bool
archive_is_denied(int store_fd, const char *instance)
{
	const struct dirent *entry;
	char name[PATH_MAX];
	bool denied = false;
	DIR *dir;
	int fd;

	snprintf(name, sizeof(name), "wal/%s", instance);
	fd = openat(store_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES;
	if ((dir = fdopendir(fd)) == NULL)
		return false;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.') {
			denied = is_denied(fd, entry->d_name, O_RDONLY);
			break;
		}
	closedir(dir);
	return denied;
}

/* In a child with the owner's rights: whether something of the instance is closed to him. */
static int
store_is_denied(const void *arg)
{
	const struct supervisor *s = arg;
	const struct dirent *entry;
	char name[PATH_MAX];
	bool denied = false;
	DIR *dir;
	int fd;

	snprintf(name, sizeof(name), "backups/%s", s->instance);
	fd = openat(s->store_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? IS_DENIED : MAY_READ;
	if ((dir = fdopendir(fd)) == NULL)
		return MAY_READ;
	while (!denied && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			denied = backup_is_denied(fd, entry->d_name);
	closedir(dir);
	return denied || archive_is_denied(s->store_fd, s->instance) ? IS_DENIED : MAY_READ;
}

/* Whether root named all that decides which backup is shown. */
static bool
is_named(const struct supervisor *s)
{
	const struct supervisor_config *c = s->config;

	return c->store != NULL && c->instance != NULL &&
	    (c->backup_id != NULL || (s->fresh && c->latest));
}

static int
not_named(struct supervisor *s)
{
	return FAIL(s, "user %u may not read \"%s\" himself, and can write what would choose the"
	    " backup: name it with -B, -I and -i, which has to be an id", (unsigned)s->uid,
	    s->store);
}

/* Who can replace a store that root named has to be its owner, or root. */
static int
open_store(const char *path, bool named, struct stat *st, char *error)
{
	int parent autoclose = -1, fd autoclose = -1, rc;
	struct walk w;

	if ((parent = walk_parent(path, named ? &w : NULL, error)) < 0)
		return parent;
	fd = openat(parent, strrchr(path, '/') + 1, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, st) != 0) {
		rc = -errno;
		snprintf(error, WALK_ERROR_MAX, "%s", strerror(-rc));
		return rc;
	}
	if (named && identity_is_root() && (rc = walk_check(&w, path, st->st_uid, error)) != 0)
		return rc;
	return steal_fd(&fd);
}

int
readsearch_open_store(struct supervisor *s)
{
	bool named = s->config->store != NULL;
	char error[WALK_ERROR_MAX];
	struct stat st;

	if (named)
		identity_raise();
	s->store_fd = open_store(s->store, named, &st, error);
	identity_drop();
	if (s->store_fd == -EACCES && !named && identity_is_root())
		return not_named(s);
	if (s->store_fd < 0)
		return FAIL(s, "could not open store \"%s\": %s", s->store, error);
	s->store_uid = st.st_uid;
	return 0;
}

/* The owner is a stranger: what he gains by the mount is root's to say. */
static int
check_decided(struct supervisor *s)
{
	if (!is_named(s))
		return not_named(s);
	if (!s->config->owner_given)
		return FAIL(s, "user %u, to whom \"%s\" belongs, may not read the store himself:"
		    " say with --owner who may read this backup", (unsigned)s->uid,
		    s->config->diff);
	return 0;
}

int
readsearch_choose(struct supervisor *s)
{
	const struct probe owner = { .uid = s->uid, .gid = s->gid };
	int answer = IS_DENIED;

	if (!identity_is_root())
		return 0;
	/* A worker of root's own has lost root's rights over what others own. */
	if (s->uid != 0)
		answer = probe_run(&owner, store_is_denied, s);
	if (answer != MAY_READ && answer != IS_DENIED)
		return FAIL(s, "could not find out whether user %u may read \"%s\": %s",
		    (unsigned)s->uid, s->store,
		    answer < 0 ? strerror(-answer) : "the child that tried it was confused");
	s->keep_read_search = answer == IS_DENIED;
	if (!s->keep_read_search) {
		logfile_let_go(true);
		return 0;
	}
	if (s->uid != 0 && check_decided(s) != 0)
		return -1;
	log_info("user %u may not read the store: the worker keeps CAP_DAC_READ_SEARCH",
	    (unsigned)s->uid);
	return 0;
}
