/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs a program in a confined child and filters what it prints.  It decides as
 * whom the child reads; what it does there is up to the command.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/cli.h"
#include "cli/confined.h"
#include "cli/limited.h"
#include "supervisor/become.h"
#include "supervisor/identity.h"
#include "supervisor/paths.h"
#include "supervisor/storeaccess.h"
#include "supervisor/storeuser.h"
#include "supervisor/tie.h"
#include "supervisor/username.h"
#include "supervisor/walk.h"
#include "worker/confine.h"
#include "sandbox/sandbox.h"

#define NOBODY		65534
#define MEMORY_MAX	((size_t)5 << 30)	/* of a child, whatever a catalog claims */
#define STORE_DENIED	200	/* exit status of a child: no program of ours has it */

static bool	lends;	/* in the child: it can read what the store's owner cannot, */
static uid_t	lends_to;	/* as this user */

/* The user that the child reads as. */
struct identity {
	bool	is_user;		/* of the store; else the caller, or nobody for root */
	bool	last;			/* there is nobody else to try */
};

void
confined_log(enum log_level level, const char *text, size_t len)
{
	(void)len;
	if (level == LOGL_ERROR)
		cli_error("%s", text);
	else if (level == LOGL_WARNING)
		cli_warn("%s", text);
	else
		cli_note("%s", text);
}

/* Returns the least of the limits, in MiB. */
static unsigned long long
memory_limit(void)
{
	static const int kinds[] = { RLIMIT_DATA, RLIMIT_AS };
	rlim_t least = RLIM_INFINITY;
	struct rlimit limit;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (getrlimit(kinds[i], &limit) == 0)
			least = MIN(least, limit.rlim_cur);
	return least / MiB;
}

int
confined_failed(int rc, const char *error)
{
	if (rc == -ENOMEM)
		return cli_error("%s: that takes more than the %llu MiB that a process may have"
		    " (ulimit -v, ulimit -d)", error, memory_limit());
	return cli_error("%s", error);
}

/* Who root's child is. */
static uid_t
reader(const struct confined *c)
{
	return c->as_user ? c->uid : NOBODY;
}

static void
add_directories(struct sandbox *s, const struct confined *c)
{
	static char names[CONFINED_MORE_MAX][16];
	unsigned i;

	for (i = 0; i < c->n_more; i++) {
		snprintf(names[i], sizeof(names[i]), "out%u", i + 1);
		s->dir[s->n_dirs++] = (struct sandbox_dir){
			.name = names[i], .fd = c->more_fds[i], .writable = true
		};
	}
}
_Static_assert(CONFINED_MORE_MAX + 2 <= SANDBOX_DIRS_MAX, "all have room");

static int
confine(const struct confined *c, int store_fd)
{
	bool root = geteuid() == 0;
	struct sandbox s = {
		.level = c->sandbox, .n_dirs = 2,
		.namespaces = c->links_across ? MSG_NS_ALL & ~(uint32_t)MSG_NS_MOUNT : MSG_NS_ALL,
		.calls = c->promotes ? SANDBOX_CALLS_PROMOTER : c->makes_layers ? SANDBOX_CALLS_LAYERS : SANDBOX_CALLS_WORKER,
		.dir = {
			{ .name = "store", .fd = store_fd },
			{ .name = "out", .fd = c->write_fd, .writable = true },
		},
		.switch_user = root && (c->write_fd < 0 || c->as_user), .uid = reader(c), .gid = c->as_user ? c->gid : NOBODY,
		.keep_read_search = root && c->store != NULL, .threads = true, .debug = c->debug,
		.looks_around = c->looks_around,
		.max_memory = MEMORY_MAX,
	};
	char error[SANDBOX_ERROR_MAX];
	struct msg_confined got;

	add_directories(&s, c);
	if (sandbox_enter(&s, &got, error) == 0)
		return 0;
	cli_error("%s", error);
	return -1;
}

static int
denied(const struct confined *c, const struct identity *who)
{
	char ways[STOREUSER_WAYS_MAX];

	if (!who->last)
		return STORE_DENIED;
	storeuser_ways(c->store, false, ways);
	return cli_error("could not read store \"%s\": %s%s", c->store, strerror(EACCES), ways);
}

