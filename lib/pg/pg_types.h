/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PostgreSQL's types and sizes that the other rooms need, under their own
 * names.
 */
#ifndef PG_TYPES_H
#define PG_TYPES_H
#include <stdint.h>
typedef uint32_t BlockNumber;
#define InvalidBlockNumber ((BlockNumber)0xFFFFFFFF)
#define BLCKSZ 8192
#define RELSEG_SIZE 131072
enum { MAIN_FORKNUM, FSM_FORKNUM, VISIBILITYMAP_FORKNUM, INIT_FORKNUM };
#endif
