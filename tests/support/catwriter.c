/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes catalogs in pg_probackup's format (see catwriter.h).
 *
 * Lists are written as they come, through one buffer, so that a backup of a
 * million files costs no memory.  Nothing is fsynced: it is for tests.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <lz4.h>
#include <lz4hc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/util.h"
#include "catwriter.h"
#include "pglz_compress.h"

/* The versions in which something about the format changed. */
#define V_TRADITIONAL_CRC_FIRST	20022	/* CRC-32 instead of CRC-32C ... */
#define V_TRADITIONAL_CRC_LAST	20024	/* ... up to here */
#define V_CONTROL_CRC		20025	/* pg_control's crc is the one inside */
#define V_EXTERNAL_DIRS		20100	/* external_dir_num and dbOid */
#define V_N_BLOCKS_ALWAYS	20300	/* n_blocks in all modes, even when it is 0 */
#define V_CONTENT_CRC		20305	/* a late 2.3: this one is known to have it */
#define V_HEADER_MAP		20400	/* page_header_map, and no padding any more */
#define V_FULL_SIZE		20509
#define V_KIND			20600	/* the type of a file apart from its mode */
#define V_WHOLE_FIRST		20800	/* relations with large numbers stored whole ... */
#define V_WHOLE_LAST		20801	/* ... up to here */
#define WHOLE_FROM		0x80000000u	/* numbers of these */

#define LINE_MAX_BYTES	16384	/* of a list line: twice what a reader has to take */
#define ID_MAX_BYTES	64
#define TRUNCATED	(-2)	/* compressed_size of a truncation record */

/* One element of page_header_map, as it is on disk. */
struct BackupPageHeader2 {
	uint64_t lsn;
	int32_t	block;
	int32_t	pos;
	uint16_t checksum;
	uint8_t	padding[6];
};
_Static_assert(sizeof(struct BackupPageHeader2) == 24, "an element has 24 bytes");

struct catwriter {
	int	dirfd;		/* backups/<instance> */
};

struct catbackup {
	struct catbackup_options options;	/* its strings are ours */
	enum catwriter_alg alg;		/* of the next data file */
	int	level;
	char	id[ID_MAX_BYTES];
	time_t	start_time;
	unsigned version;
	int	error;			/* the first one */

	int	dirfd;			/* of the backup */
	int	tree;			/* of its database/, or of an external directory's */
	unsigned external;		/* number of that directory, or 0 */
	FILE	*list, *header_map;	/* header_map: NULL until it is needed */
	uint64_t header_map_len;
	uint32_t list_crc;
	ZSTD_CCtx *zstd;

	/* for backup.control */
	uint64_t data_bytes, wal_bytes, uncompressed_bytes, pgdata_bytes;
};

/* A data file while its records are written. */
struct stream {
	FILE	*file;
	uint32_t pos, crc;
	uint32_t n_pages;	/* without truncation records */
	struct BackupPageHeader2 *headers;
};

/* The values in a line of the list. */
struct line {
	const char *path;
	uint32_t mode;
	bool	is_datafile, is_cfs;
	int64_t	size, full_size;
	uint32_t crc;
	enum catwriter_alg alg;
	uint32_t n_blocks;
	uint32_t n_headers, hdr_crc;
	uint64_t hdr_off, hdr_size;
};

/* --- names and numbers --- */

static const char *const alg_names[CATALG_COUNT] = { "none", "pglz", "zlib", "lz4", "zstd" };

int
catwriter_alg_by_name(const char *name)
{
	for (int i = 0; i < CATALG_COUNT; i++)
		if (strcasecmp(name, alg_names[i]) == 0)
			return i;
	return -EINVAL;
}

const char *
catwriter_alg_name(enum catwriter_alg alg)
{
	return alg < CATALG_COUNT ? alg_names[alg] : "unknown";
}

unsigned
catwriter_version(const char *program_version)
{
	unsigned major, minor, patch;
	char end;

	if (sscanf(program_version, "%2u.%2u.%2u%c", &major, &minor, &patch, &end) != 3)
		return 0;
	return major * 10000 + minor * 100 + patch;
}

