/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Closing what a child has inherited and does not need.
 */
#ifndef SUPERVISOR_DESCRIPTORS_H
#define SUPERVISOR_DESCRIPTORS_H

#include <stddef.h>

/* For children: closes all but standard streams and the n descriptors in keep; -1 is none. */
void	descriptors_close_but(const int *keep, size_t n);

#endif
