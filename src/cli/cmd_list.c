/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command list: finds all mounts of this host and prints them.  listing.c
 * looks at them, list_text.c and list_json.c write them.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
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
#include "cli/promotions.h"
#include "cli/unmounted.h"
#include "supervisor/holders.h"
#include "supervisor/paths.h"

#define LIST_MS		5000	/* for all of it, whatever mounts and processes there are */
#define ELSEWHERE_MS	1500	/* of these for mounts of other namespaces */
#define SUPERVISORS_MS	500	/* and for supervisors among the processes */

/* Leaves the directory of the caller: it may be in a mount, and this process is no client. */
static void
let_go(void)
{
	if (chdir("/") != 0)
		cli_warn("could not change directory to \"/\": %s", strerror(errno));
}

/*
 * Finds those of our mount namespace, which are the first *n_here, then those
 * that only others have, then supervisors, then what is being promoted.  Returns 0 or
 * negative errno.
 */
static int
find_mounts(struct mountinfo_list *mounts, const char *diff, size_t *n_here, int64_t began)
{
	int rc = mountinfo_list(MOUNTINFO_SELF, MOUNT_FSTYPE, mounts);

	*n_here = mounts->n;
	if (rc == 0)
		rc = holders_list(began + ELSEWHERE_MS, mounts);
	if (rc == 0)
		rc = unmounted_list(mounts, began + ELSEWHERE_MS + SUPERVISORS_MS);
	return rc == 0 && diff != NULL ? promotions_add(mounts, diff) : rc;
}

/* ---- two rows of one mount ---------------------------------------------- */

static bool
is_mount_of(const struct mountinfo *m, const struct mountstate *l)
{
	return (l->major != 0 || l->minor != 0) && m->major == l->major && m->minor == l->minor;
}

/* The supervisor's word for what its diff directory did not tell. */
static void
take_word(struct mountstate *mount, const struct mountstate *supervisor)
{
	if (mount->state != MOUNTSTATE_UNKNOWN || supervisor->state == MOUNTSTATE_UNKNOWN)
		return;
	mount->state = supervisor->state;
	mount->supervisor = supervisor->supervisor;
	mount->worker = supervisor->worker;
}

/*
 * Whether a supervisor is that of one of the first n_here rows.  Which that is tells the device; of
 * one that does not answer, that it listens for that row, or that nobody but the caller can have
 * made a mount with this source.
 */
static bool
is_shown(const struct mountinfo *m, size_t n_here, struct listed *listed, struct mountstate *l)
{
	bool found = false;
	size_t i;

	for (i = 0; i < n_here; i++) {
		if (is_mount_of(&m[i], l)) {
			take_word(&listed[i].look, l);
			found = true;
		} else if (l->major == 0 && l->minor == 0 && l->state != MOUNTSTATE_STARTING)
			found |= (l->supervisor != 0 && listed[i].look.supervisor == l->supervisor) ||
			    (m[i].uid == geteuid() && strcmp(m[i].source, l->diff) == 0);
		if (l->is_silent && strcmp(m[i].source, l->diff) == 0)
			l->state = MOUNTSTATE_UNKNOWN;
	}
	return found;
}

/* Whether a supervisor speaks for a mount of other namespaces. */
static bool
has_word(const struct mountinfo_list *mounts, size_t n_here, const struct listed *listed,
    const struct mountinfo *m)
{
	size_t i;

	for (i = n_here; i < mounts->n; i++)
		if (unmounted_is(&mounts->mount[i]) && is_mount_of(m, &listed[i].look))
			return true;
	return false;
}

/*
 * Of what is not here, keeps supervisors, and what was here: containers have mounts of their
 * own.
 */
static bool
is_kept(const struct mountinfo_list *mounts, size_t n_here, struct listed *listed, size_t row)
{
	const struct mountinfo *m = &mounts->mount[row];
	struct mountstate *l = &listed[row].look;

	if (promotions_is(m))
		return l->state == MOUNTSTATE_PROMOTING;
	if (unmounted_is(m))
		return l->diff[0] != '\0' && !is_shown(mounts->mount, n_here, listed, l);
	return l->state == MOUNTSTATE_ELSEWHERE && !has_word(mounts, n_here, listed, m);
}

static void
name_it(struct mountinfo *m, const struct mountstate *l)
{
	if (promotions_is(m))
		return;
	if (l->mountpoint[0] != '\0' || unmounted_is(m))
		strlcpy(m->mountpoint, l->mountpoint, sizeof(m->mountpoint));
	if (unmounted_is(m))
		strlcpy(m->source, l->diff, sizeof(m->source));
}

static int
keep_ours(struct mountinfo_list *mounts, size_t n_here, struct listed *listed)
{
	bool *kept autofree = calloc(mounts->n + 1, sizeof(*kept));
	size_t i, n = n_here;

	if (kept == NULL)
		return -ENOMEM;
	for (i = n_here; i < mounts->n; i++)
		kept[i] = is_kept(mounts, n_here, listed, i);
	for (i = n_here; i < mounts->n; i++) {
		if (!kept[i])
			continue;
		listed[n] = listed[i];
		mounts->mount[n] = mounts->mount[i];
		name_it(&mounts->mount[n], &listed[n].look);
		n++;
	}
	mounts->n = n;
	return 0;
}

/* ---- the command -------------------------------------------------------- */

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
list(struct mountinfo_list *mounts, const char *diff, bool json)
{
	struct listed *listed autofree = NULL;
	int64_t began = clock_monotonic_ms();
	size_t n_here;
	int rc;

	if ((rc = find_mounts(mounts, diff, &n_here, began)) != 0)
		return cli_error("could not read the list of mounts: %s", strerror(-rc));
	if ((listed = calloc(mounts->n + 1, sizeof(*listed))) == NULL ||
	    listing_find(mounts, n_here, listed, began + LIST_MS) != 0 ||
	    keep_ours(mounts, n_here, listed) != 0)
		return cli_error("out of memory");
	return print(mounts, listed, json);
}

int
cmd_list(const struct options *o)
{
	struct mountinfo_list mounts = { 0 };
	char diff[PATH_MAX];
	int rc;

	if (o->diff != NULL && (rc = paths_resolve_parent(o->diff, diff)) != 0)
		return cli_error("could not use \"%s\": %s", o->diff, paths_strerror(rc));
	let_go();
	rc = list(&mounts, o->diff != NULL ? diff : NULL, o->format == 1);
	mountinfo_free(&mounts);
	return rc;
}
