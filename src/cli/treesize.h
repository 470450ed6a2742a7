/*
 * How much space a directory takes.
 */
#ifndef CLI_TREESIZE_H
#define CLI_TREESIZE_H

#include <stdint.h>

/*
 * Sums up what is allocated to the directory and to all beneath it.  No link
 * is followed, no other file system entered; what cannot be read is left out,
 * and so is what lies deeper than any diff directory.  Returns 0 or negative
 * errno.
 */
int	treesize(int dir_fd, uint64_t *bytes);

#endif
