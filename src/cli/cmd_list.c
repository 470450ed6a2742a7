/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command list: finds all mounts of this host and prints them.  listing.c
 * looks at them, list_text.c and list_json.c write them.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/list_json.h"
#include "cli/list_text.h"
#include "cli/listing.h"
#include "cli/unmounted.h"
#include "supervisor/holders.h"

#define LIST_MS		5000	/* for all of it, whatever mounts and processes there are */
#define ELSEWHERE_MS	1500	/* of these for mounts of other namespaces */

/* Leaves the directory of the caller: it may be in a mount, and this process is no client. */
static void
let_go(void)
{
	if (chdir("/") != 0)
		cli_warn("could not change directory to \"/\": %s", strerror(errno));
}

/*
 * Finds those of our mount namespace, which are the first *n_here, then those
 * that only others have, then what is held without a mount.  Returns 0 or
 * negative errno.
 */
static int
find_mounts(struct mountinfo_list *mounts, size_t *n_here, int64_t began)
{
	int rc = mountinfo_list(MOUNTINFO_SELF, MOUNT_FSTYPE, mounts);

	*n_here = mounts->n;
	if (rc == 0)
		rc = holders_list(began + ELSEWHERE_MS, mounts);
	return rc != 0 ? rc : unmounted_list(mounts, 1);
}

/* Drops mounts that were never here: containers have mounts of their own. */
static void
keep_ours(struct mountinfo_list *mounts, size_t n_here, struct listed *listed)
{
	size_t i, n = n_here;

	for (i = n_here; i < mounts->n; i++) {
		if (listed[i].look.state != LOOK_ELSEWHERE && listed[i].look.state != LOOK_UNMOUNTED)
			continue;
		listed[n] = listed[i];
		mounts->mount[n] = mounts->mount[i];
		if (listed[n].look.mountpoint[0] != '\0')
			strlcpy(mounts->mount[n].mountpoint, listed[n].look.mountpoint,
			    sizeof(mounts->mount[n].mountpoint));
		n++;
	}
	mounts->n = n;
}

static int
print(const struct mountinfo_list *mounts, const struct listed *listed, bool json)
{
	int rc = 0;

	if (json)
		rc = list_json_print(mounts->mount, listed, mounts->n);
	else
		list_text_print(mounts->mount, listed, mounts->n);
	if (rc == 0)
		rc = cli_flush();
	if (rc != 0)
		return cli_error("could not write to standard output: %s", strerror(-rc));
	if (mounts->left_out > 0)
		cli_warn("%zu more mounts are not shown", mounts->left_out);
	return 0;
}

static int
list(struct mountinfo_list *mounts, bool json)
{
	struct listed *listed autofree = NULL;
	int64_t began = clock_monotonic_ms();
	size_t n_here;
	int rc;

	if ((rc = find_mounts(mounts, &n_here, began)) != 0)
		return cli_error("could not read the list of mounts: %s", strerror(-rc));
	if ((listed = calloc(mounts->n + 1, sizeof(*listed))) == NULL ||
	    listing_find(mounts, n_here, listed, began + LIST_MS) != 0)
		return cli_error("out of memory");
	keep_ours(mounts, n_here, listed);
	return print(mounts, listed, json);
}

int
cmd_list(const struct options *o)
{
	struct mountinfo_list mounts = { 0 };
	int rc;

	let_go();
	rc = list(&mounts, o->format == 1);
	mountinfo_free(&mounts);
	return rc;
}
