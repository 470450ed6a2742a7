/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bits of a mode that a mount may show, whoever claims them: a backup, a
 * journal that its owner may have forged, or an application.
 */
#ifndef BASE_MODE_H
#define BASE_MODE_H

#include <stdint.h>
#include <sys/stat.h>

/*
 * Takes set-user-ID away from everything, and set-group-ID from what is not a
 * directory: root may copy a tree out of the mount, where nosuid holds no longer.
 * A directory's set-group-ID bit only says which group its new entries get.
 */
static inline uint32_t
mode_shown(uint32_t mode)
{
	return S_ISDIR(mode) ? mode & ~(uint32_t)S_ISUID : mode & (S_IFMT | 01777);
}

#endif
