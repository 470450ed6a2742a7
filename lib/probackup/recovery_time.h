/*
 * Times as people write them for PostgreSQL, and as backup.control has them.
 */
#ifndef PROBACKUP_RECOVERY_TIME_H
#define PROBACKUP_RECOVERY_TIME_H

#include <stdint.h>

/*
 * Reads "YYYY-MM-DD HH:MM:SS[.ffffff][(+|-)ZZ[:MM]]"; without a zone, in the
 * time zone of the process.  Returns 0 and microseconds since the epoch, or
 * -EINVAL, also for a time before 1970.
 */
int	recovery_time_parse(const char *text, int64_t *us);

#endif
