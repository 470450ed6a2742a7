/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Walks from the mounted backup to its FULL, one member at a time.  It reads
 * control files; the lists are index_collect.c's.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "probackup/chain.h"
#include "probackup/chain_find.h"
#include "probackup/conf.h"
#include "probackup/explain.h"
#include "probackup/member.h"
#include "probackup/merge.h"

/* State of a walk from the mounted backup to its FULL. */
struct walk {
	int	instance_fd;
	const char *instance;
	bool	force;
	struct chain *chain;
	char	*error;
};

/* Adds to the warning, as far as there is room. */
static void
warn_of(struct chain *c, const char *what)
{
	size_t used = strlen(c->warning);

	snprintf(c->warning + used, CHAIN_ERROR_MAX - used, "%s%s", used > 0 ? "; " : "", what);
}

/*
 * Warns of the mounted backup alone: its list decides which files there are,
 * whatever parents left out.
 */
static void
warn_of_mounted(struct chain *c)
{
	const struct backup *b = &c->member[0];
	const char *warning = member_warning(&b->control);
	char text[CHAIN_ERROR_MAX];

	if (warning == NULL)
		return;
	snprintf(text, sizeof(text), "backup \"%s\": %s", b->id, warning);
	warn_of(c, text);
}

/*
 * Refuses a backup that is in doubt; with force names every doubt in the
 * warning instead.
 */
static int
check_doubts(struct walk *w, const struct backup *b)
{
	struct member_doubt d[MEMBER_DOUBTS];
	unsigned i, n = member_doubts(b->dirfd, b->id, &b->control, d);

	if (n > 0 && !w->force)
		return member_refuse(&d[0], w->error);
	for (i = 0; i < n; i++)
		warn_of(w->chain, d[i].what);
	if (b == &w->chain->member[0])
		warn_of_mounted(w->chain);
	return 0;
}

static int
load_member(struct walk *w, struct backup *b)
{
	int rc;

	if ((rc = member_read(b->dirfd, b->id, &b->control, w->error)) < 0 ||
	    (rc = member_check_format(b->id, &b->control, w->error)) < 0 ||
	    (rc = check_doubts(w, b)) < 0)
		return rc;
	b->list_crc = b->control.content_crc;
	return member_check_list(b->dirfd, b->id, &b->list_len, w->error);
}

static int
missing(const struct walk *w, const char *id, const char *child)
{
	char full[BACKUP_ID_MAX];
	bool merged = merge_find_full(w->instance_fd, id, full) == 0 ||
	    merge_find_full(w->instance_fd, child, full) == 0;

	return member_missing(w->instance, id, child, merged ? full : NULL, w->error);
}

/* Opens the directory of member b; child is NULL for the mounted backup. */
static int
open_member(struct walk *w, const struct backup *b, const struct backup *child)
{
	int fd;

	if (child == NULL)
		return chain_find_backup(w->instance_fd, w->instance, b->id, w->error);
	fd = io_open_beneath(w->instance_fd, b->id, O_PATH | O_DIRECTORY, 0);
	if (fd == -ENOENT)
		return missing(w, b->id, child->id);
	if (fd < 0)
		return explain(w->error, fd,
		    "could not open backup \"%s\" of instance \"%s\", on which \"%s\" is based: %s",
		    b->id, w->instance, child->id, strerror(-fd));
	return fd;
}

static bool
is_member(const struct chain *c, const char *id)
{
	unsigned i;

	for (i = 0; i < c->n; i++)
		if (strcmp(c->member[i].id, id) == 0)
			return true;
	return false;
}

static int
add_member(struct walk *w, const char *id)
{
	struct chain *c = w->chain;
	struct backup *b = &c->member[c->n], *child = c->n > 0 ? b - 1 : NULL;
	int rc;

	if ((rc = member_check_place(c->member[0].id, c->n, child != NULL ? child->id : NULL, id,
	    is_member(c, id), w->error)) < 0)
		return rc;
	snprintf(b->id, sizeof(b->id), "%s", id);
	if ((rc = open_member(w, b, child)) < 0)
		return rc;
	b->dirfd = rc;
	c->n++;
	return load_member(w, b);
}

static int
walk_chain(struct walk *w, const char *id)
{
	const char *next = id;
	int rc;

	do {
		if ((rc = add_member(w, next)) < 0)
			return rc;
		next = w->chain->member[w->chain->n - 1].control.parent;
	} while (next[0] != '\0');
	return merge_check_times(w->chain, w->error);
}

/* Makes an id upper case; users may type it in either. */
static int
normalize_id(const char *id, char out[BACKUP_ID_MAX], char *error)
{
	if (backup_id_normalize(id, out) == 0)
		return 0;
	return explain(error, -EINVAL,
	    "\"%.40s\" is not a backup id: give digits and letters as \"pg_probackup show\" does", id);
}

/* Reads xlog-seg-size.  A bad one costs a warning, and only what depends on it. */
static uint32_t
load_segment_size(int instance_fd, const char *instance)
{
	struct conf conf = { 0 };
	char reason[CHAIN_ERROR_MAX];

	if (conf_load(instance_fd, &conf, reason) < 0)
		log_warn("could not read pg_probackup.conf of instance \"%s\": %s",
		    instance, reason);
	return conf.xlog_seg_size;
}

int
chain_open(int store_fd, const char *store_name, const char *instance, const char *id,
    bool force, struct chain **out, char *error)
{
	struct walk w = { .instance_fd = -1, .instance = instance, .force = force, .error = error };
	char upper[BACKUP_ID_MAX];
	int rc;

	if ((rc = normalize_id(id, upper, error)) < 0)
		return rc;
	if ((w.instance_fd = chain_find_instance(store_fd, store_name, instance, error)) < 0)
		return w.instance_fd;
	if ((w.chain = calloc(1, sizeof(*w.chain))) != NULL) {
		w.chain->xlog_seg_size = load_segment_size(w.instance_fd, instance);
		rc = walk_chain(&w, upper);
	} else
		rc = explain(error, -ENOMEM, "out of memory");
	close(w.instance_fd);
	if (rc < 0)
		chain_free(w.chain);
	else
		*out = w.chain;
	return rc;
}

void
chain_free(struct chain *c)
{
	unsigned i;

	if (c == NULL)
		return;
	for (i = 0; i < c->n; i++)
		close(c->member[i].dirfd);
	free(c->left_out);
	free(c);
}
