/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A scanner for the lines of backup_content.control, no general JSON: the
 * writer does not escape, so a JSON parser would misread some of them.  It is
 * on the path of every mount with hundreds of bytes for each file of each
 * backup, hence it allocates nothing and looks at each byte about once.  The
 * writer's keys come in nearly the same order in every line: the search for
 * a key begins behind the one found last.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/util.h"
#include "probackup/explain.h"
#include "probackup/filelist.h"

#define SHOWN	80	/* bytes of a value that a message quotes */

/* In the writer's order. */
enum key {
	KEY_PATH, KEY_SIZE, KEY_KIND, KEY_MODE, KEY_IS_DATAFILE, KEY_IS_CFS, KEY_CRC,
	KEY_COMPRESS_ALG, KEY_EXTERNAL_DIR_NUM, KEY_DBOID, KEY_FULL_SIZE, KEY_SEGNO,
	KEY_LINKED, KEY_N_BLOCKS, KEY_N_HEADERS, KEY_HDR_CRC, KEY_HDR_OFF,
	KEY_HDR_SIZE, KEY_COUNT
};

#define REQUIRED	(1U << KEY_PATH | 1U << KEY_SIZE | 1U << KEY_MODE)

/* The values that a key may have: text, nothing of interest, or a number in bounds. */
static const struct {
	const char *name;
	size_t	len;
	int64_t	min, max;	/* min > max: not a number */
} keys[KEY_COUNT] = {
#define TEXT(key, name)			[key] = { name, sizeof(name) - 1, 1, 0 }
#define NUMBER(key, name, min, max)	[key] = { name, sizeof(name) - 1, min, max }
	TEXT(KEY_PATH, "path"),
	NUMBER(KEY_SIZE, "size", -1, INT64_MAX),
	TEXT(KEY_KIND, "kind"),
	NUMBER(KEY_MODE, "mode", 0, UINT32_MAX),
	NUMBER(KEY_IS_DATAFILE, "is_datafile", 0, 1),
	NUMBER(KEY_IS_CFS, "is_cfs", 0, 1),
	NUMBER(KEY_CRC, "crc", 0, UINT32_MAX),
	TEXT(KEY_COMPRESS_ALG, "compress_alg"),
	NUMBER(KEY_EXTERNAL_DIR_NUM, "external_dir_num", 0, UINT32_MAX),
	TEXT(KEY_DBOID, "dbOid"),
	TEXT(KEY_FULL_SIZE, "full_size"),	/* bounds nothing: of pages n_headers says it */
	NUMBER(KEY_SEGNO, "segno", 0, UINT32_MAX),
	TEXT(KEY_LINKED, "linked"),
	NUMBER(KEY_N_BLOCKS, "n_blocks", 0, UINT32_MAX),
	NUMBER(KEY_N_HEADERS, "n_headers", 0, UINT32_MAX),
	NUMBER(KEY_HDR_CRC, "hdr_crc", 0, UINT32_MAX),
	NUMBER(KEY_HDR_OFF, "hdr_off", 0, INT64_MAX),
	NUMBER(KEY_HDR_SIZE, "hdr_size", 0, UINT32_MAX),
#undef TEXT
#undef NUMBER
};

/* A line while it is taken apart: raw values first, meaning afterwards. */
struct line {
	const char *p, *end;
	unsigned hint;			/* key to try first */
	uint32_t seen;			/* bit for each key */
	const char *text[KEY_COUNT];
	size_t	len[KEY_COUNT];
	int64_t	number[KEY_COUNT];	/* 0 if absent */
};

static inline void
skip_blanks(struct line *l)
{
	while (l->p < l->end && (*l->p == ' ' || *l->p == '\t' || *l->p == '\r'))
		l->p++;
}

static inline bool
take(struct line *l, char c)
{
	skip_blanks(l);
	if (l->p == l->end || *l->p != c)
		return false;
	l->p++;
	return true;
}

