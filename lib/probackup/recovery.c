/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads a recovery target as the user gave it.  Whether it can be reached,
 * recovery_check.c says.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "probackup/explain.h"
#include "probackup/recovery.h"
#include "probackup/recovery_time.h"

#define XID_FIRST	3	/* FirstNormalTransactionId */

/* Reads a number that is all of text.  Returns 0 or -EINVAL. */
static int
parse_number(const char *text, unsigned base, uint32_t *out)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit;
	uint64_t n = 0;

	if (*text == '\0')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		digit = memchr(digits, *text >= 'A' && *text <= 'F' ? *text | 0x20 : *text, base);
		if (digit == NULL || (n = n * base + (uint64_t)(digit - digits)) > UINT32_MAX)
			return -EINVAL;
	}
	*out = (uint32_t)n;
	return 0;
}

static int
parse_lsn(const char *text, uint64_t *lsn)
{
	const char *slash = strchr(text, '/');
	char high[9] = "";
	uint32_t hi, lo;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(high) || strlen(slash + 1) > 8)
		return -EINVAL;
	memcpy(high, text, (size_t)(slash - text));
	if (parse_number(high, 16, &hi) < 0 || parse_number(slash + 1, 16, &lo) < 0)
		return -EINVAL;
	*lsn = (uint64_t)hi << 32 | lo;
	return 0;
}

static int
parse_value(struct recovery_target *t, char *error)
{
	int rc;

	switch (t->kind) {
	case RECOVERY_TIME:
		if ((rc = recovery_time_read(t->value, &t->time_us, error)) < 0)
			return rc;
		return recovery_time_format(t->time_us, NULL, t->written);
	case RECOVERY_XID:
		if (parse_number(t->value, 10, &t->xid) == 0 && t->xid >= XID_FIRST)
			return 0;
		return explain(error, -EINVAL,
		    "\"%.60s\" is not a transaction id: write a decimal number of at least %d",
		    t->value, XID_FIRST);
	case RECOVERY_LSN:
		if (parse_lsn(t->value, &t->lsn) == 0)
			return 0;
		return explain(error, -EINVAL, "\"%.60s\" is not an LSN: write it as \"0/1D000B8\"",
		    t->value);
	case RECOVERY_NAME:
		if (t->value[0] != '\0' && strlen(t->value) <= RECOVERY_NAME_MAX)
			return 0;
		return explain(error, -EINVAL,
		    "\"%.80s\" is not the name of a restore point: it has 1 to %d bytes",
		    t->value, RECOVERY_NAME_MAX);
	default:
		return 0;
	}
}

static bool
needs_value(enum recovery_kind kind)
{
	return kind == RECOVERY_TIME || kind == RECOVERY_XID || kind == RECOVERY_LSN ||
	    kind == RECOVERY_NAME;
}

/* As PostgreSQL's, a leading zero would mean octal: nobody wants that. */
static int
parse_timeline(struct recovery_target *t, char *error)
{
	const char *text = t->timeline;
	bool hex = text != NULL && strncmp(text, "0x", 2) == 0;

	if (text == NULL || strcmp(text, "current") == 0) {
		t->tli_kind = RECOVERY_TLI_CURRENT;
		return 0;
	}
	if (strcmp(text, "latest") == 0) {
		t->tli_kind = RECOVERY_TLI_LATEST;
		return 0;
	}
	t->tli_kind = RECOVERY_TLI_NUMBER;
	if ((hex || text[0] != '0') &&
	    parse_number(hex ? text + 2 : text, hex ? 16 : 10, &t->tli) == 0 && t->tli != 0)
		return 0;
	return explain(error, -EINVAL,
	    "\"%.60s\" is not a timeline: write a number, \"latest\" or \"current\"", text);
}

int
recovery_parse(struct recovery_target *t, char *error)
{
	int rc;

	if (needs_value(t->kind) && t->value == NULL)
		return explain(error, -EINVAL, "the recovery target has no value");
	if ((rc = parse_value(t, error)) < 0)
		return rc;
	/* The end of the archive is that of the latest timeline, as for restore. */
	if (t->kind == RECOVERY_LATEST && t->timeline == NULL)
		t->timeline = "latest";
	return parse_timeline(t, error);
}
