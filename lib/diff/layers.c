/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which layers there are, and which of them an active layer stands on.
 * layers_make.c changes them.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "diff/disk.h"
#include "diff/journal.h"
#include "diff/layers.h"

#define LISTED_MAX	100000	/* layers of one directory */

bool
layers_name_is_valid(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

	return len > 0 && len <= SEAL_NAME_MAX && name[len] == '\0' && name[0] != '.' && name[0] != '-';
}

int
layers_directory(int diff_fd, bool make)
{
	int fd = io_open_beneath(diff_fd, ONDISK_LAYERS, O_RDONLY | O_DIRECTORY, 0), rc;

	if (fd != -ENOENT || !make)
		return fd;
	if ((rc = disk_mkdir(diff_fd, ONDISK_LAYERS)) < 0 && rc != -EEXIST)
		return rc;
	if ((rc = disk_sync_all(diff_fd)) < 0)
		return rc;
	return io_open_beneath(diff_fd, ONDISK_LAYERS, O_RDONLY | O_DIRECTORY, 0);
}

/* Opens a layer and reads its seal.  Returns a descriptor, or negative errno: -ENOENT, or logged. */
static int
open_layer(int layers_fd, const char *name, struct seal *seal)
{
	int fd autoclose = io_open_beneath(layers_fd, name, O_RDONLY | O_DIRECTORY, 0), rc;

	if (fd < 0) {
		if (fd != -ENOENT)
			log_error("could not open layer \"%s\": %s", name, strerror(-fd));
		return fd == -ENOTDIR || fd == -ELOOP ? -EUCLEAN : fd;
	}
	if ((rc = seal_read(fd, name, seal)) == -ENOENT) {
		log_error("layer \"%s\" has no seal: put back a copy of it, or do without the layer", name);
		return -EUCLEAN;
	}
	return rc < 0 ? rc : steal_fd(&fd);
}

/* ---- listing -------------------------------------------------------------------- */

static int
add_layer(int layers_fd, const char *name, struct layers_info *info)
{
	struct seal s;
	int fd = open_layer(layers_fd, name, &s);

	*info = (struct layers_info){ .damage = fd == -EUCLEAN ? fd : 0 };
	strlcpy(info->name, name, sizeof(info->name));
	if (fd < 0)
		return info->damage != 0 ? 0 : fd;
	close(fd);
	info->id = s.id;
	info->has_parent = s.has_parent;
	info->parent_id = s.parent.id;
	info->depth = s.depth;
	info->time = s.time;
	info->disk_bytes = s.disk_bytes;
	info->contents = s.n_contents;
	strlcpy(info->message, s.message, sizeof(info->message));
	seal_fini(&s);
	return 0;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const struct layers_info *)a)->name, ((const struct layers_info *)b)->name);
}

/* Layers know their parents by id: fills in what those are called today. */
static void
name_parents(struct layers_info *all, size_t n)
{
	size_t i, p;

	for (i = 0; i < n; i++)
		for (p = 0; all[i].has_parent && p < n; p++)
			if (all[p].damage == 0 && seal_same(&all[p].id, &all[i].parent_id))
				memcpy(all[i].parent, all[p].name, sizeof(all[i].parent));
}

int
layers_list(int layers_fd, struct layers_info **out, size_t *n)
{
	struct layers_info *all = NULL, *more;
	size_t have = 0, room = 0;
	const struct dirent *d;
	DIR *dir;
	int rc;

	if ((rc = io_opendir(layers_fd, ".", &dir)) < 0)
		return rc;
	while ((rc = io_readdir(dir, &d)) > 0) {
		if (!layers_name_is_valid(d->d_name))
			continue;
		if (have == room) {
			room = MAX(room * 2, (size_t)16);
			more = room <= LISTED_MAX ? reallocarray(all, room, sizeof(*all)) : NULL;
			if (more == NULL) {
				rc = -ENOMEM;
				break;
			}
			all = more;
		}
		if ((rc = add_layer(layers_fd, d->d_name, &all[have])) == 0)
			have++;
		else if (rc != -ENOENT)
			break;
	}
	closedir(dir);
	if (rc < 0) {
		free(all);
		return rc;
	}
	if (have > 0)
		qsort(all, have, sizeof(*all), compare_names);
	name_parents(all, have);
	*out = all;
	*n = have;
	return 0;
}

/* ---- the chain ------------------------------------------------------------------ */

int
layers_parent(int changes_fd, struct seal_parent *parent)
{
	return journal_read_parent(changes_fd, parent);
}

/* Opens the layer with that id, if it is called name.  Returns as open_layer(). */
static int
open_if(int layers_fd, const char *name, const struct seal_id *id, struct seal *seal)
{
	int fd = layers_name_is_valid(name) ? open_layer(layers_fd, name, seal) : -ENOENT;

	if (fd >= 0 && !seal_same(&seal->id, id)) {
		seal_fini(seal);
		close(fd);
		return -ENOENT;
	}
	return fd;
}

/*
 * Opens the layer with that id: by the name that it had, or by going through the others.  Returns a descriptor, with its
 * name today, or as open_layer() of the name that it had.
 */
static int
open_by_id(int layers_fd, const struct seal_parent *layer, char name[SEAL_NAME_MAX + 1], struct seal *seal)
{
	const struct dirent *d;
	int had = open_if(layers_fd, layer->name, &layer->id, seal), fd = -ENOENT, rc;
	DIR *dir;

	strlcpy(name, layer->name, SEAL_NAME_MAX + 1);
	if (had >= 0)
		return had;
	if ((rc = io_opendir(layers_fd, ".", &dir)) < 0)
		return rc;
	while (fd < 0 && (rc = io_readdir(dir, &d)) > 0)
		if (strcmp(d->d_name, layer->name) != 0 && (fd = open_if(layers_fd, d->d_name, &layer->id, seal)) >= 0)
			strlcpy(name, d->d_name, SEAL_NAME_MAX + 1);
	closedir(dir);
	return fd >= 0 ? fd : rc < 0 ? rc : had;
}

