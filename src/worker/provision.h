/*
 * The changes that a mount makes to the data directory before anybody serves
 * it: settings of a clone and of a recovery, the files that ask for one, and
 * what is left out.
 */
#ifndef WORKER_PROVISION_H
#define WORKER_PROVISION_H

#include "ipc/job.h"
#include "probackup/chain.h"

/* Whether recovery from the archive is in effect, as restore decides it. */
bool	provision_recovers(const struct provision *p, const struct control *backup);

/* The value that --set gives a setting in this mount, the last one; NULL if none. */
const char *provision_chosen(const struct provision *p, const char *name);

/*
 * Says what cannot work before there is a mount: see recovery_check().
 * Returns 0, or negative errno after report_failed().
 */
int	provision_check(const struct job *job, const struct chain *c);

/*
 * Does what job->provision asks for, durably: all of it at the first mount of a
 * diff directory, later only the settings.  The index has to be complete.
 * Warns of settings that lead outside of the mount.  Returns 0, or negative
 * errno after a line in the log.
 */
int	provision(const struct job *job, const struct chain *c);

#endif
