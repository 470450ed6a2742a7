/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <limits.h>

#include "base/log.h"
#include "base/util.h"
#include "cow/budget.h"
#include "cow/dentry.h"
#include "cow/impl.h"
#include "cow/node.h"

/*
 * The budget of memory for nodes and names that the journal makes.
 */

/* A record makes one node and two names at most. */
#define RECORD_COST_MAX	(NODE_COST + PATH_MAX + 2 * (sizeof(struct dentry) + NAME_MAX + 64))

static size_t
tree_max(const struct cow *c)
{
	return c->config.tree_max != 0 ? c->config.tree_max : COW_TREE_MAX;
}

int
budget_charge(struct cow *c, size_t bytes)
{
	/* Later workers of a mount also keep what lost its name, as the first did while it served. */
	if (c->config.first && bytes > tree_max(c) - MIN(c->tree_bytes, tree_max(c)))
		return -ENOSPC;
	c->tree_bytes += bytes;
	return 0;
}

int
budget_check(struct cow *c)
{
	static struct log_budget budget;
	unsigned skipped;

	if (c->tree_bytes + RECORD_COST_MAX <= tree_max(c))
		return 0;
	if (log_allowed(&budget, &skipped))
		log_error("no room in memory for more files than have been made: %zu MiB are taken"
		    " (%u such lines were left out)", c->tree_bytes / MiB, skipped);
	return -ENOSPC;
}

bool
budget_has_half(const struct cow *c)
{
	return c->tree_bytes < tree_max(c) / 2;
}

void
budget_return(struct cow *c, size_t bytes)
{
	c->tree_bytes -= bytes;
}
