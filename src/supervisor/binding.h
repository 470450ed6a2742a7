/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The binding: which backup a diff directory holds changes of.
 */
#ifndef SUPERVISOR_BINDING_H
#define SUPERVISOR_BINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/backupid.h"
#include "base/iostats.h"
#include "base/json.h"
#include "ipc/job.h"

#define BINDING_VERSION	1
#define BINDING_VERSION_PARTIAL 2	/* where databases are left out: an older pbkfs would show them */
#define BINDING_VERSION_DETACHED 3	/* where that is so: an older pbkfs would want the store */
#define BINDING_VERSION_BRANCH 4	/* of a branch: an older pbkfs would not know what is below it */
#define BINDING_MAX	(256u * 1024)	/* bytes of the file */

struct binding_member {
	char	id[BACKUP_ID_MAX];
	uint32_t version, list_crc;
};

/* A directory that -T or --external-mapping put elsewhere. */
#define BINDING_MAPPED_MAX	64
struct binding_mapping {
	char	*from, *to;	/* owned */
};

#define BINDING_SNAPSHOT_ID	32	/* hexadecimal digits */

#define BINDING_DATABASES_MAX	64
#define BINDING_DATABASE_NAME_MAX 255

struct binding {
	char	*store, *instance, *backup_id, *host, *created;	/* owned */
	struct binding_member member[CHAIN_MAX];	/* newest first */
	size_t	n_members;
	uint64_t tree_digest;
	uint32_t server_version;
	enum wal_mode wal;
	bool	no_wal, keep_settings;
	struct binding_mapping mapped[BINDING_MAPPED_MAX];
	size_t	n_mapped;
	bool	db_include;	/* the databases are those that there are, not those left out */
	char	*database[BINDING_DATABASES_MAX];	/* owned */
	size_t	n_databases;	/* 0: all */
	bool	hydrates;	/* what still is the chain's is to be copied, so: */
	uint64_t hydrate_rate;	/* bytes a second; 0 = no limit */
	uint32_t hydrate_jobs;	/* files at a time; 0 = default */
	bool	detached;	/* nothing needs the store */
	char	*branch;	/* owned; what it is called where it was made, and over which snapshot; NULL: no branch */
	char	*snapshot;	/* owned; its name then, */
	char	*snapshot_id;	/* owned; and what tells it from others of that name, BINDING_SNAPSHOT_ID digits */
};

/* Nodes that its JSON takes at most. */
#define BINDING_NODES	(64 + 4 * CHAIN_MAX + 3 * BINDING_MAPPED_MAX + BINDING_DATABASES_MAX)

/*
 * Reads a binding from len bytes of text, which it changes; text[len] is
 * writable.  Returns 0; -ENOTSUP for another format version; -EUCLEAN for
 * anything else that is wrong.  *b is valid for binding_fini() in any case.
 */
int	binding_parse(char *text, size_t len, struct binding *b);

/*
 * Reads the binding of diff_fd.  Returns 0, -ENOENT if there is none, or as
 * binding_parse().
 */
int	binding_load(int diff_fd, struct binding *b);

/*
 * For files that hold a binding: reads its members from the object at into a zeroed *b, and
 * writes them to the object that is open in *o.  binding_read() returns as binding_parse().
 */
int	binding_read(const struct json_node *nodes, const struct json_node *at, struct binding *b);
void	binding_put(struct json_out *o, const struct binding *b);

/* Writes the id of a snapshot, BINDING_SNAPSHOT_ID / 2 bytes, as a binding has it. */
void	binding_write_id(const unsigned char *id, char text[BINDING_SNAPSHOT_ID + 1]);
/* The branch, whose names are its own memory, stands on that snapshot from now on.  Returns 0, or -ENOMEM with nothing changed. */
int	binding_set_snapshot(struct binding *b, const char *name, const unsigned char *id);

/*
 * The key of the first thing in which two bindings differ, NULL if they say the
 * same: all but where and when they were written, and what became of the chain since.
 */
const char *binding_difference(const struct binding *a, const struct binding *b);

/* Whether both name the same databases, in the same order, to keep or to leave out. */
bool	binding_same_databases(const struct binding *a, const struct binding *b);

/* Writes it durably in one step.  Returns 0 or negative errno: -EUCLEAN or -EFBIG for one that binding_load() would not take. */
int	binding_store(int diff_fd, const struct binding *b);

/* Frees what *b owns. */
void	binding_fini(struct binding *b);

/*
 * Whether the chain that was found is the one that b names.  Returns 0 if it
 * is; 1 if backups were merged and the same tree came out; or -EUCLEAN with
 * one line in error that says what changed.
 */
int	binding_compare(const struct binding *b, const struct binding *found,
	    char *error, size_t size);

#endif
