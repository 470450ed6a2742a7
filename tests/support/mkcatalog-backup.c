/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mkcatalog backup: walks a stopped cluster and writes what the backup needs of it.
 */
#include "config.h"

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mkcatalog.h"

struct job {
	const struct options *options;
	struct cluster cluster;
	struct chain chain;		/* of the parent; empty for a FULL */
	struct catbackup *backup;
	unsigned version, n_data_files;
	FILE	*tablespace_map;	/* into memory */
};

/* A file of the cluster in memory.  An empty one has no bytes. */
struct mapped {
	const unsigned char *bytes;
	size_t	len;
};

static struct mapped
map_file(const char *path)
{
	struct mapped m = { 0 };
	struct stat st;
	int fd autoclose = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		err(1, "could not open \"%s\"", path);
	if (st.st_size == 0)
		return m;
	m.len = (size_t)st.st_size;
	m.bytes = mmap(NULL, m.len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (m.bytes == MAP_FAILED)
		err(1, "could not map \"%s\"", path);
	return m;
}

static void
unmap_file(struct mapped m)
{
	if (m.len > 0)
		munmap((void *)(uintptr_t)m.bytes, m.len);
}

/*
 * Old PAGE backups know no n_blocks: they say in the stream that the file is
 * shorter than what the streams of the chain give.
 */
static bool
has_truncation_records(const struct job *j)
{
	const char *mode = j->options->backup.mode;

	return j->version < 20300 && (strcmp(mode, "PAGE") == 0 || strcmp(mode, "PTRACK") == 0);
}

/* Whether block goes into the backup; listed: the parent has such a file. */
static bool
is_wanted_page(const struct job *j, bool listed, const struct image *before, uint32_t block,
    const unsigned char *page)
{
	uint64_t lsn;

	if (!listed)
		return true;
	if (j->options->by_content)
		return block >= before->n_blocks ||
		    memcmp(page, before->pages + (size_t)block * BLCKSZ, BLCKSZ) != 0;
	lsn = catwriter_page_lsn(page);
	return lsn == 0 || lsn >= j->chain.members[0].start_lsn;
}

static void
backup_data(struct job *j, const char *path, mode_t mode, struct mapped file)
{
	const struct entry *parent = j->chain.n > 0 ? find_entry(&j->chain.members[0], path) : NULL;
	struct image before = { 0 };
	uint32_t n_blocks = (uint32_t)(file.len / BLCKSZ);
	struct catpage *pages autofree = calloc(n_blocks + 1, sizeof(*pages));
	struct catfile f = { .path = path, .mode = mode, .n_blocks = n_blocks, .pages = pages };

	if (pages == NULL)
		err(1, "could not back \"%s\" up", path);
	if (parent != NULL && j->options->by_content)
		rebuild(&j->chain, parent, &before);
	for (uint32_t i = 0; i < n_blocks; i++) {
		const unsigned char *page = file.bytes + (size_t)i * BLCKSZ;

		if (is_wanted_page(j, parent != NULL, &before, i, page))
			pages[f.n_pages++] = (struct catpage){ .block = i, .bytes = page };
	}
	if (has_truncation_records(j) && n_blocks < laid_length(&j->chain, path))
		pages[f.n_pages++] = (struct catpage){
			.block = n_blocks, .kind = CATPAGE_TRUNCATE
		};
	free(before.pages);
	if (j->options->mixed)
		catbackup_set_alg(j->backup, j->n_data_files++ % CATALG_COUNT,
		    j->options->backup.level);
	check(catbackup_data(j->backup, &f), path);
}

/* The three versions with another CRC can't compare theirs with that of the rest. */
static bool
is_same_crc_kind(unsigned a, unsigned b)
{
	return (a >= 20022 && a <= 20024) == (b >= 20022 && b <= 20024);
}

/* Whether the chain gives a plain file of that length and checksum. */
static bool
is_unchanged_plain(const struct job *j, const char *path, uint32_t crc, size_t len)
{
	const struct entry *e;

	for (size_t i = 0; i < j->chain.n; i++) {
		e = find_entry(&j->chain.members[i], path);
		if (e == NULL || e->is_datafile)
			return false;
		if (e->size >= 0)
			return (size_t)e->size == len && len > 0 && e->crc == crc &&
			    is_same_crc_kind(j->version, j->chain.members[i].version);
	}
	return false;
}

/* Returns whether every backup stores the file in full. */
static bool
is_always_stored(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcmp(path, "global/pg_control") == 0 || strncmp(path, "pg_wal/", 7) == 0 ||
	    (slash != NULL && strcmp(slash, "/pg_filenode.map") == 0);
}

static void
backup_plain(struct job *j, const char *path, mode_t mode, struct mapped file)
{
	uint32_t crc = catbackup_plain_crc(j->backup, path, file.bytes, file.len);

	if (!is_always_stored(path) && is_unchanged_plain(j, path, crc, file.len))
		check(catbackup_plain_unchanged(j->backup, path, mode, file.bytes, file.len), path);
	else
		check(catbackup_plain(j->backup, path, mode, file.bytes, file.len), path);
}

/* Whether the file lies in a tablespace that Postgres Pro compresses, and is of a relation. */
static bool
is_cfs(const struct job *j, const char *path)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
	char mark[PATH_MAX];
	int n = 0;

	if (sscanf(path, "pg_tblspc/%*[0-9]/PG_%*[^/]/%n", &n) != 0 || n == 0 || slash[1] < '0' || slash[1] > '9' ||
	    (!catwriter_is_data_path(path) && (dot == NULL || strcmp(dot, ".cfm") != 0)))
		return false;
	format_path(mark, "%s/%.*spg_compression", j->cluster.pgdata, n, path);
	return access(mark, F_OK) == 0;
}

