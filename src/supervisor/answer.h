/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The messages of the worker: what is allowed when, and what is done.
 */
#ifndef SUPERVISOR_ANSWER_H
#define SUPERVISOR_ANSWER_H

#include "supervisor/state.h"

/*
 * Reads what the worker sent and answers it.  A worker that breaks the rules
 * is killed.  Returns the number of bytes read, 0 at end of file or after a
 * breach.
 */
int	answer_worker(struct supervisor *s);

/*
 * Reads what the worker, or a library in it, wrote to standard error, and logs it line by
 * line.  Never waits.  Returns the number of bytes read, 0 when there will be no more, or
 * -EAGAIN.
 */
int	answer_stderr(struct supervisor *s);

/*
 * Acts on one message, of h->len bytes in body.  Returns 0, or -EPROTO if it is not
 * allowed now, has a wrong size, or says what cannot be.
 */
int	answer_message(struct supervisor *s, const struct msg_header *h, const unsigned char *body);

#endif
