/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/util.h"
#include "cow/frozen.h"
#include "cow/impl.h"
#include "cow/layer.h"
#include "cow/relfile.h"
#include "cow/source.h"

/*
 * Replay gives, for each layer, the same state of a file that a mount of it would have found:
 * a limit, a number, whether content counts.  At the end of the layer this becomes a part, and
 * the file begins anew, with its length as limit.  The parts are merged when a block of
 * the file is asked for: from then on each block knows its source, however many layers there are.
 *
 * A cut reaches through: what a layer cut off stays off, though the file grows again above.  So each part
 * keeps how much of it is visible; a block that the cut goes through is the older one's, and ends there.
 */

int
frozen_append(struct relfile *f, const struct frozen_part *part)
{
	unsigned n = f->frozen != NULL ? f->frozen->n : 0, i;
	struct frozen *frozen = realloc(f->frozen, sizeof(*frozen) + (n + 1) * sizeof(*part));

	if (frozen == NULL)
		return -ENOMEM;
	if (n == 0)
		*frozen = (struct frozen){ .chain_visible = part->limit };
	frozen->chain_visible = MIN(frozen->chain_visible, part->limit);
	for (i = 0; i < n; i++)
		frozen->part[i].visible = MIN(frozen->part[i].visible, part->limit);
	frozen->part[n] = *part;
	frozen->n = n + 1;
	f->frozen = frozen;
	return 0;
}

/* The blocks of one part, of the first n. */
static int
merge(struct cow *c, const struct frozen_part *p, uint8_t kind, uint32_t n, struct kinds *kinds)
{
	uint32_t limit = (uint32_t)MIN((p->limit + BLCKSZ - 1) / BLCKSZ, (uint64_t)n);
	int rc = kinds_set_older(kinds, limit, n - limit, kind);

	if (rc < 0 || p->number == 0 || limit == 0)
		return rc;
	return content_map_read(c->layers[p->layer].contents, p->number, kinds, limit, kind);
}

int
frozen_kinds(struct cow *c, const struct relfile *f, struct kinds **out)
{
	uint64_t n = relfile_chain_blocks(f);
	unsigned parts = f->frozen != NULL ? f->frozen->n : 0, i, first = 0;
	struct kinds *kinds;
	int rc = 0;

	*out = NULL;
	if (n == 0)
		return 0;
	if (n > RELFILE_BLOCKS_MAX)
		return -EFBIG;
	/* Nothing below a layer that shows nothing of it counts. */
	for (i = 0; i < parts; i++)
		if (f->frozen->part[i].limit == 0)
			first = i + 1;
	kinds = kinds_new((uint32_t)n, first == 0 ? SOURCE_CHAIN : (uint8_t)(SOURCE_FROZEN + first - 1));
	if (kinds == NULL)
		return -ENOMEM;
	for (i = first; i < parts && rc == 0; i++)
		rc = merge(c, &f->frozen->part[i], (uint8_t)(SOURCE_FROZEN + i), (uint32_t)n, kinds);
	if (rc < 0)
		kinds_free(kinds);
	else
		*out = kinds;
	return rc;
}

bool
frozen_has_content(const struct relfile *f)
{
	return f->frozen != NULL && f->frozen->part[f->frozen->n - 1].number != 0;
}

int
frozen_times(struct cow *c, struct relfile *f)
{
	const struct frozen_part *p;
	struct stat st;
	int rc;

	if (!frozen_has_content(f))
		return 0;
	p = &f->frozen->part[f->frozen->n - 1];
	if ((rc = content_stat(c->layers[p->layer].contents, p->number, &st)) < 0)
		return rc == -ENOENT ? -EUCLEAN : rc;
	relfile_times_found(f, &st);
	return 0;
}
