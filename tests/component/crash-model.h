/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The model of test-crash: every version that names, lengths and content had, and when; and
 * whether what a mount shows is one that a crash may leave.
 */
#ifndef COMPONENT_CRASH_MODEL_H
#define COMPONENT_CRASH_MODEL_H

#include "crash.h"

/* Time counts the requests of the application, opening included. */
struct version {
	unsigned time;
	unsigned kept;			/* bytes that a truncation left, if it made this version */
	unsigned char *bytes;		/* UNIT of them */
};

struct history {
	struct version *v;
	unsigned n, room;
};

struct length {
	unsigned time;
	uint64_t size, from;		/* a write may be seen growing the file from this time on */
};

struct object {
	uint64_t nodeid;		/* 0: not known yet */
	uint32_t type;
	bool	touched;		/* the journal knows it */
	bool	lost;			/* no name leads to it; it is open */
	unsigned lookups;
	struct history unit[MAX_UNITS];
	struct length *lengths;
	unsigned n_lengths;
	unsigned *synced, n_synced;	/* when an fsync was over */
};

struct dent {
	unsigned dir, obj;		/* objects */
	char	name[NAME_LEN];
	uint32_t mode;
};

struct tree {
	unsigned time, n;
	struct dent d[MAX_NAMES];
};

struct model {
	struct object **obj;
	unsigned n_obj;
	struct tree *trees;		/* all trees so far; the last is the present one */
	unsigned n_trees;
	unsigned *synced, n_synced;	/* when a sync of names was over */
	unsigned now;
};

/* Adds a time; returns the last one before end, or first. */
void	times_add(unsigned **times, unsigned *n, unsigned time);
unsigned times_before(const unsigned *times, unsigned n, unsigned end, unsigned first);

struct tree *tree_now(struct model *m);
/* Returns the present tree for a change; the old one stays on record. */
struct tree *tree_change(struct model *m);

/* Names of a tree: find_dent() may give NULL, the_dent() does not. */
struct dent *find_dent(struct tree *t, unsigned dir, const char *name);
struct dent *the_dent(struct tree *t, unsigned dir, const char *name);
void	add_name(struct tree *t, unsigned dir, const char *name, unsigned obj, uint32_t mode);
bool	has_children(const struct tree *t, unsigned dir);
/* Whether dir is obj or below it. */
bool	is_below(const struct tree *t, unsigned dir, unsigned obj);
unsigned links_of(const struct tree *t, unsigned obj);

/* Objects, by their number in the model. */
unsigned object_new(struct model *m, uint64_t nodeid, uint32_t mode);
/* Forgets every version; the object is there. */
void	object_forget(struct object *o);
/* Gives an object the content that was seen, as one change. */
void	object_set(struct model *m, struct object *o, const struct seen_file *f);
/* Writes len bytes of src, or zeroes. */
void	object_fill(struct model *m, struct object *o, uint64_t off, uint64_t len,
	    const unsigned char *src);
/* Cuts the content off behind len; set_size() changes the length. */
void	object_cut(struct model *m, struct object *o, uint64_t len);
/* grows: a write did it, so that a part of the growth may be seen. */
void	set_size(struct model *m, struct object *o, uint64_t size, bool grows);
uint64_t size_now(const struct object *o);
bool	is_nothing(const unsigned char *bytes, size_t len);
void	model_free(struct model *m);

/* crash-judge.c */
/*
 * A mount has to show all changes before time exact and those that syncs before time
 * syncs cover, and none that came after time last.
 */
struct demand {
	bool	all;
	unsigned exact, syncs, last;
};

/* The name that was seen for a name of the model, or NULL. */
const struct seen_name *find_seen(const struct model *m, const struct seen *s,
	    const struct dent *d);
/*
 * Returns the tree that fits what was seen, or NULL, with the reason, if no tree
 * that is demanded does.
 */
const struct tree *judge(const struct model *m, const struct seen *s, const struct demand *d);

#endif
