/*
 * mkcatalog: makes backup catalogs without pg_probackup.
 *
 *	mkcatalog backup	backs a cleanly stopped cluster up
 *	mkcatalog scale		makes up a cluster with very many relation files
 *	mkcatalog pack		compresses a WAL segment as pg_probackup 2.7 does
 *
 * The cluster being stopped, its backup has no backup_label and starts like
 * the cluster itself, from the WAL that the default, --stream, puts into it.
 * As in pg_probackup's backups, unlogged relations have only their _init fork;
 * but without a backup_label the server does not make the others from it, so
 * unlogged tables have to be truncated after a start.
 *
 * The format is catwriter's business.  Here stands what goes into a backup:
 * which files, which pages of them, what equals the parent.  The parent is
 * read by a reader of its own (below), which is as simple as it gets and
 * trusts its input, so that the tests do not judge pbkfs by pbkfs's own code.
 */
#include "config.h"

#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <lz4.h>
#include <lz4frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/io.h"
#include "base/util.h"
#include "catwriter.h"

#define FILE_MAX	(2048 * MiB)	/* of a file that is read into memory */
#define EXTERNALS_MAX	8

/* --- the command line --- */

struct options {
	const char *catalog, *instance, *pgdata;
	const char *database_map;	/* file with it, or NULL */
	const char *externals[EXTERNALS_MAX];	/* directories */
	size_t	n_externals;
	bool	by_content;		/* pages that differ, not those with a newer LSN */
	bool	mixed;			/* another codec for each file */
	unsigned n_files, n_increments, seed, stored_percent;
	struct catbackup_options backup;
};

enum {
	OPT_CATALOG = 1, OPT_INSTANCE, OPT_PGDATA, OPT_MODE, OPT_PARENT, OPT_COMPRESS, OPT_LEVEL,
	OPT_MIXED, OPT_ID, OPT_VERSION, OPT_STREAM, OPT_ARCHIVE, OPT_STATUS, OPT_BY, OPT_FILES,
	OPT_INCREMENTS, OPT_SEED, OPT_STORED, OPT_EXTERNAL, OPT_MAP, OPT_HELP,
};

static const struct option long_options[] = {
	{ "catalog",		required_argument,	NULL, OPT_CATALOG },
	{ "instance",		required_argument,	NULL, OPT_INSTANCE },
	{ "pgdata",		required_argument,	NULL, OPT_PGDATA },
	{ "mode",		required_argument,	NULL, OPT_MODE },
	{ "parent",		required_argument,	NULL, OPT_PARENT },
	{ "compress",		required_argument,	NULL, OPT_COMPRESS },
	{ "level",		required_argument,	NULL, OPT_LEVEL },
	{ "mixed",		no_argument,		NULL, OPT_MIXED },
	{ "id",			required_argument,	NULL, OPT_ID },
	{ "program-version",	required_argument,	NULL, OPT_VERSION },
	{ "stream",		no_argument,		NULL, OPT_STREAM },
	{ "archive",		no_argument,		NULL, OPT_ARCHIVE },
	{ "status",		required_argument,	NULL, OPT_STATUS },
	{ "incremental-by",	required_argument,	NULL, OPT_BY },
	{ "files",		required_argument,	NULL, OPT_FILES },
	{ "increments",		required_argument,	NULL, OPT_INCREMENTS },
	{ "seed",		required_argument,	NULL, OPT_SEED },
	{ "stored-percent",	required_argument,	NULL, OPT_STORED },
	{ "external",		required_argument,	NULL, OPT_EXTERNAL },
	{ "database-map",	required_argument,	NULL, OPT_MAP },
	{ "help",		no_argument,		NULL, OPT_HELP },
	{ NULL,			0,			NULL, 0 },
};

static void __attribute__((noreturn))
usage(FILE *f, int status)
{
	fprintf(f,
	    "usage: mkcatalog backup --catalog DIR --instance NAME --pgdata DIR --mode MODE\n"
	    "           [--parent ID] [--incremental-by lsn|content] [--stream|--archive]\n"
	    "           [--id ID] [--status STATUS] [--external DIR]... [--database-map FILE]\n"
	    "           [CODEC]\n"
	    "       mkcatalog scale --catalog DIR --instance NAME --files N --increments M\n"
	    "           [--seed S] [--stored-percent P] [CODEC]\n"
	    "       mkcatalog pack lz4|zst FILE    to standard output\n"
	    "CODEC: --compress none|pglz|zlib|lz4|zstd [--level N] [--mixed]\n"
	    "       [--program-version X.Y.Z]\n"
	    "MODE:  FULL, DELTA, PAGE or PTRACK.  Without --parent, the newest backup is it.\n"
	    "The ids of the new backups go to standard output.\n");
	exit(status);
}

static unsigned
parse_number(const char *name, const char *text, unsigned max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)text[0]) || *end != '\0' || n > max)
		errx(1, "--%s has to be a number up to %u, not \"%s\"", name, max, text);
	return (unsigned)n;
}

static enum catwriter_alg
parse_alg(const char *name)
{
	int alg = catwriter_alg_by_name(name);

	if (alg < 0)
		errx(1, "unknown compression algorithm \"%s\"", name);
	return (enum catwriter_alg)alg;
}

static const char *
parse_mode(const char *name)
{
	static const char *const modes[] = { "FULL", "DELTA", "PAGE", "PTRACK" };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (strcasecmp(name, modes[i]) == 0)
			return modes[i];
	errx(1, "unknown backup mode \"%s\"", name);
}

static bool
parse_incremental_by(const char *name)
{
	if (strcmp(name, "content") != 0 && strcmp(name, "lsn") != 0)
		errx(1, "--incremental-by has to be lsn or content, not \"%s\"", name);
	return strcmp(name, "content") == 0;
}

