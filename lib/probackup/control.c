/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * backup.control.  pg_probackup rewrites the file in place or beside itself,
 * and a full disk or a power failure leaves the first part of it: whatever
 * every backup has must be there, and the last line must be whole.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/util.h"
#include "probackup/chain.h"
#include "probackup/explain.h"
#include "probackup/keyvalue.h"

#define SHOWN	60	/* bytes of a cut line that its message quotes */

/* Each setter reads value into dst (size bytes).  Returns 0 or -EUCLEAN. */
typedef int (*setter)(void *dst, size_t size, const char *value);

static const char *const mode_names[] = {
	[MODE_FULL] = "FULL", [MODE_DELTA] = "DELTA",
	[MODE_PAGE] = "PAGE", [MODE_PTRACK] = "PTRACK",
};

const char *
backup_mode_name(enum backup_mode mode)
{
	return mode_names[mode];
}

static int
set_mode(void *dst, size_t size, const char *value)
{
	size_t i;

	(void)size;
	for (i = 0; i < ARRAY_SIZE(mode_names); i++)
		if (strcasecmp(value, mode_names[i]) == 0) {
			*(enum backup_mode *)dst = (enum backup_mode)i;
			return 0;
		}
	return -EUCLEAN;
}

static int
set_bool(void *dst, size_t size, const char *value)
{
	bool yes = strcasecmp(value, "true") == 0;

	(void)size;
	if (!yes && strcasecmp(value, "false") != 0)
		return -EUCLEAN;
	*(bool *)dst = yes;
	return 0;
}

/* Reads digits of the given base; advances *text. */
static int
parse_number(const char **text, unsigned base, uint32_t max, uint32_t *out)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = *text, *digit;
	uint64_t n = 0;

	for (; *p != '\0'; p++) {
		digit = memchr(digits, *p >= 'A' && *p <= 'F' ? *p | 0x20 : *p, base);
		if (digit == NULL)
			break;
		n = n * base + (uint64_t)(digit - digits);
		if (n > max)
			return -EUCLEAN;
	}
	if (p == *text)
		return -EUCLEAN;
	*text = p;
	*out = (uint32_t)n;
	return 0;
}

static int
set_u32(void *dst, size_t size, const char *value)
{
	uint32_t n;

	(void)size;
	if (parse_number(&value, 10, UINT32_MAX, &n) < 0 || *value != '\0')
		return -EUCLEAN;
	*(uint32_t *)dst = n;
	return 0;
}

static int
set_u64(void *dst, size_t size, const char *value)
{
	uint64_t n = 0;

	(void)size;
	if (*value == '\0')
		return -EUCLEAN;
	for (; *value != '\0'; value++)
		if (*value < '0' || *value > '9' || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*value - '0'), &n))
			return -EUCLEAN;
	*(uint64_t *)dst = n;
	return 0;
}

static int
set_lsn(void *dst, size_t size, const char *value)
{
	uint32_t hi, lo;

	(void)size;
	if (parse_number(&value, 16, UINT32_MAX, &hi) < 0 || *value++ != '/' ||
	    parse_number(&value, 16, UINT32_MAX, &lo) < 0 || *value != '\0')
		return -EUCLEAN;
	*(uint64_t *)dst = (uint64_t)hi << 32 | lo;
	return 0;
}

static int
set_string(void *dst, size_t size, const char *value)
{
	size_t len = strlen(value);

	if (len >= size)
		return -EUCLEAN;
	memcpy(dst, value, len + 1);
	return 0;
}

/* Only a standby that is made of the backup needs it: no mount fails for want of room. */
static int
set_conninfo(void *dst, size_t size, const char *value)
{
	if (set_string(dst, size, value) != 0)
		*(char *)dst = '\0';
	return 0;
}

static int
set_id(void *dst, size_t size, const char *value)
{
	return value[0] == '\0' || backup_id_is_valid(value) ?
	    set_string(dst, size, value) : -EUCLEAN;
}

static const struct field {
	const char *key;
	setter	set;
	size_t	offset, size;
	bool	required;
} fields[] = {
#define FIELD(key, set, member, required) \
	{ key, set, offsetof(struct control, member), \
	  sizeof(((struct control *)NULL)->member), required }
	FIELD("backup-mode", set_mode, mode, true),
	FIELD("stream", set_bool, stream, false),
	FIELD("from-replica", set_bool, from_replica, false),
	FIELD("compress-alg", set_string, compress_alg, false),
	FIELD("block-size", set_u32, block_size, true),
	FIELD("xlog-block-size", set_u32, xlog_block_size, false),
	FIELD("checksum-version", set_u32, checksum_version, false),
	FIELD("program-version", set_string, program_version, true),
	FIELD("server-version", set_string, server_version, true),
	FIELD("timelineid", set_u32, timeline, false),
	FIELD("start-lsn", set_lsn, start_lsn, false),
	FIELD("stop-lsn", set_lsn, stop_lsn, false),
	FIELD("start-time", set_string, start_time, false),
	FIELD("end-time", set_string, end_time, false),
	FIELD("status", set_string, status, true),
	FIELD("parent-backup-id", set_id, parent, false),
	FIELD("merge-dest-id", set_id, merge_dest, false),
	FIELD("content-crc", set_u32, content_crc, false),
	FIELD("recovery-time", set_string, recovery_time, false),
	FIELD("recovery-xid", set_u32, recovery_xid, false),
	FIELD("expire-time", set_string, expire_time, false),
	FIELD("data-bytes", set_u64, data_bytes, false),
	FIELD("wal-bytes", set_u64, wal_bytes, false),
	FIELD("uncompressed-bytes", set_u64, uncompressed_bytes, false),
	FIELD("pgdata-bytes", set_u64, pgdata_bytes, false),
	FIELD("external-dirs", set_string, external_dirs, false),
	FIELD("note", set_string, note, false),
	FIELD("primary-conninfo", set_conninfo, primary_conninfo, false),
#undef FIELD
};

