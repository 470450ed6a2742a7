/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starts the program: as a worker, by a line of fstab, or as a command.
 */
#include "config.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/fstab.h"
#include "worker/entry.h"

extern char **environ;

static int
unknown_command(const char *name)
{
	return strcmp(name, "umount") == 0 ? cli_usage("unknown command \"umount\", it is called unmount") :
	    cli_usage("unknown command \"%s\"", name);
}

static int
print_version(void)
{
	cli_print("pbkfs %s\n", PACKAGE_VERSION);
	return EXIT_SUCCESS;
}

/* "help", or "help COMMAND". */
static int
run_help(int argc, char **argv)
{
	const struct command *c = argc > 1 ? options_command(argv[1]) : NULL;

	if (argc > 2)
		return cli_usage("unexpected argument \"%s\"", argv[2]);
	if (argc > 1 && c == NULL)
		return unknown_command(argv[1]);
	if (c != NULL)
		options_help(c);
	else
		options_usage();
	return EXIT_SUCCESS;
}

/* Runs the command that argv begins with. */
static int
run_command(int argc, char **argv)
{
	const struct command *c = options_command(argv[0]);
	struct options o;

	if (strcmp(argv[0], "help") == 0)
		return run_help(argc, argv);
	if (strcmp(argv[0], "version") == 0)
		return argc == 1 ? print_version() : cli_usage("unexpected argument \"%s\"", argv[1]);
	if (c == NULL)
		return unknown_command(argv[0]);
	cli_name_command(c->name);
	if (options_parse(c, argc, argv, &o) != 0)
		return c->usage_status != 0 ? c->usage_status : EXIT_USAGE;
	if (o.help) {
		options_help(c);
		return EXIT_SUCCESS;
	}
	return c->run(&o);
}

static int
run_fstab_line(int argc, char **argv)
{
	char **arguments;
	int n = fstab_arguments(argc, argv, &arguments);

	return n < 0 ? EXIT_USAGE : run_command(n, arguments);
}

static int
run_global_option(int argc, char **argv)
{
	const char *option = argv[1];

	if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0) {
		options_usage();
	} else if (strcmp(option, "--version") == 0 || strcmp(option, "-V") == 0) {
		return print_version();
	} else if (strcmp(option, "--long-options") == 0) {
		options_list(argc > 2 ? options_command(argv[2]) : NULL);
	} else {
		return cli_usage("unknown option \"%s\"", option);
	}
	return EXIT_SUCCESS;
}

static int
run(int argc, char **argv)
{
	if (argc < 2)
		return cli_usage("a command is missing");
	if (argv[1][0] == '/')
		return run_fstab_line(argc, argv);
	return argv[1][0] == '-' ? run_global_option(argc, argv) : run_command(argc - 1, argv + 1);
}

int
main(int argc, char **argv)
{
	int rc, status;

	if (entry_is_worker(argv))
		return entry_main(argc, argv);
	cli_fill_descriptors();
	/* A mount must not keep open, for its life, what the caller had. */
	closefrom(STDERR_FILENO + 1);
	setproctitle_init(argc, argv, environ);
	text_ask_locale();
	status = run(argc, argv);
	/* Whoever asked for text does not take silence for success. */
	if ((rc = cli_flush()) != 0 && status == EXIT_SUCCESS)
		return cli_error("could not write to standard output: %s", strerror(-rc));
	return status;
}