static const char *
parse_version(const char *text)
{
	if (catwriter_version(text) == 0)
		errx(1, "--program-version has to be X.Y.Z, not \"%s\"", text);
	return text;
}

static void
add_external(struct options *o, const char *path)
{
	if (o->n_externals == EXTERNALS_MAX)
		errx(1, "more than %d external directories", EXTERNALS_MAX);
	o->externals[o->n_externals++] = path;
}

static void
set_option(struct options *o, int opt, const char *arg)
{
	switch (opt) {
	case OPT_CATALOG:	o->catalog = arg; break;
	case OPT_INSTANCE:	o->instance = arg; break;
	case OPT_PGDATA:	o->pgdata = arg; break;
	case OPT_MODE:		o->backup.mode = parse_mode(arg); break;
	case OPT_PARENT:	o->backup.parent = arg; break;
	case OPT_COMPRESS:	o->backup.alg = parse_alg(arg); break;
	case OPT_LEVEL:		o->backup.level = (int)parse_number("level", arg, 22); break;
	case OPT_MIXED:		o->mixed = true; break;
	case OPT_ID:		o->backup.id = arg; break;
	case OPT_VERSION:	o->backup.program_version = parse_version(arg); break;
	case OPT_STREAM:	o->backup.stream = true; break;
	case OPT_ARCHIVE:	o->backup.stream = false; break;
	case OPT_STATUS:	o->backup.status = arg; break;
	case OPT_BY:		o->by_content = parse_incremental_by(arg); break;
	case OPT_FILES:		o->n_files = parse_number("files", arg, 10000000); break;
	case OPT_INCREMENTS:	o->n_increments = parse_number("increments", arg, 1000); break;
	case OPT_SEED:		o->seed = parse_number("seed", arg, UINT_MAX); break;
	case OPT_STORED:	o->stored_percent = parse_number("stored-percent", arg, 100); break;
	case OPT_EXTERNAL:	add_external(o, arg); break;
	case OPT_MAP:		o->database_map = arg; break;
	case OPT_HELP:		usage(stdout, 0);
	default:		usage(stderr, 2);
	}
}

static void
parse_options(int argc, char **argv, struct options *o)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		set_option(o, opt, optarg);
	if (optind != argc || o->catalog == NULL || o->instance == NULL)
		usage(stderr, 2);
}

/* --- small things --- */

/* Ends the program with what went wrong if a library function says so. */
static void
check(int error, const char *what)
{
	if (error < 0)
		errx(1, "could not write %s: %s", what, strerror(-error));
}

static void __attribute__((format(printf, 2, 3)))
format_path(char *buf, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, PATH_MAX, fmt, args);
	va_end(args);
	if (n < 0 || n >= PATH_MAX)
		errx(1, "a path is too long: \"%s\"", buf);
}

/* A whole file with a NUL after it, or NULL if there is none. */
static char *
read_file_if_any(const char *path, size_t *len)
{
	char *bytes;
	int error, fd autoclose = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return NULL;
	if (fd < 0)
		err(1, "could not open \"%s\"", path);
	if ((error = io_read_file(fd, FILE_MAX, &bytes, len)) < 0)
		errx(1, "could not read \"%s\": %s", path, strerror(-error));
	return bytes;
}

static char *
read_file(const char *path, size_t *len)
{
	char *bytes = read_file_if_any(path, len);

	if (bytes == NULL)
		errx(1, "\"%s\" does not exist", path);
	return bytes;
}

/*
 * The value of a "key = value" line, without quotes, into buf; "" if there is
 * no such line.
 */
static const char *
conf_value(const char *text, const char *key, char *buf, size_t size)
{
	size_t n = 0, key_len = strlen(key);

	for (; text != NULL; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (strncmp(text, key, key_len) == 0 && strncmp(text + key_len, " = ", 3) == 0)
			break;
	}
	if (text != NULL)
		for (text += key_len + 3; *text != '\0' && *text != '\n' && n + 1 < size; text++)
			if (*text != '\'')
				buf[n++] = *text;
	buf[n] = '\0';
	return buf;
}

/* --- the parent chain: a simple reader --- */

struct entry {
	const char *path;	/* into the list, cut off there */
	bool	is_datafile;
	int64_t	size;
	uint32_t crc, n_blocks;
	enum catwriter_alg alg;
};

struct member {
	char	id[64], parent[64];
	unsigned version;
	uint64_t start_lsn;
	char	*list;
	struct entry *entries;	/* sorted by path */
	size_t	n_entries;
};

struct chain {
	const struct options *options;
	struct member *members;	/* [0] is the direct parent, the last one the FULL */
	size_t	n;
};

/* A data file as the chain has it; one page after the other. */
struct image {
	unsigned char *pages;
	uint32_t n_blocks;
};

static int
compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

/* The number that stands in a line as "key":"number", or 0. */
static int64_t
list_number(const char *line, const char *key)
{
	char quoted[40];
	const char *p;

	snprintf(quoted, sizeof(quoted), "\"%s\":\"", key);
	p = strstr(line, quoted);
	return p != NULL ? strtoll(p + strlen(quoted), NULL, 10) : 0;
}

/* Cuts the line and its path off at their ends. */
static void
parse_line(char *line, struct entry *e)
{
	static const char key[] = "\"compress_alg\":\"";
	char *path = strstr(line, "\"path\":\"");
	char *alg = strstr(line, key);

	if (path == NULL || alg == NULL)
		errx(1, "a line of a file list has no path or no algorithm: %s", line);
	alg += strlen(key);
	e->is_datafile = list_number(line, "is_datafile") == 1;
	e->size = list_number(line, "size");
	e->crc = (uint32_t)list_number(line, "crc");
	e->n_blocks = (uint32_t)list_number(line, "n_blocks");
	*strchrnul(alg, '"') = '\0';
	e->alg = parse_alg(alg);
	e->path = path + strlen("\"path\":\"");
	*strchrnul(path + strlen("\"path\":\""), '"') = '\0';
}

