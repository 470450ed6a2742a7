/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jsonflat: the JSON on standard input as lines "path value", for grep and awk:
 *
 *	instances.0.backups.3.id TOXCR8
 *
 * Fails if it is not JSON, or if it holds a character raw that a terminal
 * would obey.
 */
#include "config.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "base/util.h"

#define NODES	1000000
#define PATH	512

static struct json_node nodes[NODES];

static char *
read_all(size_t *len)
{
	size_t size = 64 * MiB;
	char *text = malloc(size);

	if (text == NULL)
		err(1, NULL);
	*len = fread(text, 1, size - 1, stdin);
	if (ferror(stdin) || !feof(stdin))
		errx(1, "could not read standard input");
	text[*len] = '\0';
	return text;
}

static void
check_characters(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t at, n;

	for (at = 0; at < len; at += n) {
		if ((n = text_utf8_length(s + at)) == 0)
			errx(1, "no UTF-8 at byte %zu", at);
		if (s[at] != '\n' && text_is_control(s + at, n))
			errx(1, "a control character at byte %zu", at);
	}
}

static const char *
text_of(const struct json_node *node)
{
	static const char *const words[] = {
		[JSON_NULL] = "null", [JSON_FALSE] = "false", [JSON_TRUE] = "true",
		[JSON_ARRAY] = "[]", [JSON_OBJECT] = "{}",
	};
	char *copy = strdup(node->text != NULL ? node->text : words[node->type]);

	if (copy == NULL)
		err(1, NULL);
	text_make_printable(copy);
	return copy;
}

static void
print(const struct json_node *node, const char *path)
{
	const struct json_node *child = NULL;
	char deeper[PATH];
	unsigned i = 0;

	if (node->count == 0)
		printf("%s %s\n", path, text_of(node));
	while ((child = json_next(nodes, node, child)) != NULL) {
		if (child->key != NULL)
			snprintf(deeper, sizeof(deeper), "%s%s%s", path, *path ? "." : "", child->key);
		else
			snprintf(deeper, sizeof(deeper), "%s%s%u", path, *path ? "." : "", i++);
		print(child, deeper);
	}
}

int
main(void)
{
	size_t len;
	char *text = read_all(&len);

	check_characters(text, len);
	if (json_parse(text, len, nodes, NODES) < 0)
		errx(1, "this is not JSON");
	print(nodes, "");
	return 0;
}
