/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of the diff directory that are written once, as a whole.
 */
#ifndef DIFF_WHOLEFILE_H
#define DIFF_WHOLEFILE_H

#include <sys/uio.h>

/* Writes n parts as file name, by way of name.new; durably in one step.  Returns 0 or negative errno. */
int	wholefile_write(int dir_fd, const char *name, const struct iovec *part, unsigned n);

#endif