static void
load_list(struct member *m, const char *path)
{
	size_t len, n_lines = 0;
	char *line, *rest;

	rest = m->list = read_file(path, &len);
	for (size_t i = 0; i < len; i++)
		n_lines += m->list[i] == '\n';
	m->entries = calloc(n_lines + 1, sizeof(*m->entries));
	if (m->entries == NULL)
		err(1, "could not read \"%s\"", path);
	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0' && list_number(line, "external_dir_num") == 0)
			parse_line(line, &m->entries[m->n_entries++]);
	qsort(m->entries, m->n_entries, sizeof(*m->entries), compare_entries);
}

static void
load_member(const struct options *o, const char *id, struct member *m)
{
	char path[PATH_MAX], value[64];
	uint32_t high, low;
	size_t len;

	memset(m, 0, sizeof(*m));
	snprintf(m->id, sizeof(m->id), "%s", id);
	format_path(path, "%s/backups/%s/%s/backup.control", o->catalog, o->instance, id);
	char *text autofree = read_file(path, &len);

	conf_value(text, "parent-backup-id", m->parent, sizeof(m->parent));
	m->version = catwriter_version(conf_value(text, "program-version", value, sizeof(value)));
	conf_value(text, "start-lsn", value, sizeof(value));
	if (m->version == 0 || sscanf(value, "%" SCNx32 "/%" SCNx32, &high, &low) != 2)
		errx(1, "backup %s has no program-version or no start-lsn", id);
	m->start_lsn = (uint64_t)high << 32 | low;
	format_path(path, "%s/backups/%s/%s/backup_content.control", o->catalog, o->instance, id);
	load_list(m, path);
}

static void
load_chain(const struct options *o, const char *id, struct chain *c)
{
	char next[64];

	c->options = o;
	snprintf(next, sizeof(next), "%s", id);
	while (next[0] != '\0') {
		c->members = reallocarray(c->members, c->n + 1, sizeof(*c->members));
		if (c->members == NULL)
			err(1, "could not read backup %s", next);
		load_member(o, next, &c->members[c->n]);
		memcpy(next, c->members[c->n++].parent, sizeof(next));
	}
}

static const struct entry *
find_entry(const struct member *m, const char *path)
{
	const struct entry key = { .path = path };

	return bsearch(&key, m->entries, m->n_entries, sizeof(key), compare_entries);
}

/* Whether src is a good pglz stream that gives just one page. */
static bool
pglz_decode(const unsigned char *src, size_t len, unsigned char *page)
{
	const unsigned char *end = src + len;
	size_t n = 0, match, distance;
	unsigned control = 1;

	while (n < BLCKSZ && src < end) {
		if (control == 1)	/* only the mark above the eight bits is left */
			control = *src++ | 0x100;
		if ((control & 1) == 0 && src < end) {
			page[n++] = *src++;
		} else if (end - src >= 2) {
			match = (src[0] & 0x0f) + 3u;
			distance = (src[0] & 0xf0u) << 4 | src[1];
			src += 2;
			if (match == 18 && src < end)
				match += *src++;
			if (distance == 0 || distance > n || match > BLCKSZ - n)
				return false;
			for (; match > 0; match--, n++)
				page[n] = page[n - distance];
		}
		control >>= 1;
	}
	return n == BLCKSZ;
}

static bool
decode_page(enum catwriter_alg alg, const unsigned char *src, size_t len, unsigned char *page)
{
	uLongf zlib_len = BLCKSZ;

	if (len == BLCKSZ) {
		memcpy(page, src, BLCKSZ);
		return true;
	}
	switch (alg) {
	case CATALG_PGLZ:
		return pglz_decode(src, len, page);
	case CATALG_ZLIB:
		return uncompress(page, &zlib_len, src, len) == Z_OK && zlib_len == BLCKSZ;
	case CATALG_LZ4:
		return LZ4_decompress_safe((const char *)src, (char *)page, (int)len, BLCKSZ) ==
		    BLCKSZ;
	case CATALG_ZSTD:
		return ZSTD_decompress(page, BLCKSZ, src, len) == BLCKSZ;
	default:
		return false;
	}
}

/* Makes the image n blocks long; what is new is zero. */
static void
resize_image(struct image *im, uint32_t n)
{
	if (n > im->n_blocks) {
		im->pages = reallocarray(im->pages, n, BLCKSZ);
		if (im->pages == NULL)
			err(1, "could not rebuild a file");
		memset(im->pages + (size_t)im->n_blocks * BLCKSZ, 0,
		    (size_t)(n - im->n_blocks) * BLCKSZ);
	}
	im->n_blocks = n;
}

/* Lays the records of one backup over the image; limit 0 means no limit. */
static void
apply_stream(struct image *im, const struct member *m, const struct entry *e,
    const unsigned char *stream, size_t len, uint32_t limit)
{
	uint32_t block, packed;

	for (size_t pos = 0; pos + 8 <= len; pos += packed) {
		block = get_le32(stream + pos);
		packed = get_le32(stream + pos + 4);
		pos += 8;
		if (packed == (uint32_t)-2) {
			resize_image(im, MIN(im->n_blocks, block));
			return;
		}
		if (limit != 0 && block >= limit)
			return;
		resize_image(im, MAX(im->n_blocks, block + 1));
		if (packed > len - pos || !decode_page(e->alg, stream + pos, packed,
		    im->pages + (size_t)block * BLCKSZ))
			errx(1, "block %u of \"%s\" in backup %s is damaged", block, e->path, m->id);
		if (m->version < 20400)
			packed = (packed + 7) & ~7u;
	}
}

/*
 * Lays the streams of a data file over one another, from the FULL on.  limit
 * is its length in blocks, or 0 if that is not known.  The caller frees the
 * pages.
 */
