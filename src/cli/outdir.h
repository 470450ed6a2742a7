/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Directories in which a command writes: for the reports of a proof, and its history.
 */
#ifndef CLI_OUTDIR_H
#define CLI_OUTDIR_H

#include <stdbool.h>

/*
 * Opens, with flags, a directory in which the caller may write; with make, it is made if need be.  Root follows
 * no link but root's.  Returns the descriptor or negative errno, which outdir_strerror() puts into words.
 */
int	outdir_open(const char *dir, int flags, bool make);
const char *outdir_strerror(int rc);

#endif
