/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The binding as JSON: reading, writing, comparing.  It decides nothing: bind.c and decide.c do.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "supervisor/binding.h"
#include "supervisor/diffdir.h"

#define BINDING_FORMAT	"pbkfs-binding"

static int
copy_string(const struct json_node *node, size_t max, char **to)
{
	const char *text = json_string(node);

	if (text == NULL || text[0] == '\0' || strlen(text) > max)
		return -EUCLEAN;
	return (*to = strdup(text)) != NULL ? 0 : -ENOMEM;
}

static int
read_u32(const struct json_node *node, uint32_t *value)
{
	uint64_t v;

	if (json_u64(node, &v) != 0 || v > UINT32_MAX)
		return -EUCLEAN;
	*value = (uint32_t)v;
	return 0;
}

static int
read_digest(const struct json_node *node, uint64_t *digest)
{
	const char *text = json_string(node);
	char *end;

	if (text == NULL || strlen(text) != 16 ||
	    strspn(text, "0123456789abcdef") != 16)
		return -EUCLEAN;
	*digest = strtoull(text, &end, 16);
	return 0;
}

static int
read_member(const struct json_node *nodes, const struct json_node *node,
    struct binding_member *m)
{
	const char *id = json_string(json_get(nodes, node, "id"));

	if (id == NULL || !backup_id_is_valid(id))
		return -EUCLEAN;
	memset(m->id, 0, sizeof(m->id));
	memcpy(m->id, id, strlen(id));
	if (read_u32(json_get(nodes, node, "version"), &m->version) != 0)
		return -EUCLEAN;
	return read_u32(json_get(nodes, node, "list_crc"), &m->list_crc);
}

static int
read_members(const struct json_node *nodes, const struct json_node *at, struct binding *b)
{
	const struct json_node *list = json_get(nodes, at, "members"), *node = NULL;

	if (list == NULL || list->type != JSON_ARRAY || list->count == 0 ||
	    list->count > CHAIN_MAX)
		return -EUCLEAN;
	while ((node = json_next(nodes, list, node)) != NULL)
		if (read_member(nodes, node, &b->member[b->n_members++]) != 0)
			return -EUCLEAN;
	return 0;
}

static int
read_wal(const struct json_node *nodes, const struct json_node *at, struct binding *b)
{
	const char *wal = json_string(json_get(nodes, at, "wal"));

	if (wal == NULL || (strcmp(wal, "mount") != 0 && strcmp(wal, "direct") != 0))
		return -EUCLEAN;
	b->wal = wal[0] == 'd' ? WAL_DIRECT : WAL_MOUNT;
	return json_bool(json_get(nodes, at, "no_wal"), &b->no_wal);
}

/* Absent in what was written before it meant anything for later mounts. */
static int
read_keep_settings(const struct json_node *nodes, const struct json_node *at, struct binding *b)
{
	const struct json_node *keep = json_get(nodes, at, "keep_settings");

	return keep != NULL ? json_bool(keep, &b->keep_settings) : 0;
}

/* Absent in what was written before there were mappings. */
static int
read_mapped(const struct json_node *nodes, const struct json_node *at, struct binding *b)
{
	const struct json_node *list = json_get(nodes, at, "mapped"), *node = NULL;
	struct binding_mapping *m;

	if (list == NULL)
		return 0;
	if (list->type != JSON_ARRAY || list->count > BINDING_MAPPED_MAX)
		return -EUCLEAN;
	while ((node = json_next(nodes, list, node)) != NULL) {
		m = &b->mapped[b->n_mapped++];
		if (copy_string(json_get(nodes, node, "from"), PATH_MAX - 1, &m->from) != 0 ||
		    copy_string(json_get(nodes, node, "to"), PATH_MAX - 1, &m->to) != 0)
			return -EUCLEAN;
	}
	return 0;
}

/* Absent where all databases are there. */
static int
read_databases(const struct json_node *nodes, const struct json_node *at, struct binding *b)
{
	const struct json_node *part = json_get(nodes, at, "databases"), *node = NULL;
	const struct json_node *list = json_get(nodes, part, "names");

	if (part == NULL)
		return 0;
	if (part->type != JSON_OBJECT || list == NULL || list->type != JSON_ARRAY ||
	    list->count == 0 || list->count > BINDING_DATABASES_MAX ||
	    json_bool(json_get(nodes, part, "include"), &b->db_include) != 0)
		return -EUCLEAN;
	while ((node = json_next(nodes, list, node)) != NULL)
		if (copy_string(node, BINDING_DATABASE_NAME_MAX, &b->database[b->n_databases++]) != 0)
			return -EUCLEAN;
	return 0;
}