static void
lay_streams(const struct chain *c, const char *name, uint32_t limit, struct image *im)
{
	char path[PATH_MAX];
	size_t len;

	memset(im, 0, sizeof(*im));
	for (size_t i = c->n; i-- > 0;) {
		const struct member *m = &c->members[i];
		const struct entry *e = find_entry(m, name);

		if (e == NULL || e->size <= 0)
			continue;
		format_path(path, "%s/backups/%s/%s/database/%s", c->options->catalog,
		    c->options->instance, m->id, name);
		char *stream autofree = read_file(path, &len);
		apply_stream(im, m, e, (const unsigned char *)stream, len, limit);
	}
}

/* A data file as the parent, which lists it, has it. */
static void
rebuild(const struct chain *c, const struct entry *parent, struct image *im)
{
	memset(im, 0, sizeof(*im));
	if (parent->size != 0)
		lay_streams(c, parent->path, parent->n_blocks, im);
}

/* How long the file becomes for a reader who knows no n_blocks. */
static uint32_t
laid_length(const struct chain *c, const char *name)
{
	struct image im;

	lay_streams(c, name, 0, &im);
	free(im.pages);
	return im.n_blocks;
}

/* The newest backup of the instance, or errx(). */
static void
find_newest(const struct options *o, char *id, size_t size)
{
	char path[PATH_MAX];
	struct dirent *d;
	size_t len;
	DIR *dir;

	format_path(path, "%s/backups/%s", o->catalog, o->instance);
	dir = opendir(path);
	if (dir == NULL)
		err(1, "could not open \"%s\"", path);
	id[0] = '\0';
	while ((d = readdir(dir)) != NULL) {
		format_path(path, "%s/backups/%s/%s/backup.control", o->catalog, o->instance,
		    d->d_name);
		len = strlen(d->d_name);
		if (d->d_name[0] != '.' && len < size && access(path, F_OK) == 0 &&
		    strtoll(d->d_name, NULL, 36) > strtoll(id, NULL, 36))
			memcpy(id, d->d_name, len + 1);
	}
	closedir(dir);
	if (id[0] == '\0')
		errx(1, "instance \"%s\" has no backup that could be the parent", o->instance);
}

/* --- pg_control --- */

/* Where ControlFileData has what is needed here: the same in PostgreSQL 12 to 18. */
enum {
	CONTROL_SYSTEM_ID = 0, CONTROL_VERSION = 8, CONTROL_STATE = 16, CONTROL_CHECKPOINT = 32,
	CONTROL_REDO = 40, CONTROL_TIMELINE = 48, CONTROL_NEXT_XID = 64, CONTROL_BLCKSZ = 216, CONTROL_SEG_SIZE = 228,
	CONTROL_CHECKSUMS = 252, CONTROL_USED = 292,
};
#define CONTROL_SHUTDOWNED	1	/* DB_SHUTDOWNED */
#define CONTROL_VERSION_MIN	1201	/* PostgreSQL 12 */
#define CONTROL_VERSION_MAX	1800	/* PostgreSQL 18 */

struct cluster {
	const char *pgdata;
	uint64_t system_id, checkpoint, redo;
	uint32_t timeline, next_xid, seg_size, checksums;
	char	server_version[16];
	char	redo_segment[32];	/* file name of the segment with the redo location */
};

static uint64_t
control_u64(const char *control, size_t off)
{
	return (uint64_t)get_le32(control + off + 4) << 32 | get_le32(control + off);
}

/* Refuses a cluster that a plain copy would not make a backup of. */
static void
check_control(const char *control, size_t len, const char *path)
{
	uint32_t version = len >= CONTROL_USED ? get_le32(control + CONTROL_VERSION) : 0;

	if (version < CONTROL_VERSION_MIN || version > CONTROL_VERSION_MAX)
		errx(1, "\"%s\" is not of PostgreSQL 12 to 18 (pg_control version %u)", path, version);
	if (get_le32(control + CONTROL_STATE) != CONTROL_SHUTDOWNED)
		errx(1, "the cluster was not shut down cleanly (state %u)",
		    get_le32(control + CONTROL_STATE));
	if (get_le32(control + CONTROL_BLCKSZ) != BLCKSZ)
		errx(1, "the cluster has a block size of %u", get_le32(control + CONTROL_BLCKSZ));
}

static void
load_cluster(struct cluster *c, const char *pgdata)
{
	char path[PATH_MAX];
	size_t len, version_len;
	uint64_t segno, per_id;

	format_path(path, "%s/global/pg_control", pgdata);
	char *control autofree = read_file(path, &len);

	check_control(control, len, path);
	c->pgdata = pgdata;
	c->system_id = control_u64(control, CONTROL_SYSTEM_ID);
	c->checkpoint = control_u64(control, CONTROL_CHECKPOINT);
	c->redo = control_u64(control, CONTROL_REDO);
	c->timeline = get_le32(control + CONTROL_TIMELINE);
	c->next_xid = get_le32(control + CONTROL_NEXT_XID);
	c->seg_size = get_le32(control + CONTROL_SEG_SIZE);
	c->checksums = get_le32(control + CONTROL_CHECKSUMS);
	if (c->seg_size == 0)
		errx(1, "\"%s\" has no WAL segment size", path);
	segno = c->redo / c->seg_size;
	per_id = 0x100000000 / c->seg_size;
	snprintf(c->redo_segment, sizeof(c->redo_segment), "%08" PRIX32 "%08" PRIX64 "%08" PRIX64,
	    c->timeline, segno / per_id, segno % per_id);

	format_path(path, "%s/PG_VERSION", pgdata);
	char *version autofree = read_file(path, &version_len);
	snprintf(c->server_version, sizeof(c->server_version), "%.*s",
	    (int)strcspn(version, "\n"), version);
}

