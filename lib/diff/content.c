/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Content files and the block maps on disk.  kinds.c holds a map in memory, and
 * lib/cow decides when something has to be durable.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/io.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "diff/content.h"
#include "diff/disk.h"

#define MAP_MAGIC	"pbkfsmap"
#define MAP_FORMAT	1
#define NAME_SIZE	24	/* 16 hexadecimal digits, ".map", NUL */

/* Keys of the descriptor cache: contents take the upper half of the numbers, each layer a part of it. */
#define PART_SHIFT	55
#define KEY(c, number)	(UINT64_C(1) << 63 | (uint64_t)(c)->part << PART_SHIFT | (number))

_Static_assert(CONTENT_NUMBER_MAX <= UINT64_C(1) << PART_SHIFT, "a number fits below the part");
_Static_assert(CONTENTS_FROZEN_MAX < 1u << (63 - PART_SHIFT), "a part fits below the upper half");

struct map_header {
	char	magic[8];
	uint32_t format;
	uint32_t crc;		/* CRC-32C of what follows */
	uint64_t number;	/* of the content file */
	uint64_t reserved[5];
};

_Static_assert(sizeof(struct map_header) == 64, "the map's header has no holes");

struct contents {
	int	dirfd;
	struct fdcache *fds;
	char	where[96];
	unsigned part;		/* of the keys; 0: the active layer */
	int	flags;		/* of open(2) for content */
	_Atomic uint64_t made, synced;	/* names that were made, 1 at first; those that a sync covered */
};

struct content_list {
	DIR	*dir;
};

/* Opens data/ there, which *kind describes but for dirfd. */
static int
open_directory(int fd, const struct contents *kind, struct contents **out)
{
	struct contents *c;
	int data = io_open_beneath(fd, ONDISK_CONTENT, O_RDONLY | O_DIRECTORY, 0);

	if (data < 0) {
		log_error("could not open \"data\" in %s: %s", kind->where, strerror(-data));
		return data;
	}
	if ((c = malloc(sizeof(*c))) == NULL) {
		close(data);
		return -ENOMEM;
	}
	memcpy(c, kind, sizeof(*c));
	c->dirfd = data;
	c->made = 1;		/* what others made */
	*out = c;
	return 0;
}

int
contents_open(int diff_fd, struct fdcache *fds, struct contents **out)
{
	const struct contents kind = { .fds = fds, .where = "the diff directory", .flags = O_RDWR };

	if (mkdirat(diff_fd, ONDISK_CONTENT, 0700) != 0 && errno != EEXIST)
		return -errno;
	return open_directory(diff_fd, &kind, out);
}

int
contents_open_frozen(int layer_fd, const char *layer, unsigned index, struct fdcache *fds, struct contents **out)
{
	struct contents kind = { .fds = fds, .part = index + 1, .flags = O_RDONLY };
	int rc;

	if (index >= CONTENTS_FROZEN_MAX)
		return -E2BIG;
	snprintf(kind.where, sizeof(kind.where), "layer \"%s\"", layer);
	rc = open_directory(layer_fd, &kind, out);
	return rc == -ENOENT || rc == -ENOTDIR || rc == -ELOOP ? -EUCLEAN : rc;
}

const char *
contents_where(const struct contents *c)
{
	return c->where;
}

void
contents_close(struct contents *c)
{
	if (c != NULL)
		close(c->dirfd);
	free(c);
}

static void
name_of(char name[NAME_SIZE], uint64_t number, bool map)
{
	snprintf(name, NAME_SIZE, "%016" PRIx64 "%s", number, map ? ".map" : "");
}

static int
open_regular(struct contents *c, uint64_t number, bool map, int flags)
{
	char name[NAME_SIZE];
	int fd autoclose = -1, rc;
	struct stat st;

	name_of(name, number, map);
	if ((fd = disk_open(c->dirfd, name, flags | O_NONBLOCK | O_NOATIME)) < 0)
		return fd;
	if (flags & O_CREAT)
		c->made++;
	if ((rc = io_plain(fd, &st)) < 0)
		return rc == -EINVAL ? -EUCLEAN : rc;
	return steal_fd(&fd);
}

