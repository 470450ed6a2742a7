/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list of the mounted backup decides which files there are; it is read
 * first and alone.  After that the tree does not change, and the parents'
 * lists are read by several threads, each of which takes one list at a time
 * and keeps what it finds apart from the others.  Which of it counts depends
 * on newer backups; index_merge.c decides that.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mode.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "pg/pg_types.h"
#include "probackup/explain.h"
#include "probackup/index_collect.h"
#include "probackup/listread.h"
#include "probackup/partial.h"

#define SHOWN		200	/* bytes of a path that a message quotes */
#define FIRST_ITEMS	1024

/*
 * pg_probackup lists the directories, but for a few of them.  A list of long paths
 * could make a hundred nodes of each: beyond as many as it lists, and this, it is refused.
 */
#define UNLISTED_DIRS	4096

#define EXPLAIN_PATH(error, rc, b, path, len, text)			\
	explain(error, rc, "backup \"%s\": \"%.*s\" " text, (b)->id,	\
	    (int)MIN((size_t)(len), (size_t)SHOWN), path)

/* A list while it is read, and where its entries go. */
struct scan {
	struct index_collect *c;
	struct backup *backup;
	struct index_source *source;
	unsigned member;
	char	*moved;		/* paths that differ from the list's: PATH_MAX for each of a batch */
};

int
index_collect_init(struct index_collect *c, struct chain *chain, size_t max)
{
	memset(c, 0, sizeof(*c));
	c->chain = chain;
	c->max_items = max / sizeof(struct index_provider);
	c->max_nodes = (uint32_t)MIN(max / sizeof(struct index_entry), INDEX_MAX_ENTRIES);
	return index_tree_init(&c->tree);
}

void
index_collect_fini(struct index_collect *c)
{
	unsigned i;

	for (i = 0; i < c->chain->n; i++) {
		free(c->source[i].items);
		free(c->source[i].listed);
	}
	index_tree_fini(&c->tree);
	tablespace_map_fini(&c->tablespaces);
}

static int
too_big(const struct scan *s, char *error)
{
	return explain(error, -EFBIG,
	    "the index of backup \"%s\" would be larger than allowed: mount with more memory",
	    s->c->chain->member[0].id);
}

/* A directory, page streams, or copied whole: the flags of the entry's kind. */
static unsigned
kind_of(const struct filelist_entry *e)
{
	if (S_ISDIR(e->mode))
		return INDEX_DIR;
	return e->is_datafile && !e->is_cfs ? INDEX_DATAFILE : 0;
}

static int
grow_items(struct index_source *src)
{
	size_t cap = src->cap > 0 ? src->cap * 2 : FIRST_ITEMS;
	struct index_item *items = realloc(src->items, cap * sizeof(*items));

	if (items == NULL)
		return -ENOMEM;
	src->items = items;
	src->cap = cap;
	return 0;
}

/* Adds e to what the backup of s stores. */
static int
add_item(struct scan *s, uint32_t node, const struct filelist_entry *e, char *error)
{
	struct index_source *src = s->source;

	if (atomic_fetch_add(&s->c->n_items, 1) >= s->c->max_items)
		return too_big(s, error);
	if (src->n == src->cap && grow_items(src) < 0)
		return explain(error, -ENOMEM, "out of memory");
	src->items[src->n++] = (struct index_item){
		.node = node,
		.provider = {
			.stored = (uint64_t)e->size, .crc = e->crc, .alg = (uint8_t)e->alg,
			.hdr_off = e->hdr_off, .hdr_size = e->hdr_size,
			.n_headers = e->n_headers, .hdr_crc = e->hdr_crc,
			.backup = (uint16_t)s->member,
		},
	};
	return 0;
}

static bool
path_is(const struct filelist_entry *e, const char *name)
{
	return e->path_len == strlen(name) && memcmp(e->path, name, e->path_len) == 0;
}

/*
 * Whether restore does not create the file.  It only reads the first two; the
 * others belong to a server that does not run here.
 */
static bool
is_hidden(const struct filelist_entry *e)
{
	return path_is(e, TABLESPACE_MAP) || path_is(e, DATABASE_MAP) ||
	    path_is(e, "postmaster.pid") || path_is(e, "postmaster.opts");
}

/* Whether the path is at or below a name of pbkfs's own at the root. */
static bool
is_reserved(const struct filelist_entry *e)
{
	static const char *const names[] = { ONDISK_INFODIR, ONDISK_TABLESPACES, ONDISK_EXTERNAL };
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		len = strlen(names[i]);
		if (e->path_len >= len && memcmp(e->path, names[i], len) == 0 &&
		    (e->path_len == len || e->path[len] == '/'))
			return true;
	}
	return false;
}