/* Reads a string in double quotes: the raw bytes between them. */
static bool
take_string(struct line *l, const char **text, size_t *len)
{
	const char *p;

	if (!take(l, '"'))
		return false;
	for (p = l->p; p < l->end && *p != '"'; p++)
		;
	if (p == l->end)
		return false;
	*text = l->p;
	*len = (size_t)(p - l->p);
	l->p = p + 1;
	return true;
}

/* Returns the key called name, or KEY_COUNT. */
static unsigned
find_key(unsigned hint, const char *name, size_t len)
{
	unsigned tried, k = hint;

	for (tried = 0; tried < KEY_COUNT; tried++, k++) {
		if (k >= KEY_COUNT)
			k = 0;
		if (keys[k].len == len && memcmp(keys[k].name, name, len) == 0)
			return k;
	}
	return KEY_COUNT;
}

/* Reads one "key":"value".  Returns 0, -EINVAL for bad syntax, -EEXIST for a key twice. */
static int
take_pair(struct line *l)
{
	const char *name, *value;
	size_t name_len, value_len;
	unsigned k;

	if (!take_string(l, &name, &name_len) || !take(l, ':') ||
	    !take_string(l, &value, &value_len))
		return -EINVAL;
	if ((k = find_key(l->hint, name, name_len)) == KEY_COUNT)
		return 0;
	if (l->seen & 1U << k)
		return -EEXIST;
	l->seen |= 1U << k;
	l->text[k] = value;
	l->len[k] = value_len;
	l->hint = k + 1;
	return 0;
}

static int
take_object(struct line *l)
{
	int rc;

	if (!take(l, '{'))
		return -EINVAL;
	do {
		if ((rc = take_pair(l)) < 0)
			return rc;
	} while (take(l, ','));
	if (!take(l, '}'))
		return -EINVAL;
	skip_blanks(l);
	return l->p == l->end ? 0 : -EINVAL;
}

static bool
parse_number(const char *p, size_t len, int64_t min, int64_t max, int64_t *out)
{
	const char *end = p + len;
	bool negative = len > 0 && *p == '-';
	uint64_t n = 0;

	p += negative;
	if (p == end || end - p > 19)
		return false;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9')
			return false;
		n = n * 10 + (uint64_t)(*p - '0');
	}
	if (n > (uint64_t)max || (negative && n > (uint64_t)-min))
		return false;
	*out = negative ? -(int64_t)n : (int64_t)n;
	return true;
}

static int
parse_numbers(struct line *l, size_t number, char *error)
{
	unsigned k;

	for (k = 0; k < KEY_COUNT; k++) {
		l->number[k] = 0;
		if ((l->seen >> k & 1) == 0 || keys[k].min > keys[k].max)
			continue;
		if (!parse_number(l->text[k], l->len[k], keys[k].min, keys[k].max, &l->number[k]))
			return explain(error, -EUCLEAN,
			    "line %zu: %s is \"%.*s\" instead of a number from %lld to %lld",
			    number, keys[k].name, (int)MIN(l->len[k], SHOWN), l->text[k],
			    (long long)keys[k].min, (long long)keys[k].max);
	}
	return 0;
}

/* Kinds; a list with one that has no type is refused. */
static const struct {
	const char *name, *what;
	uint32_t type;
} kinds[] = {
	{ "reg", "a file", S_IFREG }, { "dir", "a directory", S_IFDIR },
	{ "sym", "a symbolic link", 0 }, { "fifo", "a FIFO", 0 }, { "sock", "a socket", 0 },
	{ "chdev", "a character device", 0 }, { "bldev", "a block device", 0 },
};

