/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether the server on the mount has work to do, for what is done in the background and has to give way.
 */
#ifndef WORKER_FOREGROUND_H
#define WORKER_FOREGROUND_H

#include <stdbool.h>

struct serve;

/* Opens what tells how busy the machine is, before the worker is confined.  Without it requests alone count. */
void	foreground_open(void);

/*
 * Whether requests are being served or have been since the last look; or a server runs on the mount while others than
 * this process use the processors, for it may find in memory, and write outside of the mount, what it needs.
 * Any thread; who asks within 2 ms is told what the last one was.
 */
bool	foreground_is_busy(const struct serve *s);

#endif
