/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Goes through the lines: a comment of a mount begins a block that goes, any other one ends it.
 */
#include "config.h"

#include <stdbool.h>
#include <string.h>

#include "base/ondisk.h"
#include "base/util.h"
#include "pg/outward.h"
#include "pg/pgconf.h"
#include "promote/promote_conf.h"

static bool
begins_with(const char *line, size_t len, const char *text)
{
	return len >= strlen(text) && memcmp(line, text, strlen(text)) == 0;
}

static bool
begins_block(const char *line, size_t len)
{
	static const char *const comments[] = {
		"# " PGAUTOCONF_OF_CLONE, "# " PGAUTOCONF_OF_RECOVERY, "# " PGAUTOCONF_OF_USER
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(comments); i++)
		if (begins_with(line, len, comments[i]))
			return true;
	return false;
}

/* Whether a setting has the value of a clone. */
static bool
is_of_clone(const struct pgconf_setting *s, unsigned version)
{
	const struct outward *o;

	if (strcmp(s->name, "cluster_name") == 0)
		return strncmp(s->value, "pbkfs ", strlen("pbkfs ")) == 0;
	if (strcmp(s->name, "listen_addresses") == 0)
		return s->value[0] == '\0';
	if (strcmp(s->name, "restore_command") == 0)
		return strstr(s->value, ONDISK_INFODIR "/" ONDISK_ARCHIVEDIR "/") != NULL;
	for (o = outward_settings; o < outward_settings + outward_n; o++)
		if (o->kind == OUTWARD_SET && outward_known(o, version) && strcmp(o->name, s->name) == 0)
			return strcmp(o->value, s->value) == 0;
	return false;
}

static bool
line_is_of_clone(const char *line, size_t len, unsigned version)
{
	struct pgconf scan = { .text = line, .len = len };
	struct pgconf_setting s;

	return pgconf_next(&scan, &s) == 1 && is_of_clone(&s, version);
}

/* Takes the empty line in front of a block away again. */
static void
drop_empty_line(struct pgautoconf *a)
{
	if (a->len >= 2 && a->text[a->len - 1] == '\n' && a->text[a->len - 2] == '\n')
		a->text[--a->len] = '\0';
	else if (a->len == 1 && a->text[0] == '\n')
		a->text[--a->len] = '\0';
}

static bool
has_block(const char *text, const char *end)
{
	const char *line, *feed;

	for (line = text; line < end; line = feed + 1) {
		if (begins_block(line, (size_t)(end - line)))
			return true;
		if ((feed = memchr(line, '\n', (size_t)(end - line))) == NULL)
			break;
	}
	return false;
}

void
promote_conf_plain(struct pgautoconf *a, const char *text, size_t len, unsigned version)
{
	const char *end = text + len, *line, *next;
	bool told = has_block(text, end), in_block = false, is_block;
	size_t n;

	for (line = text; line < end; line = next) {
		next = memchr(line, '\n', (size_t)(end - line));
		next = next != NULL ? next + 1 : end;
		n = (size_t)(next - line);
		is_block = begins_block(line, n);
		if (is_block && !in_block)
			drop_empty_line(a);
		in_block = is_block || (in_block && line[0] != '#');
		if (!in_block && (told || !line_is_of_clone(line, n, version)))
			pgautoconf_base(a, line, n, false);
	}
}
