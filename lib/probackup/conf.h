/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pg_probackup.conf: the settings of an instance that a reader needs.
 */
#ifndef PROBACKUP_CONF_H
#define PROBACKUP_CONF_H

#include <stddef.h>
#include <stdint.h>

#define CONF_SIZE_MAX	(64 * 1024)	/* bytes of the file */

struct conf {
	uint32_t xlog_seg_size;	/* bytes; 0 if the file does not say */
	uint64_t system_identifier;	/* of the cluster; 0 if the file does not say */
};

/*
 * Reads the text of a pg_probackup.conf.  xlog-seg-size is a number of bytes
 * or a number with a unit (16MB); it is a power of two from 1 MB to 1 GB.
 * system-identifier is a decimal number of 64 bits, or counts as missing.
 * Returns 0, or -EUCLEAN with the reason in error (CHAIN_ERROR_MAX bytes,
 * without the name of the file).
 */
int	conf_parse(const char *text, size_t len, struct conf *c, char *error);

/*
 * Reads the file in the directory of an instance.  A missing file is an empty
 * one.  Returns 0, or negative errno with error filled as above.
 */
int	conf_load(int instance_fd, struct conf *c, char *error);

#endif
