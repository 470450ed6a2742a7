/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lays the merged tree out as index_format.h says, and writes it down.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/util.h"
#include "probackup/explain.h"
#include "probackup/index.h"
#include "probackup/index_collect.h"
#include "probackup/index_format.h"
#include "probackup/index_merge.h"
#include "probackup/member.h"
#include "probackup/merge.h"

/* A child while its directory is sorted: most names differ in eight bytes. */
struct kid {
	uint64_t prefix;	/* the first bytes of the name, the first one highest */
	uint32_t node;
};

/* Everything of an index before it is written. */
struct layout {
	struct index_collect *c;
	uint32_t *order;	/* node of each entry */
	uint32_t *number;	/* entry of each node */
	uint32_t *start;	/* of each node: where its children stand in kids */
	struct kid *kids;
	struct index_header header;
	struct index_entry *entries;
	struct index_provider *providers;
	struct index_backup backups[CHAIN_MAX];
	char	*strings;
};

static const char *
node_name(const struct index_tree *t, uint32_t node, size_t *len)
{
	const struct index_node *n = &t->nodes[node];

	*len = (size_t)n->path_len - n->name;
	return t->paths + n->path + n->name;
}

static uint64_t
name_prefix(const struct index_tree *t, uint32_t node)
{
	size_t len, i;
	const char *name = node_name(t, node, &len);
	uint64_t prefix = 0;

	for (i = 0; i < 8; i++)
		prefix = prefix << 8 | (i < len ? (unsigned char)name[i] : 0);
	return prefix;
}

static int
compare_kids(const void *a, const void *b, void *arg)
{
	const struct kid *ka = a, *kb = b;
	const struct index_tree *t = arg;
	const char *na, *nb;
	size_t la, lb;

	if (ka->prefix != kb->prefix)
		return ka->prefix < kb->prefix ? -1 : 1;
	na = node_name(t, ka->node, &la);
	nb = node_name(t, kb->node, &lb);
	return index_compare_names(na, la, nb, lb);
}

/* Puts the children of each directory side by side. */
static void
group_kids(struct layout *l)
{
	const struct index_tree *t = &l->c->tree;
	uint32_t i, at = 0, *fill = l->number;

	for (i = 0; i < t->n; i++) {
		l->start[i] = fill[i] = at;
		if ((t->nodes[i].flags & INDEX_DIR) != 0)
			at += t->nodes[i].count;
	}
	for (i = 1; i < t->n; i++)
		l->kids[fill[t->nodes[i].parent]++] =
		    (struct kid){ .prefix = name_prefix(t, i), .node = i };
}

/* Numbers the entries breadth first. */
static void
order_entries(struct layout *l)
{
	struct index_tree *t = &l->c->tree;
	struct index_node *node;
	struct kid *kids;
	uint32_t i, k, next = 1;

	l->order[0] = l->number[0] = INDEX_ROOT;
	for (i = 0; i < t->n; i++) {
		node = &t->nodes[l->order[i]];
		if ((node->flags & INDEX_DIR) == 0)
			continue;
		node->first = next;
		kids = &l->kids[l->start[l->order[i]]];
		qsort_r(kids, node->count, sizeof(*kids), compare_kids, t);
		for (k = 0; k < node->count; k++, next++) {
			l->order[next] = kids[k].node;
			l->number[kids[k].node] = next;
		}
	}
}

/* Gives files their place among the providers; measures the strings. */
static int
measure(struct layout *l, size_t max, char *error)
{
	struct index_tree *t = &l->c->tree;
	struct index_node *node;
	uint64_t providers = 0, strings = 0;
	uint32_t i;

	for (i = 0; i < t->n; i++) {
		node = &t->nodes[l->order[i]];
		strings += (uint64_t)node->path_len - node->name + 1;
		if ((node->flags & INDEX_DIR) != 0)
			continue;
		node->first = (uint32_t)providers;
		providers += node->count;
	}
	l->header.n_entries = t->n;
	l->header.n_backups = l->c->chain->n;
	l->header.n_providers = (uint32_t)providers;
	l->header.strings_len = strings;
	l->header.length = index_parts_of(&l->header).length;
	if (providers > UINT32_MAX || strings > UINT32_MAX || l->header.length > max)
		return explain(error, -EFBIG,
		    "the index of backup \"%s\" needs %llu bytes instead of at most %zu: mount with more memory",
		    l->c->chain->member[0].id, (unsigned long long)l->header.length, max);
	return 0;
}

/* FNV-1a, 64 bits. */
static uint64_t
digest_add(uint64_t digest, const void *data, size_t len)
{
	const unsigned char *p = data;
	size_t i;

	for (i = 0; i < len; i++)
		digest = (digest ^ p[i]) * UINT64_C(0x100000001b3);
	return digest;
}

/* Goes in the order of entries, which depends on nothing but the paths. */
static uint64_t
digest_tree(const struct layout *l)
{
	const struct index_tree *t = &l->c->tree;
	uint64_t digest = UINT64_C(0xcbf29ce484222325);
	const struct index_node *node;
	uint32_t i, kind;

	for (i = 0; i < t->n; i++) {
		node = &t->nodes[l->order[i]];
		kind = node->flags & (INDEX_DIR | INDEX_DATAFILE | INDEX_LINK);
		digest = digest_add(digest, t->paths + node->path, node->path_len);
		digest = digest_add(digest, "", 1);
		digest = digest_add(digest, &kind, sizeof(kind));
		digest = digest_add(digest, &node->size, sizeof(node->size));
	}
	return digest;
}

