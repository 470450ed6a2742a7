/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The copy-on-write file system over a small catalog, called by paths, for tests with Check.
 * cowpath_setup() makes a chain of three backups and opens the newest; one is open at a time.
 */
#ifndef SUPPORT_COWPATH_H
#define SUPPORT_COWPATH_H

#include "support/rig.h"
#include "support/unit.h"

#define PAGES	6

extern struct rig rig;
extern unsigned char page[PAGES][BLCKSZ];	/* of which the files of the backups consist */
extern uint64_t unique;				/* of the last request */

void	cowpath_setup(void);
void	cowpath_teardown(void);

/* Calls of cow.h by path: 0 or negative errno.  A link that make() makes leads to "../x". */
int	make(const char *path, uint32_t mode);
int	remove_path(const char *path, bool directory);
int	move(const char *from, const char *to, unsigned flags);
int	link_path(const char *from, const char *to);
int	put(const char *path, uint64_t off, const void *bytes, size_t len);
int	resize(const char *path, uint64_t size);
int	sync_path(const char *path);

/* The nodeid of a path, or 0. */
uint64_t id(const char *path);
/* Splits a path into directory and name. */
uint64_t place(const char *path, const char **name);
uint64_t size_of(const char *path);
/* Whether the file has these bytes there. */
void	has(const char *path, uint64_t off, const void *bytes, size_t len);
void	is_zero(const char *path, uint64_t off, size_t len);

/* Ends and begins: an orderly new mount, the next worker, or a new mount after both died. */
enum end { CLEAN, KILLED, BOTH };
void	reopen(enum end end);

/* Files of content that the diff directory has. */
unsigned content_files(void);

#endif
