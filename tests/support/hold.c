/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Holds a file with changes that the kernel has not written back:
 *
 *	hold write|map FILE BYTES
 *
 * Makes FILE of BYTES letters, by write(2) or through a shared mapping of a file that
 * is open no more, says "held" on standard output, and lets go of it when
 * standard input ends.
 */
#include "config.h"

#include <sys/mman.h>

#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
fill_by_write(int fd, size_t size)
{
	char *text = malloc(size);

	if (text == NULL)
		err(1, "malloc");
	memset(text, 'x', size);
	if (write(fd, text, size) != (ssize_t)size)
		err(1, "write");
	free(text);
}

static void
fill_by_map(int fd, size_t size)
{
	void *p;

	if (ftruncate(fd, (off_t)size) != 0)
		err(1, "ftruncate");
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		err(1, "mmap");
	memset(p, 'x', size);
	close(fd);
}

int
main(int argc, char **argv)
{
	char byte;
	int fd;

	if (argc != 4)
		errx(2, "usage: hold write|map FILE BYTES");
	if ((fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0600)) < 0)
		err(1, "%s", argv[2]);
	if (strcmp(argv[1], "map") == 0)
		fill_by_map(fd, (size_t)atol(argv[3]));
	else
		fill_by_write(fd, (size_t)atol(argv[3]));
	if (write(STDOUT_FILENO, "held\n", 5) != 5)
		err(1, "standard output");
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