/* "16384" or, with a segment, "16384.1".  *segno is 0 without one. */
static bool
parse_relation_name(const char *name, uint32_t *segno)
{
	size_t n = strspn(name, "0123456789");

	*segno = 0;
	if (n == 0 || name[0] == '0')
		return false;
	if (name[n] == '\0')
		return true;
	name += n + 1;
	if (name[-1] != '.' || name[0] < '1' || name[0] > '9')
		return false;
	*segno = (uint32_t)strtoul(name, NULL, 10);
	return name[strspn(name, "0123456789")] == '\0';
}

/*
 * The database directory that path lies in or is; *rest is what follows it
 * and its slash ("" for the directory itself).  Returns its OID, or 0 and
 * *rest untouched.
 */
static uint32_t
database_of(const char *path, const char **rest)
{
	uint32_t spc, db = 0;
	int n = 0;

	if (sscanf(path, "base/%" SCNu32 "%n", &db, &n) != 1 &&
	    sscanf(path, "pg_tblspc/%" SCNu32 "/PG_%*[^/]/%" SCNu32 "%n", &spc, &db, &n) != 2)
		return 0;
	if (path[n] != '\0' && path[n] != '/')
		return 0;
	*rest = path + n + (path[n] == '/');
	return db;
}

bool
catwriter_is_data_path(const char *path)
{
	const char *name = "";
	uint32_t segno;

	if (strncmp(path, "global/", 7) == 0)
		name = path + 7;
	else if (database_of(path, &name) == 0)
		return false;
	return parse_relation_name(name, &segno);
}

bool
catwriter_is_whole(const char *path, unsigned version)
{
	const char *name = strrchr(path, '/');

	return version >= V_WHOLE_FIRST && version <= V_WHOLE_LAST && name != NULL &&
	    strtoul(name + 1, NULL, 10) >= WHOLE_FROM;
}

/* A time in base 36 is a backup's id. */
static void
format_id(char *id, size_t size, time_t t)
{
	char reversed[16];
	size_t n = 0, i;

	do {
		reversed[n++] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[t % 36];
		t /= 36;
	} while (t > 0);
	for (i = 0; i < n && i + 1 < size; i++)
		id[i] = reversed[n - 1 - i];
	id[i] = '\0';
}

/* --- pages --- */

uint64_t
catwriter_page_lsn(const void *page)
{
	const unsigned char *p = page;

	return (uint64_t)get_le32(p) << 32 | get_le32(p + 4);
}

static uint32_t
next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* The header of a heap page that has no rows and no free space either. */
static void
make_page_header(unsigned char *page, uint64_t lsn)
{
	const uint32_t lsn_parts[2] = { (uint32_t)(lsn >> 32), (uint32_t)lsn };
	const uint16_t rest[] = {
		0, 0,			/* pd_checksum, pd_flags */
		24, 24, BLCKSZ,		/* pd_lower, pd_upper, pd_special */
		BLCKSZ | 4,		/* page size and layout version */
		0, 0,			/* pd_prune_xid */
	};

	memcpy(page, lsn_parts, sizeof(lsn_parts));
	memcpy(page + 8, rest, sizeof(rest));
}

void
catwriter_make_page(void *page, uint64_t lsn, uint32_t seed)
{
	unsigned char *p = page;
	uint32_t state = seed * 2654435761u + 1;

	make_page_header(p, lsn);
	/* Runs of 16 bytes of which 4 are random: about as dense as rows. */
	for (size_t i = 24; i < BLCKSZ; i++)
		p[i] = i % 16 < 4 ? (unsigned char)next_random(&state) : (unsigned char)(i % 16);
}

void
catwriter_make_noise_page(void *page, uint64_t lsn, uint32_t seed)
{
	unsigned char *p = page;
	uint32_t state = seed * 2654435761u + 1;

	make_page_header(p, lsn);
	for (size_t i = 24; i < BLCKSZ; i++)
		p[i] = (unsigned char)(next_random(&state) >> 11);
}

