/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hash table of paths, and the nodes that they lead to.  It exists while an
 * index is built; readers of an index search by index_child().
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/util.h"
#include "probackup/index_tree.h"

#define FIRST_NODES	4096
#define FIRST_PATHS	(256 * 1024)
#define FIRST_SLOTS	16384

_Static_assert(PATH_MAX <= UINT16_MAX, "path_len holds any path");

static inline uint64_t
rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1]; v[1] = rotl(v[1], 13); v[1] ^= v[0]; v[0] = rotl(v[0], 32);
	v[2] += v[3]; v[3] = rotl(v[3], 16); v[3] ^= v[2];
	v[0] += v[3]; v[3] = rotl(v[3], 21); v[3] ^= v[0];
	v[2] += v[1]; v[1] = rotl(v[1], 17); v[1] ^= v[2]; v[2] = rotl(v[2], 32);
}

/* The last word: up to seven bytes, and the length in the highest one. */
static uint64_t
last_word(const char *p, size_t left, size_t len)
{
	uint64_t word = (uint64_t)len << 56;
	size_t i;

	for (i = 0; i < left; i++)
		word |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return word;
}

/* SipHash-1-3 of Aumasson and Bernstein: fast, and not to be foreseen without the key. */
static uint32_t
hash(const struct index_tree *t, const char *path, size_t len)
{
	uint64_t v[4] = {
		t->key[0] ^ UINT64_C(0x736f6d6570736575), t->key[1] ^ UINT64_C(0x646f72616e646f6d),
		t->key[0] ^ UINT64_C(0x6c7967656e657261), t->key[1] ^ UINT64_C(0x7465646279746573),
	};
	const char *p = path, *end = path + (len & ~(size_t)7);
	uint64_t word;

	for (; p < end; p += 8) {
		word = get_le64(p);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = last_word(p, len & 7, len);
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return (uint32_t)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

/* The kernel gives each program 16 random bytes; no system call is needed. */
static void
set_key(struct index_tree *t)
{
	const void *random = (const void *)(uintptr_t)getauxval(AT_RANDOM);

	if (random != NULL)
		memcpy(t->key, random, sizeof(t->key));
}

static struct index_slot *
slots_new(uint32_t n)
{
	struct index_slot *slots = malloc((size_t)n * sizeof(*slots));

	if (slots != NULL)
		memset(slots, 0xff, (size_t)n * sizeof(*slots));
	return slots;
}

int
index_tree_init(struct index_tree *t)
{
	*t = (struct index_tree){ .n = 1, .cap = FIRST_NODES,
	    .paths_cap = FIRST_PATHS, .n_slots = FIRST_SLOTS };
	set_key(t);
	t->nodes = calloc(t->cap, sizeof(*t->nodes));
	t->paths = malloc(t->paths_cap);
	t->slots = slots_new(t->n_slots);
	if (t->nodes == NULL || t->paths == NULL || t->slots == NULL) {
		index_tree_fini(t);
		return -ENOMEM;
	}
	t->nodes[INDEX_ROOT].mode = S_IFDIR | 0700;
	t->nodes[INDEX_ROOT].flags = INDEX_DIR;
	return 0;
}

void
index_tree_fini(struct index_tree *t)
{
	free(t->nodes);
	free(t->paths);
	free(t->slots);
	*t = (struct index_tree){ 0 };
}

/* The slot that holds the path, or the free one where it belongs. */
static struct index_slot *
find_slot(const struct index_tree *t, const char *path, size_t len, uint32_t h)
{
	struct index_slot *slot;
	const struct index_node *node;
	uint32_t i;

	for (i = h & (t->n_slots - 1);; i = (i + 1) & (t->n_slots - 1)) {
		slot = &t->slots[i];
		if (slot->node == INDEX_NONE)
			return slot;
		if (slot->hash != h)
			continue;
		node = &t->nodes[slot->node];
		if (node->path_len == len && memcmp(t->paths + node->path, path, len) == 0)
			return slot;
	}
}

uint32_t
index_tree_find(const struct index_tree *t, const char *path, size_t len)
{
	return find_slot(t, path, len, hash(t, path, len))->node;
}

/* The node that slot h most likely leads to, or INDEX_NONE. */
static uint32_t
likely_node(const struct index_tree *t, uint32_t h)
{
	const struct index_slot *slot = &t->slots[h & (t->n_slots - 1)];

	return slot->hash == h ? slot->node : INDEX_NONE;
}

void
index_tree_find_batch(const struct index_tree *t, const struct filelist_entry *e,
    int n, uint32_t *nodes)
{
	uint32_t h[INDEX_TREE_BATCH], node;
	int i;

	for (i = 0; i < n; i++) {
		h[i] = hash(t, e[i].path, e[i].path_len);
		__builtin_prefetch(&t->slots[h[i] & (t->n_slots - 1)]);
	}
	for (i = 0; i < n; i++)
		if ((node = likely_node(t, h[i])) != INDEX_NONE)
			__builtin_prefetch(&t->nodes[node]);
	for (i = 0; i < n; i++)
		if ((node = likely_node(t, h[i])) != INDEX_NONE)
			__builtin_prefetch(index_tree_path(t, node));
	for (i = 0; i < n; i++)
		nodes[i] = find_slot(t, e[i].path, e[i].path_len, h[i])->node;
}

static int
grow_slots(struct index_tree *t)
{
	uint32_t n = t->n_slots * 2, i, at;
	struct index_slot *slots = slots_new(n);

	if (slots == NULL)
		return -ENOMEM;
	for (i = 0; i < t->n_slots; i++) {
		if (t->slots[i].node == INDEX_NONE)
			continue;
		for (at = t->slots[i].hash & (n - 1); slots[at].node != INDEX_NONE;)
			at = (at + 1) & (n - 1);
		slots[at] = t->slots[i];
	}
	free(t->slots);
	t->slots = slots;
	t->n_slots = n;
	return 0;
}

static int
grow_nodes(struct index_tree *t)
{
	struct index_node *nodes = realloc(t->nodes, (size_t)t->cap * 2 * sizeof(*nodes));

	if (nodes == NULL)
		return -ENOMEM;
	t->nodes = nodes;
	t->cap *= 2;
	return 0;
}

static int
grow_paths(struct index_tree *t)
{
	char *paths = realloc(t->paths, t->paths_cap * 2);

	if (paths == NULL)
		return -ENOMEM;
	t->paths = paths;
	t->paths_cap *= 2;
	return 0;
}

/* Makes room for one more node. */
static int
reserve(struct index_tree *t, size_t path_len)
{
	int rc;

	if (t->n >= INDEX_MAX_ENTRIES || t->paths_len + path_len > UINT32_MAX)
		return -EFBIG;
	if (t->n == t->cap && (rc = grow_nodes(t)) < 0)
		return rc;
	if (t->paths_len + path_len > t->paths_cap && (rc = grow_paths(t)) < 0)
		return rc;
	if (t->n >= t->n_slots / 2 && (rc = grow_slots(t)) < 0)
		return rc;
	return 0;
}

static uint16_t
name_offset(const char *path, size_t len)
{
	const char *slash = memrchr(path, '/', len);

	return slash != NULL ? (uint16_t)(slash - path + 1) : 0;
}

/* Puts a node of a path that already stands in paths into slot. */
static uint32_t
append(struct index_tree *t, struct index_slot *slot, uint32_t path, size_t len,
    uint32_t mode, unsigned flags, uint32_t h)
{
	t->nodes[t->n] = (struct index_node){
		.path = path, .path_len = (uint16_t)len, .mode = mode, .flags = (uint16_t)flags,
		.name = name_offset(t->paths + path, len),
	};
	slot->hash = h;
	slot->node = t->n;
	return t->n++;
}

int
index_tree_add(struct index_tree *t, const char *path, size_t len, uint32_t mode,
    unsigned flags, uint32_t *node)
{
	uint32_t h = hash(t, path, len);
	struct index_slot *slot;
	int rc;

	if ((rc = reserve(t, len)) < 0)
		return rc;
	slot = find_slot(t, path, len, h);
	if (slot->node != INDEX_NONE)
		return -EEXIST;
	memcpy(t->paths + t->paths_len, path, len);
	*node = append(t, slot, (uint32_t)t->paths_len, len, mode, flags, h);
	t->paths_len += len;
	return 0;
}

/*
 * The directory whose path is the first len bytes of the node's.  A new one
 * shares these bytes: a list of long paths does not make longer ones.
 */
static int
find_or_add_dir(struct index_tree *t, uint32_t node, size_t len, uint32_t *dir)
{
	struct index_slot *slot;
	const char *path;
	uint32_t h;
	int rc;

	if ((rc = reserve(t, 0)) < 0)
		return rc;
	path = index_tree_path(t, node);
	h = hash(t, path, len);
	slot = find_slot(t, path, len, h);
	*dir = slot->node != INDEX_NONE ? slot->node :
	    append(t, slot, t->nodes[node].path, len, S_IFDIR | 0700, INDEX_DIR, h);
	return 0;
}

int
index_tree_connect(struct index_tree *t, uint32_t max, uint32_t *node)
{
	uint32_t i, dir;
	int rc;

	/* Directories that are added here get their own parents in this same loop. */
	for (i = 1; i < t->n; i++) {
		dir = INDEX_ROOT;
		if (t->nodes[i].name > 0 &&
		    (rc = find_or_add_dir(t, i, t->nodes[i].name - 1U, &dir)) < 0)
			return rc;
		if (t->n > max)
			return -EFBIG;
		if ((t->nodes[dir].flags & INDEX_DIR) == 0) {
			*node = i;
			return -ENOTDIR;
		}
		t->nodes[i].parent = dir;
		t->nodes[dir].count++;
	}
	return 0;
}
