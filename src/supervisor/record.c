/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/io.h"
#include "base/json.h"
#include "base/util.h"
#include "supervisor/identity.h"
#include "supervisor/paths.h"
#include "supervisor/record.h"
#include "supervisor/walk.h"

#define RECORD_FORMAT	"pbkfs-record"
#define RECORD_VERSION	1
#define RECORD_NODES	(16 + BINDING_NODES)
#define RECORD_NAME_MAX	32

/* ---- which directory it is ----------------------------------------------- */

/*
 * Not st_dev, which the kernel counts anew at each boot for btrfs, NFS and overlays:
 * f_fsid comes from the file system's own number where it has one.
 */
static int
find_fsid(int fd, uint64_t *fsid)
{
	struct statfs fs;
	uint32_t half[2];

	_Static_assert(sizeof(half) == sizeof(fs.f_fsid), "an fsid is two numbers");
	if (fstatfs(fd, &fs) != 0)
		return -errno;
	memcpy(half, &fs.f_fsid, sizeof(half));
	*fsid = (uint64_t)half[1] << 32 | half[0];
	return 0;
}

static int
identify(const struct diffdir *d, struct record_identity *i)
{
	struct statx st;
	uint64_t fsid = 0;
	int rc;

	if ((rc = find_fsid(d->fd, &fsid)) != 0)
		return rc;
	if (statx(d->fd, "", AT_EMPTY_PATH, STATX_INO | STATX_UID | STATX_BTIME, &st) != 0)
		return -errno;
	*i = (struct record_identity){
		.fsid = fsid, .inode = st.stx_ino, .owner = st.stx_uid,
	};
	if ((st.stx_mask & STATX_BTIME) != 0 && st.stx_btime.tv_sec > 0)
		i->born = (uint64_t)st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
	return 0;
}

static bool
is_same(const struct record_identity *a, const struct record_identity *b)
{
	return a->fsid == b->fsid && a->inode == b->inode && a->born == b->born &&
	    a->owner == b->owner;
}

/* ---- the text ------------------------------------------------------------ */

