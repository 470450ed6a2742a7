/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One file of the WAL archive, copied to where a server wants it.
 */
#ifndef WORKER_WALFETCH_H
#define WORKER_WALFETCH_H

/* The request of pbkfs archive-get. */
struct walfetch {
	const char *store_name, *instance;
	const char *file;	/* the WAL name */
	int	dir_fd;		/* where it goes: a directory, and the name in it */
	const char *name;
};

/*
 * Runs in a confined process: a job for confined_run().  Writes the file, whole
 * and checked, beside arg->name, makes it durable, and renames it.  Returns an
 * exit status; every failure is one line in the log, a file that is not in the
 * archive too.
 */
int	walfetch(int store_fd, void *arg);

/*
 * The same, with nothing to check, of a file that is open as fd (which stays so): one that
 * a mount serves, for a server on it.
 */
int	walfetch_served(const struct walfetch *order, int fd);

#endif
