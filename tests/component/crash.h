/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the files of test-crash: limits, the reason for a failure, the backup
 * below every mount, and what a mount shows.
 */
#ifndef COMPONENT_CRASH_H
#define COMPONENT_CRASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "cow/cow.h"
#include "pg/pg_types.h"

#define UNIT		4096u
#define MAX_BLOCKS	20u
#define MAX_SIZE	(MAX_BLOCKS * BLCKSZ)
#define MAX_UNITS	(MAX_SIZE / UNIT)
#define MAX_NAMES	48u		/* of the whole tree */
#define NAME_LEN	16u

/* test-crash.c: realloc() that does not fail; the last reason, and a line of the log. */
void	*more(void *p, size_t size);
bool	wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));	/* false */
extern char why[1024];
extern char last_line[LOG_LINE_MAX];

/* crash-store.c: makes the backup and its index below root.  Returns 0 or negative errno. */
extern char root[256];			/* a directory of our own */
extern int store_fd, index_fd;
extern struct reader reader;
int	make_store(char *error);

/* crash-seen.c */
struct seen_name {
	uint64_t dir, nodeid;
	char	name[NAME_LEN];
	uint32_t mode, nlink;
};

struct seen_file {
	uint64_t nodeid, size;
	unsigned char *bytes;
};

struct seen {
	struct seen_name names[MAX_NAMES];
	struct seen_file files[MAX_NAMES];
	unsigned n_names, n_files;
};

void	seen_free(struct seen *s);
/* Returns the file, or NULL. */
const struct seen_file *seen_file(const struct seen *s, uint64_t nodeid);
/* Lists and reads all of it; returns false, with the reason, if that fails. */
bool	seen_look(struct cow *c, struct seen *s);

#endif