static int
read_fsid(const struct json_node *node, uint64_t *fsid)
{
	const char *text = json_string(node);

	if (text == NULL || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
		return -EUCLEAN;
	*fsid = strtoull(text, NULL, 16);
	return 0;
}

static int
read_identity(const struct json_node *nodes, struct record_identity *i)
{
	uint64_t owner;

	if (read_fsid(json_get(nodes, nodes, "fsid"), &i->fsid) != 0 ||
	    json_u64(json_get(nodes, nodes, "inode"), &i->inode) != 0 ||
	    json_u64(json_get(nodes, nodes, "born"), &i->born) != 0 ||
	    json_u64(json_get(nodes, nodes, "owner"), &owner) != 0 || owner >= UINT32_MAX)
		return -EUCLEAN;
	i->owner = (uid_t)owner;
	return 0;
}

static int
read_record(const struct json_node *nodes, struct record *r)
{
	const char *format = json_string(json_get(nodes, nodes, "format"));
	const char *diff = json_string(json_get(nodes, nodes, "diff"));
	const struct json_node *binding = json_get(nodes, nodes, "binding");
	uint64_t version;

	if (format == NULL || strcmp(format, RECORD_FORMAT) != 0 ||
	    json_u64(json_get(nodes, nodes, "version"), &version) != 0)
		return -EUCLEAN;
	if (version != RECORD_VERSION)
		return -ENOTSUP;
	if (diff == NULL || diff[0] != '/' || strlen(diff) >= PATH_MAX ||
	    read_identity(nodes, &r->identity) != 0 || binding == NULL ||
	    binding->type != JSON_OBJECT)
		return -EUCLEAN;
	if ((r->diff = strdup(diff)) == NULL)
		return -ENOMEM;
	return binding_read(nodes, binding, &r->binding);
}

int
record_parse(char *text, size_t len, struct record *r)
{
	struct json_node *nodes autofree = calloc(RECORD_NODES, sizeof(*nodes));

	memset(r, 0, sizeof(*r));
	if (nodes == NULL)
		return -ENOMEM;
	return json_parse(text, len, nodes, RECORD_NODES) < 0 ? -EUCLEAN : read_record(nodes, r);
}

static int
make_text(const char *diff, const struct record_identity *i, const struct binding *b, char **text,
    size_t *len)
{
	struct json_out o = { .raw = true };
	char fsid[17];

	snprintf(fsid, sizeof(fsid), "%016" PRIx64, i->fsid);
	json_open(&o, NULL, '{');
	json_put_string(&o, "format", RECORD_FORMAT);
	json_put_u64(&o, "version", RECORD_VERSION);
	json_put_string(&o, "diff", diff);
	json_put_string(&o, "fsid", fsid);
	json_put_u64(&o, "inode", i->inode);
	json_put_u64(&o, "born", i->born);
	json_put_u64(&o, "owner", i->owner);
	json_open(&o, "binding", '{');
	binding_put(&o, b);
	json_close(&o, '}');
	json_close(&o, '}');
	return json_take(&o, text, len);
}

/* ---- the files ----------------------------------------------------------- */

/* One for each path, so that there are no more of them than places for diff directories. */
static void
name_file(const char *diff, char name[RECORD_NAME_MAX])
{
	snprintf(name, RECORD_NAME_MAX, "%08" PRIx32 ".json", crc32c(0, diff, strlen(diff)));
}

/* Opens the directory, which nobody but root may change, nor the way to it. */
static int
open_directory(bool make)
{
	char path[PATH_MAX], error[WALK_ERROR_MAX];
	int parent autoclose = -1, fd autoclose = -1, rc;
	const char *base;
	struct stat st;
	struct walk w;

	if ((rc = paths_resolve_parent(RECORD_DIRECTORY, path)) != 0)
		return rc;
	if ((parent = walk_parent(path, &w, error)) < 0)
		return parent;
	base = strrchr(path, '/') + 1;
	if (make && mkdirat(parent, base, 0700) != 0 && errno != EEXIST)
		return -errno;
	fd = openat(parent, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	if (walk_enter(&w, path, fd, error) != 0 || w.uid != 0)
		return -EPERM;
	return st.st_uid == 0 && (st.st_mode & 022) == 0 ? steal_fd(&fd) : -EPERM;
}

static int
load_file(int dir, const char *name, struct record *r)
{
	int fd autoclose = -1, rc;
	char *text autofree = NULL;
	struct stat st;
	size_t len;

	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	if (st.st_uid != 0 || (st.st_mode & 022) != 0 || st.st_nlink != 1)
		return -EPERM;
	if ((rc = io_read_file(fd, RECORD_MAX, &text, &len)) != 0)
		return rc;
	return record_parse(text, len, r);
}

static int
load(const char *diff, struct record *r)
{
	int dir autoclose = open_directory(false);
	char name[RECORD_NAME_MAX];

	if (dir < 0)
		return dir;
	name_file(diff, name);
	return load_file(dir, name, r);
}

void
record_load(const struct diffdir *d, struct record *r)
{
	struct record_identity now;
	int rc;

	memset(r, 0, sizeof(*r));
	identity_raise();
	rc = load(d->path, r);
	identity_drop();
	if (rc == 0 && identify(d, &now) == 0 && strcmp(r->diff, d->path) == 0 &&
	    is_same(&r->identity, &now))
		r->state = RECORD_FITS;
	else
		r->state = rc == -ENOENT ? RECORD_NONE : RECORD_STRANGE;
	r->why = rc;
}

/* Two paths may have one checksum, and who chooses his must not take away another's record. */
static bool
is_of_another(int dir, const char *name, const char *diff)
{
	struct record r = { 0 };
	bool is = load_file(dir, name, &r) == 0 && strcmp(r.diff, diff) != 0;

	record_fini(&r);
	return is;
}

static int
store(const struct diffdir *d, const struct binding *b)
{
	char name[RECORD_NAME_MAX], *text autofree = NULL;
	int dir autoclose = open_directory(true), rc;
	struct record_identity i;
	size_t len;

	if (dir < 0)
		return dir;
	if ((rc = identify(d, &i)) != 0 || (rc = make_text(d->path, &i, b, &text, &len)) != 0)
		return rc;
	name_file(d->path, name);
	if (is_of_another(dir, name, d->path))
		return -EEXIST;
	return diffdir_replace(dir, name, text, len, true);
}

int
record_store(const struct diffdir *d, const struct binding *b)
{
	int rc;

	identity_raise();
	rc = store(d, b);
	identity_drop();
	return rc;
}

static int
remove_file(const char *diff)
{
	char name[RECORD_NAME_MAX];
	int dir autoclose = open_directory(false);

	if (dir < 0)
		return dir;
	name_file(diff, name);
	if (unlinkat(dir, name, 0) != 0)
		return -errno;
	return fsync(dir) != 0 ? -errno : 0;
}

int
record_remove(const char *diff)
{
	struct record r = { 0 };
	int rc;

	identity_raise();
	/* Two names may have one checksum: what is another's stays. */
	rc = load(diff, &r);
	if (rc != -ENOENT && (rc != 0 || strcmp(r.diff, diff) == 0))
		rc = remove_file(diff);
	identity_drop();
	record_fini(&r);
	return rc == -ENOENT ? 0 : rc;
}

const char *
record_strerror(int rc)
{
	return rc == -EPERM || rc == -ENOTDIR || rc == -ELOOP ? "it, the way to it and what is in it have"
	    " to be root's, and writable by nobody else" :
	    rc == -EEXIST ? "another directory's record has the same checksum" : strerror(-rc);
}

void
record_fini(struct record *r)
{
	free(r->diff);
	binding_fini(&r->binding);
	memset(r, 0, sizeof(*r));
}
