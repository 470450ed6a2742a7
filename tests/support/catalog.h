/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small catalogs for tests: an instance "main" in a directory of their own.
 * They hold control files and lists only, no content.
 */
#ifndef SUPPORT_CATALOG_H
#define SUPPORT_CATALOG_H

#include <check.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "support/tmpdir.h"

struct catalog {
	char	dir[256];
	int	fd;		/* O_PATH */
};

static inline void
catalog_write(const struct catalog *c, const char *path, const char *text)
{
	char full[512];
	FILE *fp;

	snprintf(full, sizeof(full), "%s/%s", c->dir, path);
	ck_assert_msg((fp = fopen(full, "w")) != NULL, "%s", full);
	ck_assert_int_ge(fputs(text, fp), 0);
	ck_assert_int_eq(fclose(fp), 0);
}

static inline void
catalog_mkdir(const struct catalog *c, const char *path)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", c->dir, path);
	ck_assert_msg(mkdir(full, 0700) == 0, "%s", full);
}

static inline void
catalog_new(struct catalog *c)
{
	tmpdir_new(c->dir, sizeof(c->dir));
	catalog_mkdir(c, "backups");
	catalog_mkdir(c, "backups/main");
	c->fd = open(c->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(c->fd, 0);
}

static inline void
catalog_free(struct catalog *c)
{
	close(c->fd);
	tmpdir_remove(c->dir);
}

/*
 * Adds a backup; parent is NULL for a FULL.  extra goes to the end of
 * backup.control, where it overrides what is above.  The list's checksum is
 * noted unless extra has one.
 */
static inline void
catalog_backup(const struct catalog *c, const char *id, const char *parent,
    const char *extra, const char *list)
{
	char path[128], text[2048], crc[32] = "", link[64] = "";

	snprintf(path, sizeof(path), "backups/main/%s", id);
	catalog_mkdir(c, path);
	if (parent != NULL)
		snprintf(link, sizeof(link), "parent-backup-id = '%s'\n", parent);
	if (strstr(extra, "content-crc") == NULL)
		snprintf(crc, sizeof(crc), "content-crc = %u\n", crc32c(0, list, strlen(list)));
	snprintf(text, sizeof(text),
	    "#Configuration\nbackup-mode = %s\nstream = true\ncompress-alg = zlib\n"
	    "block-size = 8192\nchecksum-version = 1\nprogram-version = 2.5.16\n"
	    "server-version = 15\nstatus = OK\n%s%s%s",
	    parent != NULL ? "DELTA" : "FULL", link, crc, extra);
	snprintf(path, sizeof(path), "backups/main/%s/backup.control", id);
	catalog_write(c, path, text);
	snprintf(path, sizeof(path), "backups/main/%s/backup_content.control", id);
	catalog_write(c, path, list);
}

/* Lines of a list: a directory, a plain file, a data file. */
#define LINE_DIR(path) \
	"{\"path\":\"" path "\", \"size\":\"0\", \"mode\":\"16832\", \"is_datafile\":\"0\"}\n"
#define LINE_PLAIN(path, size) \
	"{\"path\":\"" path "\", \"size\":\"" #size "\", \"mode\":\"33152\", \"is_datafile\":\"0\"}\n"
#define LINE_DATA(path, size, blocks) \
	"{\"path\":\"" path "\", \"size\":\"" #size "\", \"mode\":\"33152\", " \
	"\"is_datafile\":\"1\", \"compress_alg\":\"zlib\",\"n_blocks\":\"" #blocks "\"}\n"

#endif
