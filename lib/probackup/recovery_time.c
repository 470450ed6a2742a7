/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads and writes times with their zones, named ones by the system's zone
 * files.  It knows no abbreviations: the server has its own list of them.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include "probackup/chain.h"
#include "probackup/explain.h"
#include "probackup/recovery_time.h"

#define ZONEINFO	"/usr/share/zoneinfo"
#define ZONE_MAX	60	/* bytes of a name */

/* The parts of a time as it is written; zone in seconds east of Greenwich. */
struct written {
	int	year, month, day, hour, minute, second, fraction, zone;
	bool	has_zone;
	const char *name;	/* of the zone; "" if it has none */
};

/* Reads n digits, a number from min to max, and then that character, unless it is 0. */
static bool
take(const char **p, int n, int min, int max, char then, int *out)
{
	int value = 0;

	for (; n > 0; n--, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		value = value * 10 + (**p - '0');
	}
	if (value < min || value > max || (then != '\0' && *(*p)++ != then))
		return false;
	*out = value;
	return true;
}

/* Reads one to six digits behind the point, as microseconds. */
static bool
take_fraction(const char **p, int *us)
{
	int n;

	if (**p != '.')
		return true;
	(*p)++;
	for (*us = 0, n = 0; n < 6; n++) {
		*us *= 10;
		if (**p >= '0' && **p <= '9')
			*us += *(*p)++ - '0';
		else if (n == 0)
			return false;
	}
	return true;
}

/* Reads an offset, a name, or nothing. */
static bool
take_zone(const char **p, struct written *w)
{
	int hours, minutes = 0, seconds = 0, sign;

	while (**p == ' ')
		(*p)++;
	if (**p != '+' && **p != '-') {
		w->name = *p;
		return true;
	}
	sign = *(*p)++ == '-' ? -1 : 1;
	if (!take(p, 2, 0, 15, '\0', &hours))
		return false;
	if (**p >= '0' && **p <= '9') {
		if (!take(p, 2, 0, 59, '\0', &minutes))
			return false;
	} else if (**p == ':' && ((*p)++, !take(p, 2, 0, 59, '\0', &minutes)))
		return false;
	if (**p == ':' && ((*p)++, !take(p, 2, 0, 59, '\0', &seconds)))
		return false;
	w->zone = sign * (3600 * hours + 60 * minutes + seconds);
	w->has_zone = true;
	w->name = "";
	return **p == '\0';
}

static bool
day_exists(const struct written *w)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (w->year % 4 == 0 && w->year % 100 != 0) || w->year % 400 == 0;

	return w->day <= days[w->month - 1] + (w->month == 2 && leap);
}

/* Returns the days from 1970-01-01, counting years from March. */
static int64_t
days_of(const struct written *w)
{
	int64_t y = w->month > 2 ? w->year : w->year - 1;
	int m = w->month > 2 ? w->month - 3 : w->month + 9;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + w->day - 1 - 719468;
}

/* Returns the seconds that the time would be in UTC. */
static int64_t
civil_seconds(const struct written *w)
{
	return days_of(w) * 86400 + w->hour * 3600 + w->minute * 60 + w->second;
}

static bool
take_time(const char *p, struct written *w)
{
	*w = (struct written){ .name = "" };
	if (!take(&p, 4, 1970, 9999, '-', &w->year) || !take(&p, 2, 1, 12, '-', &w->month) ||
	    !take(&p, 2, 1, 31, '\0', &w->day) || (*p != ' ' && *p != 'T') ||
	    (p++, !take(&p, 2, 0, 23, ':', &w->hour)) || !take(&p, 2, 0, 59, '\0', &w->minute))
		return false;
	if (*p == ':' && (p++, !take(&p, 2, 0, 59, '\0', &w->second) ||
	    !take_fraction(&p, &w->fraction)))
		return false;
	return take_zone(&p, w) && day_exists(w);
}

/* ---- time zones ------------------------------------------------------------ */

static bool
is_utc(const char *zone)
{
	return strcasecmp(zone, "Z") == 0 || strcasecmp(zone, "UTC") == 0 ||
	    strcasecmp(zone, "GMT") == 0 || strcasecmp(zone, "Etc/UTC") == 0;
}

/* Whether the system has a file for it: the C library takes any other name for UTC. */
static bool
zone_exists(const char *zone)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
	const char *dir = getenv("TZDIR");
	char path[PATH_MAX];
	size_t len = strlen(zone);
	struct stat st;

	if (len == 0 || len > ZONE_MAX || zone[0] == '/' || strspn(zone, letters) != len)
		return false;
	snprintf(path, sizeof(path), "%s/%s", dir != NULL ? dir : ZONEINFO, zone);
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/*
 * Makes zone that of the process.  Returns the old one, which leave_zone()
 * restores and frees.
 */
static char *
enter_zone(const char *zone)
{
	const char *old = getenv("TZ");
	char *kept = old != NULL ? strdup(old) : NULL;

	setenv("TZ", is_utc(zone) ? "UTC0" : zone, 1);
	tzset();
	return kept;
}

static void
leave_zone(char *kept)
{
	if (kept != NULL)
		setenv("TZ", kept, 1);
	else
		unsetenv("TZ");
	tzset();
	free(kept);
}

/* Returns how far the zone of the process is east of Greenwich, in seconds. */
static int64_t
offset_at(int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	return localtime_r(&t, &tm) != NULL ? tm.tm_gmtoff : 0;
}

/*
 * Finds which moments a time of the process's zone is: with the offset of the day
 * before, that of the day behind, or both.  Returns how many, the earlier first.
 */
