/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: lines of a table of mounts, where others choose names, sources and labels.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "supervisor/mountinfo.h"

/* Whatever a line holds, names end, and they are escaped to what is read as the same again. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mountinfo m;
	char escaped[4 * PATH_MAX];
	char *line = malloc(size + 1);

	if (line == NULL)
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	if (mountinfo_parse(line, &m) == 0) {
		if (strnlen(m.mountpoint, sizeof(m.mountpoint)) == sizeof(m.mountpoint) ||
		    strnlen(m.source, sizeof(m.source)) == sizeof(m.source) ||
		    strnlen(m.fstype, sizeof(m.fstype)) == sizeof(m.fstype))
			abort();
		mountinfo_escape(m.mountpoint, escaped, sizeof(escaped));
		if (strpbrk(escaped, " \t\n") != NULL)
			abort();
	}
	free(line);
	return 0;
}
