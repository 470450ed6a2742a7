/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command show: prints the backups of a catalog.  A confined child reads
 * it; show_text.c and show_json.c write it.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/confined.h"
#include "cli/show_json.h"
#include "cli/show_text.h"

/* The task of the confined child. */
struct request {
	const char *store, *instance;	/* instance NULL: all */
	bool	json;
	struct json_out out;
};

/* Shows one of all: a fault of it does not stop the others. */
static void
show_one(struct request *q, int store_fd, const char *name)
{
	char error[CHAIN_ERROR_MAX];
	struct instance in = { 0 };
	int rc;

	if ((rc = confined_admit(store_fd, name)) != 0)
		snprintf(error, sizeof(error), "%s", strerror(-rc));
	else
		rc = instance_load(store_fd, q->store, name, &in, error);
	if (rc == 0) {
		if (q->json)
			show_json_instance(&q->out, name, &in);
		else
			show_text_instance(name, &in);
	} else if (q->json)
		show_json_fault(&q->out, name, error);
	else
		show_text_fault(name, error);
	instance_fini(&in);
}

static int
show_all(struct request *q, int store_fd)
{
	char error[CHAIN_ERROR_MAX];
	char **names = NULL;
	size_t n = 0, i;
	int rc;

	if ((rc = instance_names(store_fd, q->store, &names, &n, error)) < 0)
		return confined_failed(rc, error);
	if (q->json)
		show_json_begin(&q->out, q->store);
	else if (n == 0)
		cli_print("no instances\n");
	for (i = 0; i < n; i++) {
		if (i > 0 && !q->json)
			cli_print("\n");
		show_one(q, store_fd, names[i]);
	}
	instance_names_free(names, n);
	return 0;
}

/* Shows the one that was asked for: a fault of it is the answer. */
static int
show_named(struct request *q, int store_fd)
{
	char error[CHAIN_ERROR_MAX];
	struct instance in;
	int rc = 0;

	if ((rc = instance_load(store_fd, q->store, q->instance, &in, error)) < 0)
		rc = confined_failed(rc, error);
	else if (q->json) {
		show_json_begin(&q->out, q->store);
		show_json_instance(&q->out, q->instance, &in);
	} else
		show_text_instance(q->instance, &in);
	instance_fini(&in);
	return rc;
}

static int
show(int store_fd, void *arg)
{
	struct request *q = arg;
	int rc;

	rc = q->instance != NULL ? show_named(q, store_fd) : show_all(q, store_fd);
	if (rc != 0)
		return rc;
	if (q->json && (rc = show_json_end(&q->out)) != 0)
		return cli_error("could not write to standard output: %s", strerror(-rc));
	if ((rc = cli_flush()) != 0)
		return cli_error("could not write to standard output: %s", strerror(-rc));
	return 0;
}

int
cmd_show(const struct options *o)
{
	struct request q = { .store = o->store, .instance = o->instance, .json = o->format == 1 };
	struct confined c = {
		.store = o->store, .instance = o->instance, .write_fd = -1, .sandbox = o->sandbox,
		.so_what = "not all of it could be shown",
	};

	if (o->store == NULL)
		return cli_usage("--pbk-store is required");
	return confined_run(&c, show, &q);
}
