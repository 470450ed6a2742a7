/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The backups of a catalog as JSON on standard output.  The keys are
 * documented in the manual.
 */
#ifndef CLI_SHOW_JSON_H
#define CLI_SHOW_JSON_H

#include "base/json.h"
#include "probackup/instance.h"

/* Writes an LSN as PostgreSQL does. */
void	show_json_lsn(struct json_out *o, const char *key, uint64_t lsn);

/* Begins the text, up to the instances. */
void	show_json_begin(struct json_out *o, const char *store);

void	show_json_instance(struct json_out *o, const char *name, const struct instance *in);

/* Writes instead of an instance why it could not be read. */
void	show_json_fault(struct json_out *o, const char *name, const char *error);

/* Ends the text and writes what is left of it.  Returns 0 or negative errno. */
int	show_json_end(struct json_out *o);

#endif
