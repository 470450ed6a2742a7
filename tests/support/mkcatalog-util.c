/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files read whole, paths, and lines of configuration.
 */
#include "config.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "mkcatalog.h"

#define FILE_MAX	(2048 * MiB)	/* of a file that is read into memory */

/* Reads a whole file, and adds a NUL; NULL if there is none. */
static char *
read_file_if_any(const char *path, size_t *len)
{
	char *bytes;
	int error, fd autoclose = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return NULL;
	if (fd < 0)
		err(1, "could not open \"%s\"", path);
	if ((error = io_read_file(fd, FILE_MAX, &bytes, len)) < 0)
		errx(1, "could not read \"%s\": %s", path, strerror(-error));
	return bytes;
}

char *
read_file(const char *path, size_t *len)
{
	char *bytes = read_file_if_any(path, len);

	if (bytes == NULL)
		errx(1, "\"%s\" does not exist", path);
	return bytes;
}

/*
 * Copies the value of a "key = value" line, without quotes, into buf; "" if there is
 * no such line.
 */
const char *
conf_value(const char *text, const char *key, char *buf, size_t size)
{
	size_t n = 0, key_len = strlen(key);

	for (; text != NULL; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (strncmp(text, key, key_len) == 0 && strncmp(text + key_len, " = ", 3) == 0)
			break;
	}
	if (text != NULL)
		for (text += key_len + 3; *text != '\0' && *text != '\n' && n + 1 < size; text++)
			if (*text != '\'')
				buf[n++] = *text;
	buf[n] = '\0';
	return buf;
}
