/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prints the command that starts a server on what was made.
 */
#include "config.h"

#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/limited.h"
#include "cli/pgserver.h"
#include "cli/startline.h"

static void
print_word(const char *word)
{
	char quoted[2 * PATH_MAX];

	text_quote_shell(word, quoted, sizeof(quoted));
	cli_print("%s", quoted);
}

/* The task of look_for_server(), in memory that its process shares. */
struct look_task {
	unsigned version;
	char	bindir[PATH_MAX];
};

static int
look_for_server(void *arg)
{
	struct look_task *t = arg;

	return pgserver_look(t->version, t->bindir) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Prints which package is missing, if one is, and puts the name of the server's pg_ctl into program. */
static void
print_server(unsigned version, char program[PATH_MAX + 8])
{
	struct look_task *t = limited_share(sizeof(*t));
	struct pgserver_package p;

	strlcpy(program, "pg_ctl", PATH_MAX + 8);
	if (t != NULL)
		t->version = version;
	if (t != NULL && limited_program(look_for_server, t, LIMITED_SECONDS, NULL) == EXIT_SUCCESS) {
		snprintf(program, PATH_MAX + 8, "%s/pg_ctl", t->bindir);
		cli_print("start PostgreSQL %u with: ", version);
	} else if (pgserver_package(version, &p)) {
		snprintf(program, PATH_MAX + 8, "%s/pg_ctl", p.bindir);
		cli_print("PostgreSQL %u is not installed here: install package %s, and start it with: ", version,
		    p.name);
	} else {
		cli_print("PostgreSQL %u is not installed here: install it, and start it with: ", version);
	}
}

void
startline_print(unsigned server_version, uid_t uid, const char *pgdata)
{
	const struct passwd *pw = getpwuid(uid);
	char program[PATH_MAX + 8], quoted[PATH_MAX + 16], user[128], log[PATH_MAX + 16];

	print_server(server_version, program);
	if (geteuid() == 0 && uid != 0 && pw != NULL) {
		/* A directory service may call its users what it likes. */
		text_quote_word(pw->pw_name, user, sizeof(user));
		cli_print("runuser -u %s -- ", user);
	}
	text_quote_word(program, quoted, sizeof(quoted));
	cli_print("%s -D ", quoted);
	print_word(pgdata);
	cli_print(" -l ");
	snprintf(log, sizeof(log), "%s/server.log", pgdata);
	print_word(log);
	cli_print(" start\n");
	cli_flush();
}
