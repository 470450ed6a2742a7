/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A directory of a test's own, and a log that nobody reads.
 */
#ifndef SUPPORT_TMPDIR_H
#define SUPPORT_TMPDIR_H

#include <stddef.h>

#include "base/log.h"

/* Makes a directory "pbkfs-test-..." below $TMPDIR or /tmp; ends the program if it cannot. */
void	tmpdir_new(char *path, size_t size);
/* Removes what lies below path, on its file system, and path itself. */
void	tmpdir_remove(const char *path);

/* For log_set_sink(), in tests that damage things on purpose. */
void	swallow(enum log_level level, const char *text, size_t len);

#endif
