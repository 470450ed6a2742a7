/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Gives storage of the mount to tablespaces that are made after the backup, by
 * WAL or by the server.  It changes no WAL: walblank.c does.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "probackup/tablespace.h"
#include "worker/notify.h"
#include "worker/redirect.h"
#include "worker/settings.h"

/* The place of the catalog version in pg_control, and how much is read of that. */
#define CATALOG_VERSION	12
#define CONTROL_LEN	16

static bool
is_oid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < TABLESPACE_OID_MAX && name[0] != '0' &&
	    strspn(name, "0123456789") == len;
}

/* Makes something that no request asks for, so that the kernel has to be told. */
static int
make(struct cow *c, const struct job *job, uint64_t dir, const char *name, mode_t mode,
    const char *target, struct cow_attr *attr)
{
	int rc = cow_create(c, 0, dir, name, mode, job->uid, job->gid, target, attr);

	if (rc == 0)
		cow_forget(c, attr->nodeid, 1);
	/* An earlier worker may have made it, and died before it said so. */
	if (rc == 0 || rc == -EEXIST)
		notify_changed(job, dir);
	return rc;
}

/* Makes a directory unless there is one.  Returns 1 if it was made, 0, or negative errno. */
static int
make_directory(struct cow *c, const struct job *job, uint64_t dir, const char *name,
    struct cow_attr *attr)
{
	int rc = cow_find(c, dir, name, attr);

	if (rc != -ENOENT)
		return rc;
	rc = make(c, job, dir, name, S_IFDIR | 0700, NULL, attr);
	if (rc == -EEXIST)
		return cow_find(c, dir, name, attr);
	return rc < 0 ? rc : 1;
}

static int
make_storage(struct cow *c, const struct job *job, const char *oid, struct cow_attr *attr)
{
	struct cow_attr root;
	int rc = make_directory(c, job, COW_ROOT, ONDISK_TABLESPACES, &root);

	return rc < 0 ? rc : make_directory(c, job, root.nodeid, oid, attr);
}

static int
find_storage(struct cow *c, const char *oid, struct cow_attr *attr)
{
	struct cow_attr root;
	int rc = cow_find(c, COW_ROOT, ONDISK_TABLESPACES, &root);

	return rc < 0 ? rc : cow_find(c, root.nodeid, oid, attr);
}

int
redirect_keep(struct cow *c, const struct job *job, const struct waltblspc_record *rec)
{
	char oid[TABLESPACE_OID_MAX];
	struct cow_attr attr;
	int rc;

	snprintf(oid, sizeof(oid), "%" PRIu32, rec->oid);
	if ((rc = make_storage(c, job, oid, &attr)) < 0)
		log_error("could not make place for tablespace %s in the diff directory: %s", oid,
		    strerror(-rc));
	else if (rc == 1)
		log_info("tablespace %s, which WAL at %X/%X makes at \"%s\", is kept by the mount",
		    oid, (unsigned)(rec->lsn >> 32), (unsigned)rec->lsn, rec->location);
	return rc < 0 ? rc : 0;
}

int
redirect_map(struct cow *c, const struct job *job, const char *oid, const char *to)
{
	struct cow_attr root, attr;
	int rc = make_directory(c, job, COW_ROOT, ONDISK_TABLESPACES, &root);

	if (rc < 0)
		return rc;
	return make(c, job, root.nodeid, oid, S_IFLNK | 0777, to, &attr);
}

bool
redirect_is_place(struct cow *c, uint64_t dir, const char *name)
{
	struct cow_attr attr;

	return is_oid(name) && cow_find(c, COW_ROOT, TABLESPACE_DIR, &attr) == 0 && attr.nodeid == dir;
}

bool
redirect_may_appear(struct cow *c, uint64_t dir, const char *name)
{
	struct cow_attr attr;

	if (dir == COW_ROOT)
		return strcmp(name, ONDISK_TABLESPACES) == 0;
	return is_oid(name) && cow_find(c, COW_ROOT, ONDISK_TABLESPACES, &attr) == 0 &&
	    attr.nodeid == dir;
}

