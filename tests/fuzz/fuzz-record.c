/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: root's record.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "supervisor/record.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct record r;
	char *text;

	if (size > RECORD_MAX || (text = malloc(size + 1)) == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	/* An accepted record can be compared in every field. */
	if (record_parse(text, size, &r) == 0 &&
	    (r.diff == NULL || r.diff[0] != '/' || r.binding.n_members == 0 ||
	    binding_difference(&r.binding, &r.binding) != NULL))
		abort();
	record_fini(&r);
	free(text);
	return 0;
}
