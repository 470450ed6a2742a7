/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A diff directory with snapshots and branches, as a command changes it (lib/diff/layers.h says what these are).
 *
 * A process with the rights of the owner finds it and takes the locks: that of the branch, or of the whole, that is to
 * change, and that of layers/, so that commands take turns.  What lies there is the owner's text: a confined child
 * reads it, and changes it.  Functions tell by cli_error() and return EXIT_FAILURE then, else 0.
 */
#ifndef CLI_LAYERED_H
#define CLI_LAYERED_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"
#include "diff/layers.h"
#include "supervisor/binding.h"
#include "supervisor/diffdir.h"

#define LAYERED_MAX		1024	/* snapshots, and branches, of one diff directory */
#define LAYERED_NAME		(SEAL_NAME_MAX + 1)
#define LAYERED_UNFINISHED	".new"	/* a branch that is being made; no branch is called so, nor what begins with */
#define LAYERED_GONE		".gone-"	/* which is to be removed */
#define LAYERED_RUN		"run-"	/* begins the names of branches that go with a command */

struct layered_snapshot {
	char	name[LAYERED_NAME], parent[LAYERED_NAME];	/* parent: "" for the backup, or what is missing */
	char	id[BINDING_SNAPSHOT_ID + 1];
	bool	is_damaged, has_parent, is_protected;
	int64_t	time;			/* ns since the epoch */
	uint64_t bytes;			/* that are freed if it goes */
	char	message[SEAL_MESSAGE_MAX + 1];
};

/* The whole is the one without a name. */
struct layered_branch {
	char	name[LAYERED_NAME], snapshot[LAYERED_NAME];	/* what it stands on: "" for the backup, or what is missing */
	bool	is_damaged, has_snapshot, is_protected, is_of_run;	/* is_damaged: it may stand on anything */
	char	created[64];		/* as in its binding */
	uint64_t bytes;
};

/* Shared with the confined child, who may have been taken over: names are valid all the same, and counts too. */
struct layered_told {
	unsigned n_snapshots, n_branches;
	struct layered_snapshot snapshot[LAYERED_MAX];
	struct layered_branch branch[LAYERED_MAX];	/* the whole first */
	bool	has_more;		/* branches than these */
	bool	is_done;		/* by what an earlier command left */
	bool	has_waste;		/* that layered_sweep_later() is to remove */
	char	base[LAYERED_NAME];	/* what was stood upon, */
	char	base_id[BINDING_SNAPSHOT_ID + 1];
};

struct layered {
	const struct options *options;
	char	path[PATH_MAX];		/* canonical, of the whole */
	struct diffdir whole;
	struct binding binding;		/* of the whole */
	char	branch_path[PATH_MAX];
	struct diffdir branch;		/* that of options->branch */
	struct diffdir *target;		/* what is changed: one of the two */
	int	lock_fd, layers_fd;
	bool	is_our_turn;
	struct layered_told *told;
	struct layered_told *found;	/* what layered_look() has found: nobody else's memory */
	unsigned n_locked;
	struct layered_locked {		/* others that are locked meanwhile */
		char	name[LAYERED_NAME];	/* "": the whole */
		int	fd, lock_fd;
		bool	is_orphan;	/* by layered_lock_idle() */
	} locked[LAYERED_MAX];
};

struct layered_work {
	const char *participle;		/* "frozen": what is done to it */
	const char *so_what;		/* if it does not answer: "nothing was frozen" */
	enum layered_turn {
		LAYERED_TAKES_TURN,	/* no other command changes snapshots and branches meanwhile */
		LAYERED_BEGINS,		/* the same, and there need be no snapshots yet */
		LAYERED_LOOKS,		/* if another one does, and if there are none, that does not matter */
		LAYERED_SWEEPS,		/* it has nothing to do with others */
	} turn;
	bool	changes_target;		/* options->branch, or else the whole: it has to be unmounted */
	int	(*act)(struct layered *l);
};

/* Runs work->act() with all of that open and locked, in a child.  Returns the exit status of the command. */
int	layered_run(const struct options *o, const struct layered_work *work);

/*
 * For act(): runs step() in a confined child, which can do everything beneath l->whole.fd and nothing elsewhere, and
 * where no other descriptor of a directory is left.  What an earlier command did not bring to its end is first.
 */
int	layered_confine(struct layered *l, int (*step)(struct layered *l));

/* For step(): open directories, for the caller to close.  branch "" is the whole.  Return a descriptor or negative errno. */
int	layered_layers(const struct layered *l);
int	layered_directory(const struct layered *l, const char *branch);
int	layered_changes(int dir_fd);

/* For act(): locks a further branch, which has to be unmounted. */
int	layered_lock_also(struct layered *l, const char *branch);

/*
 * For step(): gives what lies at dir_fd/name a name that nobody asks for, at once.  It goes when the command has ended.
 * Returns 0 or negative errno; -ENOENT if it is not there.
 */
int	layered_discard(struct layered *l, int dir_fd, const char *name);

/* For step(), if it is our turn: discards what commands that were killed have left. */
int	layered_tidy(struct layered *l);

/* Starts a process that removes what was discarded; nobody waits for it. */
void	layered_sweep_later(const struct options *o);

/* For step(): opens branches/, made if make.  Returns a descriptor or negative errno. */
int	layered_branches(const struct layered *l, bool make);

/* The same for what an unfinished run has left, if nobody uses it; else it does nothing. */
int	layered_lock_idle(struct layered *l, const char *branch);

/* Whether the name of a branch is one that runs give; and refuses that for a branch that a user names. */
bool	layered_is_of_run(const char *name);
int	layered_check_name(const char *option, const char *name);

/* When a branch was made, in seconds since the epoch; 0 if its binding does not say. */
int64_t	layered_time(const char *created);

/* The name of the target in messages, and its path. */
const char *layered_target(const struct layered *l);

/*
 * Fills l->told with all that there is: for step().  layered_look() does it for act(), believes no name, and keeps it as
 * l->found, where no later child can change it.
 */
int	layered_survey(struct layered *l);
int	layered_look(struct layered *l);

/* A snapshot or branch of l->found, or NULL. */
const struct layered_snapshot *layered_find_snapshot(const struct layered *l, const char *name);
const struct layered_branch *layered_find_branch(const struct layered *l, const char *name);

/*
 * For act(), as root: records that the branch options->name shows what root has decided, if its binding says the same.
 * Warns where that fails: which mount of it has to name the backup then.  Returns whether it is recorded.
 */
bool	layered_record(const struct layered *l, const struct binding *decided, const char *which);

/* Tells that something could not be done with the target. */
int	layered_failed(const struct layered *l, const char *what, int rc);

#endif
