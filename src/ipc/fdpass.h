/*
 * A message with a descriptor, through a socket between a process and its child.
 */
#ifndef IPC_FDPASS_H
#define IPC_FDPASS_H

#include <stddef.h>

/*
 * Sends n bytes as one message of a SOCK_SEQPACKET socket, and a copy of fd with
 * them unless that is -1, without waiting for room.  Returns 0 or negative errno.
 */
int	fdpass_send(int sock, const void *data, size_t n, int fd);

/*
 * Receives a message of exactly n bytes without waiting for one.  Returns 0 and
 * sets *fd to the descriptor, which the caller owns, or to -1 if none came; more than
 * one, or any if fd is NULL, are closed.  -ENOMSG if there is no such message; or
 * negative errno.
 */
int	fdpass_receive(int sock, void *data, size_t n, int *fd);

#endif