/* Takes the type from "kind", where it stands since 2.6; mode then has none. */
static int
take_kind(struct line *l, size_t number, char *error)
{
	const char *text = l->text[KEY_KIND];
	size_t i, len = l->len[KEY_KIND];

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (len == strlen(kinds[i].name) && memcmp(text, kinds[i].name, len) == 0)
			break;
	if (i == ARRAY_SIZE(kinds))
		return explain(error, -EUCLEAN, "line %zu: kind is \"%.*s\", which is not known",
		    number, (int)MIN(len, SHOWN), text);
	if (kinds[i].type == 0)
		return explain(error, -EUCLEAN,
		    "line %zu: \"%.*s\" is %s (kind \"%s\"), neither a file nor a directory", number,
		    (int)MIN(l->len[KEY_PATH], SHOWN), l->text[KEY_PATH], kinds[i].what, kinds[i].name);
	if ((l->number[KEY_MODE] & S_IFMT) != 0 && (l->number[KEY_MODE] & S_IFMT) != kinds[i].type)
		return explain(error, -EUCLEAN,
		    "line %zu: \"%.*s\" contradicts itself: mode %lld is not one of kind \"%s\"", number,
		    (int)MIN(l->len[KEY_PATH], SHOWN), l->text[KEY_PATH],
		    (long long)l->number[KEY_MODE], kinds[i].name);
	l->number[KEY_MODE] = (l->number[KEY_MODE] & ~(int64_t)S_IFMT) | kinds[i].type;
	return 0;
}

static bool
mode_is_known(uint32_t mode)
{
	return (mode & ~(uint32_t)(S_IFMT | 07777)) == 0 && (S_ISREG(mode) || S_ISDIR(mode));
}

static int
parse_texts(struct line *l, size_t number, enum codec_alg *alg, char *error)
{
	int rc = CODEC_NONE;

	if (!io_path_is_plain(l->text[KEY_PATH], l->len[KEY_PATH]))
		return explain(error, -EUCLEAN, "line %zu: \"%.*s\" is not a plain relative path",
		    number, (int)MIN(l->len[KEY_PATH], SHOWN), l->text[KEY_PATH]);
	if ((l->seen & 1U << KEY_KIND) != 0 && (rc = take_kind(l, number, error)) < 0)
		return rc;
	if (!mode_is_known((uint32_t)l->number[KEY_MODE]))
		return explain(error, -EUCLEAN,
		    "line %zu: mode is %lld, neither of a file nor of a directory",
		    number, (long long)l->number[KEY_MODE]);
	if (l->seen & 1U << KEY_COMPRESS_ALG)
		rc = codec_by_name(l->text[KEY_COMPRESS_ALG], l->len[KEY_COMPRESS_ALG]);
	if (rc < 0)
		return explain(error, -EUCLEAN,
		    "line %zu: compress_alg is \"%.*s\", which is not known", number,
		    (int)MIN(l->len[KEY_COMPRESS_ALG], SHOWN), l->text[KEY_COMPRESS_ALG]);
	*alg = (enum codec_alg)rc;
	return 0;
}

#define PAGE_STORED_MIN	8	/* bytes of a page in a file: its header */

/*
 * Returns in words what no writer says together, or NULL.  Whether a file is a
 * page stream, is_datafile alone decides.
 */
static const char *
find_contradiction(const struct line *l)
{
	const int64_t *n = l->number;
	bool dir = S_ISDIR((uint32_t)n[KEY_MODE]);

	if (dir && n[KEY_SIZE] > 0)
		return "a directory with a size";
	if (dir && (n[KEY_IS_DATAFILE] != 0 || n[KEY_N_BLOCKS] > 0 || n[KEY_N_HEADERS] > 0))
		return "a directory with pages";
	if (n[KEY_IS_DATAFILE] == 0 && n[KEY_N_HEADERS] > 0)
		return "is_datafile is 0, and it has headers of pages";
	if (n[KEY_N_HEADERS] > 0 && n[KEY_HDR_SIZE] == 0)
		return "it has headers of pages without a size (n_headers, hdr_size)";
	if ((l->seen & 1U << KEY_N_BLOCKS) != 0 && n[KEY_N_HEADERS] > n[KEY_N_BLOCKS])
		return "it has more headers of pages than blocks (n_headers, n_blocks)";
	if (n[KEY_N_HEADERS] > MAX(n[KEY_SIZE], (int64_t)0) / PAGE_STORED_MIN)
		return "it has more headers of pages than its size has room for";
	return NULL;
}

