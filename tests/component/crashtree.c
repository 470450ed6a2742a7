/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes every operation and records it (see crashtree.h).  One thread.
 */
#include "config.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "crashtree.h"
#include "support/tmpdir.h"

#define PAGE	4096u
#define NONE	(-1)

enum op_type { OP_NAME, OP_VERSION, OP_SYNC, OP_SYNC_NAMES, OP_SYNC_ALL };

struct op {
	enum op_type type;
	int	at;		/* the name, or the node */
	int	place;		/* OP_NAME: among those that the name led to */
	bool	pair;		/* with the next one it renames a directory */
};

struct bytes {
	unsigned char *at;
	size_t	size;
};

/* An inode at a moment. */
struct version {
	struct stat st;
	struct bytes content;	/* of a file, or where a link leads; may be that of the version before */
	bool	owns, cut;	/* the content; it became shorter */
};

struct node {
	ino_t	ino, built;
	struct version *version;
	int	n, seen, durable;	/* versions; before the crash; of these */
	char	*path;			/* in the tree that is being built; or NULL */
};

struct name {
	int	dir;
	char	*text;
	int	*to;			/* nodes, one after the other; NONE */
	int	n, seen, durable, left;	/* as above; the one that the crash leaves */
};

struct crashtree {
	int	fd;
	char	*path;
	dev_t	dev;
	struct node *node;		/* the directory first */
	int	n_nodes;
	struct name *name;
	int	n_names;
	struct op *op;
	size_t	n_ops;
	uint64_t random;
};

static struct crashtree *current;

static void *
more(void *p, size_t size)
{
	if ((p = realloc(p, size)) == NULL)
		abort();
	return p;
}

static uint64_t
below(struct crashtree *t, uint64_t n)
{
	uint64_t z = t->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (z ^ z >> 31) % n;
}

/* ---- recording ---- */

static struct op *
record(struct crashtree *t, enum op_type type, int at)
{
	t->op = more(t->op, (t->n_ops + 1) * sizeof(*t->op));
	t->op[t->n_ops] = (struct op){ .type = type, .at = at };
	return &t->op[t->n_ops++];
}

/* An inode by a name; or, if dir_fd is AT_FDCWD, by that of a descriptor in /proc. */
struct ref {
	int	dir_fd;
	const char *name;
};

static int
follow(const struct ref *r, int flag)
{
	return r->dir_fd == AT_FDCWD ? 0 : flag;
}

static struct bytes
read_content(const struct ref *r, const struct stat *st)
{
	struct bytes b = { more(NULL, (size_t)st->st_size + 1), (size_t)st->st_size };
	int fd autoclose = -1;

	if (S_ISLNK(st->st_mode)) {
		if (readlinkat(r->dir_fd, r->name, (char *)b.at, b.size + 1) != (ssize_t)b.size)
			err(1, "readlink %s", r->name);
		return b;
	}
	fd = openat(r->dir_fd, r->name, O_RDONLY | O_NOATIME | follow(r, O_NOFOLLOW) | O_CLOEXEC);
	if (fd < 0 || pread(fd, b.at, b.size, 0) != (ssize_t)b.size)
		err(1, "read %s", r->name);
	return b;
}

/* Notes how an inode is now.  Of one whose content cannot have changed that is not read. */
static void
add_version(struct crashtree *t, int node, const struct ref *r, bool content)
{
	struct node *n = &t->node[node];
	struct version *v, *last;

	n->version = more(n->version, (size_t)(n->n + 1) * sizeof(*v));
	v = &n->version[n->n];
	last = n->n > 0 ? v - 1 : NULL;
	*v = (struct version){ .owns = false };
	if (fstatat(r->dir_fd, r->name, &v->st, follow(r, AT_SYMLINK_NOFOLLOW)) != 0)
		err(1, "stat %s", r->name);
	if (content && (S_ISREG(v->st.st_mode) || S_ISLNK(v->st.st_mode))) {
		v->content = read_content(r, &v->st);
		v->owns = true;
		v->cut = last != NULL && v->content.size < last->content.size;
	} else if (last != NULL) {
		v->content = last->content;
	}
	n->n++;
}