int
content_fd(struct contents *c, uint64_t number, bool create, struct fdref **ref)
{
	int fd = fdcache_find(c->fds, KEY(c, number), ref);

	if (fd >= 0)
		return fd;
	fd = open_regular(c, number, false, c->flags | (create ? O_CREAT : 0));
	return fd < 0 ? fd : fdcache_add(c->fds, KEY(c, number), fd, ref);
}

static int
stat_name(struct contents *c, uint64_t number, bool map, struct stat *st)
{
	char name[NAME_SIZE];

	name_of(name, number, map);
	return fstatat(c->dirfd, name, st, AT_SYMLINK_NOFOLLOW) != 0 ? -errno : 0;
}

int
content_stat(struct contents *c, uint64_t number, struct stat *st)
{
	return stat_name(c, number, false, st);
}

int
content_map_stat(struct contents *c, uint64_t number, struct stat *st)
{
	return stat_name(c, number, true, st);
}

int
content_link(struct contents *c, uint64_t number, int dir_fd, const char *name)
{
	char own[NAME_SIZE];

	name_of(own, number, false);
	return disk_link(c->dirfd, own, dir_fd, name);
}

static int
remove_name(struct contents *c, uint64_t number, bool map)
{
	char name[NAME_SIZE];
	int rc;

	name_of(name, number, map);
	c->made++;		/* that a name is gone has to be durable as well */
	rc = disk_unlink(c->dirfd, name);
	return rc == -ENOENT ? 0 : rc;
}

int
content_remove(struct contents *c, uint64_t number)
{
	int map, content;

	if (c->fds != NULL)
		fdcache_drop(c->fds, KEY(c, number));
	map = remove_name(c, number, true);
	content = remove_name(c, number, false);
	return content < 0 ? content : map;
}

int
content_map_remove(struct contents *c, uint64_t number)
{
	return remove_name(c, number, true);
}

uint64_t
contents_names(const struct contents *c)
{
	return c->made;
}

/* Where no name was made since, the directory has nothing new to say. */
int
contents_sync_names_to(struct contents *c, uint64_t names)
{
	uint64_t made = c->made, synced = c->synced;
	int rc;

	if (synced >= names)
		return 0;
	if ((rc = disk_sync_all(c->dirfd)) != 0)
		return rc;
	while (synced < made && !atomic_compare_exchange_weak(&c->synced, &synced, made))
		;
	return 0;
}

int
contents_sync_names(struct contents *c)
{
	return contents_sync_names_to(c, c->made);
}

static uint32_t
header_crc(const struct map_header *h)
{
	return crc32c(0, &h->number, sizeof(*h) - offsetof(struct map_header, number));
}

/*
 * Returns 1 if the file begins with its header, 0 if that was never written:
 * a crash can leave the file short, or long enough and without its data.
 */
static int
check_header(const struct contents *c, int fd, uint64_t number)
{
	static const struct map_header nothing;
	struct map_header h;
	ssize_t n = io_pread(fd, &h, sizeof(h), 0);

	if (n < 0)
		return (int)n;
	if ((size_t)n < sizeof(h) || memcmp(&h, &nothing, sizeof(h)) == 0)
		return 0;
	if (memcmp(h.magic, MAP_MAGIC, sizeof(h.magic)) == 0 && h.format == MAP_FORMAT &&
	    h.number == number && h.crc == header_crc(&h))
		return 1;
	log_error("\"data/%016" PRIx64 ".map\" in %s is not a block map of format %d",
	    number, c->where, MAP_FORMAT);
	return -EUCLEAN;
}

/* A map that is being read. */
struct reading {
	const struct contents *c;
	uint64_t number;
	int	fd;
	struct kinds *kinds;
	uint8_t	as;		/* kind of what the content file has */
};

static int
take_run(const struct reading *r, uint32_t first, uint32_t n)
{
	int rc;

	if (r->as != CONTENT_FULL)
		return kinds_set_older(r->kinds, first, n, r->as);
	if ((rc = kinds_reserve(r->kinds, first, n)) == 0)
		kinds_set_full(r->kinds, first, n);
	return rc;
}

