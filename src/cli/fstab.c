/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes arguments of mount out of a line of fstab(5).  It checks no values:
 * options.c does that afterwards.
 */
#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/cli.h"
#include "cli/fstab.h"

/*
 * Options that mount(8) passes on of its own.  The mount is nosuid, nodev and
 * noexec whatever they say, and the times of access are those of the backup.
 */
static const char *const not_ours[] = {
	"rw", "defaults", "suid", "nosuid", "dev", "nodev", "exec", "noexec", "async", "relatime",
	"norelatime", "atime", "noatime", "diratime", "nodiratime", "strictatime", "lazytime",
	"nolazytime",
};

static bool
is_ours(const char *option)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(not_ours); i++)
		if (strcmp(option, not_ours[i]) == 0)
			return false;
	return option[0] != '\0';
}

/* Cuts the next option off.  Commas between quotation marks are part of it; the marks go. */
static char *
next_option(char **rest)
{
	char *option = *rest, *in = *rest, *out = *rest;
	bool quoted = false;

	for (; *in != '\0' && (quoted || *in != ','); in++)
		if (*in == '"')
			quoted = !quoted;
		else
			*out++ = *in;
	*rest = *in == ',' ? in + 1 : in;
	*out = '\0';
	return option;
}

/* mount(8) keeps "owner" for itself from util-linux 2.39 on, so it has another name. */
#define OWNER	"owner="
#define OWNER_HERE	"mount-" OWNER

struct arguments {
	char	**item;
	int	n;
	bool	failed;		/* memory was lacking */
};

/* Appends a word, which it takes over; NULL if memory was lacking for it. */
static void
add(struct arguments *a, char *word)
{
	char **bigger = reallocarray(a->item, (size_t)a->n + 2, sizeof(*bigger));

	if (bigger != NULL)
		a->item = bigger;
	if (bigger == NULL || word == NULL) {
		a->failed = true;
		free(word);
		return;
	}
	a->item[a->n++] = word;
	a->item[a->n] = NULL;
}

static bool
begins_with(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static int
add_options(struct arguments *a, char *text)
{
	char *option, *word;

	while (*text != '\0') {
		option = next_option(&text);
		if (begins_with(option, OWNER))
			return cli_error("a line of fstab has no option owner, which mount(8) takes"
			    " for its own: write mount-owner=%s", option + strlen(OWNER));
		if (begins_with(option, OWNER_HERE))
			option += strlen(OWNER_HERE) - strlen(OWNER);
		if (is_ours(option))
			add(a, asprintf(&word, "--%s", option) < 0 ? NULL : word);
	}
	return 0;
}

/*
 * Takes what follows the mountpoint: options with -o, and what mount(8) gives every
 * helper.  Type and namespace are known, the rest is about /etc/mtab and words.
 */
static int
add_switch(struct arguments *a, char **argv, int argc, int *i)
{
	const char *name = argv[*i];

	if (name[0] == '-' && name[1] != '\0' && name[1 + strspn(name + 1, "nsv")] == '\0')
		return 0;
	if (strcmp(name, "-o") != 0 && strcmp(name, "-t") != 0 && strcmp(name, "-N") != 0)
		return cli_error("unknown option \"%s\" of a line of fstab, only -o", name);
	if (++*i == argc)
		return cli_error("a line of fstab takes: pbkfs DIFF-DIR MOUNTPOINT -o OPTIONS");
	return name[1] == 'o' ? add_options(a, argv[*i]) : 0;
}

int
fstab_arguments(int argc, char **argv, char ***arguments)
{
	struct arguments a = { 0 };
	int i;

	if (argc < 3) {
		cli_error("a line of fstab takes: pbkfs DIFF-DIR MOUNTPOINT -o OPTIONS");
		return -1;
	}
	add(&a, strdup("mount"));
	add(&a, strdup("--diff-dir"));
	add(&a, strdup(argv[1]));
	add(&a, strdup("--mnt-path"));
	add(&a, strdup(argv[2]));
	for (i = 3; i < argc; i++)
		if (add_switch(&a, argv, argc, &i) != 0)
			return -1;
	if (a.failed) {
		cli_error("out of memory");
		return -1;
	}
	*arguments = a.item;
	return a.n;
}