/*
 * Returns the length of the part of path that is pg_tblspc/OID, for an OID of
 * the map; or 0.
 */
static size_t
tablespace_part(const struct index_collect *c, const char *path, size_t len)
{
	static const char dir[] = TABLESPACE_DIR "/";
	const size_t skip = sizeof(dir) - 1;
	const char *slash;
	size_t end;

	if (c->tablespaces.n == 0 || len <= skip || memcmp(path, dir, skip) != 0)
		return 0;
	slash = memchr(path + skip, '/', len - skip);
	end = slash != NULL ? (size_t)(slash - path) : len;
	return tablespace_find(&c->tablespaces, path + skip, end - skip) != NULL ? end : 0;
}

/*
 * Gives e, number i of its batch, the path at which it is shown.  Returns 0,
 * or -EUCLEAN with error filled.
 */
static int
move_entry(struct scan *s, struct filelist_entry *e, int i, char *error)
{
	char *to = s->moved + (size_t)i * PATH_MAX;
	int n = 0;

	if (e->external_dir_num != 0)
		n = snprintf(to, PATH_MAX, ONDISK_EXTERNAL "/%u/%.*s", e->external_dir_num,
		    (int)e->path_len, e->path);
	else if (is_reserved(e) && s->member == 0)
		return EXPLAIN_PATH(error, -EUCLEAN, s->backup, e->path, e->path_len,
		    "is a name that pbkfs needs for itself: restore the backup with pg_probackup");
	else if (tablespace_part(s->c, e->path, e->path_len) > 0)
		n = snprintf(to, PATH_MAX, ONDISK_TABLESPACES "%.*s",
		    (int)(e->path_len - strlen(TABLESPACE_DIR)), e->path + strlen(TABLESPACE_DIR));
	if (n >= PATH_MAX)
		return EXPLAIN_PATH(error, -EUCLEAN, s->backup, e->path, e->path_len,
		    "is too long a name: restore the backup with pg_probackup");
	if (n > 0) {
		e->path = to;
		e->path_len = (size_t)n;
	}
	return 0;
}

static bool
is_too_deep(const struct filelist_entry *e)
{
	unsigned depth = 1;
	size_t i;

	for (i = 0; i < e->path_len; i++)
		depth += e->path[i] == '/';
	return depth > INDEX_DEPTH_MAX;
}

/* Sets the length of a file from the mounted backup's entry, or by which flag to find it. */
static void
set_length(struct index_node *node, const struct filelist_entry *e)
{
	if ((node->flags & INDEX_DIR) != 0 || e->size == 0)
		return;
	if ((node->flags & INDEX_DATAFILE) != 0) {
		node->flags |= NODE_PAGES;
		node->size = e->n_blocks > 0 ? (uint64_t)e->n_blocks * BLCKSZ : INDEX_SIZE_UNKNOWN;
	} else if (e->size > 0)
		node->size = (uint64_t)e->size;
	else
		node->flags |= NODE_UNCHANGED;
}

/* The directory of a tablespace is in the tree already, with its link: see add_tablespaces(). */
static bool
take_tablespace(struct scan *s, const struct filelist_entry *e)
{
	static const char dir[] = ONDISK_TABLESPACES "/";
	struct index_tree *t = &s->c->tree;
	uint32_t node;

	if (!S_ISDIR(e->mode) || e->path_len < sizeof(dir) ||
	    memcmp(e->path, dir, sizeof(dir) - 1) != 0 ||
	    memchr(e->path + sizeof(dir) - 1, '/', e->path_len - (sizeof(dir) - 1)) != NULL)
		return false;
	node = index_tree_find(t, e->path, e->path_len);
	if (node == INDEX_NONE)
		return false;
	t->nodes[node].mode = e->mode;
	return true;
}

/* Takes an entry of the mounted backup into the tree. */
static int
take_mounted(struct scan *s, const struct filelist_entry *e, char *error)
{
	struct index_tree *t = &s->c->tree;
	uint32_t node;
	int rc;

	if (is_hidden(e) || take_tablespace(s, e))
		return 0;
	if (is_too_deep(e))
		return EXPLAIN_PATH(error, -EUCLEAN, s->backup, e->path, e->path_len,
		    "has too many directories: restore the backup with pg_probackup");
	if (t->n >= s->c->max_nodes)
		return too_big(s, error);
	rc = index_tree_add(t, e->path, e->path_len, mode_shown(e->mode), kind_of(e), &node);
	if (rc == -EEXIST)
		return EXPLAIN_PATH(error, -EUCLEAN, s->backup, e->path, e->path_len,
		    "is listed twice: choose another backup");
	if (rc < 0)
		return rc == -EFBIG ? too_big(s, error) : explain(error, rc, "out of memory");
	set_length(&t->nodes[node], e);
	return (t->nodes[node].flags & INDEX_DIR) == 0 && e->size > 0 ?
	    add_item(s, node, e, error) : 0;
}

