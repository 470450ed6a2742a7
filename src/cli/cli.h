/*
 * What the commands share.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/options.h"

enum { EXIT_USAGE = 2 };	/* 1 = failed, 0 = done */

/* "pbkfs error: ...", "pbkfs warning: ..." and "pbkfs: ..." on standard error. */
int	cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));	/* returns 1 */
void	cli_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	cli_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * A line on standard output.  In all four, hostile text of others does nothing
 * to a terminal: base/text.h.
 */
void	cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

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
