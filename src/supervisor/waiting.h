/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Waiting for a process, or what it says, in places that the event loop does not reach.
 */
#ifndef SUPERVISOR_WAITING_H
#define SUPERVISOR_WAITING_H

#include <stdint.h>

#include "base/clock.h"

/*
 * Waits until fd can be read or is at its end, be it a pidfd, a pipe or a socket.
 * Returns 0; -ETIMEDOUT after so many seconds; -EINTR as soon as somebody wants
 * this process to end, by a signal that is blocked and stays pending;
 * or negative errno.
 */
int	waiting_for(int fd, unsigned seconds);

/* The same, whoever wants this process to end. */
int	waiting_firmly(int fd, unsigned seconds);

/* The same for these events of poll(2), 0 being the end alone, until clock_monotonic_ms() says so. */
int	waiting_until(int fd, short events, int64_t until);

#endif
