/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The settings of a server that is a guest on this machine for the length of one command:
 * memory that is there, no port but a socket, no work that nobody waits for.
 */
#ifndef CLI_GUEST_H
#define CLI_GUEST_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/options.h"
#include "cli/pgserver.h"
#include "cli/workdir.h"

#define GUEST_ARGUMENTS_MAX	96
#define GUEST_ARGUMENT_MAX	(PATH_MAX + 64)
#define GUEST_PORT		5432	/* of the socket: its directory is nobody else's */

struct guest {
	char	text[GUEST_ARGUMENTS_MAX][GUEST_ARGUMENT_MAX];
	const char *argv[GUEST_ARGUMENTS_MAX + 1];	/* of postgres, with its path */
	unsigned n;
	unsigned port;
	char	listen[256];		/* the address of --listen, "" = none */
};

/*
 * Takes --listen, ADDRESS[:PORT], and chooses a free port if it names none.  Returns 0, or
 * EXIT_USAGE or EXIT_FAILURE after cli_error().
 */
int	guest_listen(struct guest *g, const char *listen);

/* Writes path as an item of unix_socket_directories, which is a list; cut where size bytes do not suffice. */
void	guest_quote(const char *path, char *out, size_t size);

/*
 * Leads the directory for dynamic shared memory out of the mount, as user: a killed server leaves nothing in
 * /dev/shm then, and there is no file system of ours between its processes.
 */
void	guest_place_memory(const struct workdir *w, const struct become *user);

/* Bytes that are free for the changes of a run in w. */
uint64_t guest_space(const struct workdir *w);

/* Bytes of memory that a server may have: of this machine, or of our cgroup if that has less. */
uint64_t guest_memory(void);

/* A server has to fit into these. */
struct guest_limits {
	uint64_t memory;	/* guest_memory() */
	uint64_t space;		/* guest_space() */
	uint64_t wal_segment;	/* bytes of a file of WAL; 0 = unknown */
	unsigned major;		/* of the server */
	bool	discarded;	/* its changes end with it */
};

/*
 * Appends the settings that fit the server to this machine, each behind a "-c"; none with
 * --keep-settings, and not those that --set names, nor those that this major version does not know.
 */
void	guest_fit(struct guest *g, const struct options *o, const struct guest_limits *l);

/* Makes the command line of the server; what --set names is left to it, and most to --keep-settings. */
void	guest_make(struct guest *g, const struct options *o, const struct workdir *w, const struct guest_limits *l,
	    const char *bindir);

/*
 * For a proof: adds to the command line that what is damaged is an error, whatever production says, unless
 * --set names it.  guest_insistence() says the same of a session, for PGOPTIONS; what ALTER ROLE and
 * ALTER DATABASE set counts less than that, and more than the command line.
 */
#define GUEST_INSISTENCE_MAX	512
void	guest_insist(struct guest *g, const struct options *o, unsigned version);
void	guest_insistence(const struct options *o, unsigned version, char out[GUEST_INSISTENCE_MAX]);

/*
 * Mends what this machine does not have, in postgresql.auto.conf of the mount, from the errors
 * of a server that did not start: locales of messages and formats.  Returns whether it may start now; it
 * has told what it changed.
 */
bool	guest_mend(const struct pgserver *s, const struct workdir *w, const struct become *user);

#endif
