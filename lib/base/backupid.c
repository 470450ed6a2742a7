/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a name is the id of a backup, and what people typed as one.  Whether
 * such a backup exists is the business of probackup/chain_find.c.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/backupid.h"

/* isupper(3) and isdigit(3) ask the locale. */
static bool
is_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

bool
backup_id_is_valid(const char *id)
{
	size_t n = 0;

	while (n < BACKUP_ID_MAX && is_digit(id[n]))
		n++;
	return n > 0 && n < BACKUP_ID_MAX && id[n] == '\0';
}

static char
upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

int
backup_id_normalize(const char *id, char out[BACKUP_ID_MAX])
{
	char copy[BACKUP_ID_MAX] = "";
	size_t i, n = strnlen(id, BACKUP_ID_MAX);

	if (n == BACKUP_ID_MAX)
		return -EINVAL;
	for (i = 0; i < n; i++)
		copy[i] = upper(id[i]);
	if (!backup_id_is_valid(copy))
		return -EINVAL;
	memcpy(out, copy, sizeof(copy));
	return 0;
}

int
backup_id_compare(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);

	if (la != lb)
		return la > lb ? -1 : 1;
	return strcmp(b, a);
}
