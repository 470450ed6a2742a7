/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the files of mkcatalog.  Functions end the program where they fail.
 */
#ifndef SUPPORT_MKCATALOG_H
#define SUPPORT_MKCATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/util.h"
#include "catwriter.h"
#include "orexit.h"

#define EXTERNALS_MAX	8

struct options {
	const char *catalog, *instance, *pgdata;
	const char *database_map;	/* file with it, or NULL */
	const char *externals[EXTERNALS_MAX];	/* directories */
	size_t	n_externals;
	bool	by_content;		/* pages that differ, not those with a newer LSN */
	bool	mixed;			/* another codec for each file */
	unsigned n_files, n_big, n_increments, seed, stored_percent;
	struct catbackup_options backup;
};

void	usage(FILE *f, int status) __attribute__((noreturn));
enum catwriter_alg parse_alg(const char *name);

/* mkcatalog-util.c */
char	*read_file(const char *path, size_t *len);
/*
 * Copies the value of a "key = value" line, without quotes, into buf; "" if there is
 * no such line.
 */
const char *conf_value(const char *text, const char *key, char *buf, size_t size);

/* mkcatalog-parent.c: the parent of a backup, and its parents */
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

/* A data file as the chain has it: its pages, one after the other. */
struct image {
	unsigned char *pages;
	uint32_t n_blocks;
};

void	load_chain(const struct options *o, const char *id, struct chain *c);
const struct entry *find_entry(const struct member *m, const char *path);
/* Reads a data file as the parent, which lists it, has it. */
void	rebuild(const struct chain *c, const struct entry *parent, struct image *im);
/* Returns how long the file becomes for a reader that knows no n_blocks. */
uint32_t laid_length(const struct chain *c, const char *name);
/* Returns the newest backup of the instance, or ends the program. */
void	find_newest(const struct options *o, char *id, size_t size);
void	free_chain(struct chain *c);

/* mkcatalog-cluster.c */
struct cluster {
	const char *pgdata;
	uint64_t system_id, checkpoint, redo;
	uint32_t timeline, next_xid, seg_size, checksums;
	char	server_version[16];
	char	redo_segment[32];	/* file name of the segment with the redo location */
};

void	load_cluster(struct cluster *c, const char *pgdata);
/* An instance belongs to one cluster. */
void	check_instance(const struct options *o, const struct cluster *cluster);
/* Returns whether the directory is listed, but empty. */
bool	is_emptied_dir(const char *path, const char *name);
/* path is relative to PGDATA, directory is the absolute one that name lies in. */
bool	is_left_out(const struct cluster *c, bool stream, const char *path,
	    const char *directory, const char *name);

void	command_backup(struct options *o);	/* mkcatalog-backup.c */
void	command_scale(struct options *o);	/* mkcatalog-scale.c */

#endif
