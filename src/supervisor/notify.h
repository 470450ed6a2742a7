/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The supervisor tells the command that started it how it gets on, in lines over a
 * pipe: each a letter, a space and text.  The pipe ends with the supervisor, or
 * when it has nothing more to tell.
 */
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

enum notify_kind {
	NOTIFY_PROGRESS = 'P',	/* "<done> <total>": bytes of WAL copied */
	NOTIFY_WARNING = 'W',	/* a line for the user */
	NOTIFY_ERROR = 'E',	/* the same, of an error that NOTIFY_FAILED may repeat */
	NOTIFY_NOTE = 'N',	/* the same, of something that is as it should be */
	NOTIFY_ZONE = 'Z',	/* the server's setting timezone */
	NOTIFY_MOUNTED = 'M',	/* "<PostgreSQL major version> <bytes of a file of WAL> <uid of the owner>" */
	NOTIFY_FAILED = 'F',	/* a line for the user: why there is no mount */
};

#define NOTIFY_LINE_MAX	2048

/*
 * Sends one line; nobody listening is not an error.  What a full pipe does not take is
 * lost, but for NOTIFY_MOUNTED and NOTIFY_FAILED, which wait for notify_again().  fd may be -1.
 */
void	notify_send(int fd, enum notify_kind kind, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

/* Sends what waits for room in the pipe, for which it waits so long itself. */
void	notify_again(int fd, int ms);

#endif
