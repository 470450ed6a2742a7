/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Plain directories that a command makes, for a user who may be another one: a data directory, and what
 * lies outside of it.  Functions tell by cli_error() and return EXIT_FAILURE then, else 0; root has called
 * identity_assume() before place_open().
 */
#ifndef CLI_PLACE_H
#define CLI_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct place {
	enum place_kind { PLACE_PGDATA, PLACE_WAL, PLACE_TABLESPACE, PLACE_EXTERNAL } kind;
	const char *name;	/* an OID, or the number of an external directory */
	const char *given;	/* as the user or another has named it */
	bool	named;		/* by the user */
	bool	found;		/* by a link of the data directory that is there */
	const char *if_not_empty;	/* the way out of a PLACE_PGDATA, as the rest of a sentence */
	char	path[PATH_MAX];	/* canonical */
	char	shown[64];	/* in the index */
	int	parent_fd, fd;	/* of its directory, O_PATH, and its own; -1 */
	bool	made;		/* by place_open(), */
	bool	made_by_root;	/* where the owner may not */
	bool	is_roots;	/* and empty: place_take() gives it to the owner */
	uint64_t bytes, files;	/* that it gets */
};

/* For messages: what it is; the way out for a place that somebody else has named, as the rest of a sentence. */
const char *place_kind_name(const struct place *p);
const char *place_way_out(const struct place *p);

/* Finds p->path.  Refuses the root directory, and what is on a mount of pbkfs. */
int	place_resolve(struct place *p);

/*
 * The same for those of n places whose path is not found yet; none of all may contain another, or `path`, which
 * messages call `what`.
 */
int	place_resolve_all(struct place *places, unsigned n, const char *what, const char *path);

/*
 * Opens it and its parent, making it if it is missing, for uid:gid.  It has to be uid's, or root's own and empty:
 * place_take() gives that away, once nothing speaks against it.  Nobody else may be able to write to it, or to put
 * another one in its place.
 */
int	place_open(struct place *p, uid_t uid, gid_t gid);
int	place_take(const struct place *p, uid_t uid, gid_t gid);

/* Opens its parent alone, of which the same holds. */
int	place_open_parent(struct place *p, uid_t uid);

/* The first name that a directory holds, but for what a file system has there; "" for none.  0 or negative errno. */
int	place_first_name(int fd, char name[NAME_MAX + 1]);

int	place_check_empty(const struct place *p);

/* The process of the server that runs in this data directory; 0 if none is seen. */
pid_t	place_server(int fd);

/* Refuses a data directory that a server uses, or may use. */
int	place_check_no_server(const struct place *p);

/*
 * Asks the file system of each of n places, which are open, for what all that are on it get together.  Messages call
 * the work `what`.
 */
int	place_check_rooms(const struct place *places, unsigned n, const char *what);

/* Closes what is open; a directory that was made goes again unless it is kept, or holds something. */
void	place_close(struct place *p, bool keep);

#endif
