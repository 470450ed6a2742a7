/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON for small files: a strict reader of bounded, possibly hostile text, and
 * a writer into a growing buffer.
 *
 * The reader makes nodes in an array of the caller's; strings are unescaped
 * in place, in the caller's text.  Strings may hold any bytes that JSON lets
 * stand unescaped (names on disk need not be UTF-8), but no NUL.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/textout.h"

#define JSON_DEPTH_MAX	16

enum json_type {
	JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT
};

struct json_node {
	enum json_type type;
	const char *key;	/* NULL for elements of an array and for the root */
	const char *text;	/* a string's or a number's characters, NUL terminated */
	uint32_t count;		/* members or elements */
	uint32_t first, next;	/* numbers of nodes; 0 = none, as the root is node 0 */
};

/*
 * Parses len bytes whose root is an object or an array.  Returns the number of
 * nodes (the root is nodes[0]), -EUCLEAN for anything else, for two members of
 * one name, or for nesting deeper than JSON_DEPTH_MAX, or -E2BIG when max
 * nodes are too few.
 */
int	json_parse(char *text, size_t len, struct json_node *nodes, size_t max);

/* The member of an object, or NULL if there is none or object is NULL. */
const struct json_node *json_get(const struct json_node *nodes,
    const struct json_node *object, const char *key);

/* The next element or member after node, the first one of parent for NULL. */
const struct json_node *json_next(const struct json_node *nodes,
    const struct json_node *parent, const struct json_node *node);

/* The string, or NULL if node is NULL or something else. */
const char *json_string(const struct json_node *node);

/* Returns 0 and sets *value, or -EUCLEAN unless node is an integer of 64 bits. */
int	json_u64(const struct json_node *node, uint64_t *value);

/* Returns 0 and sets *value, or -EUCLEAN unless node is true or false. */
int	json_bool(const struct json_node *node, bool *value);

/*
 * The writer.  Zero-initialise it; a failure to allocate is remembered, and
 * json_flush() and json_take() return it.  Keys are NULL inside arrays and
 * for the root.
 */
struct json_out {
	struct textout text;
	unsigned depth;
	bool	has_member;	/* a comma is due before the next value */
	bool	compact;	/* one line, no spaces */
	bool	raw;		/* keep bytes that are not UTF-8 */
};

void	json_open(struct json_out *o, const char *key, char bracket);	/* '{' or '[' */
void	json_close(struct json_out *o, char bracket);			/* '}' or ']' */
void	json_put_string(struct json_out *o, const char *key, const char *text);
void	json_put_u64(struct json_out *o, const char *key, uint64_t value);
void	json_put_double(struct json_out *o, const char *key, double value);
void	json_put_bool(struct json_out *o, const char *key, bool value);
/* Writes a node that was read, with all below it: text of others, in our form. */
void	json_put_node(struct json_out *o, const char *key, const struct json_node *nodes,
	    const struct json_node *node);

/*
 * Hands what there is so far to sink, for texts that are too long to be kept.
 * Returns 0 or negative errno, as sink does, which is remembered like -ENOMEM.
 */
int	json_flush(struct json_out *o, int (*sink)(const char *text, size_t len));

/*
 * Ends the text with a line feed and hands the buffer, NUL terminated, to the
 * caller, who frees it.  Returns 0 or the error; the writer is empty after it.
 */
int	json_take(struct json_out *o, char **text, size_t *len);

#endif
