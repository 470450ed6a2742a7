/*
 * A gzip file of known length, decompressed from its beginning to its end, as
 * far as somebody wants it.  Memory does not grow with the file.
 */
#ifndef PROBACKUP_GZFILE_H
#define PROBACKUP_GZFILE_H

#include <stdint.h>
#include <sys/types.h>

struct gzfile;

/*
 * Takes over fd, also on failure; size is what the file has to inflate to.
 * Returns 0 and *out, or -ENOMEM.
 */
int	gzfile_new(int fd, uint64_t size, struct gzfile **out);
void	gzfile_free(struct gzfile *g);

/*
 * Reads the next len bytes; fewer only at the end.  The call that reads the
 * last byte also checks that the stream ends there and that its checksum is
 * right.  Returns their number, -EUCLEAN if the file is damaged, or negative
 * errno; after a failure nothing more can be read.
 */
ssize_t	gzfile_read(struct gzfile *g, void *buf, size_t len);

/* After a failure: what was wrong. */
const char *gzfile_why(const struct gzfile *g);

#endif