/*
 * Whether two backups store something of the file, one as a page stream and the
 * other as a whole.
 */
static bool
contradicts(const struct index_node *n, const struct filelist_entry *e)
{
	bool has_content = (n->flags & (NODE_PAGES | NODE_UNCHANGED)) != 0 || n->size > 0;

	return has_content && e->size != 0 && !e->is_cfs && !S_ISDIR(e->mode) &&
	    (n->flags & (INDEX_DIR | INDEX_LINK)) == 0 &&
	    (n->flags & INDEX_DATAFILE) != (kind_of(e) & INDEX_DATAFILE);
}

/* Takes what a parent stores of a file of the mounted backup. */
static int
take_parent(struct scan *s, uint32_t node, const struct filelist_entry *e, char *error)
{
	unsigned flags = s->c->tree.nodes[node].flags;
	unsigned char bit;

	if (contradicts(&s->c->tree.nodes[node], e))
		return explain(error, -EUCLEAN,
		    "\"%.*s\" is kept %s in backup \"%s\" and %s in backup \"%s\", as pg_probackup 2.8.0 and 2.8.1 mix it up: mount a backup of another chain",
		    (int)MIN(e->path_len, (size_t)SHOWN), e->path,
		    (flags & INDEX_DATAFILE) != 0 ? "page by page" : "as a whole",
		    s->c->chain->member[0].id,
		    (flags & INDEX_DATAFILE) != 0 ? "as a whole" : "page by page", s->backup->id);

	if ((flags & (NODE_PAGES | NODE_UNCHANGED)) == 0 ||
	    (flags & (INDEX_DIR | INDEX_DATAFILE)) != kind_of(e))
		return 0;
	bit = (unsigned char)(1 << node % 8);
	if ((s->source->listed[node / 8] & bit) != 0)
		return EXPLAIN_PATH(error, -EUCLEAN, s->backup, e->path, e->path_len,
		    "is listed twice: choose another backup");
	s->source->listed[node / 8] |= bit;
	/* A plain file may be empty there; a data file then has nothing to give. */
	if (e->size > 0 || (e->size == 0 && (flags & NODE_UNCHANGED) != 0))
		return add_item(s, node, e, error);
	return 0;
}

/* Makes a file empty if its database is left out, whatever is stored of it. */
static void
leave_out(const struct scan *s, struct filelist_entry *e)
{
	if (s->member == 0 && e->external_dir_num == 0 && !S_ISDIR(e->mode) &&
	    partial_leaves_out(s->c->chain, e->path, e->path_len))
		e->size = 0;
}

static int
take_batch(struct scan *s, struct filelist_entry *e, int n, char *error)
{
	uint32_t nodes[INDEX_TREE_BATCH];
	int i, rc;

	for (i = 0; i < n; i++)
		leave_out(s, &e[i]);
	for (i = 0; i < n; i++)
		if ((rc = move_entry(s, &e[i], i, error)) < 0)
			return rc;
	if (s->member > 0)
		index_tree_find_batch(&s->c->tree, e, n, nodes);
	for (i = 0, rc = 0; i < n && rc == 0; i++) {
		if (s->member == 0)
			rc = take_mounted(s, &e[i], error);
		else if (nodes[i] != INDEX_NONE)
			rc = take_parent(s, nodes[i], &e[i], error);
	}
	return rc;
}

static int
scan_list(struct scan *s, char *error)
{
	struct filelist_entry e[INDEX_TREE_BATCH];
	struct listread list;
	int n, rc;

	if ((rc = listread_open(&list, s->backup, error)) < 0)
		return rc;
	while ((n = listread_next(&list, e, INDEX_TREE_BATCH, error)) > 0)
		if ((rc = take_batch(s, e, n, error)) < 0)
			break;
	listread_close(&list);
	return n < 0 ? n : rc;
}

/* Reads the list of one member into its source. */
static int
scan_member(struct index_collect *c, unsigned member)
{
	struct index_source *src = &c->source[member];
	struct scan s = {
		.c = c, .member = member, .source = src, .backup = &c->chain->member[member],
	};

	s.moved = malloc((size_t)INDEX_TREE_BATCH * PATH_MAX);
	if (s.moved == NULL ||
	    (member > 0 && (src->listed = calloc(c->tree.n / 8 + 1, 1)) == NULL))
		src->rc = explain(src->error, -ENOMEM, "out of memory");
	else
		src->rc = scan_list(&s, src->error);
	free(s.moved);
	return src->rc;
}