/* Both absent where there was no hydration. */
static int
read_hydration(const struct json_node *nodes, const struct json_node *at, struct binding *b)
{
	const struct json_node *wish = json_get(nodes, at, "hydrate");
	const struct json_node *detached = json_get(nodes, at, "detached");

	if (detached != NULL && json_bool(detached, &b->detached) != 0)
		return -EUCLEAN;
	if (wish == NULL)
		return 0;
	b->hydrates = true;
	if (wish->type != JSON_OBJECT || json_u64(json_get(nodes, wish, "rate"), &b->hydrate_rate) != 0 ||
	    b->hydrate_rate > INT64_MAX ||
	    read_u32(json_get(nodes, wish, "jobs"), &b->hydrate_jobs) != 0)
		return -EUCLEAN;
	return 0;
}

/* Absent where it is no branch. */
static int
read_branch(const struct json_node *nodes, const struct json_node *at, struct binding *b)
{
	const struct json_node *branch = json_get(nodes, at, "branch");
	int rc;

	if (branch == NULL)
		return 0;
	if (branch->type != JSON_OBJECT)
		return -EUCLEAN;
	if ((rc = copy_string(json_get(nodes, branch, "name"), NAME_MAX, &b->branch)) != 0 ||
	    (rc = copy_string(json_get(nodes, branch, "snapshot"), NAME_MAX, &b->snapshot)) != 0 ||
	    (rc = copy_string(json_get(nodes, branch, "snapshot_id"), BINDING_SNAPSHOT_ID, &b->snapshot_id)) != 0)
		return rc;
	return strspn(b->snapshot_id, "0123456789abcdef") == BINDING_SNAPSHOT_ID ? 0 : -EUCLEAN;
}

static int
check_format(const struct json_node *nodes, const struct json_node *at)
{
	const char *format = json_string(json_get(nodes, at, "format"));
	uint64_t version;

	if (format == NULL || strcmp(format, BINDING_FORMAT) != 0 ||
	    json_u64(json_get(nodes, at, "version"), &version) != 0)
		return -EUCLEAN;
	return version >= BINDING_VERSION && version <= BINDING_VERSION_BRANCH ? 0 : -ENOTSUP;
}

int
binding_read(const struct json_node *nodes, const struct json_node *at, struct binding *b)
{
	int rc;

	if ((rc = check_format(nodes, at)) != 0 ||
	    (rc = copy_string(json_get(nodes, at, "store"), PATH_MAX - 1, &b->store)) != 0 ||
	    (rc = copy_string(json_get(nodes, at, "instance"), NAME_MAX, &b->instance)) != 0 ||
	    (rc = copy_string(json_get(nodes, at, "backup_id"), BACKUP_ID_MAX - 1, &b->backup_id)) != 0 ||
	    (rc = copy_string(json_get(nodes, at, "host"), 255, &b->host)) != 0 ||
	    (rc = copy_string(json_get(nodes, at, "created"), 63, &b->created)) != 0 ||
	    (rc = read_members(nodes, at, b)) != 0 ||
	    (rc = read_digest(json_get(nodes, at, "tree_digest"), &b->tree_digest)) != 0 ||
	    (rc = read_u32(json_get(nodes, at, "server_version"), &b->server_version)) != 0 ||
	    (rc = read_wal(nodes, at, b)) != 0 || (rc = read_keep_settings(nodes, at, b)) != 0 ||
	    (rc = read_mapped(nodes, at, b)) != 0 || (rc = read_databases(nodes, at, b)) != 0 ||
	    (rc = read_hydration(nodes, at, b)) != 0 || (rc = read_branch(nodes, at, b)) != 0)
		return rc;
	return b->store[0] == '/' && strchr(b->instance, '/') == NULL &&
	    b->instance[0] != '.' ? 0 : -EUCLEAN;
}

int
binding_parse(char *text, size_t len, struct binding *b)
{
	struct json_node *nodes autofree = calloc(BINDING_NODES, sizeof(*nodes));
	int rc;

	memset(b, 0, sizeof(*b));
	if (nodes == NULL)
		return -ENOMEM;
	rc = json_parse(text, len, nodes, BINDING_NODES);
	return rc < 0 ? -EUCLEAN : binding_read(nodes, nodes, b);
}