/* It is unchanged if the newest that the chain stores is the same; zeros at the end of a map do not count. */
static void
backup_cfs(struct job *j, const char *path, mode_t mode, struct mapped file)
{
	const struct entry *e = NULL;
	size_t i;
	struct catcfs c = catbackup_cfs_facts(j->backup, path, file.bytes, file.len);

	for (i = 0; i < j->chain.n && (e == NULL || e->size < 0); i++)
		if ((e = find_entry(&j->chain.members[i], path)) == NULL)
			break;
	check(catbackup_cfs(j->backup, path, mode, file.bytes, file.len, e != NULL &&
	    (uint64_t)e->size == c.stored && e->crc == c.crc), path);
}

static void
backup_file(struct job *j, const char *path, const char *full_path, mode_t mode)
{
	struct mapped file = map_file(full_path);

	if (is_cfs(j, path))
		backup_cfs(j, path, mode, file);
	else if (catwriter_is_data_path(path) && !catwriter_is_whole(path, j->version))
		backup_data(j, path, mode, file);
	else
		backup_plain(j, path, mode, file);
	unmap_file(file);
}

/* A link below pg_tblspc is a tablespace; other links are followed silently. */
static void
note_tablespace(struct job *j, const char *path, const char *full_path)
{
	char target[PATH_MAX];
	ssize_t n;

	if (strncmp(path, "pg_tblspc/", 10) != 0 || strchr(path + 10, '/') != NULL)
		return;
	n = readlink(full_path, target, sizeof(target));
	if (n > 0)
		fprintf(j->tablespace_map, "%s %.*s\n", path + 10, (int)n, target);
}

static void backup_dir(struct job *j, const char *path);

static void
backup_name(struct job *j, const char *dir, const char *name)
{
	char path[PATH_MAX], parent[PATH_MAX], full_path[PATH_MAX];
	struct stat st;

	format_path(path, "%s%s%s", dir, dir[0] != '\0' ? "/" : "", name);
	format_path(parent, "%s/%s", j->cluster.pgdata, dir);
	if (is_left_out(&j->cluster, j->options->backup.stream, path, parent, name))
		return;
	format_path(full_path, "%s/%s", j->cluster.pgdata, path);
	if (stat(full_path, &st) < 0)
		err(1, "could not stat \"%s\"", full_path);
	if (S_ISREG(st.st_mode)) {
		backup_file(j, path, full_path, st.st_mode & 07777);
	} else if (S_ISDIR(st.st_mode)) {
		note_tablespace(j, path, full_path);
		check(catbackup_dir(j->backup, path, st.st_mode & 07777), path);
		if (!is_emptied_dir(path, name))
			backup_dir(j, path);
	}
}