/* Returns the compressed length, or 0 if the page is to be stored raw. */
static size_t
compress_page(struct catbackup *b, const void *page, unsigned char *dst, size_t size)
{
	int n = 0;
	uLongf zlen = size;
	size_t zstd_len;

	switch (b->alg) {
	case CATALG_PGLZ:
		n = pglz_compress_page(page, BLCKSZ, dst, size);
		break;
	case CATALG_ZLIB:
		n = compress2(dst, &zlen, page, BLCKSZ, b->level) == Z_OK ? (int)zlen : 0;
		break;
	case CATALG_LZ4:
		n = b->level == 0 ?
		    LZ4_compress_default(page, (char *)dst, BLCKSZ, (int)size) :
		    LZ4_compress_HC(page, (char *)dst, BLCKSZ, (int)size, b->level);
		break;
	case CATALG_ZSTD:
		zstd_len = ZSTD_compressCCtx(b->zstd, dst, size, page, BLCKSZ, b->level);
		n = ZSTD_isError(zstd_len) ? 0 : (int)zstd_len;
		break;
	case CATALG_NONE:
	case CATALG_COUNT:
		break;
	}
	return n > 0 && n < BLCKSZ ? (size_t)n : 0;
}

/* --- files of the backup --- */

static int
fail(struct catbackup *b, int error)
{
	if (b->error == 0)
		b->error = error;
	return error;
}

