/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layers of a rig, whose directory is a diff directory: freezing, resetting, and a checksum
 * of all that lies in frozen layers.
 */
#ifndef SUPPORT_LAYERING_H
#define SUPPORT_LAYERING_H

#include <ftw.h>

#include "base/crc32c.h"
#include "base/io.h"
#include "base/ondisk.h"
#include "diff/layers.h"
#include "support/rig.h"

struct layering {
	int	top_fd, layers_fd;	/* -1 at first */
	struct layers_chain chain;
	struct cow_layer layer[SEAL_LAYERS_MAX];
};

static inline void
layering_begin(struct layering *l, const struct rig *r)
{
	*l = (struct layering){ .top_fd = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	if (l->top_fd < 0 || (l->layers_fd = layers_directory(l->top_fd, true)) < 0)
		err(1, "%s/" ONDISK_LAYERS, r->dir);
}

static inline void
layering_end(struct layering *l)
{
	layers_close(&l->chain);
	close(l->layers_fd);
	close(l->top_fd);
}

/* The active layer is another directory now, or stands on others.  Returns what layers_open() does. */
static inline int
layering_follow(struct layering *l, struct rig *r)
{
	unsigned i;
	int rc;

	layers_close(&l->chain);
	close(r->diff_fd);
	if ((r->diff_fd = open(r->diff, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		err(1, "%s", r->diff);
	if ((rc = layers_open(l->layers_fd, r->diff_fd, &l->chain)) < 0)
		return rc;
	for (i = 0; i < l->chain.n; i++)
		l->layer[i] = (struct cow_layer){ l->chain.layer[i].fd, l->chain.layer[i].name };
	r->config.layers = l->layer;
	r->config.n_layers = l->chain.n;
	r->config.diff_fd = r->diff_fd;
	return 0;
}

/* The active layer, which is closed, becomes a frozen one. */
static inline int
layering_freeze(struct layering *l, struct rig *r, const char *name, bool mounted)
{
	const struct layers_freeze f = {
		.diff_fd = l->top_fd, .layers_fd = l->layers_fd, .name = name, .mounted = mounted,
	};
	struct layers_frozen frozen;
	int rc = layers_freeze(&f, &frozen);

	return rc < 0 ? rc : layering_follow(l, r);
}

static inline int
layering_reset(struct layering *l, struct rig *r, const char *name)
{
	int rc = layers_reset(l->top_fd, l->layers_fd, name);

	if (rc == 0)
		rc = layers_sweep(l->top_fd, l->layers_fd);
	return rc < 0 ? rc : layering_follow(l, r);
}

static uint32_t layering_crc;

static inline uint32_t
layering_add_bytes(const char *path, uint32_t crc)
{
	static const unsigned char zero[4096];
	unsigned char bytes[sizeof(zero)];
	off_t data = 0;
	ssize_t n;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		err(1, "%s", path);
	/* A file system may tell of data where there are zeroes, and later not. */
	while ((data = lseek(fd, data, SEEK_DATA)) >= 0) {
		data -= data % (off_t)sizeof(bytes);
		if ((n = io_pread(fd, bytes, sizeof(bytes), data)) <= 0)
			break;
		if (memcmp(bytes, zero, (size_t)n) != 0) {
			crc = crc32c(crc, &data, sizeof(data));
			crc = crc32c(crc, bytes, (size_t)n);
		}
		data += sizeof(bytes);
	}
	close(fd);
	return crc;
}

static inline int
layering_add(const char *path, const struct stat *st, int type, struct FTW *at)
{
	uint32_t crc = crc32c(0, path, strlen(path));

	(void)at;
	if (type == FTW_F) {
		crc = crc32c(crc, &st->st_mtim, sizeof(st->st_mtim));
		crc = crc32c(crc, &st->st_size, sizeof(st->st_size));
		crc = layering_add_bytes(path, crc);
	}
	/* In whatever order a directory lists. */
	layering_crc ^= crc;
	return 0;
}

/* Of the names, times and bytes of the files of one frozen layer. */
static inline uint32_t
layering_checksum(const struct rig *r, const char *name)
{
	char path[sizeof(r->dir) + sizeof(ONDISK_LAYERS) + SEAL_NAME_MAX + 2];

	snprintf(path, sizeof(path), "%s/" ONDISK_LAYERS "/%s", r->dir, name);
	layering_crc = 0;
	if (nftw(path, layering_add, 16, FTW_PHYS) != 0)
		err(1, "%s", path);
	return layering_crc;
}

#endif
