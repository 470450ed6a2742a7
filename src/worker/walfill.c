#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "worker/report.h"
#include "worker/walfill.h"

#define TEMPORARY	"pg_wal.tmp"
#define CHUNK		(1 * MiB)

struct fill {
	const struct store *s;
	struct reader *r;
	bool	group;
	unsigned char *buf;		/* CHUNK bytes */
	struct msg_progress progress;
};

/* Removes what an interrupted filling left behind. */
static int
remove_tree(int dirfd, const char *name)
{
	struct dirent *d;
	DIR *dir;
	int fd, r = 0;

	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return -ENOMEM;
	}
	while (r == 0 && (d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, d->d_name, 0) == 0)
			continue;
		r = errno == EISDIR ? remove_tree(fd, d->d_name) : -errno;
	}
	closedir(dir);
	if (r == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) != 0)
		r = -errno;
	return r;
}

static uint64_t
total_size(const struct index *ix, uint32_t dir)
{
	const struct index_entry *d = &ix->entries[dir];
	uint64_t sum = 0;
	uint32_t i;

	for (i = d->first; i < d->first + d->count; i++)
		sum += ix->entries[i].flags & INDEX_DIR ? total_size(ix, i) : ix->entries[i].size;
	return sum;
}

/* Shares the blocks where the filesystem can; never a hard link: WAL is overwritten in place. */
static bool
clone_file(struct fill *f, uint32_t e, int to)
{
	const struct index_entry *entry = &f->s->ix.entries[e];
	struct fdref *ref;
	struct stat st;
	bool done;
	int fd;

	if (entry->count != 1 ||
	    (fd = store_fd_of(f->s, e, &f->s->ix.providers[entry->first], &ref)) < 0)
		return false;
	done = fstat(fd, &st) == 0 && (uint64_t)st.st_size == entry->size &&
	    ioctl(to, FICLONE, fd) == 0;
	fdcache_put(f->s->fds, ref);
	return done;
}

static void
report_progress(struct fill *f, uint64_t n)
{
	f->progress.done += n;
	report_send(MSG_PROGRESS, &f->progress, sizeof(f->progress));
}

static int
copy_file(struct fill *f, uint32_t e, int to)
{
	uint64_t size = f->s->ix.entries[e].size, off;
	size_t n;
	int r;

	if (clone_file(f, e, to)) {
		report_progress(f, size);
		return 0;
	}
	for (off = 0; off < size; off += n) {
		n = (size_t)MIN(size - off, (uint64_t)CHUNK);
		if ((r = plainfile_read(f->s, e, off, n, f->buf, f->r)) < 0 ||
		    (r = io_pwrite(to, f->buf, n, (off_t)off)) < 0)
			return r;
		report_progress(f, n);
	}
	return 0;
}

static int
fill_file(struct fill *f, uint32_t e, int dirfd)
{
	const struct index *ix = &f->s->ix;
	const char *name = ix->strings + ix->entries[e].name;
	int fd autoclose = -1, r;

	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    f->group ? 0640 : 0600);
	if (fd < 0)
		return -errno;
	if ((r = copy_file(f, e, fd)) < 0)
		return r;
	return fsync(fd) != 0 ? -errno : 0;
}

static int
fill_directory(struct fill *f, uint32_t dir, int parent, const char *name)
{
	const struct index_entry *d = &f->s->ix.entries[dir];
	int fd autoclose = -1, r = 0;
	uint32_t i;

	if (mkdirat(parent, name, f->group ? 0750 : 0700) != 0)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (i = d->first; i < d->first + d->count && r == 0; i++)
		r = f->s->ix.entries[i].flags & INDEX_DIR ?
		    fill_directory(f, i, fd, f->s->ix.strings + f->s->ix.entries[i].name) :
		    fill_file(f, i, fd);
	return r == 0 && fsync(fd) != 0 ? -errno : r;
}

static int
fill_and_rename(struct fill *f, uint32_t wal, int diff_fd)
{
	int r;

	if ((r = remove_tree(diff_fd, TEMPORARY)) < 0 ||
	    (r = fill_directory(f, wal, diff_fd, TEMPORARY)) < 0)
		return r;
	if (renameat(diff_fd, TEMPORARY, diff_fd, "pg_wal") != 0 || fsync(diff_fd) != 0)
		return -errno;
	return 0;
}

int
walfill(const struct job *job, const struct store *s, struct reader *r, bool group,
    uint64_t *copied)
{
	uint32_t wal = index_child(&s->ix, INDEX_ROOT, "pg_wal", strlen("pg_wal"));
	struct fill f = { .s = s, .r = r, .group = group };
	struct stat st;
	int rc;

	if (fstatat(job->diff_fd, "pg_wal", &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISDIR(st.st_mode))
			return 0;
		log_error("\"pg_wal\" in the diff directory is not a directory");
		return -EUCLEAN;
	}
	if (!job->fresh) {
		log_error("\"pg_wal\" is missing from the diff directory");
		return -EUCLEAN;
	}
	if (wal == INDEX_NONE || !(s->ix.entries[wal].flags & INDEX_DIR)) {
		log_error("the backup has no directory pg_wal");
		return -EUCLEAN;
	}
	if ((f.buf = malloc(CHUNK)) == NULL)
		return -ENOMEM;
	f.progress.total = total_size(&s->ix, wal);
	rc = fill_and_rename(&f, wal, job->diff_fd);
	free(f.buf);
	if (rc < 0)
		log_error("could not copy WAL into the diff directory: %s", strerror(-rc));
	*copied += f.progress.done;
	return rc;
}
