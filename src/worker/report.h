/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The worker's side of the pipes: what it reports to the supervisor.
 */
#ifndef WORKER_REPORT_H
#define WORKER_REPORT_H

#include "base/log.h"
#include "ipc/job.h"
#include "ipc/msg.h"

/* Remembers the pipe and sends the log through it.  Call it first. */
void	report_init(const struct job *job);

/* In the place of report_init(), for a process without a supervisor: take() gets the lines of the three below. */
void	report_set_sink(void (*take)(enum msg_type type, const char *text));

/* Sends a message; a supervisor that is gone is no error. */
void	report_send(enum msg_type type, const void *body, size_t len);

/* Returns the last error that was logged, "" if none: a failed start died of it. */
const char *report_last_error(void);

/* Reports MSG_WARNING with one line for the user. */
void	report_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Reports MSG_NOTE: the same for what is no reason to worry. */
void	report_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Reports MSG_ADVICE: the same for what holds only if there will be a mount. */
void	report_advice(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Reports MSG_FAILED with one line for the user. */
void	report_failed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
