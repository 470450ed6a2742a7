/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mkcatalog: makes backup catalogs without pg_probackup.
 *
 *	mkcatalog backup	backs a cleanly stopped cluster up
 *	mkcatalog scale		makes up a cluster with very many relation files
 *	mkcatalog pack		compresses a WAL segment as pg_probackup 2.7 does
 *
 * The cluster being stopped, its backup has no backup_label and starts like
 * the cluster itself, from the WAL that the default, --stream, puts into it.
 * As in pg_probackup's backups, unlogged relations have only their _init fork;
 * but without a backup_label the server does not make the others from it, so
 * unlogged tables have to be truncated after a start.
 *
 * The format is catwriter's business.  Here stands what goes into a backup:
 * which files, which pages of them, what equals the parent.  The parent is
 * read by a reader of its own (mkcatalog-parent.c), which is as simple as it gets and
 * trusts its input, so that the tests do not judge pbkfs by pbkfs's own code.
 */
#include "config.h"

#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <ftw.h>
#include <getopt.h>
#include <limits.h>
#include <lz4frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/io.h"
#include "mkcatalog.h"

/* --- the command line --- */

enum {
	OPT_CATALOG = 1, OPT_INSTANCE, OPT_PGDATA, OPT_MODE, OPT_PARENT, OPT_COMPRESS, OPT_LEVEL,
	OPT_MIXED, OPT_ID, OPT_VERSION, OPT_STREAM, OPT_ARCHIVE, OPT_STATUS, OPT_BY, OPT_FILES,
	OPT_INCREMENTS, OPT_BIG, OPT_SEED, OPT_STORED, OPT_EXTERNAL, OPT_MAP, OPT_HELP,
};

static const struct option long_options[] = {
	{ "catalog",		required_argument,	NULL, OPT_CATALOG },
	{ "instance",		required_argument,	NULL, OPT_INSTANCE },
	{ "pgdata",		required_argument,	NULL, OPT_PGDATA },
	{ "mode",		required_argument,	NULL, OPT_MODE },
	{ "parent",		required_argument,	NULL, OPT_PARENT },
	{ "compress",		required_argument,	NULL, OPT_COMPRESS },
	{ "level",		required_argument,	NULL, OPT_LEVEL },
	{ "mixed",		no_argument,		NULL, OPT_MIXED },
	{ "id",			required_argument,	NULL, OPT_ID },
	{ "program-version",	required_argument,	NULL, OPT_VERSION },
	{ "stream",		no_argument,		NULL, OPT_STREAM },
	{ "archive",		no_argument,		NULL, OPT_ARCHIVE },
	{ "status",		required_argument,	NULL, OPT_STATUS },
	{ "incremental-by",	required_argument,	NULL, OPT_BY },
	{ "files",		required_argument,	NULL, OPT_FILES },
	{ "increments",		required_argument,	NULL, OPT_INCREMENTS },
	{ "big",		required_argument,	NULL, OPT_BIG },
	{ "seed",		required_argument,	NULL, OPT_SEED },
	{ "stored-percent",	required_argument,	NULL, OPT_STORED },
	{ "external",		required_argument,	NULL, OPT_EXTERNAL },
	{ "database-map",	required_argument,	NULL, OPT_MAP },
	{ "help",		no_argument,		NULL, OPT_HELP },
	{ NULL,			0,			NULL, 0 },
};

void __attribute__((noreturn))
usage(FILE *f, int status)
{
	fprintf(f,
	    "usage: mkcatalog backup --catalog DIR --instance NAME --pgdata DIR --mode MODE\n"
	    "           [--parent ID] [--incremental-by lsn|content] [--stream|--archive]\n"
	    "           [--id ID] [--status STATUS] [--external DIR]... [--database-map FILE]\n"
	    "           [CODEC]\n"
	    "       mkcatalog scale --catalog DIR --instance NAME --files N --increments M\n"
	    "           [--big N] [--seed S] [--stored-percent P] [CODEC]\n"
	    "       mkcatalog pack lz4|zst FILE    to standard output\n"
	    "CODEC: --compress none|pglz|zlib|lz4|zstd [--level N] [--mixed]\n"
	    "       [--program-version X.Y.Z]\n"
	    "MODE:  FULL, DELTA, PAGE or PTRACK.  Without --parent, the newest backup is it.\n"
	    "The ids of the new backups go to standard output.\n");
	exit(status);
}

static unsigned
parse_number(const char *name, const char *text, unsigned max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)text[0]) || *end != '\0' || n > max)
		errx(1, "--%s has to be a number up to %u, not \"%s\"", name, max, text);
	return (unsigned)n;
}

enum catwriter_alg
parse_alg(const char *name)
{
	int alg = catwriter_alg_by_name(name);

	if (alg < 0)
		errx(1, "unknown compression algorithm \"%s\"", name);
	return (enum catwriter_alg)alg;
}

static const char *
parse_mode(const char *name)
{
	static const char *const modes[] = { "FULL", "DELTA", "PAGE", "PTRACK" };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (strcasecmp(name, modes[i]) == 0)
			return modes[i];
	errx(1, "unknown backup mode \"%s\"", name);
}

