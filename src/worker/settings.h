/*
 * The configuration of the cluster that is mounted: its small files, and what
 * in them leads outside of the mount.
 */
#ifndef WORKER_SETTINGS_H
#define WORKER_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "cow/cow.h"

#define SETTINGS_FILE_MAX	(1024 * 1024)	/* bytes of a configuration file */

/*
 * Finds a path below the root of the mount.  Returns 0 and *attr, -ENOENT, or
 * another negative errno.  Counts lookups, which nobody takes back: for a cow
 * that is closed soon.
 */
int	settings_find(struct cow *c, const char *path, struct cow_attr *attr);

/*
 * Reads a file below the root into a malloc'ed, NUL terminated text, which the
 * caller frees.  Returns 0, -ENOENT, -EFBIG, or another negative errno.
 */
int	settings_read(struct cow *c, const char *path, struct reader *r, char **text, size_t *len);

struct settings;

/*
 * Reads from postgresql.conf, what it includes, and postgresql.auto.conf the
 * settings that hold names of files or directories, and timezone.  Returns NULL when memory is
 * short; what cannot be read is left out.
 */
struct settings *settings_new(struct cow *c, struct reader *r);
void	settings_free(struct settings *s);

/* The value of one of them, or NULL if it is not set. */
const char *settings_get(const struct settings *s, const char *name);

/*
 * Reports a warning for what leads outside of the mount, which is at mnt, with
 * the way out.
 */
void	settings_warn(const struct settings *s, const char *mnt);

#endif
