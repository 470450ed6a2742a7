#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include "probackup/recovery_time.h"

/* What a time says; zone in minutes east of Greenwich. */
struct written {
	int	year, month, day, hour, minute, second, fraction, zone;
	bool	has_zone;
};

/* Reads exactly n digits, at most max, and what follows unless that is 0. */
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

/* One to six digits behind the point, as microseconds. */
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

static bool
take_zone(const char **p, struct written *w)
{
	int hours, minutes = 0, sign = **p == '-' ? -1 : 1;

	while (**p == ' ')
		(*p)++;
	if (**p == '\0')
		return true;
	sign = **p == '-' ? -1 : 1;
	if ((**p != '+' && **p != '-') || ((*p)++, !take(p, 2, 0, 15, '\0', &hours)))
		return false;
	if (**p == ':' && ((*p)++, !take(p, 2, 0, 59, '\0', &minutes)))
		return false;
	w->zone = sign * (60 * hours + minutes);
	w->has_zone = true;
	return **p == '\0';
}

static bool
day_exists(const struct written *w)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (w->year % 4 == 0 && w->year % 100 != 0) || w->year % 400 == 0;

	return w->day <= days[w->month - 1] + (w->month == 2 && leap);
}

/* Days from 1970-01-01, by counting years from March. */
static int64_t
days_of(const struct written *w)
{
	int64_t y = w->month > 2 ? w->year : w->year - 1;
	int m = w->month > 2 ? w->month - 3 : w->month + 9;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + w->day - 1 - 719468;
}

static int64_t
seconds_of(const struct written *w)
{
	struct tm tm = {
		.tm_year = w->year - 1900, .tm_mon = w->month - 1, .tm_mday = w->day,
		.tm_hour = w->hour, .tm_min = w->minute, .tm_sec = w->second, .tm_isdst = -1,
	};

	if (!w->has_zone)
		return mktime(&tm);
	return days_of(w) * 86400 + w->hour * 3600 + w->minute * 60 + w->second - w->zone * 60;
}

int
recovery_time_parse(const char *text, int64_t *us)
{
	struct written w = { 0 };
	int64_t seconds;

	if (!take(&text, 4, 1970, 9999, '-', &w.year) || !take(&text, 2, 1, 12, '-', &w.month) ||
	    !take(&text, 2, 1, 31, ' ', &w.day) || !take(&text, 2, 0, 23, ':', &w.hour) ||
	    !take(&text, 2, 0, 59, ':', &w.minute) || !take(&text, 2, 0, 59, '\0', &w.second) ||
	    !take_fraction(&text, &w.fraction) || !take_zone(&text, &w) || !day_exists(&w))
		return -EINVAL;
	if ((seconds = seconds_of(&w)) < 0)
		return -EINVAL;
	*us = seconds * 1000000 + w.fraction;
	return 0;
}
