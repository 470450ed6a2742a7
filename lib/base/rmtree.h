/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Removes a tree that somebody else may have made, and may be changing.
 */
#ifndef BASE_RMTREE_H
#define BASE_RMTREE_H

#include <limits.h>

/*
 * Removes what is called name in dir_fd, and all beneath it, however deep: with a bounded
 * number of descriptors (about 20), and memory.  Follows no link, goes up by no "..", and
 * enters no other file system.  Directories that lack rights for the caller, who owns them,
 * get them.  What is not there is removed.  A directory in one that the caller may not write is emptied, and stays:
 * that is -EACCES.  Returns 0, or negative errno with the name in
 * failed, of which nobody knows how it is spelt, for messages.
 */
int	rmtree(int dir_fd, const char *name, char failed[NAME_MAX + 1]);

#endif
