/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading the list of a backup a piece at a time, with its checksum.
 */
#ifndef PROBACKUP_LISTREAD_H
#define PROBACKUP_LISTREAD_H

#include <stdbool.h>

#include "probackup/chain.h"
#include "probackup/filelist.h"

#define LISTREAD_BUFFER	(256 * 1024)	/* bytes held at a time: stays in the processor's cache */

struct listread {
	struct backup *backup;
	struct filelist scan;	/* over the whole lines in buf */
	char	*buf;
	size_t	held;		/* bytes in buf, the beginning of a line at the end included */
	uint64_t total;		/* bytes read so far */
	uint32_t crc;		/* of these */
	bool	eof;
	int	fd;
	struct file_version version;	/* before the first byte was read */
};

/*
 * Opens the list of b.  Returns 0, or negative errno with error filled
 * (CHAIN_ERROR_MAX bytes); listread_close() is needed only after 0.
 */
int	listread_open(struct listread *l, struct backup *b, char *error);

/*
 * Reads the next 1 to max entries, whose paths are valid until the next call.
 * Returns how many; 0 at the end, once the whole list has matched its
 * content-crc and b's list_crc and list_read_from are set; or negative errno with error filled,
 * naming the backup.  A list that does not match is reported as that, whatever
 * else is wrong in it.
 */
int	listread_next(struct listread *l, struct filelist_entry *e, int max, char *error);

void	listread_close(struct listread *l);

#endif