static int
find_moments(int64_t civil, int64_t moment[2])
{
	int64_t before = offset_at(civil - 86400), behind = offset_at(civil + 86400);
	int n = 0;

	if (offset_at(civil - before) == before)
		moment[n++] = civil - before;
	if (behind != before && offset_at(civil - behind) == behind)
		moment[n++] = civil - behind;
	return n;
}

static int
explain_moments(char *error, const char *text, int n, const int64_t moment[2])
{
	char first[RECOVERY_TIME_MAX], second[RECOVERY_TIME_MAX];

	if (n == 0)
		return explain(error, -EINVAL,
		    "\"%.60s\" does not exist, since clocks are put forward over it: write a time with an offset such as \"+00\"",
		    text);
	recovery_time_format(moment[0] * 1000000, NULL, first);
	recovery_time_format(moment[1] * 1000000, NULL, second);
	return explain(error, -EINVAL,
	    "\"%.60s\" comes twice, since clocks are put back over it: write \"%s\" or \"%s\"",
	    text, first, second);
}

/* Reads the time as one in the zone of the process. */
static int
read_local(const char *text, const struct written *w, int64_t *seconds, char *error)
{
	int64_t moment[2] = { 0 };
	int n;

	tzset();
	if ((n = find_moments(civil_seconds(w), moment)) != 1)
		return explain_moments(error, text, n, moment);
	*seconds = moment[0];
	return 0;
}

static int
read_named(const char *text, const struct written *w, int64_t *seconds, char *error)
{
	char *kept;
	int rc;

	/* A name has a part of the world, or it may be an abbreviation, which two places share. */
	if (!is_utc(w->name) && (strchr(w->name, '/') == NULL || !zone_exists(w->name)))
		return explain(error, -EINVAL,
		    "\"%.60s\" is not a time: time zone \"%.40s\" is not known, write an offset such as \"+01\" or a name such as \"Europe/Berlin\"",
		    text, w->name);
	kept = enter_zone(w->name);
	rc = read_local(text, w, seconds, error);
	leave_zone(kept);
	return rc;
}

int
recovery_time_read(const char *text, int64_t *us, char *error)
{
	struct written w;
	int64_t seconds = 0;
	int rc = 0;

	if (!take_time(text, &w) || (w.name[0] != '\0' && strcspn(w.name, "0123456789.:") == 0))
		seconds = -1;
	else if (w.has_zone)
		seconds = civil_seconds(&w) - w.zone;
	else if (w.name[0] != '\0')
		rc = read_named(text, &w, &seconds, error);
	else
		rc = read_local(text, &w, &seconds, error);
	if (rc < 0)
		return rc;
	if (seconds < 0)
		return explain(error, -EINVAL,
		    "\"%.60s\" is not a time: write \"YYYY-MM-DD HH:MM:SS\" with or without a zone such as \"+00\"",
		    text);
	*us = seconds * 1000000 + w.fraction;
	return 0;
}

int
recovery_time_parse(const char *text, int64_t *us)
{
	char error[CHAIN_ERROR_MAX];
	struct written w;
	int64_t seconds;

	if (!take_time(text, &w) || w.name[0] != '\0')
		return -EINVAL;
	seconds = civil_seconds(&w) - w.zone;
	if (!w.has_zone && read_local(text, &w, &seconds, error) < 0)
		return -EINVAL;
	if (seconds < 0)
		return -EINVAL;
	*us = seconds * 1000000 + w.fraction;
	return 0;
}

/* ---- writing --------------------------------------------------------------- */

/* PostgreSQL takes offsets of less than 16 hours. */
#define OFFSET_MAX	(16 * 3600 - 1)

/*
 * The date is counted in UTC from seconds and offset: a zone with leap seconds
 * ("right/...") has its own idea of what a second is called, and PostgreSQL none.
 */
static void
format_local(int64_t us, char buf[RECOVERY_TIME_MAX])
{
	int fraction = (int)(us % 1000000), digits = 6, n, away;
	int east = (int)offset_at(us / 1000000);
	struct tm tm = { 0 };
	char *kept;
	time_t t;

	if (abs(east) > OFFSET_MAX)
		east = 0;
	t = (time_t)(us / 1000000 + east);
	kept = enter_zone("UTC");
	gmtime_r(&t, &tm);
	leave_zone(kept);
	n = (int)strftime(buf, RECOVERY_TIME_MAX, "%Y-%m-%d %H:%M:%S", &tm);
	for (; fraction != 0 && fraction % 10 == 0; fraction /= 10)
		digits--;
	if (fraction != 0)
		n += snprintf(buf + n, (size_t)(RECOVERY_TIME_MAX - n), ".%0*d", digits, fraction);
	away = abs(east);
	n += snprintf(buf + n, (size_t)(RECOVERY_TIME_MAX - n), "%c%02d", east < 0 ? '-' : '+',
	    away / 3600);
	if (away % 3600 != 0)
		n += snprintf(buf + n, (size_t)(RECOVERY_TIME_MAX - n), ":%02d", away / 60 % 60);
	if (away % 60 != 0)
		snprintf(buf + n, (size_t)(RECOVERY_TIME_MAX - n), ":%02d", away % 60);
}

int
recovery_time_format(int64_t us, const char *zone, char buf[RECOVERY_TIME_MAX])
{
	char *kept;

	if (zone == NULL) {
		tzset();
		format_local(us, buf);
		return 0;
	}
	if (!is_utc(zone) && !zone_exists(zone))
		return -EINVAL;
	kept = enter_zone(zone);
	format_local(us, buf);
	leave_zone(kept);
	return 0;
}
