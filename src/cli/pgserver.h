/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A PostgreSQL server on a mount: where its programs are, starting it, what its log says,
 * and ending it.
 */
#ifndef CLI_PGSERVER_H
#define CLI_PGSERVER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "supervisor/become.h"

struct stall;

#define PGSERVER_LINE_MAX	1024
#define PGSERVER_LINES_KEPT	6	/* errors of the log that are told when it fails */

/*
 * Finds the programs of a major version: in given (--bindir, or NULL), else where Debian,
 * PGDG and Fedora put them, where pg_config says, and in the PATH.  Returns 0 and the
 * directory, or EXIT_FAILURE after cli_error(), which names the package.
 */
int	pgserver_find(unsigned major, const char *given, char bindir[PATH_MAX]);

/* The same without a word: returns 0, or negative errno with the line in why. */
int	pgserver_choose(unsigned major, const char *given, char bindir[PATH_MAX], char why[PGSERVER_LINE_MAX]);

/*
 * The same without --bindir and without a word.  Returns whether it is somewhere.  It runs programs of the
 * PATH, which may not answer: limited.h.
 */
bool	pgserver_look(unsigned major, char bindir[PATH_MAX]);

/*
 * Whether any server that is installed where that looks, of whatever version, has a program of this name.  It may not
 * answer: limited.h.
 */
bool	pgserver_may_have(const char *name);

/* The package that brings a server to this machine, and where that will be.  Returns false if we do not know. */
struct pgserver_package {
	char	name[64];
	const char *site;	/* that has more versions than the distribution */
	char	bindir[PATH_MAX];
};
bool	pgserver_package(unsigned major, struct pgserver_package *p);

/* Far enough for a command to be run, or not yet. */
enum pgserver_state {
	PGSERVER_STARTING,
	PGSERVER_READ_ONLY,	/* takes queries, and goes on recovering */
	PGSERVER_PAUSED,	/* at the target of its recovery */
	PGSERVER_OPEN,
};

struct pgserver {
	pid_t	pid;		/* 0 = there is none, or no more */
	int	log_fd;		/* its standard error; -1 = it has ended */
	bool	log_is_file;	/* which grows without a word */
	enum pgserver_state state;
	bool	recovers;	/* redo has begun */
	char	position[64];	/* how far it is: an LSN or a WAL file, "" = unknown */
	char	time[64];	/* of the last transaction, "" = unknown */
	char	error[PGSERVER_LINES_KEPT][PGSERVER_LINE_MAX];
	unsigned n_errors;	/* all of them, the last ones are kept */
	char	line[PGSERVER_LINE_MAX];	/* that has not ended */
	size_t	have;
};

void	pgserver_init(struct pgserver *s);

/* A program of PostgreSQL, which has nothing of ours but what is said here. */
struct pgserver_program {
	const char *const *argv;	/* argv[0] is a path, or a name that the PATH has */
	const struct become *user;
	int	in, out, err;		/* its standard descriptors; -1 = /dev/null */
	int	death_signal;		/* when the caller ends; 0 = it stays */
	bool	keeps_environment;	/* the caller's, or one that has nothing of it */
};

/*
 * Starts it in a session and process group of its own, with / as its directory.  Returns its pid, or
 * negative errno.  Its exit status is 127 if it is not there, and 126 if it cannot be run.
 */
pid_t	pgserver_spawn(const struct pgserver_program *p);

/* Text that a program prints, as far as there is room. */
struct pgserver_output {
	char	*text;		/* of size bytes, ended; len are used */
	size_t	size, len;
	void	(*see)(void *arg, const char *text, size_t n);	/* gets all of it; NULL = nobody */
	void	*arg;
};

/* Makes two pipes, for standard output and standard error.  Returns 0 or negative errno. */
int	pgserver_pipes(int read_fd[2], int write_fd[2]);

/*
 * Takes what a child prints on two pipes until both end, closes them, and waits for it.  Kills it when
 * clock_monotonic_ms() says until; INT64_MAX is never; or when stall, unless NULL, says that it does not get
 * on.  Returns its exit status, 128 + a signal, -ETIMEDOUT, -ETIME for stall, or another negative errno.
 */
int	pgserver_collect(pid_t pid, const int fd[2], struct pgserver_output output[2], int64_t until,
	    struct stall *stall);

/*
 * Runs it to its end, which is at most PGSERVER_ASK_SECONDS away, and keeps what it prints,
 * as far as there is room.  Returns as pgserver_collect().
 */
#define PGSERVER_ASK_SECONDS	10
int	pgserver_ask(const char *const argv[], const struct become *user, char *out, size_t out_size,
	    char *err, size_t err_size);

/*
 * Starts the server.  It dies with us, unless log is the name of a file, which is made for its log: then
 * it stays.  Returns 0 or negative errno.
 */
int	pgserver_start(struct pgserver *s, const char *const argv[], const struct become *user, const char *log);

/* Reads what log_fd has.  Returns whether anything changed that is to be shown. */
bool	pgserver_read(struct pgserver *s);

/*
 * Removes the System V shared memory that postmasters of these pids, n of them, have left since then, because they
 * were killed: segments of that user's that nobody uses.  Others are files in the
 * directory of the run (guest.c).
 */
void	pgserver_sweep(const pid_t *postmaster, size_t n, uid_t uid, time_t since);

#endif