static int
make_parents(int dirfd, const char *path)
{
	char buf[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(buf))
		return -ENAMETOOLONG;
	memcpy(buf, path, len + 1);
	for (char *slash = strchr(buf + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(dirfd, buf, 0700) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

/* Opens a file for writing from its start, parents made as needed. */
static int
create_file(int dirfd, const char *path, FILE **out)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
	int error, fd = openat(dirfd, path, flags, 0600);

	if (fd < 0 && errno == ENOENT) {
		if ((error = make_parents(dirfd, path)) < 0)
			return error;
		fd = openat(dirfd, path, flags, 0600);
	}
	if (fd < 0)
		return -errno;
	*out = fdopen(fd, "w");
	if (*out == NULL) {
		close(fd);
		return -ENOMEM;
	}
	return 0;
}

/* fclose() as a function that tells of every write that failed before. */
static int
close_file(FILE *f)
{
	int failed = ferror(f);

	if (fclose(f) != 0)
		return -errno;
	return failed ? -EIO : 0;
}

int
catbackup_store(struct catbackup *b, const char *path, const void *bytes, size_t len)
{
	FILE *f;
	int error;

	if (b->error != 0)
		return b->error;
	if ((error = create_file(b->tree, path, &f)) < 0)
		return fail(b, error);
	fwrite(bytes, 1, len, f);
	if ((error = close_file(f)) < 0)
		return fail(b, error);
	return 0;
}

/* The crc of stored bytes, which three old versions computed otherwise. */
static uint32_t
stored_crc(const struct catbackup *b, uint32_t crc, const void *bytes, size_t len)
{
	if (b->version >= V_TRADITIONAL_CRC_FIRST && b->version <= V_TRADITIONAL_CRC_LAST)
		return (uint32_t)crc32_z(crc, bytes, len);
	return crc32c(crc, bytes, len);
}

/*
 * pg_control ends with a CRC-32C of what is before it, at an offset that
 * depends on the server's version: it is where the sum fits.
 */
static uint32_t
control_file_crc(const unsigned char *bytes, size_t len)
{
	const size_t first = 256, last = 512;

	for (size_t off = first; off + 4 <= MIN(len, last); off += 4)
		if (crc32c(0, bytes, off) == get_le32(bytes + off))
			return get_le32(bytes + off);
	return crc32c(0, bytes, len);
}

uint32_t
catbackup_plain_crc(const struct catbackup *b, const char *path, const void *bytes, size_t len)
{
	if (len == 0)
		return 0;
	if (b->version >= V_CONTROL_CRC && strcmp(path, "global/pg_control") == 0)
		return control_file_crc(bytes, len);
	return stored_crc(b, 0, bytes, len);
}

/* --- the list --- */

static int
put_list(struct catbackup *b, const char *text, size_t len)
{
	b->list_crc = crc32c(b->list_crc, text, len);
	if (fwrite(text, 1, len, b->list) != len)
		return fail(b, -EIO);
	return 0;
}

int
catbackup_line(struct catbackup *b, const char *line)
{
	if (b->error != 0)
		return b->error;
	put_list(b, line, strlen(line));
	put_list(b, "\n", 1);
	return b->error;
}

/* Adds to a line; one that is too long is found out at the end. */
struct text {
	char	bytes[LINE_MAX_BYTES];
	size_t	len;
};

static void append(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
append(struct text *t, const char *fmt, ...)
{
	va_list args;

	if (t->len >= sizeof(t->bytes))
		return;
	va_start(args, fmt);
	t->len += (size_t)vsnprintf(t->bytes + t->len, sizeof(t->bytes) - t->len, fmt, args);
	va_end(args);
}

/* Returns whether this version writes n_blocks for that file. */
static bool
has_n_blocks(const struct catbackup *b, const struct line *l)
{
	if (!l->is_datafile)
		return false;
	if (b->version >= V_HEADER_MAP)
		return l->n_blocks > 0;
	return b->version >= V_N_BLOCKS_ALWAYS || strcasecmp(b->options.mode, "DELTA") == 0;
}

static void
append_data_keys(const struct catbackup *b, const struct line *l, struct text *t)
{
	const char *slash = strrchr(l->path, '/');
	uint32_t segno;

	parse_relation_name(slash != NULL ? slash + 1 : l->path, &segno);
	append(t, ",\"segno\":\"%" PRIu32 "\"", segno);
	if (has_n_blocks(b, l))
		append(t, ",\"n_blocks\":\"%" PRIu32 "\"", l->n_blocks);
	if (l->n_headers > 0)
		append(t, ",\"n_headers\":\"%" PRIu32 "\",\"hdr_crc\":\"%" PRIu32 "\","
		    "\"hdr_off\":\"%" PRIu64 "\",\"hdr_size\":\"%" PRIu64 "\"",
		    l->n_headers, l->hdr_crc, l->hdr_off, l->hdr_size);
}

static void
append_type(const struct catbackup *b, uint32_t mode, struct text *t)
{
	if (b->version < V_KIND)
		append(t, "\"mode\":\"%" PRIu32 "\"", mode);
	else
		append(t, "\"kind\":\"%s\", \"mode\":\"%" PRIu32 "\"", S_ISDIR(mode) ? "dir" : "reg",
		    mode & 07777);
}

/* Spacing and order of the keys are those of 2.5.16, and of 2.6.0. */
static int
put_line(struct catbackup *b, const struct line *l)
{
	struct text t;
	const char *rest;

	t.len = 0;
	append(&t, "{\"path\":\"%s\", \"size\":\"%" PRId64 "\", ", l->path, l->size);
	append_type(b, l->mode, &t);
	append(&t, ", \"is_datafile\":\"%d\", \"is_cfs\":\"%d\", \"crc\":\"%" PRIu32 "\", "
	    "\"compress_alg\":\"%s\"", l->is_datafile, l->is_cfs, l->crc, catwriter_alg_name(l->alg));
	if (b->version >= V_EXTERNAL_DIRS)
		append(&t, ", \"external_dir_num\":\"%u\", \"dbOid\":\"%" PRIu32 "\"", b->external,
		    b->external == 0 ? database_of(l->path, &rest) : 0);
	if (b->version >= V_FULL_SIZE && l->full_size != 0 && l->full_size != l->size)
		append(&t, ",\"full_size\":\"%" PRId64 "\"", l->full_size);
	if (l->is_datafile)
		append_data_keys(b, l, &t);
	append(&t, "}\n");
	if (t.len >= sizeof(t.bytes))
		return fail(b, -ENAMETOOLONG);
	return put_list(b, t.bytes, t.len);
}

/* Opens a directory of the backup for what is stored next, and makes it if need be. */
static int
enter_tree(struct catbackup *b, const char *path)
{
	int error, fd;

	if ((error = make_parents(b->dirfd, path)) < 0)
		return error;
	if (mkdirat(b->dirfd, path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(b->dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (b->tree >= 0)
		close(b->tree);
	b->tree = fd;
	return 0;
}

int
catbackup_set_external(struct catbackup *b, unsigned number)
{
	char path[64];
	int error;

	if (b->error != 0)
		return b->error;
	snprintf(path, sizeof(path), "external_directories/externaldir%u", number);
	if ((error = enter_tree(b, number == 0 ? "database" : path)) < 0)
		return fail(b, error);
	b->external = number;
	return 0;
}

int
catbackup_dir(struct catbackup *b, const char *path, mode_t mode)
{
	struct line l = { .path = path, .mode = S_IFDIR | mode };
	int error;

	if (b->error != 0)
		return b->error;
	if ((error = make_parents(b->tree, path)) < 0)
		return fail(b, error);
	if (mkdirat(b->tree, path, 0700) < 0 && errno != EEXIST)
		return fail(b, -errno);
	return put_line(b, &l);
}

/* Stores a file whole, and lists it. */
static int
put_whole(struct catbackup *b, const struct line *l, const void *bytes)
{
	if (b->error != 0)
		return b->error;
	if (l->size > 0 && catbackup_store(b, l->path, bytes, (size_t)l->size) < 0)
		return b->error;
	if (strncmp(l->path, "pg_wal/", 7) == 0)
		b->wal_bytes += (uint64_t)l->size;
	else
		b->data_bytes += (uint64_t)l->size;
	b->uncompressed_bytes += (uint64_t)l->full_size;
	b->pgdata_bytes += (uint64_t)l->full_size;
	return put_line(b, l);
}

static int
put_unchanged(struct catbackup *b, struct line *l)
{
	if (b->error != 0)
		return b->error;
	l->size = -1;
	b->pgdata_bytes += (uint64_t)l->full_size;
	return put_line(b, l);
}

static struct line
plain_line(const struct catbackup *b, const char *path, mode_t mode, const void *bytes, size_t len)
{
	return (struct line){
		.path = path, .mode = S_IFREG | mode, .size = (int64_t)len, .full_size = (int64_t)len,
		.crc = catbackup_plain_crc(b, path, bytes, len),
	};
}

int
catbackup_plain(struct catbackup *b, const char *path, mode_t mode, const void *bytes, size_t len)
{
	struct line l = plain_line(b, path, mode, bytes, len);

	return put_whole(b, &l, bytes);
}

int
catbackup_plain_unchanged(struct catbackup *b, const char *path, mode_t mode, const void *bytes,
    size_t len)
{
	struct line l = plain_line(b, path, mode, bytes, len);

	return put_unchanged(b, &l);
}

/* A relation is listed as one; its map of chunks loses the zeros at its end. */
static struct line
cfs_line(const struct catbackup *b, const char *path, mode_t mode, const void *bytes, size_t len)
{
	const unsigned char *content = bytes;
	bool is_data = catwriter_is_data_path(path);
	struct line l;
	size_t stored = len;

	while (!is_data && stored > 0 && content[stored - 1] == 0)
		stored--;
	l = plain_line(b, path, mode, bytes, stored);
	l.full_size = (int64_t)len;
	l.is_datafile = l.is_cfs = is_data;
	return l;
}

struct catcfs
catbackup_cfs_facts(const struct catbackup *b, const char *path, const void *bytes, size_t len)
{
	struct line l = cfs_line(b, path, 0, bytes, len);

	return (struct catcfs){ (uint64_t)l.size, l.crc };
}

int
catbackup_cfs(struct catbackup *b, const char *path, mode_t mode, const void *bytes, size_t len, bool unchanged)
{
	struct line l = cfs_line(b, path, mode, bytes, len);

	return unchanged ? put_unchanged(b, &l) : put_whole(b, &l, bytes);
}

/* --- data files --- */

static void
put_stream(struct catbackup *b, struct stream *s, const void *bytes, size_t len)
{
	s->crc = stored_crc(b, s->crc, bytes, len);
	s->pos += (uint32_t)len;
	fwrite(bytes, 1, len, s->file);
}

static bool
is_padded(const struct catbackup *b)
{
	if (b->options.pad_always || b->options.pad_never)
		return b->options.pad_always;
	return b->version < V_HEADER_MAP;
}

static void
put_record(struct catbackup *b, struct stream *s, uint32_t block, const void *payload,
    uint32_t len)
{
	const uint32_t head[2] = { block, len };
	static const char zeroes[8];

	put_stream(b, s, head, sizeof(head));
	put_stream(b, s, payload, len);
	if (is_padded(b) && len % 8 != 0)
		put_stream(b, s, zeroes, 8 - len % 8);
}

/* The element for a page at the present position; a page that is no page has lsn 0. */
static void
note_header(struct stream *s, const struct catpage *p)
{
	struct BackupPageHeader2 *h = &s->headers[s->n_pages++];
	const unsigned char *page = p->bytes;

	h->block = (int32_t)p->block;
	h->pos = (int32_t)s->pos;
	if (p->kind == CATPAGE_VERBATIM)
		return;
	h->lsn = catwriter_page_lsn(page);
	h->checksum = get_le16(page + 8);
}

static void
put_page(struct catbackup *b, struct stream *s, const struct catpage *p)
{
	const uint32_t truncation[2] = { p->block, (uint32_t)TRUNCATED };
	unsigned char packed[BLCKSZ];
	size_t n = 0;

	if (p->kind == CATPAGE_TRUNCATE) {
		put_stream(b, s, truncation, sizeof(truncation));
		return;
	}
	note_header(s, p);
	if (p->kind == CATPAGE_VERBATIM) {
		put_record(b, s, p->block, p->bytes, p->len);
		return;
	}
	if (p->kind == CATPAGE_USUAL)
		n = compress_page(b, p->bytes, packed, sizeof(packed));
	if (n > 0)
		put_record(b, s, p->block, packed, (uint32_t)n);
	else
		put_record(b, s, p->block, p->bytes, BLCKSZ);
}

/* Appends the headers of one file to page_header_map and notes in *l where. */
static int
put_header_map(struct catbackup *b, struct stream *s, struct line *l)
{
	uLong len = (s->n_pages + 1) * sizeof(*s->headers);
	uLongf packed_len = compressBound(len);
	unsigned char *packed autofree = malloc(packed_len);
	int error;

	if (packed == NULL)
		return -ENOMEM;
	s->headers[s->n_pages].pos = (int32_t)s->pos;
	if (compress2(packed, &packed_len, (const Bytef *)s->headers, len, 1) != Z_OK)
		return -ENOMEM;
	if (b->header_map == NULL &&
	    (error = create_file(b->dirfd, "page_header_map", &b->header_map)) < 0)
		return error;
	fwrite(packed, 1, packed_len, b->header_map);
	l->n_headers = s->n_pages;
	l->hdr_crc = crc32c(0, s->headers, len);
	l->hdr_off = b->header_map_len;
	l->hdr_size = packed_len;
	b->header_map_len += packed_len;
	return 0;
}

/* Writes the stream of a file that has pages, and completes *l. */
static int
put_pages(struct catbackup *b, const struct catfile *f, struct line *l)
{
	struct BackupPageHeader2 *headers autofree = calloc(f->n_pages + 1, sizeof(*headers));
	struct stream s = { .headers = headers };
	int error;

	if (headers == NULL)
		return -ENOMEM;
	if ((error = create_file(b->tree, f->path, &s.file)) < 0)
		return error;
	for (size_t i = 0; i < f->n_pages; i++)
		put_page(b, &s, &f->pages[i]);
	if ((error = close_file(s.file)) < 0)
		return error;
	l->size = s.pos;
	l->full_size = (int64_t)s.n_pages * BLCKSZ;
	l->crc = s.crc;
	l->alg = b->alg;
	b->data_bytes += s.pos;
	b->uncompressed_bytes += (uint64_t)l->full_size;
	if (b->version < V_HEADER_MAP || b->options.omit_header_map || s.n_pages == 0)
		return 0;
	return put_header_map(b, &s, l);
}

int
catbackup_data(struct catbackup *b, const struct catfile *f)
{
	struct line l = {
		.path = f->path, .mode = S_IFREG | (f->mode != 0 ? f->mode : 0600),
		.is_datafile = true, .n_blocks = f->n_blocks,
	};
	int error;

	if (b->error != 0)
		return b->error;
	b->pgdata_bytes += (uint64_t)f->n_blocks * BLCKSZ;
	if (f->n_pages == 0)
		l.size = f->n_blocks > 0 ? -1 : 0;
	else if ((error = put_pages(b, f, &l)) < 0)
		return fail(b, error);
	return put_line(b, &l);
}

void
catbackup_set_alg(struct catbackup *b, enum catwriter_alg alg, int level)
{
	b->alg = alg;
	b->level = level;
}

/* --- begin and end of a backup --- */

/* Replaces a borrowed string by a copy of it, or of its default. */
static int
own_string(const char **s, const char *if_null)
{
	const char *from = *s != NULL ? *s : if_null;

	*s = from != NULL ? strdup(from) : NULL;
	return from != NULL && *s == NULL ? -ENOMEM : 0;
}

static int
own_options(struct catbackup_options *o)
{
	int error = 0;

	/* Copies all of them even if one fails, since each is freed later on. */
	error |= own_string(&o->id, NULL);
	error |= own_string(&o->mode, "FULL");
	error |= own_string(&o->parent, NULL);
	error |= own_string(&o->program_version, CATWRITER_VERSION);
	error |= own_string(&o->server_version, "15");
	error |= own_string(&o->status, "OK");
	error |= own_string(&o->external_dirs, NULL);
	error |= own_string(&o->control_extra, NULL);
	if (o->timeline == 0)
		o->timeline = 1;
	return error;
}

static void
free_backup(struct catbackup *b)
{
	const char *strings[] = {
		b->options.id, b->options.mode, b->options.parent, b->options.program_version,
		b->options.server_version, b->options.status, b->options.external_dirs,
		b->options.control_extra,
	};

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free((void *)(uintptr_t)strings[i]);
	if (b->list != NULL)
		fclose(b->list);
	if (b->header_map != NULL)
		fclose(b->header_map);
	if (b->dirfd >= 0)
		close(b->dirfd);
	if (b->tree >= 0)
		close(b->tree);
	ZSTD_freeCCtx(b->zstd);
	free(b);
}

/*
 * Makes the directory, with the id that was asked for, or the first free one from
 * now on.
 */
static int
make_backup_dir(const struct catwriter *w, struct catbackup *b)
{
	size_t len;

	if (b->options.id != NULL) {
		len = strlen(b->options.id);
		if (len == 0 || len >= sizeof(b->id))
			return -EINVAL;
		memcpy(b->id, b->options.id, len + 1);
		b->start_time = (time_t)strtoll(b->id, NULL, 36);
		return mkdirat(w->dirfd, b->id, 0700) < 0 ? -errno : 0;
	}
	for (b->start_time = time(NULL);; b->start_time++) {
		format_id(b->id, sizeof(b->id), b->start_time);
		if (mkdirat(w->dirfd, b->id, 0700) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
}

/* Opens database/ and the list; free_backup() closes the descriptors. */
static int
open_backup(const struct catwriter *w, struct catbackup *b)
{
	int error;

	if ((error = make_backup_dir(w, b)) < 0)
		return error;
	b->dirfd = openat(w->dirfd, b->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->dirfd < 0)
		return -errno;
	if ((error = enter_tree(b, "database")) < 0)
		return error;
	return create_file(b->dirfd, "backup_content.control", &b->list);
}

int
catbackup_begin(struct catwriter *w, const struct catbackup_options *options,
    struct catbackup **out)
{
	struct catbackup *b = calloc(1, sizeof(*b));
	int error;

	if (b == NULL)
		return -ENOMEM;
	b->dirfd = b->tree = -1;
	b->options = *options;
	b->alg = options->alg;
	b->level = options->level;
	b->zstd = ZSTD_createCCtx();
	error = own_options(&b->options);
	if (error == 0 && b->zstd == NULL)
		error = -ENOMEM;
	if (error == 0) {
		b->version = catwriter_version(b->options.program_version);
		error = open_backup(w, b);
	}
	if (error < 0) {
		free_backup(b);
		return error;
	}
	*out = b;
	return 0;
}

const char *
catbackup_id(const struct catbackup *b)
{
	return b->id;
}

static void
put_time(FILE *f, const char *key, time_t t)
{
	struct tm tm;
	char text[40];

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S+00", &tm);
	fprintf(f, "%s = '%s'\n", key, text);
}

static void
put_lsn(FILE *f, const char *key, uint64_t lsn)
{
	fprintf(f, "%s = %" PRIX32 "/%" PRIX32 "\n", key, (uint32_t)(lsn >> 32), (uint32_t)lsn);
}

static void
put_control_head(const struct catbackup *b, FILE *f)
{
	const struct catbackup_options *o = &b->options;

	fprintf(f, "#Configuration\n"
	    "backup-mode = %s\n"
	    "stream = %s\n"
	    "compress-alg = %s\n"
	    "compress-level = %d\n"
	    "from-replica = false\n",
	    o->mode, o->stream ? "true" : "false", catwriter_alg_name(o->alg), o->level);
	fprintf(f, "\n#Compatibility\n"
	    "block-size = %d\n"
	    "xlog-block-size = %d\n"
	    "checksum-version = %" PRIu32 "\n"
	    "program-version = %s\n"
	    "server-version = %s\n",
	    BLCKSZ, BLCKSZ, o->checksum_version, o->program_version, o->server_version);
}

/* The backup began when its id says and took a second: the same for every run. */
static void
put_control_result(const struct catbackup *b, FILE *f)
{
	const struct catbackup_options *o = &b->options;

	fprintf(f, "\n#Result backup info\ntimelineid = %" PRIu32 "\n", o->timeline);
	put_lsn(f, "start-lsn", o->start_lsn);
	put_lsn(f, "stop-lsn", o->stop_lsn);
	put_time(f, "start-time", b->start_time);
	put_time(f, "end-time", b->start_time + 1);
	fprintf(f, "recovery-xid = %" PRIu32 "\n", o->recovery_xid);
	put_time(f, "recovery-time", b->start_time);
	fprintf(f, "data-bytes = %" PRIu64 "\n"
	    "wal-bytes = %" PRIu64 "\n"
	    "uncompressed-bytes = %" PRIu64 "\n"
	    "pgdata-bytes = %" PRIu64 "\n"
	    "status = %s\n",
	    b->data_bytes, b->wal_bytes, b->uncompressed_bytes, b->pgdata_bytes, o->status);
	if (o->parent != NULL)
		fprintf(f, "parent-backup-id = '%s'\n", o->parent);
	if (o->external_dirs != NULL)
		fprintf(f, "external-dirs = '%s'\n", o->external_dirs);
	if (b->version >= V_CONTENT_CRC && !o->omit_content_crc)
		fprintf(f, "content-crc = %" PRIu32 "\n", b->list_crc ^ o->wrong_content_crc);
	if (o->control_extra != NULL)
		fputs(o->control_extra, f);
}

static int
put_control(struct catbackup *b)
{
	FILE *f;
	int error;

	if ((error = create_file(b->dirfd, "backup.control", &f)) < 0)
		return error;
	put_control_head(b, f);
	put_control_result(b, f);
	return close_file(f);
}

int
catbackup_finish(struct catbackup *b)
{
	int error;

	if ((error = close_file(steal_pointer(&b->list))) < 0)
		fail(b, error);
	if (b->header_map != NULL && (error = close_file(steal_pointer(&b->header_map))) < 0)
		fail(b, error);
	if (b->error == 0 && (error = put_control(b)) < 0)
		fail(b, error);
	error = b->error;
	free_backup(b);
	return error;
}

/* --- the instance --- */

static int
put_instance_conf(int dirfd, const struct catwriter_instance *in)
{
	const char *pgdata = in->pgdata != NULL ? in->pgdata : "/var/lib/postgresql/data";
	uint64_t id = in->system_identifier != 0 ? in->system_identifier : 7000000000000000001;
	uint32_t seg_size = in->xlog_seg_size != 0 ? in->xlog_seg_size : 16 * MiB;
	FILE *f;
	int error;

	if (faccessat(dirfd, "pg_probackup.conf", F_OK, 0) == 0)
		return 0;
	if ((error = create_file(dirfd, "pg_probackup.conf", &f)) < 0)
		return error;
	fprintf(f, "# Backup instance information\n"
	    "pgdata = %s\n"
	    "system-identifier = %" PRIu64 "\n"
	    "xlog-seg-size = %" PRIu32 "\n", pgdata, id, seg_size);
	return close_file(f);
}

/* Makes catalog/<kind>/<instance>/ and writes its path into buf (PATH_MAX bytes). */
static int
make_instance_dir(const char *catalog, const char *kind, const char *instance, char *buf)
{
	int error, n = snprintf(buf, PATH_MAX, "%s/%s/%s", catalog, kind, instance);

	if (n < 0 || n >= PATH_MAX)
		return -ENAMETOOLONG;
	if ((error = make_parents(AT_FDCWD, buf)) < 0)
		return error;
	return mkdir(buf, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int
catwriter_open(const char *catalog, const char *instance, const struct catwriter_instance *in,
    struct catwriter **out)
{
	const struct catwriter_instance plausible = { 0 };
	struct catwriter *w autofree = calloc(1, sizeof(*w));
	char path[PATH_MAX];
	int error, fd autoclose = -1;

	if (w == NULL)
		return -ENOMEM;
	if ((error = make_instance_dir(catalog, "wal", instance, path)) < 0 ||
	    (error = make_instance_dir(catalog, "backups", instance, path)) < 0)
		return error;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if ((error = put_instance_conf(fd, in != NULL ? in : &plausible)) < 0)
		return error;
	w->dirfd = steal_fd(&fd);
	*out = steal_pointer(&w);
	return 0;
}

void
catwriter_close(struct catwriter *w)
{
	if (w == NULL)
		return;
	close(w->dirfd);
	free(w);
}
