/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postgresql.auto.conf of a server that is no clone any more.
 */
#ifndef PROMOTE_PROMOTE_CONF_H
#define PROMOTE_PROMOTE_CONF_H

#include <stddef.h>

#include "probackup/pgautoconf.h"

/*
 * Appends the text of a clone's file (len bytes) without the settings that mounts have added.  They stand
 * behind comments, until ALTER SYSTEM writes the file anew; then what goes is each setting that still has
 * the very value that makes a clone.  version: major, of the server.  Errors: a->error.
 */
void	promote_conf_plain(struct pgautoconf *a, const char *text, size_t len, unsigned version);

#endif