/* Becomes the user of the store, and checks that this user can write where root could. */
static int
become_reader(const struct confined *c)
{
	char name[USERNAME_MAX], other[USERNAME_MAX];
	struct storeuser u;
	struct become him;
	int rc;

	if (storeuser_find(c->store, &u) != 0 || u.uid == 0)
		return 0;
	become_init(&him, u.uid, u.gid, true);
	username_of(u.uid, name);
	if ((rc = become_now(&him)) != 0)
		return cli_error("could not act as user %s: %s", name, strerror(-rc));
	tie_again();
	if (c->as_user && u.uid != c->uid)
		return cli_error("user %s, who alone may read store \"%s\", is not user %s, to whom the files are"
		    " to belong: name that user with --owner", name, c->store, username_of(c->uid, other));
	if (c->write_fd >= 0 && faccessat(c->write_fd, ".", W_OK | X_OK, 0) != 0)
		return cli_error("user %s, who alone may read store \"%s\", could not write where"
		    " the file is to go: %s", name, c->store, strerror(errno));
	return 0;
}

/*
 * Opens the store as the worker of a mount is given it: resolves the name once,
 * and as root only where nobody but the owner of the store can put something
 * else there.
 */
static int
open_store(const struct confined *c, int *fd)
{
	char path[PATH_MAX], error[WALK_ERROR_MAX] = "";
	struct stat st;
	int rc;

	if ((rc = paths_resolve(c->store, path)) == 0 &&
	    (*fd = storeaccess_open(path, geteuid() == 0, &st, error)) < 0)
		rc = *fd;
	if (rc < 0 && rc != -EACCES)
		cli_error("could not open store \"%s\": %s", c->store,
		    error[0] != '\0' ? error : paths_strerror(rc));
	return rc;
}

int
confined_admit(int store_fd, const char *instance)
{
	return lends ? confine_admit(store_fd, instance, lends_to) : 0;
}

/* Runs in the child.  Returns its exit status. */
static int
read_as(const struct confined *c, const struct identity *who, int (*program)(int store_fd, void *arg),
    void *arg)
{
	bool (*is_refused)(int, const char *) = who->last ? storeaccess_is_closed : storeaccess_is_denied;
	int fd autoclose = -1, rc;

	if (c->store == NULL)
		return confine(c, -1) != 0 ? EXIT_FAILURE : program(-1, arg);
	if (who->is_user && become_reader(c) != 0)
		return EXIT_FAILURE;
	if ((rc = open_store(c, &fd)) != 0)
		return rc == -EACCES ? denied(c, who) : EXIT_FAILURE;
	/* denied() reads what the sandbox takes away, so this comes before it. */
	if (who->last && is_refused(fd, c->instance))
		return denied(c, who);
	lends = geteuid() == 0;
	lends_to = reader(c);
	if (confine(c, fd) != 0)
		return EXIT_FAILURE;
	if (!who->last && is_refused(fd, c->instance))
		return STORE_DENIED;
	if ((rc = confined_admit(fd, c->instance)) != 0)
		return cli_error("could not open store \"%s\": %s", c->store, strerror(-rc));
	return program(fd, arg);
}

/* The work of the child. */
struct task {
	const struct confined *c;
	struct identity *who;
	int	(*program)(int store_fd, void *arg);
	void	*arg;
};

static int
run_inside(void *arg)
{
	const struct task *t = arg;

	log_set_sink(confined_log);
	log_set_debug(t->c->debug);
	return read_as(t->c, t->who, t->program, t->arg);
}

/*
 * A hostile catalog may take the child over, so its standard output and error are
 * pipes to this process.  Returns the exit status.
 */
static int
run_as(struct task *t)
{
	int failed = 0, status = limited_program(run_inside, t, LIMITED_SECONDS, &failed);

	if (status == -ETIMEDOUT)
		return limited_tell(t->c->store != NULL ? "store" : "diff directory",
		    t->c->store != NULL ? t->c->store : t->c->diff, LIMITED_SECONDS, t->c->so_what);
	if (status == -ECANCELED)
		return cli_error("the confined process was killed: %s", t->c->so_what);
	if (status < 0)
		return cli_error("could not start a process: %s", strerror(-status));
	return failed == 0 || status != 0 ? status :
	    cli_error("could not write to standard output: %s", strerror(-failed));
}

int
confined_run(const struct confined *c, int (*program)(int store_fd, void *arg), void *arg)
{
	struct identity who = { .last = geteuid() != 0 || c->store == NULL };
	struct task t = { c, &who, program, arg };
	int status = run_as(&t);

	if (who.last || status != STORE_DENIED)
		return status;
	who.last = who.is_user = true;
	return run_as(&t);
}

int
confined_run_inside(const struct confined *c, int (*program)(int store_fd, void *arg), void *arg)
{
	int rc;

	limited_rest(true);	/* it has a limit of its own */
	identity_raise();
	rc = confined_run(c, program, arg);
	identity_drop();
	limited_rest(false);
	return rc;
}
