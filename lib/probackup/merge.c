/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Judges a chain whose merge was interrupted: by LSNs, and file by file.  It
 * finishes no merge and changes nothing.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/util.h"
#include "pg/pg_types.h"
#include "probackup/explain.h"
#include "probackup/filecrc.h"
#include "probackup/member.h"
#include "probackup/merge.h"
#include "probackup/records.h"

#define LISTING_MAX	100000	/* directory entries looked at for a FULL */

static bool
has_status(const struct control *c, const char *status)
{
	return strcmp(c->status, status) == 0;
}

bool
merge_is_under_way(const struct control *c)
{
	return has_status(c, "MERGING") || has_status(c, "MERGED") || has_status(c, "DELETING");
}

static const struct backup *
full_of(const struct chain *c)
{
	return &c->member[c->n - 1];
}

int
merge_check_times(const struct chain *c, char *error)
{
	const struct backup *full = full_of(c), *mounted = &c->member[0];

	/*
	 * merge rewrites the control file of the FULL, with the target's LSNs,
	 * after its files.
	 */
	if (!merge_is_under_way(&full->control) ||
	    full->control.start_lsn <= mounted->control.start_lsn)
		return 0;
	return explain(error, -EUCLEAN,
	    "backup \"%s\" has status %s and is of a later time than \"%s\", which is based on it: finish the merge with \"pg_probackup merge -i %s\", or mount \"%s\"",
	    full->id, full->control.status, mounted->id, full->id, full->id);
}

/*
 * Whether files of a member may be others than its list says, or gone: merge
 * replaces files of the FULL before its list, and removes those of other
 * members after it.
 */
static bool
is_suspect(const struct chain *c, unsigned member)
{
	const struct control *full = &full_of(c)->control, *m = &c->member[member].control;

	if (!merge_is_under_way(full))
		return false;
	return has_status(m, "DELETING") || (m == full && has_status(m, "MERGING"));
}

bool
merge_is_suspect(const struct chain *c)
{
	unsigned i;

	for (i = 0; i < c->n; i++)
		if (is_suspect(c, i))
			return true;
	return false;
}

/* Whether the open file of p is as long as listed, and its bytes have the crc. */
static int
compare(const struct chain *c, const struct store *s, uint32_t e,
    const struct index_provider *p, int fd, struct reader *rd)
{
	uint32_t version = c->member[p->backup].control.version, crc = 0;
	char path[PATH_MAX];
	struct stat st;
	uint64_t at;
	ssize_t n;
	int rc;

	if ((rc = store_fstat(fd, &st)) < 0)
		return rc;
	if ((uint64_t)st.st_size != p->stored || version < FILECRC_WHOLE)
		return -EUCLEAN;
	for (at = 0; at < p->stored; at += (uint64_t)n) {
		if ((n = store_pread(fd, rd->scratch, READER_SCRATCH, (off_t)at)) <= 0)
			return n < 0 ? (int)n : -EUCLEAN;
		crc = filecrc_add(version, crc, rd->scratch, (size_t)n);
	}
	if (crc == p->crc)
		return 0;
	/* The list has the crc that stands in the file. */
	return p->stored <= READER_SCRATCH && index_path(&s->ix, e, path, sizeof(path)) > 0 &&
	    strcmp(path, "global/pg_control") == 0 &&
	    filecrc_is_control(version, rd->scratch, (size_t)p->stored, p->crc) ? 0 : -EUCLEAN;
}

static int
check_provider(const struct chain *c, const struct store *s, uint32_t e,
    const struct index_provider *p, struct reader *rd)
{
	struct records rec;
	struct fdref *ref;
	int fd, rc;

	if ((fd = store_fd_of(s, e, p, &ref)) < 0)
		return fd;
	rc = compare(c, s, e, p, fd, rd);
	fdcache_put(s->fds, ref);
	if (rc == -EUCLEAN)
		store_complain(s, e, p, InvalidBlockNumber,
		    "it is not what the list says, an interrupted merge has changed it: finish it with \"pg_probackup merge\"");
	else if (rc < 0)
		store_complain(s, e, p, InvalidBlockNumber, "%s", strerror(-rc));
	if (rc == 0 && p->n_headers > 0 && (rc = records_load(s, e, p, rd, UINT32_MAX, &rec)) == 0)
		records_fini(&rec);
	return rc;
}

int
merge_check_file(const struct chain *c, const struct store *s, uint32_t e, struct reader *rd,
    uint64_t *bytes)
{
	const struct index_entry *entry = &s->ix.entries[e];
	const struct index_provider *p;
	uint32_t i;
	int rc;

	if ((entry->flags & (INDEX_DIR | INDEX_LINK)) != 0)
		return 0;
	for (i = 0; i < entry->count; i++) {
		p = &s->ix.providers[entry->first + i];
		if (!is_suspect(c, p->backup))
			continue;
		if ((rc = check_provider(c, s, e, p, rd)) < 0)
			return rc;
		*bytes += p->stored;
	}
	return 0;
}

static bool
is_full_of(int instance_fd, const char *name, const char *id)
{
	struct control *c autofree = malloc(sizeof(*c));
	char error[CHAIN_ERROR_MAX];
	int dirfd autoclose = -1;

	if (c == NULL || !backup_id_is_valid(name))
		return false;
	dirfd = io_open_beneath(instance_fd, name, O_PATH | O_DIRECTORY, 0);
	return dirfd >= 0 && member_read(dirfd, name, c, error) == 0 &&
	    has_status(c, "MERGED") && strcmp(c->merge_dest, id) == 0;
}

int
merge_find_full(int instance_fd, const char *id, char full[BACKUP_ID_MAX])
{
	int fd autoclose = io_open_beneath(instance_fd, ".", O_RDONLY | O_DIRECTORY, 0);
	const struct dirent *entry;
	unsigned looked = 0;
	int rc = -ENOENT;
	DIR *dir;

	if (fd < 0 || (dir = fdopendir(fd)) == NULL)
		return -ENOENT;
	steal_fd(&fd);
	while (rc < 0 && looked++ < LISTING_MAX && (entry = readdir(dir)) != NULL)
		if (is_full_of(instance_fd, entry->d_name, id)) {
			memcpy(full, entry->d_name, strlen(entry->d_name) + 1);
			rc = 0;
		}
	closedir(dir);
	return rc;
}