/* An instance belongs to one cluster. */
static void
check_instance(const struct options *o, const struct cluster *cluster)
{
	char path[PATH_MAX], value[32];
	size_t len;

	format_path(path, "%s/backups/%s/pg_probackup.conf", o->catalog, o->instance);
	char *conf autofree = read_file(path, &len);

	conf_value(conf, "system-identifier", value, sizeof(value));
	if (strtoull(value, NULL, 10) != cluster->system_id)
		errx(1, "instance \"%s\" is of system %s, the cluster of system %" PRIu64,
		    o->instance, value, cluster->system_id);
}

/* --- what belongs to a backup --- */

static bool
is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/* Directories that are listed, but empty. */
static bool
is_emptied_dir(const char *path, const char *name)
{
	static const char *const paths[] = {
		"pg_replslot", "pg_stat_tmp", "pg_dynshmem", "pg_notify", "pg_serial",
		"pg_snapshots", "pg_subtrans", "log", "pg_log", NULL
	};

	return is_one_of(path, paths) || strcmp(name, "pgsql_tmp") == 0;
}

/* Segments from the redo location on, whatever their timeline, and the histories. */
static bool
is_wanted_wal(const struct cluster *c, const char *name)
{
	const size_t timeline_len = 8, segment_len = 24;

	if (strlen(name) == segment_len && strspn(name, "0123456789ABCDEF") == segment_len)
		return strcmp(name + timeline_len, c->redo_segment + timeline_len) >= 0;
	return strlen(name) == timeline_len + strlen(".history") &&
	    strcmp(name + timeline_len, ".history") == 0;
}

/* All forks of an unlogged relation but its _init. */
static bool
is_unlogged(const char *directory, const char *name)
{
	char init[PATH_MAX];
	int digits = (int)strspn(name, "0123456789");

	if (digits == 0 || strncmp(name + digits, "_init", 5) == 0)
		return false;
	format_path(init, "%s/%.*s_init", directory, digits, name);
	return access(init, F_OK) == 0;
}

/* "t3_16384", "t3_16384_fsm" */
static bool
is_temporary(const char *name)
{
	size_t digits;

	if (name[0] != 't' || (digits = strspn(name + 1, "0123456789")) == 0)
		return false;
	return name[1 + digits] == '_' && isdigit((unsigned char)name[2 + digits]);
}

/* path is relative to PGDATA, directory is the absolute one that name lies in. */
static bool
is_left_out(const struct cluster *c, bool stream, const char *path, const char *directory,
    const char *name)
{
	static const char *const paths[] = {
		"postmaster.pid", "postmaster.opts", "recovery.conf", "recovery.signal",
		"standby.signal", "probackup_recovery.conf", "tablespace_map", NULL
	};

	if (strncmp(path, "pg_wal/", 7) == 0)
		return !stream || !is_wanted_wal(c, name);
	if (is_one_of(path, paths) || strcmp(name, "pg_internal.init") == 0)
		return true;
	if (strncmp(path, "base/", 5) != 0 && strncmp(path, "pg_tblspc/", 10) != 0)
		return false;
	return is_temporary(name) || is_unlogged(directory, name);
}

/* --- backup --- */

struct job {
	const struct options *options;
	struct cluster cluster;
	struct chain chain;		/* of the parent; empty for a FULL */
	struct catbackup *backup;
	unsigned version, n_data_files;
	FILE	*tablespace_map;	/* into memory */
};

/* A file of the cluster in memory.  An empty one has no bytes. */
struct mapped {
	const unsigned char *bytes;
	size_t	len;
};

