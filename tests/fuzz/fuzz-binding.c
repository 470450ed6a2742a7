/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: the binding of a diff directory, which its owner can write.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "supervisor/binding.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct binding b;
	char *text;

	if (size > BINDING_MAX || (text = malloc(size + 1)) == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	/* An accepted text is a binding in every field. */
	if (binding_parse(text, size, &b) == 0 &&
	    (b.store == NULL || b.store[0] != '/' || b.instance == NULL ||
	    b.backup_id == NULL || b.n_members == 0 || b.n_members > CHAIN_MAX ||
	    (b.branch != NULL && (b.snapshot == NULL || strlen(b.snapshot_id) != BINDING_SNAPSHOT_ID))))
		abort();
	binding_fini(&b);
	free(text);
	return 0;
}