/*
 * Finds the target of a tablespace's link: where -T put it, or the storage of
 * the mount.
 */
static int
storage_target(struct cow *c, const struct cow_attr *storage, const char *oid, char buf[PATH_MAX])
{
	if (S_ISLNK(storage->mode))
		return cow_readlink(c, storage->nodeid, buf);
	snprintf(buf, PATH_MAX, "../" ONDISK_TABLESPACES "/%s", oid);
	return 0;
}

int
redirect_directory(struct cow *c, const struct job *job, uint64_t dir, const char *name)
{
	char target[PATH_MAX];
	struct cow_attr attr;
	int rc;

	if (job->keep_locations || (rc = find_storage(c, name, &attr)) == -ENOENT)
		return 0;
	if (rc < 0 || (rc = storage_target(c, &attr, name, target)) < 0)
		return rc;
	/*
	 * No request makes it: one that is sent again finds the link, and gets
	 * the same answer.
	 */
	rc = make(c, job, dir, name, S_IFLNK | 0777, target, &attr);
	return rc < 0 ? rc : -EEXIST;
}

/* Whether the names of a path lead out of the mount, from a directory so far below its root. */
static bool
climbs_out(const char *path, int depth)
{
	size_t len;

	for (; *path != '\0'; path += len + (path[len] == '/')) {
		len = strcspn(path, "/");
		if (len == 2 && path[0] == '.' && path[1] == '.')
			depth--;
		else if (len > 0 && !(len == 1 && path[0] == '.'))
			depth++;
		if (depth < 0)
			return true;
	}
	return false;
}

/*
 * Returns the rest of an absolute path that leads into the mount, with its
 * slash; else NULL.
 */
static const char *
below_mount(const struct job *job, const char *path)
{
	size_t len = job->mnt != NULL ? strlen(job->mnt) : 0;

	return len > 0 && strncmp(path, job->mnt, len) == 0 && path[len] == '/' &&
	    !climbs_out(path + len, 0) ? path + len : NULL;
}

/*
 * Makes the directory of the server's version, which it made where it thought
 * that its tablespace is.
 */
static int
make_version_directory(struct cow *c, const struct job *job, struct reader *rd, uint64_t storage)
{
	unsigned char control[CONTROL_LEN];
	struct cow_attr attr;
	char name[64];
	int rc;

	if ((rc = settings_find(c, "global/pg_control", &attr)) < 0)
		return rc;
	if (cow_read(c, attr.nodeid, 0, sizeof(control), control, rd) != sizeof(control))
		return -EIO;
	snprintf(name, sizeof(name), "PG_%u_%u", (unsigned)cow_index(c)->server_version,
	    (unsigned)get_le32(control + CATALOG_VERSION));
	rc = make_directory(c, job, storage, name, &attr);
	return rc < 0 ? rc : 0;
}

int
redirect_link(struct cow *c, const struct job *job, struct reader *rd, const char *name,
    const char *target, char buf[PATH_MAX], const char **use)
{
	const char *below = below_mount(job, target);
	struct cow_attr attr;
	int rc;

	*use = target;
	if (job->keep_locations || (target[0] != '/' && !climbs_out(target, 1)))
		return 0;
	if (below != NULL) {
		snprintf(buf, PATH_MAX, "..%s", below);
		*use = buf;
		return 0;
	}
	if ((rc = make_storage(c, job, name, &attr)) < 0 ||
	    (rc = storage_target(c, &attr, name, buf)) < 0 ||
	    (S_ISDIR(attr.mode) && (rc = make_version_directory(c, job, rd, attr.nodeid)) < 0)) {
		log_error("could not make place for tablespace %s in the diff directory: %s", name,
		    strerror(-rc));
		return rc;
	}
	*use = buf;
	log_info("tablespace %s, which the server makes at \"%s\", is kept by the mount", name, target);
	return 0;
}
