/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The backups of an instance as a table for people.
 */
#ifndef CLI_SHOW_TEXT_H
#define CLI_SHOW_TEXT_H

#include "probackup/instance.h"

/* Prints a line for each backup on standard output, and below it remarks about it. */
void	show_text_instance(const char *name, const struct instance *in);

/* Prints instead of an instance why it could not be read. */
void	show_text_fault(const char *name, const char *error);

#endif
