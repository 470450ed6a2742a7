/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks at what this machine has for a proof: programs, a place with space, FUSE.  Names may
 * lie on file systems that do not answer, so a child does it.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/cli.h"
#include "cli/limited.h"
#include "cli/plan.h"
#include "supervisor/fusewhy.h"

const char *const plan_host_programs[PLAN_PROGRAMS] = {
	[PLAN_PSQL] = "psql", [PLAN_DUMP] = "pg_dump", [PLAN_AMCHECK] = "pg_amcheck",
};

struct request {
	const struct options *options;
	unsigned server_version;
	uint32_t wal_segment;
	struct plan_host *out;
};

/* Finds a program as a run does: with the server's, then in the PATH. */
static void
find_program(const char *bindir, const char *name, char out[PATH_MAX])
{
	const char *path = getenv("PATH");
	size_t n;

	if (bindir[0] != '\0' && snprintf(out, PATH_MAX, "%s/%s", bindir, name) < PATH_MAX && access(out, X_OK) == 0)
		return;
	for (; path != NULL && *path != '\0'; path += n + (path[n] == ':')) {
		n = strcspn(path, ":");
		if (n > 0 && snprintf(out, PATH_MAX, "%.*s/%s", (int)MIN(n, (size_t)PATH_MAX), path, name) < PATH_MAX &&
		    access(out, X_OK) == 0)
			return;
	}
	out[0] = '\0';
}

static void
look_for_server(const struct request *q)
{
	struct plan_host *h = q->out;
	struct pgserver_package p;
	size_t i;

	if (pgserver_choose(q->server_version, q->options->bindir, h->bindir, h->server_error) != 0) {
		h->bindir[0] = '\0';
		if (pgserver_package(q->server_version, &p))
			strlcpy(h->package, p.name, sizeof(h->package));
		return;
	}
	for (i = 0; i < PLAN_PROGRAMS; i++)
		find_program(h->bindir, plan_host_programs[i], h->program[i]);
}

static void
look_for_place(const struct request *q)
{
	static struct workdir w;	/* in which nothing is made */
	struct plan_host *h = q->out;
	struct guest_limits limits;

	if (workdir_find(q->options->workdir, h->workdir, h->workdir_error) != 0)
		return;
	if (access(h->workdir, W_OK | X_OK) != 0)
		snprintf(h->workdir_error, sizeof(h->workdir_error), "could not make a directory in \"%.1000s\": %s;"
		    " --workdir names another one", h->workdir, strerror(errno));
	strlcpy(w.dir, h->workdir, sizeof(w.dir));
	w.own_diff = true;
	h->free = guest_space(&w);
	limits = (struct guest_limits){ .memory = guest_memory(), .space = h->free, .wal_segment = q->wal_segment,
	    .major = q->server_version, .discarded = true };
	guest_fit(&h->guest, q->options, &limits);
}

static int
look(const void *arg)
{
	const struct request *q = arg;

	look_for_place(q);
	fusewhy_foresee(geteuid() == 0, q->out->fuse_error, sizeof(q->out->fuse_error));
	if (q->server_version != 0)
		look_for_server(q);
	return 0;
}

int
plan_host_look(const struct options *o, unsigned server_version, uint32_t wal_segment, struct plan_host *h)
{
	const struct request q = { o, server_version, wal_segment, h };
	int rc;

	memset(h, 0, sizeof(*h));
	if ((rc = limited_run(look, &q, LIMITED_SECONDS)) == 0)
		return 0;
	if (rc == -ETIMEDOUT)
		return limited_tell("directory", o->workdir != NULL ? o->workdir : "$TMPDIR", LIMITED_SECONDS,
		    "nothing was planned");
	return cli_error("could not look at this machine: %s", strerror(-rc));
}
