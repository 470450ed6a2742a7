/*
 * What the commands share.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stddef.h>

#include "cli/options.h"

enum { EXIT_USAGE = 2 };	/* 1 = failed, 0 = done */

/* "pbkfs error: ...", "pbkfs warning: ..." and "pbkfs: ..." on standard error. */
int	cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));	/* returns 1 */
/* For a wrong command line: as cli_error(), with where help is.  Returns EXIT_USAGE. */
int	cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	cli_name_command(const char *name);	/* whose help that is; NULL: of all */
void	cli_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	cli_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * cli/output.c: all that a command prints.  Hostile text of others does nothing to a
 * terminal there: base/text.h.
 *
 * A line on standard output; and text with ends of lines of its own, or without.
 */
void	cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	cli_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A line on standard error that the next one takes the place of, whatever it is; and its end. */
void	cli_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	cli_progress_end(void);

/* Text that json.h made.  Where a terminal takes bytes for characters: in ASCII.  Returns 0 or negative errno. */
int	cli_put_json(const char *text, size_t len);

/*
 * Passes on, filtered, what a child prints that may not be ours any more, until both
 * pipes end; closes them.  Returns 0, or negative errno if its output could not be printed.
 */
int	cli_relay(int out_fd, int err_fd);

/* Returns 0 or negative errno if something could not be printed. */
int	cli_flush(void);

/* Each runs one command and returns the exit status. */
int	cmd_mount(const struct options *o);
int	cmd_unmount(const struct options *o);
int	cmd_stat(const struct options *o);
int	cmd_cleanup(const struct options *o);
int	cmd_archive_get(const struct options *o);
int	cmd_show(const struct options *o);
int	cmd_list(const struct options *o);
int	cmd_verify(const struct options *o);

#endif