int
layers_find(int layers_fd, const struct seal_parent *layer, char name[SEAL_NAME_MAX + 1])
{
	struct seal s;
	int fd = open_by_id(layers_fd, layer, name, &s);

	if (fd < 0)
		return fd;
	seal_fini(&s);
	close(fd);
	return 0;
}

bool
layers_is_begun(int diff_fd, int layers_fd, const char *name)
{
	int fd autoclose = io_open_beneath(diff_fd, ONDISK_CHANGES, O_RDONLY | O_DIRECTORY, 0);
	char today[SEAL_NAME_MAX + 1];
	struct seal_parent parent;

	return fd >= 0 && journal_read_begun(fd, &parent) == 1 && layers_find(layers_fd, &parent, today) == 0 &&
	    strcmp(today, name) == 0;
}

void
layers_close(struct layers_chain *chain)
{
	while (chain->n > 0)
		close(chain->layer[--chain->n].fd);
}

static int
refuse(const char *who, const char *name, const char *why)
{
	log_error("%s stands on layer \"%s\", which %s", who, name, why);
	return -EUCLEAN;
}

/* Opens what who stands on, as the newest of chain so far: they are put in order later. */
static int
open_next(int layers_fd, const char *who, const struct seal_parent *parent, struct layers_chain *chain, struct seal *seal)
{
	struct layers_open *l = &chain->layer[chain->n];
	int fd;

	if (chain->n == SEAL_LAYERS_MAX) {
		log_error("%s stands on more layers than %u", who, SEAL_LAYERS_MAX);
		return -E2BIG;
	}
	fd = layers_fd >= 0 ? open_by_id(layers_fd, parent, l->name, seal) : -ENOENT;
	if (fd == -ENOENT)
		return refuse(who, parent->name, "is missing");
	if (fd < 0)
		return fd;
	l->fd = fd;
	chain->n++;
	if (seal_is(seal, parent))
		return 0;
	seal_fini(seal);
	return refuse(who, parent->name, "is not as it was then");
}

/* Reads all names of a layer, and measures its content: what a mount of it would refuse. */
static int
check_whole(int layer_fd, const char *name, const struct seal *s)
{
	struct journal_record rec;
	struct journal *j;
	int rc;

	if ((rc = seal_check(layer_fd, name, s)) < 0 || (rc = journal_open_frozen(layer_fd, name, s, &j)) < 0)
		return rc;
	while ((rc = journal_next(j, &rec)) > 0)
		;
	journal_close(j);
	return rc;
}

/* whole: check_whole() each. */
static int
open_all(int layers_fd, struct seal_parent *parent, bool whole, struct layers_chain *chain)
{
	char who[SEAL_NAME_MAX + 16] = "the diff directory";
	unsigned below = SEAL_LAYERS_MAX;
	const struct layers_open *last;
	bool more = true;
	struct seal s;
	int rc;

	while (more) {
		if ((rc = open_next(layers_fd, who, parent, chain, &s)) < 0)
			return rc;
		last = &chain->layer[chain->n - 1];
		if (whole && (rc = check_whole(last->fd, last->name, &s)) < 0) {
			seal_fini(&s);
			return rc;
		}
		snprintf(who, sizeof(who), "layer \"%s\"", last->name);
		more = s.has_parent;
		*parent = s.parent;
		rc = s.depth < below && (below == SEAL_LAYERS_MAX || s.depth + 1 == below) ? 0 : -EUCLEAN;
		below = s.depth;
		seal_fini(&s);
		if (rc < 0)
			return refuse(who, parent->name, "is not as deep as it says");
	}
	return 0;
}

static int
check(int layers_fd, const char *name, const struct seal *s)
{
	struct seal_parent self = { .id = s->id, .last = s->last, .next_serial = s->next_serial };
	struct layers_chain chain = { .n = 0 };
	int rc;

	if (s->depth + 1 > SEAL_LAYERS_MAX) {
		log_error("layer \"%s\" stands on %u others: there can be none above it", name, s->depth);
		return -E2BIG;
	}
	strlcpy(self.name, name, sizeof(self.name));
	rc = open_all(layers_fd, &self, true, &chain);
	layers_close(&chain);
	return rc;
}

int
layers_check(int layers_fd, const char *name)
{
	struct seal s;
	int fd autoclose = layers_name_is_valid(name) ? open_layer(layers_fd, name, &s) : -ENOENT, rc;

	if (fd < 0)
		return fd;
	rc = check(layers_fd, name, &s);
	seal_fini(&s);
	return rc;
}

int
layers_open(int layers_fd, int changes_fd, struct layers_chain *chain)
{
	struct layers_open swap;
	struct seal_parent parent;
	unsigned i;
	int rc;

	chain->n = 0;
	if ((rc = layers_parent(changes_fd, &parent)) <= 0)
		return rc;
	if ((rc = open_all(layers_fd, &parent, false, chain)) < 0) {
		layers_close(chain);
		return rc;
	}
	for (i = 0; i < chain->n / 2; i++) {
		swap = chain->layer[i];
		chain->layer[i] = chain->layer[chain->n - 1 - i];
		chain->layer[chain->n - 1 - i] = swap;
	}
	return 0;
}