/* Takes the n kinds found, of the blocks from first on. */
static int
take_kinds(const struct reading *r, uint32_t first, const uint8_t *found, size_t n)
{
	size_t i, run;
	int rc;

	for (i = 0; i < n; i += MAX(run, (size_t)1)) {
		if (found[i] > CONTENT_FULL) {
			log_error("block %zu in \"data/%016" PRIx64 ".map\" in %s is of unknown kind %u",
			    first + i, r->number, r->c->where, found[i]);
			return -EUCLEAN;
		}
		for (run = 0; i + run < n && found[i + run] == CONTENT_FULL; run++)
			;
		if (run > 0 && (rc = take_run(r, first + (uint32_t)i, (uint32_t)run)) < 0)
			return rc;
	}
	return 0;
}

/*
 * Returns the next offset from at on where the file has data, -1 if there is
 * none, or at itself if the file system cannot say.
 */
static off_t
skip_hole(int fd, off_t at)
{
	off_t data = lseek(fd, at, SEEK_DATA);

	return data >= 0 ? MAX(data, at) : errno == ENXIO ? -1 : at;
}

static int
read_kinds(const struct reading *r, uint32_t blocks)
{
	uint8_t buf[KINDS_SEGMENT];
	off_t at = sizeof(struct map_header), end = at + (off_t)blocks;
	ssize_t n;
	int rc;

	while (at < end && (at = skip_hole(r->fd, at)) >= 0 && at < end) {
		n = io_pread(r->fd, buf, MIN(sizeof(buf), (size_t)(end - at)), at);
		if (n <= 0)
			return (int)n;
		rc = take_kinds(r, (uint32_t)(at - (off_t)sizeof(struct map_header)), buf, (size_t)n);
		if (rc < 0)
			return rc;
		at += n;
	}
	return 0;
}

int
content_map_read(struct contents *c, uint64_t number, struct kinds *kinds, uint32_t n, uint8_t as)
{
	int fd autoclose = open_regular(c, number, true, O_RDONLY), rc;
	const struct reading r = { .c = c, .number = number, .fd = fd, .kinds = kinds, .as = as };

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if ((rc = check_header(c, fd, number)) <= 0)
		return rc;
	return read_kinds(&r, MIN(n, kinds_count(kinds)));
}

static int
write_header(int fd, uint64_t number)
{
	struct map_header h = { .format = MAP_FORMAT, .number = number };

	memcpy(h.magic, MAP_MAGIC, sizeof(h.magic));
	h.crc = header_crc(&h);
	return disk_pwrite(fd, &h, sizeof(h), 0);
}

int
content_map_write(struct contents *c, uint64_t number, const struct kinds_part *parts,
    bool *created)
{
	int fd autoclose = open_regular(c, number, true, O_RDWR | O_CREAT), rc;

	if (fd < 0)
		return fd;
	if ((rc = check_header(c, fd, number)) < 0)
		return rc;
	*created = rc == 0;
	/* Behind a header that never was written nothing counts. */
	if (*created && ((rc = disk_truncate(fd, 0)) < 0 || (rc = write_header(fd, number)) < 0))
		return rc;
	for (; parts != NULL; parts = parts->next)
		if ((rc = disk_pwrite(fd, parts->kind, parts->n,
		    sizeof(struct map_header) + parts->first)) < 0)
			return rc;
	return disk_sync(fd);
}

int
content_sync(struct contents *c, uint64_t number, bool map)
{
	int fd autoclose = open_regular(c, number, map, O_RDWR);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	return disk_sync(fd);
}

int
contents_list(struct contents *c, struct content_list **list)
{
	struct content_list *l = malloc(sizeof(*l));
	int rc;

	if (l == NULL)
		return -ENOMEM;
	if ((rc = io_opendir(c->dirfd, ".", &l->dir)) < 0)
		free(l);
	else
		*list = l;
	return rc;
}

int
content_list_next(struct content_list *list, uint64_t *number, bool *map)
{
	const struct dirent *d;
	size_t digits;
	int rc;

	while ((rc = io_readdir(list->dir, &d)) > 0) {
		digits = strspn(d->d_name, "0123456789abcdef");
		*number = strtoull(d->d_name, NULL, 16);
		*map = strcmp(d->d_name + digits, ".map") == 0;
		if (digits == 16 && (d->d_name[digits] == '\0' || *map))
			return 1;
	}
	return rc;
}

void
content_list_free(struct content_list *list)
{
	closedir(list->dir);
	free(list);
}