static int
is_real_name(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

/* Walks from the last name to the first: no reader may count on a sorted list. */
static void
backup_dir(struct job *j, const char *path)
{
	char full_path[PATH_MAX];
	struct dirent **names;
	int n;

	format_path(full_path, "%s/%s", j->cluster.pgdata, path);
	n = scandir(full_path, &names, is_real_name, alphasort);
	if (n < 0)
		err(1, "could not read \"%s\"", full_path);
	while (n-- > 0) {
		backup_name(j, path, names[n]->d_name);
		free(names[n]);
	}
	free(names);
}

/* Files of an external directory are stored whole in every backup. */
static void
backup_external(struct job *j, const char *root, const char *path)
{
	char full_path[PATH_MAX], name[PATH_MAX];
	struct dirent **names;
	struct mapped file;
	struct stat st;
	int n;

	format_path(full_path, "%s/%s", root, path);
	n = scandir(full_path, &names, is_real_name, alphasort);
	if (n < 0)
		err(1, "could not read \"%s\"", full_path);
	while (n-- > 0) {
		format_path(name, "%s%s%s", path, path[0] != '\0' ? "/" : "", names[n]->d_name);
		format_path(full_path, "%s/%s", root, name);
		free(names[n]);
		if (stat(full_path, &st) < 0)
			err(1, "could not stat \"%s\"", full_path);
		if (S_ISDIR(st.st_mode)) {
			check(catbackup_dir(j->backup, name, st.st_mode & 07777), full_path);
			backup_external(j, root, name);
		} else if (S_ISREG(st.st_mode)) {
			file = map_file(full_path);
			check(catbackup_plain(j->backup, name, st.st_mode & 07777, file.bytes,
			    file.len), full_path);
			unmap_file(file);
		}
	}
	free(names);
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Puts the external directories into the order of their numbers; gives their list, to be freed. */
static char *
number_externals(struct options *o)
{
	char *list = NULL;
	size_t len;
	FILE *f;

	if (o->n_externals == 0)
		return NULL;
	if ((f = open_memstream(&list, &len)) == NULL)
		err(1, "could not start");
	for (size_t i = 0; i < o->n_externals; i++)
		fprintf(f, "%s%s", i > 0 ? ":" : "", o->externals[i]);
	fclose(f);
	qsort(o->externals, o->n_externals, sizeof(o->externals[0]), compare_paths);
	return list;
}

static void
backup_externals(struct job *j)
{
	for (size_t i = 0; i < j->options->n_externals; i++) {
		check(catbackup_set_external(j->backup, (unsigned)i + 1), "an external directory");
		backup_external(j, j->options->externals[i], "");
	}
}

static void
backup_database_map(struct job *j)
{
	size_t len;

	if (j->options->database_map == NULL)
		return;
	char *map autofree = read_file(j->options->database_map, &len);

	check(catbackup_plain(j->backup, "database_map", 0600, map, len), "database_map");
}

/* Walks the cluster; tablespace_map comes last, when all links were seen. */
static void
backup_cluster(struct job *j)
{
	char *map = NULL;
	size_t len = 0;

	j->tablespace_map = open_memstream(&map, &len);
	if (j->tablespace_map == NULL)
		err(1, "could not start");
	backup_dir(j, "");
	fclose(j->tablespace_map);
	if (len > 0)
		check(catbackup_plain(j->backup, "tablespace_map", 0600, map, len), "tablespace_map");
	free(map);
}

/* Opens the instance for a backup of the cluster. */
static struct catwriter *
open_instance(const struct options *o, const struct cluster *c)
{
	const struct catwriter_instance instance = {
		.pgdata = o->pgdata, .system_identifier = c->system_id,
		.xlog_seg_size = c->seg_size,
	};
	struct catwriter *w;

	check(catwriter_open(o->catalog, o->instance, &instance, &w), "the catalog");
	check_instance(o, c);
	return w;
}

void
command_backup(struct options *o)
{
	struct job j = { .options = o };
	char *externals autofree = NULL;
	struct catwriter *w;
	char id[64];

	if (o->pgdata == NULL || o->backup.mode == NULL)
		usage(stderr, 2);
	if (strcmp(o->backup.mode, "FULL") == 0 && o->backup.parent != NULL)
		errx(1, "a FULL backup has no parent");
	load_cluster(&j.cluster, o->pgdata);
	externals = number_externals(o);
	o->backup.external_dirs = externals;
	w = open_instance(o, &j.cluster);
	if (strcmp(o->backup.mode, "FULL") != 0) {
		if (o->backup.parent == NULL) {
			find_newest(o, id, sizeof(id));
			o->backup.parent = id;
		}
		load_chain(o, o->backup.parent, &j.chain);
	}
	j.version = catwriter_version(o->backup.program_version);
	o->backup.server_version = j.cluster.server_version;
	o->backup.checksum_version = j.cluster.checksums;
	o->backup.timeline = j.cluster.timeline;
	o->backup.start_lsn = j.cluster.redo;
	o->backup.stop_lsn = j.cluster.checkpoint;
	o->backup.recovery_xid = j.cluster.next_xid;
	check(catbackup_begin(w, &o->backup, &j.backup), "the backup");
	backup_cluster(&j);
	backup_database_map(&j);
	backup_externals(&j);
	printf("%s\n", catbackup_id(j.backup));
	check(catbackup_finish(j.backup), "the backup");
	catwriter_close(w);
	free_chain(&j.chain);
}
