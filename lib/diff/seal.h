/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The seal of a frozen layer: what it is, what it stands on, and what it holds.
 *
 * A layer with a seal is never written again.  The seal tells the one layer from another
 * (a random id), and whole from damaged: how far the journal goes, and which content
 * files there are, of which lengths.  Format: doc/format.md.
 */
#ifndef DIFF_SEAL_H
#define DIFF_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_NAME_MAX		63	/* bytes of a layer's name */
#define SEAL_MESSAGE_MAX	1000	/* bytes of what people say of it */
#define SEAL_LAYERS_MAX		64	/* layers, one upon another */

#define SEAL_NUMBER_MAX		(UINT64_C(1) << 54)	/* records, and serials, are fewer */

struct seal_id { uint8_t byte[16]; };

/* The frozen layer below another one, as it was. */
struct seal_parent {
	struct seal_id id;
	uint64_t last;			/* number of its journal's last record */
	uint64_t next_serial;		/* the first that it has not given out */
	char	name[SEAL_NAME_MAX + 1];	/* when this was written: names can change, ids do not */
};

/* A content file of the layer. */
struct seal_content {
	uint64_t number;
	uint64_t length, map_length;	/* bytes; map_length 0: it has no block map */
};

struct seal {
	struct seal_id id;
	bool	has_parent;
	struct seal_parent parent;
	unsigned depth;			/* layers below: 0 for one that stands on the backup */
	uint64_t last, next_serial;	/* as in seal_parent, of this layer */
	uint64_t journal_length;	/* bytes */
	uint32_t journal_crc;		/* journal_crc(), of all its records */
	int64_t	time;			/* when it was frozen, ns since the epoch */
	uint64_t disk_bytes;		/* that it took then: what goes if it is removed, but for shared extents */
	char	message[SEAL_MESSAGE_MAX + 1];
	struct seal_content *content;	/* ascending numbers */
	size_t	n_contents;
};

/*
 * Decodes what a seal file holds.  Returns 0 and *out (seal_fini()), -EUCLEAN where it is damaged or
 * of another format, or -ENOMEM.  layer names it in the log.
 */
int	seal_decode(const unsigned char *bytes, size_t len, const char *layer, struct seal *out);
void	seal_fini(struct seal *s);

/* Reads the seal of the layer in dir_fd.  -ENOENT: it has none, which is not logged; else as seal_decode(). */
int	seal_read(int dir_fd, const char *layer, struct seal *out);
/* Writes it durably, in one step, as the last thing that is ever written there.  Returns 0 or negative errno. */
int	seal_write(int dir_fd, const struct seal *s);
/* Takes it away, durably: the layer is not frozen after all. */
int	seal_remove(int dir_fd);

/*
 * Whether the directory has what the seal says beside the journal: each content file and block map, a plain file
 * of that length, and no others.  Reads no content.  Returns 0, -EUCLEAN (logged, with the layer's name) or negative errno.
 */
int	seal_check(int dir_fd, const char *layer, const struct seal *s);

/* The content file of that number, or NULL. */
const struct seal_content *seal_find(const struct seal *s, uint64_t number);

/* Whether it stands on parent; NULL: on the backup. */
bool	seal_stands_on(const struct seal *s, const struct seal_parent *parent);
/* Whether it is that layer, in that state, which somebody stands on. */
bool	seal_is(const struct seal *s, const struct seal_parent *parent);
bool	seal_same(const struct seal_id *a, const struct seal_id *b);

#endif
