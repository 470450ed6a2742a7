/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands, their exit statuses, and how they print.  Their options are in
 * options.h.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stddef.h>

#include "cli/options.h"

enum { EXIT_USAGE = 2 };	/* 1 = failed, 0 = done */

/* Print a line "pbkfs error: ...", "pbkfs warning: ..." or "pbkfs: ..." on standard error. */
int	cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));	/* returns 1 */
/* Tells of a wrong command line as cli_error() does, and where help is.  Returns EXIT_USAGE. */
int	cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	cli_name_command(const char *name);	/* whose help that is; NULL: of all */
/*
 * Checks that n options are given.  Returns 0, or EXIT_USAGE after a line that names
 * those that are missing.
 */
struct cli_need {
	const char *name;
	bool	given;
};
int	cli_require(const struct cli_need *need, unsigned n);
void	cli_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	cli_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	cli_reason(const char *fmt, ...) __attribute__((format(printf, 1, 2)));	/* of the next error; --quiet leaves it */
/* Keeps the first error that this process, or a child of cli_relay(), tells from now on: text is "" before. */
void	cli_keep_error(char *text, size_t size);
void	cli_leave_out_notes(void);	/* nor is there a terminal that can show progress, from now on: --quiet */

/*
 * Prints the line as cli_error() does if SIGINT, SIGTERM or SIGHUP ends this process from now
 * on, in place of the last line that was given.  Its children end without a word.
 */
void	cli_if_interrupted(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Opens those of the descriptors 0 to 2 that are closed, so that none of our files gets their numbers.  A
 * standard output takes nothing then: cli_flush() fails if there was something to print.
 */
void	cli_fill_descriptors(void);

/*
 * All that a command prints goes through cli/output.c.  Hostile text of others
 * does nothing to a terminal there: base/text.h.
 *
 * cli_say() prints a line on standard output, cli_print() text with ends of
 * lines of its own, or without.
 */
void	cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	cli_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * cli_progress() prints a line on standard error, as far as it fits the terminal, and whatever comes
 * next takes its place.  cli_progress_end() removes it.  cli_shows_progress() is whether
 * standard error is a terminal that can do so.
 */
bool	cli_shows_progress(void);
void	cli_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	cli_progress_end(void);

/*
 * Prints text that json.h made; in ASCII where the terminal takes bytes for
 * characters.  Returns 0 or negative errno.
 */
int	cli_put_json(const char *text, size_t len);

/*
 * Passes on what a child prints, until both pipes end, or until wait(), which waits
 * for one of n descriptors, does not return 0; and closes them.  It filters all,
 * since an attacker may have taken the child over.  Returns 0 or what wait() did;
 * *error becomes 0, or negative errno if the output could not be printed.
 */
struct pollfd;
int	cli_relay(int out_fd, int err_fd, int (*wait)(void *arg, struct pollfd *p, unsigned n), void *arg,
	    int *error);

/* Whether somebody still reads what is printed, as long as that is a pipe. */
bool	cli_is_heard(void);

/* Flushes standard output.  Returns 0, or negative errno if something could not be printed. */
int	cli_flush(void);

/* Each runs one command and returns the exit status. */
int	cmd_mount(const struct options *o);
int	cmd_run(const struct options *o);
int	cmd_prove(const struct options *o);
int	cmd_unmount(const struct options *o);
int	cmd_stat(const struct options *o);
int	cmd_hydrate(const struct options *o);
int	cmd_promote(const struct options *o);
int	cmd_snapshot(const struct options *o);
int	cmd_branch(const struct options *o);
int	cmd_reset(const struct options *o);
int	cmd_tree(const struct options *o);
int	cmd_delete(const struct options *o);
int	cmd_rename(const struct options *o);
int	cmd_cleanup(const struct options *o);
int	cmd_archive_get(const struct options *o);
int	cmd_show(const struct options *o);
int	cmd_list(const struct options *o);
int	cmd_verify(const struct options *o);
int	cmd_restore(const struct options *o);

#endif
