/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads two settings of pg_probackup.conf.  The others are pg_probackup's own
 * business.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "base/io.h"
#include "base/util.h"
#include "probackup/conf.h"
#include "probackup/explain.h"
#include "probackup/keyvalue.h"

#define SEG_SIZE_MIN	(1024 * 1024)
#define SEG_SIZE_MAX	(1024 * 1024 * 1024)

static const struct {
	const char *name;
	unsigned shift;
} units[] = {
	{ "", 0 }, { "B", 0 }, { "kB", 10 }, { "MB", 20 }, { "GB", 30 },
};

/* Returns the number of bytes, or 0 if text is no size that WAL segments can have. */
static uint32_t
parse_segment_size(const char *text)
{
	uint64_t n = 0;
	size_t i;

	if (*text < '0' || *text > '9')
		return 0;
	for (; *text >= '0' && *text <= '9'; text++)
		if ((n = n * 10 + (uint64_t)(*text - '0')) > SEG_SIZE_MAX)
			return 0;
	while (*text == ' ')
		text++;
	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (strcasecmp(text, units[i].name) == 0)
			break;
	if (i == ARRAY_SIZE(units))
		return 0;
	n <<= units[i].shift;
	if (n < SEG_SIZE_MIN || n > SEG_SIZE_MAX || (n & (n - 1)) != 0)
		return 0;
	return (uint32_t)n;
}

/* Returns the number, or 0 if text is none that fits. */
static uint64_t
parse_identifier(const char *text)
{
	uint64_t n = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
			return 0;
	return *text == '\0' ? n : 0;
}

static int
set_value(const struct keyvalue *kv, size_t line, struct conf *c, char *error)
{
	if (strcasecmp(kv->key, "xlog-seg-size") == 0) {
		if ((c->xlog_seg_size = parse_segment_size(kv->value)) != 0)
			return 0;
		return explain(error, -EUCLEAN,
		    "line %zu: xlog-seg-size is \"%s\" instead of a power of two from 1MB to 1GB",
		    line, kv->value);
	}
	/* It serves comparisons alone: a bad one counts as none. */
	if (strcasecmp(kv->key, "system-identifier") == 0)
		c->system_identifier = parse_identifier(kv->value);
	return 0;
}

int
conf_parse(const char *text, size_t len, struct conf *c, char *error)
{
	struct keyvalue_scan scan = { .text = text, .len = len };
	struct conf parsed = { 0 };
	struct keyvalue kv;
	int rc;

	while ((rc = keyvalue_next(&scan, &kv, error)) == 1)
		if ((rc = set_value(&kv, scan.line, &parsed, error)) < 0)
			return rc;
	if (rc == 0)
		*c = parsed;
	return rc;
}

int
conf_load(int instance_fd, struct conf *c, char *error)
{
	int fd autoclose = io_open_beneath(instance_fd, "pg_probackup.conf",
	    O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	char *text autofree = NULL;
	size_t len;
	int rc;

	if (fd == -ENOENT) {
		*c = (struct conf){ 0 };
		return 0;
	}
	rc = fd < 0 ? fd : io_read_file(fd, CONF_SIZE_MAX, &text, &len);
	if (rc < 0)
		return explain(error, rc, "%s", io_plain_error(rc));
	return conf_parse(text, len, c, error);
}
