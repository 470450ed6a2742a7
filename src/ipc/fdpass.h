/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A message with descriptors, through a socket between a process and its child.
 */
#ifndef IPC_FDPASS_H
#define IPC_FDPASS_H

#include <stddef.h>

#define FDPASS_MAX	16	/* descriptors in one message */

/*
 * Sends n bytes as one message of a SOCK_SEQPACKET socket, and a copy of fd with
 * them unless that is -1, without waiting for room.  Returns 0 or negative errno.
 */
int	fdpass_send(int sock, const void *data, size_t n, int fd);

/* The same with the first n_fds of fd, at most FDPASS_MAX, none of them -1. */
int	fdpass_send_all(int sock, const void *data, size_t n, const int *fd, unsigned n_fds);

/*
 * Receives a message of exactly n bytes without waiting for one.  Returns 0 and
 * sets *fd to the descriptor, which the caller owns, or to -1 if none came; more than
 * one, or any if fd is NULL, are closed.  -ENOMSG if there is no such message; or
 * negative errno.
 */
int	fdpass_receive(int sock, void *data, size_t n, int *fd);

/* The same with up to max descriptors, at most FDPASS_MAX.  Returns how many came. */
int	fdpass_receive_all(int sock, void *data, size_t n, int *fd, unsigned max);

#endif