int
binding_load(int diff_fd, struct binding *b)
{
	char *text autofree = NULL;
	int fd autoclose = -1;
	size_t len;
	int rc;

	memset(b, 0, sizeof(*b));
	fd = openat(diff_fd, ONDISK_BINDING,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ELOOP ? -EUCLEAN : -errno;
	if ((rc = io_read_file(fd, BINDING_MAX, &text, &len)) != 0)
		return rc == -EFBIG || rc == -EINVAL ? -EUCLEAN : rc;
	return binding_parse(text, len, b);
}

static void
write_members(struct json_out *o, const struct binding *b)
{
	size_t i;

	json_open(o, "members", '[');
	for (i = 0; i < b->n_members; i++) {
		json_open(o, NULL, '{');
		json_put_string(o, "id", b->member[i].id);
		json_put_u64(o, "version", b->member[i].version);
		json_put_u64(o, "list_crc", b->member[i].list_crc);
		json_close(o, '}');
	}
	json_close(o, ']');
}

static void
write_mapped(struct json_out *o, const struct binding *b)
{
	size_t i;

	json_open(o, "mapped", '[');
	for (i = 0; i < b->n_mapped; i++) {
		json_open(o, NULL, '{');
		json_put_string(o, "from", b->mapped[i].from);
		json_put_string(o, "to", b->mapped[i].to);
		json_close(o, '}');
	}
	json_close(o, ']');
}

static void
write_databases(struct json_out *o, const struct binding *b)
{
	size_t i;

	if (b->n_databases == 0)
		return;
	json_open(o, "databases", '{');
	json_put_bool(o, "include", b->db_include);
	json_open(o, "names", '[');
	for (i = 0; i < b->n_databases; i++)
		json_put_string(o, NULL, b->database[i]);
	json_close(o, ']');
	json_close(o, '}');
}

static void
write_hydration(struct json_out *o, const struct binding *b)
{
	if (b->hydrates) {
		json_open(o, "hydrate", '{');
		json_put_u64(o, "rate", b->hydrate_rate);
		json_put_u64(o, "jobs", b->hydrate_jobs);
		json_close(o, '}');
	}
	if (b->detached)
		json_put_bool(o, "detached", true);
}

static void
write_branch(struct json_out *o, const struct binding *b)
{
	if (b->branch == NULL)
		return;
	json_open(o, "branch", '{');
	json_put_string(o, "name", b->branch);
	json_put_string(o, "snapshot", b->snapshot);
	json_put_string(o, "snapshot_id", b->snapshot_id);
	json_close(o, '}');
}

static uint64_t
version_of(const struct binding *b)
{
	return b->branch != NULL ? BINDING_VERSION_BRANCH : b->detached ? BINDING_VERSION_DETACHED :
	    b->n_databases > 0 ? BINDING_VERSION_PARTIAL : BINDING_VERSION;
}

void
binding_put(struct json_out *o, const struct binding *b)
{
	char digest[17];

	snprintf(digest, sizeof(digest), "%016" PRIx64, b->tree_digest);
	json_put_string(o, "format", BINDING_FORMAT);
	json_put_u64(o, "version", version_of(b));
	json_put_string(o, "store", b->store);
	json_put_string(o, "instance", b->instance);
	json_put_string(o, "backup_id", b->backup_id);
	write_members(o, b);
	json_put_string(o, "tree_digest", digest);
	json_put_u64(o, "server_version", b->server_version);
	json_put_string(o, "wal", b->wal == WAL_DIRECT ? "direct" : "mount");
	json_put_bool(o, "no_wal", b->no_wal);
	json_put_bool(o, "keep_settings", b->keep_settings);
	write_mapped(o, b);
	write_databases(o, b);
	write_hydration(o, b);
	write_branch(o, b);
	json_put_string(o, "host", b->host);
	json_put_string(o, "pbkfs", PACKAGE_VERSION);
	json_put_string(o, "created", b->created);
}

/* Whether binding_load() takes it. */
static int
check_text(const char *text, size_t len)
{
	char *copy autofree = strdup(text);
	struct binding back;
	int rc;

	if (copy == NULL || len > BINDING_MAX)
		return copy == NULL ? -ENOMEM : -EFBIG;
	rc = binding_parse(copy, len, &back);
	binding_fini(&back);
	return rc;
}

int
binding_store(int diff_fd, const struct binding *b)
{
	struct json_out o = { .raw = true };
	char *text autofree = NULL;
	size_t len;
	int rc;

	json_open(&o, NULL, '{');
	binding_put(&o, b);
	json_close(&o, '}');
	if ((rc = json_take(&o, &text, &len)) != 0 || (rc = check_text(text, len)) != 0)
		return rc;
	return diffdir_replace(diff_fd, ONDISK_BINDING, text, len, true);
}

void
binding_write_id(const unsigned char *id, char text[BINDING_SNAPSHOT_ID + 1])
{
	size_t i;

	for (i = 0; i < BINDING_SNAPSHOT_ID / 2; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
}

int
binding_set_snapshot(struct binding *b, const char *name, const unsigned char *id)
{
	char text[BINDING_SNAPSHOT_ID + 1], *new_name = strdup(name), *new_id;

	binding_write_id(id, text);
	new_id = strdup(text);
	if (new_name == NULL || new_id == NULL) {
		free(new_name);
		free(new_id);
		return -ENOMEM;
	}
	free(b->snapshot);
	free(b->snapshot_id);
	b->snapshot = new_name;
	b->snapshot_id = new_id;
	return 0;
}

void
binding_fini(struct binding *b)
{
	size_t i;

	free(b->store);
	free(b->instance);
	free(b->backup_id);
	free(b->host);
	free(b->created);
	free(b->branch);
	free(b->snapshot);
	free(b->snapshot_id);
	for (i = 0; i < b->n_mapped; i++) {
		free(b->mapped[i].from);
		free(b->mapped[i].to);
	}
	for (i = 0; i < b->n_databases; i++)
		free(b->database[i]);
	memset(b, 0, sizeof(*b));
}

/* The first member that differs, as text; false if none does. */
static bool
find_difference(const struct binding *b, const struct binding *found,
    char *text, size_t size)
{
	size_t i;

	for (i = 0; i < MIN(b->n_members, found->n_members); i++) {
		const struct binding_member *was = &b->member[i], *is = &found->member[i];

		if (strcmp(was->id, is->id) != 0) {
			snprintf(text, size, "it was made with backup %s where there is %s now",
			    was->id, is->id);
			return true;
		}
		if (was->list_crc != is->list_crc) {
			snprintf(text, size, "the file list of backup %s has changed"
			    " (content-crc %u, expected %u)", was->id, is->list_crc, was->list_crc);
			return true;
		}
	}
	if (b->n_members == found->n_members)
		return false;
	snprintf(text, size, "the chain of backup %s had %zu backups and has %zu now",
	    b->backup_id, b->n_members, found->n_members);
	return true;
}

int
binding_compare(const struct binding *b, const struct binding *found,
    char *error, size_t size)
{
	char difference[256];

	if (!find_difference(b, found, difference, sizeof(difference)))
		return 0;
	if (strcmp(b->member[0].id, found->member[0].id) == 0 &&
	    b->tree_digest == found->tree_digest)
		return 1;
	snprintf(error, size, "the diff directory does not fit the backup: %s", difference);
	return -EUCLEAN;
}

static bool
same_members(const struct binding *a, const struct binding *b)
{
	size_t i;

	for (i = 0; i < a->n_members && i < b->n_members; i++)
		if (strcmp(a->member[i].id, b->member[i].id) != 0 ||
		    a->member[i].version != b->member[i].version ||
		    a->member[i].list_crc != b->member[i].list_crc)
			return false;
	return a->n_members == b->n_members;
}

static bool
same_mapped(const struct binding *a, const struct binding *b)
{
	size_t i;

	for (i = 0; i < a->n_mapped && i < b->n_mapped; i++)
		if (strcmp(a->mapped[i].from, b->mapped[i].from) != 0 ||
		    strcmp(a->mapped[i].to, b->mapped[i].to) != 0)
			return false;
	return a->n_mapped == b->n_mapped;
}

bool
binding_same_databases(const struct binding *a, const struct binding *b)
{
	size_t i;

	for (i = 0; i < a->n_databases && i < b->n_databases; i++)
		if (strcmp(a->database[i], b->database[i]) != 0)
			return false;
	return a->n_databases == b->n_databases && a->db_include == b->db_include;
}

const char *
binding_difference(const struct binding *a, const struct binding *b)
{
	const struct { const char *key; bool same; } all[] = {
		{ "store", strcmp(a->store, b->store) == 0 },
		{ "instance", strcmp(a->instance, b->instance) == 0 },
		{ "backup_id", strcmp(a->backup_id, b->backup_id) == 0 },
		{ "members", same_members(a, b) },
		{ "tree_digest", a->tree_digest == b->tree_digest },
		{ "server_version", a->server_version == b->server_version },
		{ "wal", a->wal == b->wal },
		{ "no_wal", a->no_wal == b->no_wal },
		{ "keep_settings", a->keep_settings == b->keep_settings },
		{ "mapped", same_mapped(a, b) },
		{ "databases", binding_same_databases(a, b) },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (!all[i].same)
			return all[i].key;
	return NULL;
}
