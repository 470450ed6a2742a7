/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "pg/pgcontrol.h"
#include "worker/cloneconf.h"
#include "worker/report.h"

/*
 * Recovery from an archive, and a standby, stop at the start if hot_standby is on and
 * one of these is less than it was where the WAL was made.  Recovery from a
 * backup's own WAL does not compare.
 */

#define CONTROL_FILE	"global/pg_control"

static bool
is_off(const char *value)
{
	static const char *const words[] = { "off", "false", "no", "0" };
	size_t i;

	for (i = 0; value != NULL && i < ARRAY_SIZE(words); i++)
		if (strcasecmp(value, words[i]) == 0)
			return true;
	return false;
}

static int
read_control(const struct cloneconf *c, uint32_t value[MINIMUM_COUNT])
{
	char *data autofree = NULL;
	size_t len = 0;
	int rc = settings_file(c->settings, CONTROL_FILE, &data, &len);

	return rc == 0 ? pgcontrol_read(data, len, value) : rc;
}

/*
 * Reads a number.  Returns 0 and *value, or -1 for a text that the server
 * should judge.
 */
static int
parse(const char *text, uint32_t *value)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 0);
	if (end == text || *end != '\0' || errno != 0 || n > INT_MAX)
		return -1;
	*value = (uint32_t)n;
	return 0;
}

static void
raise_one(const struct cloneconf *c, const struct pgcontrol_minimum *m, uint32_t needed,
    struct pgautoconf *a)
{
	const char *chosen = cloneconf_value(c, m->name);
	uint32_t value = m->fallback;
	char text[16];

	if (chosen != NULL && parse(chosen, &value) != 0)
		return;
	if (chosen != NULL && value < needed)
		report_warn("%s is raised from %u to %u: recovery refuses less than production had",
		    m->name, (unsigned)value, (unsigned)needed);
	snprintf(text, sizeof(text), "%u", (unsigned)MAX(value, needed));
	pgautoconf_set(a, m->name, text);
}

void
minima_raise(const struct cloneconf *c, struct pgautoconf *a)
{
	uint32_t needed[MINIMUM_COUNT];
	unsigned i;
	int rc;

	if (is_off(cloneconf_value(c, "hot_standby")))
		return;
	if ((rc = read_control(c, needed)) < 0) {
		report_warn("could not read \"" CONTROL_FILE "\": %s: whether the settings suffice for"
		    " recovery is not known", rc == -EUCLEAN ? "it does not match its checksum" :
		    rc == -ENOTSUP ? "it is of an unknown version" : strerror(-rc));
		return;
	}
	pgautoconf_comment(a, "what recovery demands, added by pbkfs mount");
	for (i = 0; i < MINIMUM_COUNT; i++)
		raise_one(c, &pgcontrol_minima[i], needed[i], a);
}
