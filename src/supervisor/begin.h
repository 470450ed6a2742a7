/*
 * The beginning of a mount, in the supervisor: what is decided before the
 * preparer starts (begin_mount()), and what its report decides before the mount
 * is made (begin_bind(), begin_hold()).
 */
#ifndef SUPERVISOR_BEGIN_H
#define SUPERVISOR_BEGIN_H

#include "supervisor/state.h"

/*
 * Takes possession of the diff directory and decides what is mounted, how and
 * for whom.  Returns 0, or -1 after state_fail().
 */
int	begin_mount(struct supervisor *s);

/*
 * After the preparer's report: compares the chain with the binding, and writes
 * the binding where it is new or has to change.  Returns 0, or -1 after
 * state_fail().
 */
int	begin_bind(struct supervisor *s);

/*
 * Holds the backups of the chain against pg_probackup, before the mount
 * exists.  Returns 0; 1 if somebody works on one of them: to be called again
 * at s->hold_due; or -1 after state_fail().
 */
int	begin_hold(struct supervisor *s);

#endif
