/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads what a mount shows: every name below its root, and every file's content.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crash.h"

void
seen_free(struct seen *s)
{
	unsigned i;

	for (i = 0; i < s->n_files; i++)
		free(s->files[i].bytes);
	free(s);
}

const struct seen_file *
seen_file(const struct seen *s, uint64_t nodeid)
{
	unsigned i;

	for (i = 0; i < s->n_files; i++)
		if (s->files[i].nodeid == nodeid)
			return &s->files[i];
	return NULL;
}

static bool
look_at_file(struct cow *c, struct seen *s, uint64_t nodeid, const char *name)
{
	struct seen_file *f = &s->files[s->n_files];
	struct cow_attr a;
	ssize_t n;
	int r;

	if (seen_file(s, nodeid) != NULL)
		return true;
	if ((r = cow_getattr(c, nodeid, &a)) < 0)
		return wrong("getattr of \"%s\": %s", name, strerror(-r));
	if (a.size > MAX_SIZE)
		return wrong("\"%s\" has %" PRIu64 " bytes", name, a.size);
	*f = (struct seen_file){ nodeid, a.size, more(NULL, MAX_SIZE) };
	s->n_files++;
	n = cow_read(c, nodeid, 0, MAX_SIZE, f->bytes, &reader);
	if (n != (ssize_t)a.size)
		return wrong("read of \"%s\", %" PRIu64 " bytes: %zd", name, a.size, n);
	return true;
}

static bool
list(struct cow *c, struct seen *s, uint64_t dir)
{
	struct cow_dirent d;
	struct cow_list l;
	int r;

	if ((r = cow_list_begin(&l, c, dir, 0)) < 0)
		return wrong("listing a directory: %s", strerror(-r));
	while (cow_list_next(&l, &d) == 1) {
		if (strcmp(d.name, ".") == 0 || strcmp(d.name, "..") == 0)
			continue;
		if (s->n_names == MAX_NAMES || d.len >= NAME_LEN)
			break;
		s->names[s->n_names] = (struct seen_name){ .dir = dir, .nodeid = d.nodeid };
		memcpy(s->names[s->n_names++].name, d.name, d.len + 1);
	}
	cow_list_end(&l);
	return s->n_names < MAX_NAMES || wrong("there are more names than there can be");
}

bool
seen_look(struct cow *c, struct seen *s)
{
	struct cow_attr a;
	unsigned i;
	int r;

	if (!list(c, s, COW_ROOT))
		return false;
	for (i = 0; i < s->n_names; i++) {
		struct seen_name *n = &s->names[i];

		if ((r = cow_getattr(c, n->nodeid, &a)) < 0)
			return wrong("getattr of \"%s\": %s", n->name, strerror(-r));
		n->mode = a.mode;
		n->nlink = a.nlink;
		if (S_ISDIR(a.mode) && !list(c, s, n->nodeid))
			return false;
		if (S_ISREG(a.mode) && !look_at_file(c, s, n->nodeid, n->name))
			return false;
	}
	return true;
}
