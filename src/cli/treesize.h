/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Measures the space that a directory takes.
 */
#ifndef CLI_TREESIZE_H
#define CLI_TREESIZE_H

#include <stdint.h>

/*
 * Sums up what is allocated to the directory and to all beneath it.  Follows no
 * link, enters no other file system, and leaves out what it cannot read and
 * what lies deeper than any diff directory does.  Returns 0 or negative errno.
 */
int	treesize(int dir_fd, uint64_t *bytes);

#endif
