/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The chain of the parent: a reader as simple as it gets, which trusts its input and shares no
 * code with the one that it tests.
 */
#include "config.h"

#include <dirent.h>
#include <err.h>
#include <inttypes.h>
#include <limits.h>
#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "mkcatalog.h"

static int
compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

/* Returns the number that stands in a line as "key":"number", or 0. */
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

void
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

const struct entry *
find_entry(const struct member *m, const char *path)
{
	const struct entry key = { .path = path };

	return bsearch(&key, m->entries, m->n_entries, sizeof(key), compare_entries);
}

/* Returns whether src is a good pglz stream that gives just one page. */
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

/* Reads a data file as the parent, which lists it, has it. */
void
rebuild(const struct chain *c, const struct entry *parent, struct image *im)
{
	memset(im, 0, sizeof(*im));
	if (parent->size != 0)
		lay_streams(c, parent->path, parent->n_blocks, im);
}

/* Returns how long the file becomes for a reader that knows no n_blocks. */
uint32_t
laid_length(const struct chain *c, const char *name)
{
	struct image im;

	lay_streams(c, name, 0, &im);
	free(im.pages);
	return im.n_blocks;
}

/* Returns the newest backup of the instance, or ends the program. */
void
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

void
free_chain(struct chain *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->members[i].entries);
		free(c->members[i].list);
	}
	free(c->members);
}
