#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/mapping.h"
#include "supervisor/paths.h"

#define FAIL(s, ...)	(state_fail((s), __VA_ARGS__), -1)

static int
check_place(struct supervisor *s, const char *to)
{
	const struct paths_named paths[] = {
		{ "store", s->store }, { "mountpoint", s->config->mnt },
		{ "diff directory", s->config->diff }, { "mapped directory", to },
	};
	char error[2 * PATH_MAX + 128];

	if (paths_check_overlap(paths, ARRAY_SIZE(paths), error, sizeof(error)) != 0)
		return FAIL(s, "%s", error);
	return 0;
}

static bool
is_empty(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *d;
	bool empty = true;
	DIR *dir;

	if (copy < 0)
		return false;
	if ((dir = fdopendir(copy)) == NULL) {
		close(copy);
		return false;
	}
	while (empty && (d = readdir(dir)) != NULL)
		empty = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
	closedir(dir);
	return empty;
}

static int
open_one(struct supervisor *s, const char *to)
{
	struct stat st;
	int fd;

	if (check_place(s, to) != 0)
		return -1;
	if (mkdir(to, 0700) == 0)
		s->mapped_made[s->n_mapped] = true;
	else if (errno != EEXIST)
		return FAIL(s, "could not create \"%s\" as user %u: %s", to, (unsigned)s->uid,
		    strerror(errno));
	fd = open(to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return FAIL(s, "could not open \"%s\" as user %u: %s", to, (unsigned)s->uid,
		    strerror(errno));
	s->mapped_fd[s->n_mapped++] = fd;
	if (st.st_uid != s->uid || (st.st_mode & 022) != 0)
		return FAIL(s, "\"%s\" has to belong to user %u and be writable by nobody else",
		    to, (unsigned)s->uid);
	return is_empty(fd) ? 0 : FAIL(s, "\"%s\" is not empty: empty it, or map to another directory",
	    to);
}

int
mapping_open(struct supervisor *s)
{
	const struct provision *p = s->config->provision;
	unsigned i;

	for (i = 0; s->fresh && p != NULL && i < p->n_mappings; i++)
		if (open_one(s, p->mapping[i].to) != 0)
			return -1;
	return 0;
}

void
mapping_close(struct supervisor *s)
{
	while (s->n_mapped > 0) {
		s->n_mapped--;
		close(s->mapped_fd[s->n_mapped]);
		/* A directory that we made goes again if it is still empty. */
		if (s->failed && !s->ready_once && s->mapped_made[s->n_mapped])
			rmdir(s->config->provision->mapping[s->n_mapped].to);
	}
}

static int
record(struct binding *b, const char *from, const char *to)
{
	struct binding_mapping *m = &b->mapped[b->n_mapped++];

	m->from = strdup(from);
	m->to = strdup(to);
	return m->from != NULL && m->to != NULL ? 0 : -ENOMEM;
}

int
mapping_record(struct supervisor *s)
{
	const struct provision *p = s->config->provision;
	size_t i;
	int rc = 0;

	for (i = 0; s->has_binding && i < s->bound.n_mapped && rc == 0; i++)
		rc = record(&s->found, s->bound.mapped[i].from, s->bound.mapped[i].to);
	for (i = 0; s->fresh && p != NULL && i < p->n_mappings && rc == 0; i++)
		rc = record(&s->found, p->mapping[i].from, p->mapping[i].to);
	return rc;
}
