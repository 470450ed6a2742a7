/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mounts of this host as a table for people.
 */
#ifndef CLI_LIST_TEXT_H
#define CLI_LIST_TEXT_H

#include "cli/listing.h"

/* Prints a line for each of n mounts on standard output, and below it what the user can do. */
void	list_text_print(const struct mountinfo *mounts, const struct listed *listed, size_t n);

#endif