static void
fill_entries(struct layout *l)
{
	const struct index_tree *t = &l->c->tree;
	const struct index_node *node;
	uint32_t i, string = 0;
	const char *name;
	size_t len;

	for (i = 0; i < t->n; i++) {
		node = &t->nodes[l->order[i]];
		name = node_name(t, l->order[i], &len);
		l->entries[i] = (struct index_entry){
			.size = node->size, .mode = node->mode,
			.parent = l->number[node->parent], .name = string, .name_len = (uint16_t)len,
			.first = node->first, .count = node->count,
			.flags = node->flags & (INDEX_DIR | INDEX_DATAFILE | INDEX_LINK),
		};
		memcpy(l->strings + string, name, len);
		l->strings[string + len] = '\0';
		string += (uint32_t)len + 1;
	}
}

/* Newest backup first, so that each file's providers come in that order. */
static void
fill_providers(struct layout *l)
{
	struct index_node *nodes = l->c->tree.nodes;
	const struct index_source *src;
	unsigned member;
	size_t i;

	for (member = 0; member < l->c->chain->n; member++) {
		src = &l->c->source[member];
		for (i = 0; i < src->n; i++)
			if (src->items[i].node != INDEX_NONE)
				l->providers[nodes[src->items[i].node].first++] =
				    src->items[i].provider;
	}
}

static void
fill_header(struct layout *l)
{
	const struct chain *chain = l->c->chain;
	const struct backup *b;
	unsigned i;

	l->header.magic = INDEX_MAGIC;
	l->header.version = INDEX_VERSION;
	l->header.server_version = (uint32_t)atoi(chain->member[0].control.server_version);
	l->header.xlog_seg_size = chain->xlog_seg_size;
	l->header.tree_digest = digest_tree(l);
	for (i = 0; i < chain->n; i++) {
		b = &chain->member[i];
		memcpy(l->backups[i].id, b->id, sizeof(b->id));
		l->backups[i].version = b->control.version;
		l->backups[i].checksums = b->control.checksum_version;
		l->backups[i].list_crc = b->list_crc;
		/*
		 * With --force a backup may be in the making or on its way out.
		 * (The store lock holds a merge up, unless it is dead.)
		 */
		if (member_is_complete(&b->control) || merge_is_under_way(&b->control)) {
			l->backups[i].control = b->control.read_from;
			l->backups[i].list = b->list_read_from;
		}
	}
	l->header.since = l->c->since;
}

static int
write_all(const struct layout *l, int fd, char *error)
{
	struct index_parts at = index_parts_of(&l->header);
	const struct {
		const void *data;
		uint64_t at, end;
	} parts[] = {
		{ l->entries, at.entries, at.providers },
		{ l->providers, at.providers, at.backups },
		{ l->backups, at.backups, at.strings },
		{ l->strings, at.strings, at.length },
		{ &l->header, 0, at.entries },	/* last: without it there is no index */
	};
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		rc = io_pwrite(fd, parts[i].data, (size_t)(parts[i].end - parts[i].at),
		    (off_t)parts[i].at);
		if (rc < 0)
			return explain(error, rc, "could not write the index: %s", strerror(-rc));
	}
	return 0;
}

static int
arrange(struct layout *l, size_t max, char *error)
{
	size_t n = l->c->tree.n;

	l->order = malloc(n * sizeof(*l->order));
	l->number = malloc(n * sizeof(*l->number));
	l->start = malloc(n * sizeof(*l->start));
	l->kids = malloc(n * sizeof(*l->kids));
	if (l->order == NULL || l->number == NULL || l->start == NULL || l->kids == NULL)
		return explain(error, -ENOMEM, "out of memory");
	group_kids(l);
	order_entries(l);
	return measure(l, max, error);
}

static int
fill(struct layout *l, char *error)
{
	l->entries = malloc(l->header.n_entries * sizeof(*l->entries));
	l->providers = malloc((l->header.n_providers + (size_t)1) * sizeof(*l->providers));
	l->strings = malloc(l->header.strings_len);
	if (l->entries == NULL || l->providers == NULL || l->strings == NULL)
		return explain(error, -ENOMEM, "out of memory");
	fill_entries(l);
	fill_providers(l);
	fill_header(l);
	return 0;
}

static void
layout_fini(struct layout *l)
{
	free(l->order);
	free(l->number);
	free(l->start);
	free(l->kids);
	free(l->entries);
	free(l->providers);
	free(l->strings);
	free(l);
}

static int
lay_out(struct index_collect *c, int fd, size_t max, char *error)
{
	struct layout *l = calloc(1, sizeof(*l));
	int rc;

	if (l == NULL)
		return explain(error, -ENOMEM, "out of memory");
	l->c = c;
	if ((rc = arrange(l, max, error)) == 0 && (rc = fill(l, error)) == 0)
		rc = write_all(l, fd, error);
	layout_fini(l);
	return rc;
}

/*
 * Returns the time by our clock, or by that of the store where it is ahead:
 * pg_probackup writes the control file of a backup last.
 */
static int64_t
find_since(const struct chain *chain)
{
	int64_t since = clock_real_ns();
	unsigned i;

	for (i = 0; i < chain->n; i++)
		since = MAX(since, chain->member[i].control.read_from.mtime);
	return since;
}

int
index_build(struct chain *chain, int fd, size_t max, unsigned n_threads, char *error)
{
	struct index_collect *c = malloc(sizeof(*c));
	int rc;

	if (c == NULL || index_collect_init(c, chain, max) < 0) {
		free(c);
		return explain(error, -ENOMEM, "out of memory");
	}
	c->since = find_since(chain);
	if ((rc = index_collect_run(c, n_threads, error)) == 0 &&
	    (rc = index_merge(c, error)) == 0)
		rc = lay_out(c, fd, max, error);
	index_collect_fini(c);
	free(c);
	return rc;
}