static struct mapped
map_file(const char *path)
{
	struct mapped m = { 0 };
	struct stat st;
	int fd autoclose = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		err(1, "could not open \"%s\"", path);
	if (st.st_size == 0)
		return m;
	m.len = (size_t)st.st_size;
	m.bytes = mmap(NULL, m.len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (m.bytes == MAP_FAILED)
		err(1, "could not map \"%s\"", path);
	return m;
}

static void
unmap_file(struct mapped m)
{
	if (m.len > 0)
		munmap((void *)(uintptr_t)m.bytes, m.len);
}

/*
 * Old PAGE backups know no n_blocks: they say in the stream that the file is
 * shorter than what the streams of the chain give.
 */
static bool
has_truncation_records(const struct job *j)
{
	const char *mode = j->options->backup.mode;

	return j->version < 20300 && (strcmp(mode, "PAGE") == 0 || strcmp(mode, "PTRACK") == 0);
}

/* Whether block goes into the backup; listed: the parent has such a file. */
static bool
is_wanted_page(const struct job *j, bool listed, const struct image *before, uint32_t block,
    const unsigned char *page)
{
	uint64_t lsn;

	if (!listed)
		return true;
	if (j->options->by_content)
		return block >= before->n_blocks ||
		    memcmp(page, before->pages + (size_t)block * BLCKSZ, BLCKSZ) != 0;
	lsn = catwriter_page_lsn(page);
	return lsn == 0 || lsn >= j->chain.members[0].start_lsn;
}

static void
backup_data(struct job *j, const char *path, mode_t mode, struct mapped file)
{
	const struct entry *parent = j->chain.n > 0 ? find_entry(&j->chain.members[0], path) : NULL;
	struct image before = { 0 };
	uint32_t n_blocks = (uint32_t)(file.len / BLCKSZ);
	struct catpage *pages autofree = calloc(n_blocks + 1, sizeof(*pages));
	struct catfile f = { .path = path, .mode = mode, .n_blocks = n_blocks, .pages = pages };

	if (pages == NULL)
		err(1, "could not back \"%s\" up", path);
	if (parent != NULL && j->options->by_content)
		rebuild(&j->chain, parent, &before);
	for (uint32_t i = 0; i < n_blocks; i++) {
		const unsigned char *page = file.bytes + (size_t)i * BLCKSZ;

		if (is_wanted_page(j, parent != NULL, &before, i, page))
			pages[f.n_pages++] = (struct catpage){ .block = i, .bytes = page };
	}
	if (has_truncation_records(j) && n_blocks < laid_length(&j->chain, path))
		pages[f.n_pages++] = (struct catpage){
			.block = n_blocks, .kind = CATPAGE_TRUNCATE
		};
	free(before.pages);
	if (j->options->mixed)
		catbackup_set_alg(j->backup, j->n_data_files++ % CATALG_COUNT,
		    j->options->backup.level);
	check(catbackup_data(j->backup, &f), path);
}

/* The three versions with another CRC can't compare theirs with that of the rest. */
static bool
is_same_crc_kind(unsigned a, unsigned b)
{
	return (a >= 20022 && a <= 20024) == (b >= 20022 && b <= 20024);
}

/* Whether the chain gives a plain file of that length and checksum. */
static bool
is_unchanged_plain(const struct job *j, const char *path, uint32_t crc, size_t len)
{
	const struct entry *e;

	for (size_t i = 0; i < j->chain.n; i++) {
		e = find_entry(&j->chain.members[i], path);
		if (e == NULL || e->is_datafile)
			return false;
		if (e->size >= 0)
			return (size_t)e->size == len && len > 0 && e->crc == crc &&
			    is_same_crc_kind(j->version, j->chain.members[i].version);
	}
	return false;
}

/* What every backup stores in full. */
static bool
is_always_stored(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcmp(path, "global/pg_control") == 0 || strncmp(path, "pg_wal/", 7) == 0 ||
	    (slash != NULL && strcmp(slash, "/pg_filenode.map") == 0);
}

static void
backup_plain(struct job *j, const char *path, mode_t mode, struct mapped file)
{
	uint32_t crc = catbackup_plain_crc(j->backup, path, file.bytes, file.len);

	if (!is_always_stored(path) && is_unchanged_plain(j, path, crc, file.len))
		check(catbackup_plain_unchanged(j->backup, path, mode, file.bytes, file.len), path);
	else
		check(catbackup_plain(j->backup, path, mode, file.bytes, file.len), path);
}

static void
backup_file(struct job *j, const char *path, const char *full_path, mode_t mode)
{
	struct mapped file = map_file(full_path);

	if (catwriter_is_data_path(path) && !catwriter_is_whole(path, j->version))
		backup_data(j, path, mode, file);
	else
		backup_plain(j, path, mode, file);
	unmap_file(file);
}

/* A link below pg_tblspc is a tablespace; other links are followed silently. */
static void
note_tablespace(struct job *j, const char *path, const char *full_path)
{
	char target[PATH_MAX];
	ssize_t n;

	if (strncmp(path, "pg_tblspc/", 10) != 0 || strchr(path + 10, '/') != NULL)
		return;
	n = readlink(full_path, target, sizeof(target));
	if (n > 0)
		fprintf(j->tablespace_map, "%s %.*s\n", path + 10, (int)n, target);
}

static void backup_dir(struct job *j, const char *path);

static void
backup_name(struct job *j, const char *dir, const char *name)
{
	char path[PATH_MAX], parent[PATH_MAX], full_path[PATH_MAX];
	struct stat st;

	format_path(path, "%s%s%s", dir, dir[0] != '\0' ? "/" : "", name);
	format_path(parent, "%s/%s", j->cluster.pgdata, dir);
	if (is_left_out(&j->cluster, j->options->backup.stream, path, parent, name))
		return;
	format_path(full_path, "%s/%s", j->cluster.pgdata, path);
	if (stat(full_path, &st) < 0)
		err(1, "could not stat \"%s\"", full_path);
	if (S_ISREG(st.st_mode)) {
		backup_file(j, path, full_path, st.st_mode & 07777);
	} else if (S_ISDIR(st.st_mode)) {
		note_tablespace(j, path, full_path);
		check(catbackup_dir(j->backup, path, st.st_mode & 07777), path);
		if (!is_emptied_dir(path, name))
			backup_dir(j, path);
	}
}

static int
is_real_name(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

/* From the last name to the first: no reader may count on a sorted list. */
static void
backup_dir(struct job *j, const char *path)
{
	char full_path[PATH_MAX];
	struct dirent **names;
	int n;

	format_path(full_path, "%s/%s", j->cluster.pgdata, path);
	n = scandir(full_path, &names, is_real_name, alphasort);
	if (n < 0)
		err(1, "could not read \"%s\"", full_path);
	while (n-- > 0) {
		backup_name(j, path, names[n]->d_name);
		free(names[n]);
	}
	free(names);
}

/* Files of an external directory are stored whole in every backup. */
static void
backup_external(struct job *j, const char *root, const char *path)
{
	char full_path[PATH_MAX], name[PATH_MAX];
	struct dirent **names;
	struct mapped file;
	struct stat st;
	int n;

	format_path(full_path, "%s/%s", root, path);
	n = scandir(full_path, &names, is_real_name, alphasort);
	if (n < 0)
		err(1, "could not read \"%s\"", full_path);
	while (n-- > 0) {
		format_path(name, "%s%s%s", path, path[0] != '\0' ? "/" : "", names[n]->d_name);
		format_path(full_path, "%s/%s", root, name);
		free(names[n]);
		if (stat(full_path, &st) < 0)
			err(1, "could not stat \"%s\"", full_path);
		if (S_ISDIR(st.st_mode)) {
			check(catbackup_dir(j->backup, name, st.st_mode & 07777), full_path);
			backup_external(j, root, name);
		} else if (S_ISREG(st.st_mode)) {
			file = map_file(full_path);
			check(catbackup_plain(j->backup, name, st.st_mode & 07777, file.bytes,
			    file.len), full_path);
			unmap_file(file);
		}
	}
	free(names);
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Puts the external directories into the order of their numbers; gives their list, to be freed. */
static char *
number_externals(struct options *o)
{
	char *list = NULL;
	size_t len;
	FILE *f;

	if (o->n_externals == 0)
		return NULL;
	if ((f = open_memstream(&list, &len)) == NULL)
		err(1, "could not start");
	for (size_t i = 0; i < o->n_externals; i++)
		fprintf(f, "%s%s", i > 0 ? ":" : "", o->externals[i]);
	fclose(f);
	qsort(o->externals, o->n_externals, sizeof(o->externals[0]), compare_paths);
	return list;
}

static void
backup_externals(struct job *j)
{
	for (size_t i = 0; i < j->options->n_externals; i++) {
		check(catbackup_set_external(j->backup, (unsigned)i + 1), "an external directory");
		backup_external(j, j->options->externals[i], "");
	}
}

static void
backup_database_map(struct job *j)
{
	size_t len;

	if (j->options->database_map == NULL)
		return;
	char *map autofree = read_file(j->options->database_map, &len);

	check(catbackup_plain(j->backup, "database_map", 0600, map, len), "database_map");
}

/* Walks the cluster; tablespace_map comes last, when all links were seen. */
static void
backup_cluster(struct job *j)
{
	char *map = NULL;
	size_t len = 0;

	j->tablespace_map = open_memstream(&map, &len);
	if (j->tablespace_map == NULL)
		err(1, "could not start");
	backup_dir(j, "");
	fclose(j->tablespace_map);
	if (len > 0)
		check(catbackup_plain(j->backup, "tablespace_map", 0600, map, len), "tablespace_map");
	free(map);
}

static void
free_chain(struct chain *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->members[i].entries);
		free(c->members[i].list);
	}
	free(c->members);
}

/* Opens the instance for a backup of the cluster. */
static struct catwriter *
open_instance(const struct options *o, const struct cluster *c)
{
	const struct catwriter_instance instance = {
		.pgdata = o->pgdata, .system_identifier = c->system_id,
		.xlog_seg_size = c->seg_size,
	};
	struct catwriter *w;

	check(catwriter_open(o->catalog, o->instance, &instance, &w), "the catalog");
	check_instance(o, c);
	return w;
}

static void
command_backup(struct options *o)
{
	struct job j = { .options = o };
	char *externals autofree = NULL;
	struct catwriter *w;
	char id[64];

	if (o->pgdata == NULL || o->backup.mode == NULL)
		usage(stderr, 2);
	if (strcmp(o->backup.mode, "FULL") == 0 && o->backup.parent != NULL)
		errx(1, "a FULL backup has no parent");
	load_cluster(&j.cluster, o->pgdata);
	externals = number_externals(o);
	o->backup.external_dirs = externals;
	w = open_instance(o, &j.cluster);
	if (strcmp(o->backup.mode, "FULL") != 0) {
		if (o->backup.parent == NULL) {
			find_newest(o, id, sizeof(id));
			o->backup.parent = id;
		}
		load_chain(o, o->backup.parent, &j.chain);
	}
	j.version = catwriter_version(o->backup.program_version);
	o->backup.server_version = j.cluster.server_version;
	o->backup.checksum_version = j.cluster.checksums;
	o->backup.timeline = j.cluster.timeline;
	o->backup.start_lsn = j.cluster.redo;
	o->backup.stop_lsn = j.cluster.checkpoint;
	o->backup.recovery_xid = j.cluster.next_xid;
	check(catbackup_begin(w, &o->backup, &j.backup), "the backup");
	backup_cluster(&j);
	backup_database_map(&j);
	backup_externals(&j);
	printf("%s\n", catbackup_id(j.backup));
	check(catbackup_finish(j.backup), "the backup");
	catwriter_close(w);
	free_chain(&j.chain);
}

/* --- scale --- */

#define FIRST_OID		16384u
#define FILES_PER_DATABASE	10000u
#define CHANGED_PERCENT		1	/* of the files, in each increment */
#define PAGES_MAX		2	/* of a file */
#define LSN_PER_BACKUP		0x1000000

struct scale {
	const struct options *options;
	uint64_t lsn;
	uint32_t random;
	uint8_t	*n_blocks;	/* of each file */
	unsigned n_data_files;
};

static uint32_t
scale_random(struct scale *s)
{
	s->random = s->random * 1664525u + 1013904223u;
	return s->random >> 8;
}

/* Stores the blocks [first, end) of file i in backup b, and lists the file. */
static void
scale_file(struct scale *s, struct catbackup *b, unsigned i, uint32_t first, uint32_t end)
{
	static unsigned char bytes[PAGES_MAX][BLCKSZ];
	struct catpage pages[PAGES_MAX] = { 0 };
	char path[64];
	struct catfile f = {
		.path = path, .mode = 0600, .n_blocks = s->n_blocks[i], .pages = pages
	};

	snprintf(path, sizeof(path), "base/%u/%u", FIRST_OID + i / FILES_PER_DATABASE,
	    FIRST_OID + i);
	for (uint32_t block = first; block < end; block++, f.n_pages++) {
		catwriter_make_page(bytes[f.n_pages], s->lsn, scale_random(s));
		pages[f.n_pages].block = block;
		pages[f.n_pages].bytes = bytes[f.n_pages];
	}
	if (s->options->mixed && f.n_pages > 0)
		catbackup_set_alg(b, s->n_data_files++ % CATALG_COUNT, s->options->backup.level);
	check(catbackup_data(b, &f), path);
}

static void
scale_full_file(struct scale *s, struct catbackup *b, unsigned i)
{
	if (scale_random(s) % 100 < s->options->stored_percent)
		s->n_blocks[i] = (uint8_t)(1 + scale_random(s) % PAGES_MAX);
	scale_file(s, b, i, 0, s->n_blocks[i]);
}

/* One page of a changed file is stored: its first one if it was empty. */
static void
scale_increment_file(struct scale *s, struct catbackup *b, unsigned i)
{
	uint32_t block;

	if (scale_random(s) % 100 >= CHANGED_PERCENT) {
		scale_file(s, b, i, 0, 0);
		return;
	}
	s->n_blocks[i] = MAX(s->n_blocks[i], (uint8_t)1);
	block = scale_random(s) % s->n_blocks[i];
	scale_file(s, b, i, block, block + 1);
}

/* The directories of a cluster, and the files that say what it is. */
static void
scale_skeleton(const struct options *o, struct catbackup *b, bool full)
{
	static const char *const dirs[] = {
		"base", "global", "pg_commit_ts", "pg_dynshmem", "pg_logical",
		"pg_logical/mappings", "pg_logical/snapshots", "pg_multixact",
		"pg_multixact/members", "pg_multixact/offsets", "pg_notify", "pg_replslot",
		"pg_serial", "pg_snapshots", "pg_stat", "pg_stat_tmp", "pg_subtrans", "pg_tblspc",
		"pg_twophase", "pg_wal", "pg_xact",
	};
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		check(catbackup_dir(b, dirs[i], 0700), dirs[i]);
	for (unsigned i = 0; i < o->n_files; i += FILES_PER_DATABASE) {
		snprintf(path, sizeof(path), "base/%u", FIRST_OID + i / FILES_PER_DATABASE);
		check(catbackup_dir(b, path, 0700), path);
	}
	if (full)
		check(catbackup_plain(b, "PG_VERSION", 0600, "15\n", 3), "PG_VERSION");
	else
		check(catbackup_plain_unchanged(b, "PG_VERSION", 0600, "15\n", 3), "PG_VERSION");
}

/* Makes backup k, the FULL being 0, and leaves its id in id. */
static void
scale_backup(struct scale *s, struct catwriter *w, unsigned k, char *id, size_t size)
{
	struct catbackup_options options = s->options->backup;
	struct catbackup *b;

	s->lsn += LSN_PER_BACKUP;
	options.mode = k == 0 ? "FULL" : "DELTA";
	options.parent = k == 0 ? NULL : id;
	options.start_lsn = options.stop_lsn = s->lsn;
	check(catbackup_begin(w, &options, &b), "the backup");
	scale_skeleton(s->options, b, k == 0);
	for (unsigned i = 0; i < s->options->n_files; i++) {
		if (k == 0)
			scale_full_file(s, b, i);
		else
			scale_increment_file(s, b, i);
	}
	snprintf(id, size, "%s", catbackup_id(b));
	check(catbackup_finish(b), "the backup");
	printf("%s\n", id);
}

static void
command_scale(struct options *o)
{
	struct scale s = { .options = o, .random = o->seed };
	uint8_t *n_blocks autofree = calloc(o->n_files + 1u, 1);
	struct catwriter *w;
	char id[64] = "";

	if (o->n_files == 0 || o->backup.id != NULL)
		usage(stderr, 2);
	if (n_blocks == NULL)
		err(1, "could not start");
	s.n_blocks = n_blocks;
	check(catwriter_open(o->catalog, o->instance, NULL, &w), "the catalog");
	for (unsigned k = 0; k <= o->n_increments; k++)
		scale_backup(&s, w, k, id, sizeof(id));
	catwriter_close(w);
}

/* --- pack --- */

static void
command_pack(const char *format, const char *path)
{
	const LZ4F_preferences_t p = { .frameInfo = { .contentChecksumFlag = LZ4F_contentChecksumEnabled } };
	char *bytes autofree = NULL, *packed autofree = NULL;
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	size_t len, room, n;

	bytes = read_file(path, &len);
	room = MAX(LZ4F_compressFrameBound(len, &p), ZSTD_compressBound(len));
	if (zstd == NULL || (packed = malloc(room)) == NULL)
		err(1, "could not start");
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
	if (strcmp(format, "lz4") == 0)
		n = LZ4F_compressFrame(packed, room, bytes, len, &p);
	else if (strcmp(format, "zst") == 0)
		n = ZSTD_compress2(zstd, packed, room, bytes, len);
	else
		usage(stderr, 2);
	if (LZ4F_isError(n) || ZSTD_isError(n))
		errx(1, "could not compress the segment");
	check(io_write(STDOUT_FILENO, packed, n), "the segment");
	ZSTD_freeCCtx(zstd);
}

/* --- main --- */

static struct { unsigned uid, gid; } owner;

static int
give_away(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return lchown(path, owner.uid, owner.gid);
}

/* MKCATALOG_OWNER=uid:gid: as if that user had made the backups. */
static void
give_to_owner(const char *catalog)
{
	const char *text = getenv("MKCATALOG_OWNER");

	if (text == NULL || geteuid() != 0)
		return;
	if (sscanf(text, "%u:%u", &owner.uid, &owner.gid) != 2 ||
	    nftw(catalog, give_away, 16, FTW_PHYS) != 0)
		err(1, "could not give \"%s\" to %s", catalog, text);
}

int
main(int argc, char **argv)
{
	struct options o = {
		.stored_percent = 2, .seed = 1,
		.backup = { .program_version = CATWRITER_VERSION, .level = 1, .stream = true },
	};

	if (argc < 2)
		usage(stderr, 2);
	if (strcmp(argv[1], "--help") == 0)
		usage(stdout, 0);
	if (strcmp(argv[1], "pack") == 0 && argc == 4) {
		command_pack(argv[2], argv[3]);
		return 0;
	}
	parse_options(argc - 1, argv + 1, &o);
	if (strcmp(argv[1], "backup") == 0)
		command_backup(&o);
	else if (strcmp(argv[1], "scale") == 0)
		command_scale(&o);
	else
		usage(stderr, 2);
	give_to_owner(o.catalog);
	if (fflush(stdout) != 0)
		err(1, "could not write the ids");
	return 0;
}