_Static_assert(ARRAY_SIZE(fields) <= 32, "one bit of a mask for each field");

static int
set_field(const struct keyvalue *kv, size_t line, struct control *c, uint32_t *seen, char *error)
{
	const struct field *f;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		f = &fields[i];
		if (strcasecmp(kv->key, f->key) != 0)
			continue;
		*seen |= 1U << i;
		if ((kv->value_len < sizeof(kv->value) || f->set == set_conninfo) &&
		    f->set((char *)c + f->offset, f->size, kv->value) == 0)
			return 0;
		return explain(error, -EUCLEAN, "line %zu: \"%.60s\" is not a valid %s",
		    line, kv->value, f->key);
	}
	return 0;
}

static int
check_whole(const char *text, size_t len, char *error)
{
	const char *last;

	if (len == 0)
		return explain(error, -EUCLEAN, "it is empty");
	if (memchr(text, '\0', len) != NULL)
		return explain(error, -EUCLEAN, "it holds zero bytes");
	if (text[len - 1] == '\n')
		return 0;
	last = memrchr(text, '\n', len);
	last = last != NULL ? last + 1 : text;
	return explain(error, -EUCLEAN, "it is truncated, its last line \"%.*s\" has no line feed",
	    (int)MIN((size_t)(text + len - last), (size_t)SHOWN), last);
}

static int
check_required(uint32_t seen, char *error)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].required && (seen >> i & 1) == 0)
			return explain(error, -EUCLEAN, "it is truncated, %s is missing",
			    fields[i].key);
	return 0;
}

/* "2.5.16" is 20516; what follows the numbers does not count. */
static int
parse_version(const char *text, uint32_t *out)
{
	uint32_t major, minor, patch = 0;

	if (parse_number(&text, 10, 9999, &major) < 0 || *text++ != '.' ||
	    parse_number(&text, 10, 99, &minor) < 0)
		return -EUCLEAN;
	if (*text == '.') {
		text++;
		if (parse_number(&text, 10, 99, &patch) < 0)
			return -EUCLEAN;
	}
	*out = major * 10000 + minor * 100 + patch;
	return 0;
}

/* Checks and computes what depends on several lines. */
static int
finish(struct control *c, char *error)
{
	if (parse_version(c->program_version, &c->version) < 0)
		return explain(error, -EUCLEAN, "program-version is \"%s\" instead of three numbers",
		    c->program_version);
	if (c->status[0] == '\0')
		return explain(error, -EUCLEAN, "status is empty");
	if (c->mode == MODE_FULL && c->parent[0] != '\0')
		return explain(error, -EUCLEAN, "a FULL backup has parent-backup-id \"%s\"", c->parent);
	if (c->mode != MODE_FULL && c->parent[0] == '\0')
		return explain(error, -EUCLEAN, "an incremental backup has no parent-backup-id");
	c->has_content_crc = c->content_crc != 0;
	return 0;
}

int
control_parse(const char *text, size_t len, struct control *c, char *error)
{
	struct keyvalue_scan scan = { .text = text, .len = len };
	struct control parsed = { 0 };
	struct keyvalue kv;
	uint32_t seen = 0;
	int rc;

	if ((rc = check_whole(text, len, error)) < 0)
		return rc;
	while ((rc = keyvalue_next(&scan, &kv, error)) == 1)
		if ((rc = set_field(&kv, scan.line, &parsed, &seen, error)) < 0)
			return rc;
	if (rc < 0 || (rc = check_required(seen, error)) < 0 || (rc = finish(&parsed, error)) < 0)
		return rc;
	*c = parsed;
	return 0;
}

/* "+03", "-0330" or "+05:30" as seconds. */
static int
parse_offset(const char *text, int64_t *seconds)
{
	uint32_t hours, minutes = 0;
	const char *p = text + 1;

	if ((*text != '+' && *text != '-') || parse_number(&p, 10, 9999, &hours) < 0)
		return -EUCLEAN;
	if (p - text == 5) {
		minutes = hours % 100;
		hours /= 100;
	} else if (*p == ':') {
		p++;
		if (parse_number(&p, 10, 59, &minutes) < 0)
			return -EUCLEAN;
	}
	if (*p != '\0' || hours > 24 || minutes > 59)
		return -EUCLEAN;
	*seconds = (int64_t)(hours * 60 + minutes) * (*text == '-' ? -60 : 60);
	return 0;
}

int
control_time(const char *text, int64_t *seconds)
{
	static const struct { char before; uint32_t max; } parts[] = {
		{ 0, 9999 }, { '-', 12 }, { '-', 31 }, { ' ', 23 }, { ':', 59 }, { ':', 60 },
	};
	uint32_t value[ARRAY_SIZE(parts)];
	int64_t offset;
	struct tm tm;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if ((i > 0 && *text++ != parts[i].before) ||
		    parse_number(&text, 10, parts[i].max, &value[i]) < 0)
			return -EUCLEAN;
	if (parse_offset(text, &offset) < 0 || value[1] == 0 || value[2] == 0)
		return -EUCLEAN;
	tm = (struct tm){
		.tm_year = (int)value[0] - 1900, .tm_mon = (int)value[1] - 1,
		.tm_mday = (int)value[2], .tm_hour = (int)value[3], .tm_min = (int)value[4],
		.tm_sec = (int)value[5],
	};
	*seconds = (int64_t)timegm(&tm) - offset;
	return 0;
}