static void *
scan_parents(void *arg)
{
	struct index_collect *c = arg;
	unsigned member;

	while ((member = atomic_fetch_add(&c->next, 1)) < c->chain->n && !atomic_load(&c->failed))
		if (scan_member(c, member) < 0)
			atomic_store(&c->failed, true);
	return NULL;
}

/* Starts the threads.  If some cannot be started the caller does their part. */
static void
run_threads(struct index_collect *c, unsigned n_threads)
{
	pthread_t threads[INDEX_THREADS_MAX];
	unsigned wanted = MIN(n_threads, MIN(c->chain->n - 1, INDEX_THREADS_MAX)), n = 0;

	while (n + 1 < wanted && pthread_create(&threads[n], NULL, scan_parents, c) == 0)
		n++;
	scan_parents(c);
	while (n > 0)
		pthread_join(threads[--n], NULL);
}

static int
connect_tree(struct index_collect *c, char *error)
{
	struct index_tree *t = &c->tree;
	struct backup *b = &c->chain->member[0];
	struct scan s = { .c = c };
	uint32_t node, listed;
	int rc;

	if (t->n == 1 + 2 * c->tablespaces.n)
		return explain(error, -EUCLEAN,
		    "backup \"%s\" lists no file: choose another backup", b->id);
	listed = t->n;
	rc = index_tree_connect(t, MIN(c->max_nodes, 2 * (uint64_t)listed + UNLISTED_DIRS), &node);
	if (rc == -EFBIG && t->n <= c->max_nodes)
		return explain(error, rc,
		    "backup \"%s\" lists %u names below more directories that it does not list: choose another backup",
		    b->id, listed);
	if (rc == -ENOTDIR)
		return EXPLAIN_PATH(error, -EUCLEAN, b, index_tree_path(t, node),
		    t->nodes[node].path_len, "is listed below a file: choose another backup");
	if (rc < 0)
		return rc == -EFBIG ? too_big(&s, error) : explain(error, rc, "out of memory");
	return 0;
}

/*
 * Adds link and directory of each tablespace before the list is read: restore
 * makes them, too, whatever the list says.
 */
static int
add_tablespaces(struct index_collect *c, char *error)
{
	struct backup *b = &c->chain->member[0];
	char path[sizeof(ONDISK_TABLESPACES) + TABLESPACE_OID_MAX], why[CHAIN_ERROR_MAX];
	uint32_t node;
	size_t i;
	int rc, n;

	if ((rc = tablespace_map_load(b->dirfd, &c->tablespaces, why)) < 0)
		return explain(error, rc, "could not use " TABLESPACE_MAP " of backup \"%s\": %s",
		    b->id, why);
	for (i = 0; i < c->tablespaces.n && rc == 0; i++) {
		n = snprintf(path, sizeof(path), TABLESPACE_DIR "/%s", c->tablespaces.at[i].oid);
		rc = index_tree_add(&c->tree, path, (size_t)n, S_IFLNK | 0777, INDEX_LINK, &node);
		if (rc < 0)
			break;
		n = snprintf(path, sizeof(path), ONDISK_TABLESPACES "/%s", c->tablespaces.at[i].oid);
		rc = index_tree_add(&c->tree, path, (size_t)n, S_IFDIR | 0700, INDEX_DIR, &node);
	}
	return rc < 0 ? explain(error, rc, "could not add the tablespaces: %s", strerror(-rc)) : 0;
}

static void
open_to_group(struct index_tree *t, const char *path)
{
	uint32_t node = index_tree_find(t, path, strlen(path));

	if (node != INDEX_NONE)
		t->nodes[node].mode |= 0050;
}

/*
 * Sets the modes of directories that are not listed; PostgreSQL gives all of
 * its own the same one.
 */
static void
set_modes(struct index_tree *t)
{
	uint32_t global = index_tree_find(t, "global", strlen("global"));

	if (global == INDEX_NONE || !S_ISDIR(t->nodes[global].mode) ||
	    (t->nodes[global].mode & 0050) != 0050)
		return;
	t->nodes[INDEX_ROOT].mode |= 0050;
	open_to_group(t, ONDISK_TABLESPACES);
	open_to_group(t, ONDISK_EXTERNAL);
}

int
index_collect_run(struct index_collect *c, unsigned n_threads, char *error)
{
	unsigned i;
	int rc;

	if ((rc = add_tablespaces(c, error)) < 0)
		return rc;
	if (scan_member(c, 0) < 0)
		return explain(error, c->source[0].rc, "%s", c->source[0].error);
	if ((rc = connect_tree(c, error)) < 0)
		return rc;
	set_modes(&c->tree);
	atomic_store(&c->next, 1);
	run_threads(c, n_threads);
	for (i = 1; i < c->chain->n; i++)
		if (c->source[i].rc < 0)
			return explain(error, c->source[i].rc, "%s", c->source[i].error);
	return 0;
}
