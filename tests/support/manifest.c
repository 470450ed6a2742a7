/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prints what a directory holds, one line per path, sorted by the bytes of the
 * path: "type mode size sha256 path".  Type is f, d, l or o (anything else);
 * size and hash are "-" for all but files; a link has " -> target" at its end.
 * The directory itself is not listed.
 *
 *	manifest [-x NAME]... [-L PATH]... [-l DIR]... DIR
 *
 * -x leaves out an entry of DIR and all below it; -L lists a link as what it
 * points to; -l lists what the links in a directory lead to beside them.
 */
#include "config.h"

#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sha256.h"

#define OPTIONS_MAX	16

struct list {
	char	**path;
	size_t	n, room;
};

static const char *excluded[OPTIONS_MAX], *followed[OPTIONS_MAX], *of_links[OPTIONS_MAX];
static size_t n_excluded, n_followed, n_of_links;
static char buffer[1 << 20];

static int
named(const char *const *names, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], path) == 0)
			return 1;
	return 0;
}

static char *
join(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s%s%s", dir, *dir ? "/" : "", name) < 0)
		err(1, "asprintf");
	return path;
}

static void
list_add(struct list *l, char *path)
{
	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 1024;
		l->path = reallocarray(l->path, l->room, sizeof(*l->path));
		if (l->path == NULL)
			err(1, "reallocarray");
	}
	l->path[l->n++] = path;
}

static int
stat_flags(const char *path)
{
	return named(followed, n_followed, path) ? 0 : AT_SYMLINK_NOFOLLOW;
}

/* The paths are relative to the current directory, which is the tree's root. */
static void
collect(struct list *l, const char *dir)
{
	struct dirent *e;
	DIR *d = opendir(*dir ? dir : ".");

	if (d == NULL)
		err(1, "could not open directory \"%s\"", dir);
	while (errno = 0, (e = readdir(d)) != NULL) {
		struct stat st;
		char *path;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		path = join(dir, e->d_name);
		if (named(excluded, n_excluded, path)) {
			free(path);
			continue;
		}
		list_add(l, path);
		if (fstatat(AT_FDCWD, path, &st, named(of_links, n_of_links, dir) ? 0 :
		    stat_flags(path)) == 0 && S_ISDIR(st.st_mode))
			collect(l, path);
	}
	if (errno != 0)
		err(1, "could not read directory \"%s\"", dir);
	closedir(d);
}

static void
hash_file(const char *path, char hex[65])
{
	struct sha256 s;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(1, "could not open \"%s\"", path);
	sha256_init(&s);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		sha256_update(&s, buffer, (size_t)n);
	if (n < 0)
		err(1, "could not read \"%s\"", path);
	close(fd);
	sha256_final_hex(&s, hex);
}

static void
print_link(const char *path, unsigned mode)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target));

	if (n < 0)
		err(1, "could not read link \"%s\"", path);
	printf("l %04o - - %s -> %.*s\n", mode, path, (int)n, target);
}

static void
print_entry(const char *path)
{
	struct stat st;
	char hex[65];
	unsigned mode;

	if (fstatat(AT_FDCWD, path, &st, stat_flags(path)) < 0)
		err(1, "could not stat \"%s\"", path);
	mode = st.st_mode & 07777;
	if (S_ISREG(st.st_mode)) {
		hash_file(path, hex);
		printf("f %04o %lld %s %s\n", mode, (long long)st.st_size, hex, path);
	} else if (S_ISLNK(st.st_mode)) {
		print_link(path, mode);
	} else {
		printf("%c %04o - - %s\n", S_ISDIR(st.st_mode) ? 'd' : 'o', mode, path);
	}
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
usage(void)
{
	errx(2, "usage: manifest [-x NAME]... [-L PATH]... [-l DIR]... DIR");
}

int
main(int argc, char **argv)
{
	struct list l = { 0 };
	int c;

	while ((c = getopt(argc, argv, "x:L:l:")) != -1) {
		if (n_excluded == OPTIONS_MAX || n_followed == OPTIONS_MAX ||
		    n_of_links == OPTIONS_MAX)
			errx(2, "too many options");
		if (c == 'x')
			excluded[n_excluded++] = optarg;
		else if (c == 'L')
			followed[n_followed++] = optarg;
		else if (c == 'l')
			of_links[n_of_links++] = optarg;
		else
			usage();
	}
	if (argc != optind + 1)
		usage();
	if (chdir(argv[optind]) < 0)
		err(1, "could not enter \"%s\"", argv[optind]);
	collect(&l, "");
	qsort(l.path, l.n, sizeof(*l.path), compare);
	for (size_t i = 0; i < l.n; i++) {
		print_entry(l.path[i]);
		free(l.path[i]);
	}
	free(l.path);
	return fflush(stdout) == 0 ? 0 : 1;
}
