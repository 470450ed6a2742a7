/*
 * A mount that is gone from here, while other mount namespaces hold it.
 */
#ifndef CLI_ELSEWHERE_H
#define CLI_ELSEWHERE_H

#include "cli/target.h"

/* Says who holds it and what can be done.  Returns 1. */
int	elsewhere_tell(const struct target *t);

/*
 * Ends it: unmounts it in each namespace, detaches it where it is in use, and cuts the
 * connection of what is left after a while, or where it may not be unmounted, once all was
 * written back.  Returns an exit status.
 */
int	elsewhere_end(struct target *t);

#endif