static bool
parse_incremental_by(const char *name)
{
	if (strcmp(name, "content") != 0 && strcmp(name, "lsn") != 0)
		errx(1, "--incremental-by has to be lsn or content, not \"%s\"", name);
	return strcmp(name, "content") == 0;
}

static const char *
parse_version(const char *text)
{
	if (catwriter_version(text) == 0)
		errx(1, "--program-version has to be X.Y.Z, not \"%s\"", text);
	return text;
}

static void
add_external(struct options *o, const char *path)
{
	if (o->n_externals == EXTERNALS_MAX)
		errx(1, "more than %d external directories", EXTERNALS_MAX);
	o->externals[o->n_externals++] = path;
}

static void
set_option(struct options *o, int opt, const char *arg)
{
	switch (opt) {
	case OPT_CATALOG:	o->catalog = arg; break;
	case OPT_INSTANCE:	o->instance = arg; break;
	case OPT_PGDATA:	o->pgdata = arg; break;
	case OPT_MODE:		o->backup.mode = parse_mode(arg); break;
	case OPT_PARENT:	o->backup.parent = arg; break;
	case OPT_COMPRESS:	o->backup.alg = parse_alg(arg); break;
	case OPT_LEVEL:		o->backup.level = (int)parse_number("level", arg, 22); break;
	case OPT_MIXED:		o->mixed = true; break;
	case OPT_ID:		o->backup.id = arg; break;
	case OPT_VERSION:	o->backup.program_version = parse_version(arg); break;
	case OPT_STREAM:	o->backup.stream = true; break;
	case OPT_ARCHIVE:	o->backup.stream = false; break;
	case OPT_STATUS:	o->backup.status = arg; break;
	case OPT_BY:		o->by_content = parse_incremental_by(arg); break;
	case OPT_FILES:		o->n_files = parse_number("files", arg, 10000000); break;
	case OPT_BIG:		o->n_big = parse_number("big", arg, 1000); break;
	case OPT_INCREMENTS:	o->n_increments = parse_number("increments", arg, 1000); break;
	case OPT_SEED:		o->seed = parse_number("seed", arg, UINT_MAX); break;
	case OPT_STORED:	o->stored_percent = parse_number("stored-percent", arg, 100); break;
	case OPT_EXTERNAL:	add_external(o, arg); break;
	case OPT_MAP:		o->database_map = arg; break;
	case OPT_HELP:		usage(stdout, 0);
	default:		usage(stderr, 2);
	}
}

static void
parse_options(int argc, char **argv, struct options *o)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		set_option(o, opt, optarg);
	if (optind != argc || o->catalog == NULL || o->instance == NULL)
		usage(stderr, 2);
}

/* --- pack --- */

static void
command_pack(const char *format, const char *path)
{
	const LZ4F_preferences_t p = { .frameInfo = { .contentChecksumFlag = LZ4F_contentChecksumEnabled } };
	char *bytes autofree = NULL, *packed autofree = NULL;
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	size_t len, room, n;

	bytes = read_file(path, &len);
	room = MAX(LZ4F_compressFrameBound(len, &p), ZSTD_compressBound(len));
	if (zstd == NULL || (packed = malloc(room)) == NULL)
		err(1, "could not start");
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
	if (strcmp(format, "lz4") == 0)
		n = LZ4F_compressFrame(packed, room, bytes, len, &p);
	else if (strcmp(format, "zst") == 0)
		n = ZSTD_compress2(zstd, packed, room, bytes, len);
	else
		usage(stderr, 2);
	if (LZ4F_isError(n) || ZSTD_isError(n))
		errx(1, "could not compress the segment");
	check(io_write(STDOUT_FILENO, packed, n), "the segment");
	ZSTD_freeCCtx(zstd);
}

/* --- main --- */

static struct { unsigned uid, gid; } owner;

static int
give_away(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return lchown(path, owner.uid, owner.gid);
}

/* MKCATALOG_OWNER=uid:gid: as if that user had made the backups. */
static void
give_to_owner(const char *catalog)
{
	const char *text = getenv("MKCATALOG_OWNER");

	if (text == NULL || geteuid() != 0)
		return;
	if (sscanf(text, "%u:%u", &owner.uid, &owner.gid) != 2 ||
	    nftw(catalog, give_away, 16, FTW_PHYS) != 0)
		err(1, "could not give \"%s\" to %s", catalog, text);
}

int
main(int argc, char **argv)
{
	struct options o = {
		.stored_percent = 2, .seed = 1,
		.backup = { .program_version = CATWRITER_VERSION, .level = 1, .stream = true },
	};

	if (argc < 2)
		usage(stderr, 2);
	if (strcmp(argv[1], "--help") == 0)
		usage(stdout, 0);
	if (strcmp(argv[1], "pack") == 0 && argc == 4) {
		command_pack(argv[2], argv[3]);
		return 0;
	}
	parse_options(argc - 1, argv + 1, &o);
	if (strcmp(argv[1], "backup") == 0)
		command_backup(&o);
	else if (strcmp(argv[1], "scale") == 0)
		command_scale(&o);
	else
		usage(stderr, 2);
	give_to_owner(o.catalog);
	if (fflush(stdout) != 0)
		err(1, "could not write the ids");
	return 0;
}
