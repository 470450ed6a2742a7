/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the list that the kernel keeps of the children of a process's first thread, which is the one that forks here.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/descend.h"

uint64_t
descend_each(pid_t parent, unsigned depth, uint64_t (*act)(pid_t pid, unsigned depth))
{
	char path[64], *line = NULL, *p, *end;
	uint64_t sum = 0;
	size_t size = 0;
	FILE *f;
	long pid;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	if (getline(&line, &size, f) > 0)
		for (p = line; (pid = strtol(p, &end, 10)) > 0 && end != p; p = end)
			sum += act((pid_t)pid, depth);
	free(line);
	fclose(f);
	return sum;
}