static int
add_node(struct crashtree *t, const struct ref *r)
{
	struct stat st;

	if (fstatat(r->dir_fd, r->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		err(1, "stat %s", r->name);
	t->node = more(t->node, (size_t)(t->n_nodes + 1) * sizeof(*t->node));
	t->node[t->n_nodes] = (struct node){ .ino = st.st_ino };
	add_version(t, t->n_nodes, r, true);
	return t->n_nodes++;
}

/* The newest first: a number is given again once its file is gone. */
static int
node_of(const struct crashtree *t, const struct stat *st)
{
	int i;

	for (i = st->st_dev == t->dev ? t->n_nodes - 1 : NONE; i >= 0 && t->node[i].ino != st->st_ino; i--)
		;
	return i;
}

static int
node_of_fd(const struct crashtree *t, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? node_of(t, &st) : NONE;
}

static int
name_of(struct crashtree *t, int dir, const char *text)
{
	struct name *n;
	int i;

	for (i = 0; i < t->n_names; i++)
		if (t->name[i].dir == dir && strcmp(t->name[i].text, text) == 0)
			return i;
	t->name = more(t->name, (size_t)(t->n_names + 1) * sizeof(*n));
	n = &t->name[t->n_names];
	*n = (struct name){ .dir = dir, .text = strdup(text), .n = 1 };
	n->to = more(NULL, sizeof(*n->to));
	n->to[0] = NONE;
	return t->n_names++;
}

static struct op *
record_name(struct crashtree *t, int dir, const char *text, int to)
{
	int i = name_of(t, dir, text);
	struct name *n = &t->name[i];
	struct op *op;

	n->to = more(n->to, (size_t)(n->n + 1) * sizeof(*n->to));
	n->to[n->n++] = to;
	op = record(t, OP_NAME, i);
	op->place = n->n - 1;
	return op;
}

/* The directory in which a call changes a name: NONE if that is not recorded. */
static int
changes_in(int dir_fd, const char *name)
{
	if (current == NULL || strchr(name, '/') != NULL)
		return NONE;
	return node_of_fd(current, dir_fd);
}

static void
made(int dir_fd, const char *name)
{
	int dir = changes_in(dir_fd, name);

	if (dir != NONE)
		record_name(current, dir, name, add_node(current, &(struct ref){ dir_fd, name }));
}

static void
gone(int dir_fd, const char *name)
{
	int dir = changes_in(dir_fd, name);

	if (dir != NONE)
		record_name(current, dir, name, NONE);
}

static void
changed(const struct ref *r, bool content)
{
	struct stat st;
	int node;

	if (current == NULL || fstatat(r->dir_fd, r->name, &st, follow(r, AT_SYMLINK_NOFOLLOW)) != 0 ||
	    (node = node_of(current, &st)) == NONE)
		return;
	add_version(current, node, r, content);
	record(current, OP_VERSION, node);
}

static void
changed_by_fd(int fd, bool content)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	changed(&(struct ref){ AT_FDCWD, path }, content);
}

static void
synced(int fd)
{
	int node = current != NULL ? node_of_fd(current, fd) : NONE;

	if (node == NONE)
		return;
	record(current, OP_SYNC, node);
	if (S_ISDIR(current->node[node].version[0].st.st_mode))
		record(current, OP_SYNC_NAMES, node);
}

/* ---- in front of the C library ---- */

#define WRAP(type, name, ...) \
	type	__real_##name(__VA_ARGS__); \
	type	__wrap_##name(__VA_ARGS__); \
	type	__wrap_##name(__VA_ARGS__)

int	__real_openat(int fd, const char *name, int flags, ...);
int	__wrap_openat(int fd, const char *name, int flags, ...);

int
__wrap_openat(int fd, const char *name, int flags, ...)
{
	bool is_new = (flags & O_CREAT) != 0 && faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
	mode_t mode = 0;
	va_list ap;
	int rc;

	va_start(ap, flags);
	if ((flags & (O_CREAT | O_TMPFILE)) != 0)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	rc = __real_openat(fd, name, flags, mode);
	if (rc >= 0 && is_new)
		made(fd, name);
	else if (rc >= 0 && (flags & O_TRUNC) != 0)
		changed_by_fd(rc, true);
	return rc;
}

WRAP(int, mkdirat, int fd, const char *name, mode_t mode)
{
	int rc = __real_mkdirat(fd, name, mode);

	if (rc == 0)
		made(fd, name);
	return rc;
}

WRAP(int, symlinkat, const char *to, int fd, const char *name)
{
	int rc = __real_symlinkat(to, fd, name);

	if (rc == 0)
		made(fd, name);
	return rc;
}

WRAP(int, mknodat, int fd, const char *name, mode_t mode, dev_t dev)
{
	int rc = __real_mknodat(fd, name, mode, dev);

	if (rc == 0)
		made(fd, name);
	return rc;
}

WRAP(int, linkat, int from_fd, const char *from, int fd, const char *name, int flags)
{
	int rc = __real_linkat(from_fd, from, fd, name, flags), dir = changes_in(fd, name);
	struct stat st;

	if (rc == 0 && dir != NONE && fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		record_name(current, dir, name, node_of(current, &st));
	return rc;
}

WRAP(int, unlinkat, int fd, const char *name, int flags)
{
	int rc = __real_unlinkat(fd, name, flags);

	if (rc == 0)
		gone(fd, name);
	return rc;
}

/* Of a file a crash may keep either name, both or none; of a directory one of them. */
static void
renamed(int from_fd, const char *from, int fd, const char *name)
{
	int dir = changes_in(fd, name);
	struct stat st;

	if (dir == NONE || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	record_name(current, dir, name, node_of(current, &st))->pair = S_ISDIR(st.st_mode);
	gone(from_fd, from);
}

WRAP(int, renameat, int from_fd, const char *from, int fd, const char *name)
{
	int rc = __real_renameat(from_fd, from, fd, name);

	if (rc == 0)
		renamed(from_fd, from, fd, name);
	return rc;
}

WRAP(int, renameat2, int from_fd, const char *from, int fd, const char *name, unsigned flags)
{
	int rc = __real_renameat2(from_fd, from, fd, name, flags);

	if (rc == 0)
		renamed(from_fd, from, fd, name);
	return rc;
}

WRAP(ssize_t, write, int fd, const void *bytes, size_t len)
{
	ssize_t rc = __real_write(fd, bytes, len);

	if (rc > 0)
		changed_by_fd(fd, true);
	return rc;
}

WRAP(ssize_t, pwrite, int fd, const void *bytes, size_t len, off_t at)
{
	ssize_t rc = __real_pwrite(fd, bytes, len, at);

	if (rc > 0)
		changed_by_fd(fd, true);
	return rc;
}

WRAP(ssize_t, copy_file_range, int from, off_t *from_at, int fd, off_t *at, size_t len, unsigned flags)
{
	ssize_t rc = __real_copy_file_range(from, from_at, fd, at, len, flags);

	if (rc > 0)
		changed_by_fd(fd, true);
	return rc;
}

WRAP(int, ftruncate, int fd, off_t size)
{
	int rc = __real_ftruncate(fd, size);

	if (rc == 0)
		changed_by_fd(fd, true);
	return rc;
}

WRAP(int, fallocate, int fd, int mode, off_t at, off_t len)
{
	int rc = __real_fallocate(fd, mode, at, len);

	if (rc == 0)
		changed_by_fd(fd, true);
	return rc;
}

WRAP(int, fchmod, int fd, mode_t mode)
{
	int rc = __real_fchmod(fd, mode);

	if (rc == 0)
		changed_by_fd(fd, false);
	return rc;
}

WRAP(int, fchmodat, int fd, const char *name, mode_t mode, int flags)
{
	int rc = __real_fchmodat(fd, name, mode, flags);

	if (rc == 0)
		changed(&(struct ref){ fd, name }, false);
	return rc;
}

WRAP(int, fchownat, int fd, const char *name, uid_t uid, gid_t gid, int flags)
{
	int rc = __real_fchownat(fd, name, uid, gid, flags);

	if (rc == 0)
		changed(&(struct ref){ fd, name }, false);
	return rc;
}

WRAP(int, utimensat, int fd, const char *name, const struct timespec times[2], int flags)
{
	int rc = __real_utimensat(fd, name, times, flags);

	if (rc == 0)
		changed(&(struct ref){ fd, name }, false);
	return rc;
}

/* Nobody takes the machine's power away: to note a sync is enough. */
WRAP(int, fsync, int fd)
{
	synced(fd);
	return 0;
}

WRAP(int, fdatasync, int fd)
{
	synced(fd);
	return 0;
}

WRAP(int, syncfs, int fd)
{
	if (current != NULL && node_of_fd(current, fd) != NONE)
		record(current, OP_SYNC_ALL, 0);
	return 0;
}

/* ---- beginning and end ---- */

static char *
join(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		abort();
	return path;
}

static void
take_directory(struct crashtree *t, int dir)
{
	const struct dirent *d;
	int fd, node, i;
	struct stat st;
	DIR *names;

	fd = open(t->node[dir].path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (names = fdopendir(fd)) == NULL)
		err(1, "open %s", t->node[dir].path);
	while ((d = readdir(names)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if (fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			err(1, "stat %s", d->d_name);
		if ((node = node_of(t, &st)) == NONE)
			node = add_node(t, &(struct ref){ fd, d->d_name });
		i = name_of(t, dir, d->d_name);
		t->name[i].to[0] = node;
		if (!S_ISDIR(st.st_mode))
			continue;
		t->node[node].path = join(t->node[dir].path, d->d_name);
		take_directory(t, node);
	}
	closedir(names);
}

struct crashtree *
crashtree_new(const char *path)
{
	struct crashtree *t = more(NULL, sizeof(*t));
	struct stat st;

	if (current != NULL)
		errx(1, "a tree is recorded already");
	*t = (struct crashtree){ .path = strdup(path) };
	if ((t->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || fstat(t->fd, &st) != 0)
		err(1, "open %s", path);
	t->dev = st.st_dev;
	add_node(t, &(struct ref){ t->fd, "." });
	t->node[0].path = strdup(path);
	take_directory(t, 0);
	return t;
}

void
crashtree_free(struct crashtree *t)
{
	int i, k;

	for (i = 0; i < t->n_nodes; i++) {
		for (k = 0; k < t->node[i].n; k++)
			if (t->node[i].version[k].owns)
				free(t->node[i].version[k].content.at);
		free(t->node[i].version);
		free(t->node[i].path);
	}
	for (i = 0; i < t->n_names; i++) {
		free(t->name[i].text);
		free(t->name[i].to);
	}
	close(t->fd);
	free(t->node);
	free(t->name);
	free(t->op);
	free(t->path);
	free(t);
}

void
crashtree_use(struct crashtree *t)
{
	current = t;
}

size_t
crashtree_count(const struct crashtree *t)
{
	return t->n_ops;
}

/* ---- what is left ---- */

static void
sync_names(struct crashtree *t, int dir)
{
	int i;

	for (i = 0; i < t->n_names; i++)
		if (t->name[i].dir == dir || dir == NONE)
			t->name[i].durable = t->name[i].seen;
}

static void
sync_nodes(struct crashtree *t)
{
	int i;

	for (i = 0; i < t->n_nodes; i++)
		t->node[i].durable = t->node[i].seen;
}

static void
replay_one(struct crashtree *t, const struct op *op)
{
	switch (op->type) {
	case OP_NAME:
		t->name[op->at].seen++;
		break;
	case OP_VERSION:
		t->node[op->at].seen++;
		break;
	case OP_SYNC:
		t->node[op->at].durable = t->node[op->at].seen;
		break;
	case OP_SYNC_NAMES:
		sync_names(t, op->at);
		break;
	case OP_SYNC_ALL:
		sync_names(t, NONE);
		sync_nodes(t);
		break;
	}
}

static void
replay(struct crashtree *t, size_t k)
{
	size_t i;
	int n;

	for (n = 0; n < t->n_names; n++)
		t->name[n].seen = t->name[n].durable = 0;
	for (n = 0; n < t->n_nodes; n++) {
		t->node[n].seen = t->node[n].durable = 0;
		t->node[n].built = 0;
		free(t->node[n].path);
		t->node[n].path = NULL;
	}
	for (i = 0; i < k; i++)
		replay_one(t, &t->op[i]);
}

static enum crashtree_loss
mood(struct crashtree *t, enum crashtree_loss loss)
{
	return loss == CRASHTREE_LOSES_SOME ? (enum crashtree_loss)below(t, 3) : loss;
}

static int
pick(struct crashtree *t, enum crashtree_loss loss, int durable, int seen)
{
	if (loss == CRASHTREE_LOSES_SOME)
		return durable + (int)below(t, (uint64_t)(seen - durable) + 1);
	return loss == CRASHTREE_LOSES_ALL ? durable : seen;
}

static void
choose_names(struct crashtree *t, size_t k, enum crashtree_loss loss)
{
	const struct op *op;
	int i;

	for (i = 0; i < t->n_names; i++)
		t->name[i].left = pick(t, mood(t, loss), t->name[i].durable, t->name[i].seen);
	for (op = t->op; op + 1 < t->op + k; op++) {
		struct name *to = &t->name[op->at], *from = &t->name[op[1].at];

		if (op->type != OP_NAME || !op->pair)
			continue;
		if (to->left >= op->place)
			from->left = MAX(from->left, op[1].place);
		else
			from->left = MIN(from->left, op[1].place - 1);
	}
}

static void
write_page(int fd, const struct bytes *b, size_t at, size_t size)
{
	size_t end = MIN(MIN(at + PAGE, b->size), size), i = at;

	while (i < end && b->at[i] == 0)
		i++;
	if (i < end && pwrite(fd, b->at + at, end - at, (off_t)at) != (ssize_t)(end - at))
		err(1, "write");
}

static void
build_content(struct crashtree *t, const struct node *n, enum crashtree_loss loss, int fd)
{
	int length = pick(t, loss, n->durable, n->seen), i;
	size_t size = n->version[length].content.size, at;
	bool whole = false;

	for (i = n->durable + 1; i <= n->seen; i++)
		whole |= n->version[i].cut;
	if (ftruncate(fd, (off_t)size) != 0)
		err(1, "truncate");
	for (at = 0; at < size; at += PAGE) {
		i = whole ? length : pick(t, loss, n->durable, n->seen);
		write_page(fd, &n->version[i].content, at, size);
	}
}

static void
set_attributes(int fd, const char *name, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchownat(fd, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) != 0 ||
	    (!S_ISLNK(st->st_mode) && fchmodat(fd, name, st->st_mode & 07777, 0) != 0) ||
	    utimensat(fd, name, times, AT_SYMLINK_NOFOLLOW) != 0)
		err(1, "attributes of %s", name);
}

static void	build_directory(struct crashtree *t, int dir, int fd, enum crashtree_loss loss);

static void
build_inode(struct crashtree *t, int node, int fd, const char *name, enum crashtree_loss loss)
{
	const struct version *v = &t->node[node].version[0];
	int new autoclose = -1;
	struct stat st;

	if (S_ISDIR(v->st.st_mode)) {
		if ((mkdirat(fd, name, 0700) != 0 && errno != EEXIST) ||
		    (new = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || fstat(new, &st) != 0)
			err(1, "mkdir %s", name);
		t->node[node].built = st.st_ino;
		build_directory(t, node, new, loss);
	} else if (S_ISREG(v->st.st_mode)) {
		if ((new = openat(fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
			err(1, "create %s", name);
		build_content(t, &t->node[node], mood(t, loss), new);
	} else if (S_ISLNK(v->st.st_mode)) {
		char to[PATH_MAX];

		snprintf(to, sizeof(to), "%.*s", (int)v->content.size, (const char *)v->content.at);
		if (symlinkat(to, fd, name) != 0)
			err(1, "symlink %s", name);
	} else if (mknodat(fd, name, (v->st.st_mode & S_IFMT) | 0600, 0) != 0) {
		err(1, "mknod %s", name);
	}
	v = &t->node[node].version[pick(t, mood(t, loss), t->node[node].durable, t->node[node].seen)];
	set_attributes(fd, name, &v->st);
}

static void
build_name(struct crashtree *t, const struct name *n, int fd, enum crashtree_loss loss)
{
	int node = n->to[n->left];
	struct node *at = &t->node[node];

	if (at->path != NULL) {
		if (linkat(AT_FDCWD, at->path, fd, n->text, 0) != 0)
			err(1, "link %s to %s", n->text, at->path);
		return;
	}
	at->path = join(t->node[n->dir].path, n->text);
	build_inode(t, node, fd, n->text, loss);
}

static void
build_directory(struct crashtree *t, int dir, int fd, enum crashtree_loss loss)
{
	int i;

	for (i = 0; i < t->n_names; i++)
		if (t->name[i].dir == dir && t->name[i].to[t->name[i].left] != NONE)
			build_name(t, &t->name[i], fd, loss);
}

static void
empty(const char *path, const char *keep)
{
	DIR *dir = opendir(path);
	const struct dirent *d;
	char *path_below;

	if (dir == NULL)
		err(1, "open %s", path);
	while ((d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		path_below = join(path, d->d_name);
		if (keep != NULL && strcmp(d->d_name, keep) == 0)
			empty(path_below, NULL);
		else
			tmpdir_remove(path_below);
		free(path_below);
	}
	closedir(dir);
}

void
crashtree_build(struct crashtree *t, size_t k, enum crashtree_loss loss, uint64_t seed, const char *keep)
{
	if (current != NULL)
		errx(1, "what is built would be recorded");
	/* The rename of a directory happens, or not. */
	if (k > 0 && k < t->n_ops && t->op[k - 1].pair)
		k++;
	t->random = seed;
	replay(t, k);
	choose_names(t, k, loss);
	empty(t->path, keep);
	t->node[0].path = strdup(t->path);
	build_directory(t, 0, t->fd, loss);
}

ino_t
crashtree_inode(const struct crashtree *t, ino_t recorded)
{
	int i;

	for (i = t->n_nodes - 1; i > 0; i--)
		if (t->node[i].ino == recorded && S_ISDIR(t->node[i].version[0].st.st_mode))
			return t->node[i].built;
	return 0;
}