static int
check_consistent(const struct line *l, size_t number, char *error)
{
	const char *what = find_contradiction(l);

	return what == NULL ? 0 : explain(error, -EUCLEAN,
	    "line %zu: \"%.*s\" contradicts itself: %s", number,
	    (int)MIN(l->len[KEY_PATH], SHOWN), l->text[KEY_PATH], what);
}

static void
fill_entry(const struct line *l, enum codec_alg alg, struct filelist_entry *e)
{
	const int64_t *n = l->number;

	e->path = l->text[KEY_PATH];
	e->path_len = l->len[KEY_PATH];
	e->size = n[KEY_SIZE];
	e->mode = (uint32_t)n[KEY_MODE];
	e->is_datafile = n[KEY_IS_DATAFILE] != 0;
	e->is_cfs = n[KEY_IS_CFS] != 0;
	e->crc = (uint32_t)n[KEY_CRC];
	e->alg = alg;
	e->external_dir_num = (uint32_t)n[KEY_EXTERNAL_DIR_NUM];
	e->segno = (uint32_t)n[KEY_SEGNO];
	e->n_blocks = (uint32_t)n[KEY_N_BLOCKS];
	e->has_n_blocks = (l->seen & 1U << KEY_N_BLOCKS) != 0;
	e->n_headers = (uint32_t)n[KEY_N_HEADERS];
	e->hdr_crc = (uint32_t)n[KEY_HDR_CRC];
	e->hdr_size = (uint32_t)n[KEY_HDR_SIZE];
	e->hdr_off = (uint64_t)n[KEY_HDR_OFF];
}

static int
parse_line(const char *text, size_t len, size_t number, struct filelist_entry *e, char *error)
{
	struct line l;
	enum codec_alg alg = CODEC_NONE;
	int rc;

	l.p = text;
	l.end = text + len;
	l.hint = l.seen = 0;
	rc = take_object(&l);
	if (rc == -EEXIST)
		return explain(error, -EUCLEAN, "line %zu: a key is given twice", number);
	if (rc < 0)
		return explain(error, -EUCLEAN,
		    "line %zu: byte %zu is not as expected, \"%.*s\"", number,
		    (size_t)(l.p - text) + 1, (int)MIN(l.end - l.p, 20), l.p);
	if ((l.seen & REQUIRED) != REQUIRED)
		return explain(error, -EUCLEAN, "line %zu: path, size or mode is missing", number);
	if ((rc = parse_numbers(&l, number, error)) < 0 ||
	    (rc = parse_texts(&l, number, &alg, error)) < 0 ||
	    (rc = check_consistent(&l, number, error)) < 0)
		return rc;
	fill_entry(&l, alg, e);
	return 1;
}

int
filelist_next(struct filelist *l, struct filelist_entry *e, char *error)
{
	const char *start, *lf;
	size_t left = l->len - l->pos;

	if (left == 0)
		return 0;
	start = l->text + l->pos;
	l->line++;
	lf = memchr(start, '\n', MIN(left, FILELIST_LINE_MAX));
	if (lf == NULL && left >= FILELIST_LINE_MAX)
		return explain(error, -EUCLEAN, "line %zu: it is longer than %d bytes",
		    l->line, FILELIST_LINE_MAX);
	if (lf == NULL)
		return explain(error, -EUCLEAN,
		    "line %zu: it has no line feed, the list is truncated", l->line);
	l->pos += (size_t)(lf - start) + 1;
	return parse_line(start, (size_t)(lf - start), l->line, e, error);
}
