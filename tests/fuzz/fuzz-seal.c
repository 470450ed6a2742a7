/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The seal of a frozen layer.  The first byte says whether the rest gets the right checksum, so that
 * the parser comes to see what it says.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "diff/seal.h"
#include "fuzz.h"
#include "support/tmpdir.h"

#define AT_CRC	12

/* An accepted seal can be searched, and is the one that it names. */
static void
check(const struct seal *s)
{
	struct seal_parent self = { .id = s->id, .last = s->last, .next_serial = s->next_serial };
	size_t i;

	if (!seal_is(s, &self) || s->depth >= SEAL_LAYERS_MAX || !seal_stands_on(s, s->has_parent ? &s->parent : NULL) ||
	    strlen(s->parent.name) > SEAL_NAME_MAX || strlen(s->message) > SEAL_MESSAGE_MAX)
		abort();
	for (i = 0; i < s->n_contents; i++)
		if (seal_find(s, s->content[i].number) != &s->content[i])
			abort();
	if (seal_find(s, UINT64_MAX) != NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *bytes;
	struct seal s;
	uint32_t crc;

	log_set_sink(swallow);
	if (size < 1 || (bytes = malloc(size)) == NULL)
		return 0;
	memcpy(bytes, data + 1, size - 1);
	if (data[0] % 2 == 1 && size - 1 > AT_CRC + sizeof(crc)) {
		crc = crc32c(0, bytes + AT_CRC + sizeof(crc), size - 1 - AT_CRC - sizeof(crc));
		memcpy(bytes + AT_CRC, &crc, sizeof(crc));
	}
	if (seal_decode(bytes, size - 1, "x", &s) == 0) {
		check(&s);
		seal_fini(&s);
	}
	free(bytes);
	return 0;
}
