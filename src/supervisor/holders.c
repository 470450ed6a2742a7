/*
 * Many processes share a namespace, and reading a table costs, so that of a
 * namespace is read once; who is in a root directory of its own sees only a part of it.
 * Where the namespaces of others have no number for us (an ordinary user may not look at
 * them) each table is read.  What is told twice is known by the number of the mount.
 */
#include "config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/holders.h"

struct set {
	uint64_t *value;
	size_t	n;
};

static bool
set_has(const struct set *s, uint64_t value)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->value[i] == value)
			return true;
	return false;
}

static void
set_add(struct set *s, uint64_t value)
{
	uint64_t *bigger = reallocarray(s->value, s->n + 1, sizeof(*bigger));

	if (bigger == NULL)
		return;		/* then something is looked at, or told, twice */
	s->value = bigger;
	s->value[s->n++] = value;
}

struct search {
	struct set spaces;	/* whose tables were read whole */
	struct set mounts;	/* that were visited, and those of our namespace */
	bool	(*visit)(void *arg, const struct holder *h);
	void	*arg;
};

/* The number of a process's mount namespace, 0 if we may not know. */
static uint64_t
namespace_of(int proc_fd)
{
	struct stat st;

	return fstatat(proc_fd, "ns/mnt", &st, 0) == 0 ? st.st_ino : 0;
}

static bool
sees_all(int proc_fd)
{
	char root[2];

	return readlinkat(proc_fd, "root", root, sizeof(root)) == 1 && root[0] == '/';
}

/* Returns false when the visitor has seen enough. */
static bool
visit_mounts(struct search *s, struct holder *h)
{
	struct mountinfo *list autofree = NULL;
	char table[48];
	size_t n, i;

	snprintf(table, sizeof(table), "/proc/%d/mountinfo", (int)h->pid);
	if (mountinfo_list(table, MOUNT_FSTYPE, &list, &n) != 0)
		return true;
	for (i = 0; i < n; i++) {
		if (set_has(&s->mounts, list[i].id))
			continue;
		set_add(&s->mounts, list[i].id);
		h->mount = &list[i];
		if (!s->visit(s->arg, h))
			return false;
	}
	return true;
}

static bool
visit_process(struct search *s, int proc, const char *name)
{
	struct holder h = { .pid = (pid_t)strtol(name, NULL, 10) };
	int fd autoclose = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t space;

	if (fd < 0)
		return true;
	h.proc_fd = fd;
	if ((space = namespace_of(fd)) != 0 && set_has(&s->spaces, space))
		return true;
	if (space != 0 && sees_all(fd))
		set_add(&s->spaces, space);
	return visit_mounts(s, &h);
}

static int
know_ours(struct search *s)
{
	struct mountinfo *list autofree = NULL;
	struct stat st;
	size_t n, i;
	int rc;

	if ((rc = mountinfo_list(MOUNTINFO_SELF, MOUNT_FSTYPE, &list, &n)) != 0)
		return rc;
	for (i = 0; i < n; i++)
		set_add(&s->mounts, list[i].id);
	if (stat("/proc/self/ns/mnt", &st) == 0)
		set_add(&s->spaces, st.st_ino);
	return 0;
}

int
holders_each(bool (*visit)(void *arg, const struct holder *h), void *arg)
{
	struct search s = { .visit = visit, .arg = arg };
	const struct dirent *entry;
	DIR *proc;
	int rc;

	if ((proc = opendir("/proc")) == NULL)
		return -errno;
	rc = know_ours(&s);
	while (rc == 0 && (entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    !visit_process(&s, dirfd(proc), entry->d_name))
			break;
	closedir(proc);
	free(s.spaces.value);
	free(s.mounts.value);
	return rc;
}

struct naming {
	unsigned major, minor, max, n;
	struct user *users;
	pid_t	last;
};

static bool
name_holder(void *arg, const struct holder *h)
{
	struct naming *k = arg;
	struct user *u;

	if (h->mount->major != k->major || h->mount->minor != k->minor || h->pid == k->last)
		return true;
	k->last = h->pid;
	if (k->n++ < k->max) {
		u = &k->users[k->n - 1];
		u->pid = h->pid;
		users_name(h->proc_fd, u->name, sizeof(u->name));
	}
	return true;
}

unsigned
holders_find(unsigned major, unsigned minor, struct user *users, unsigned max)
{
	struct naming k = { .major = major, .minor = minor, .max = max, .users = users };

	holders_each(name_holder, &k);
	return k.n;
}

unsigned
holders_of_mount(unsigned major, unsigned minor, char *text, size_t size)
{
	struct user users[USERS_NAMED];
	unsigned total = holders_find(major, minor, users, USERS_NAMED);

	users_print(users, MIN(total, (unsigned)USERS_NAMED), total, text, size);
	return total;
}

struct by_source {
	const char *source;
	struct mountinfo *found;
	int	rc;
};

static bool
compare_source(void *arg, const struct holder *h)
{
	struct by_source *k = arg;

	if (strcmp(h->mount->source, k->source) != 0)
		return true;
	*k->found = *h->mount;
	k->rc = 0;
	return false;
}

int
holders_find_source(const char *diff, struct mountinfo *m)
{
	struct by_source k = { diff, m, -ENOENT };

	holders_each(compare_source, &k);
	return k.rc;
}

struct listing {
	struct set devices;
	struct mountinfo *list;
	size_t	n;
	int	rc;
};

static uint64_t
device_of(const struct mountinfo *m)
{
	return (uint64_t)m->major << 32 | m->minor;
}

static bool
list_mount(void *arg, const struct holder *h)
{
	struct listing *k = arg;
	struct mountinfo *bigger;

	if (set_has(&k->devices, device_of(h->mount)))
		return true;
	set_add(&k->devices, device_of(h->mount));
	if ((bigger = reallocarray(k->list, k->n + 1, sizeof(*bigger))) == NULL) {
		k->rc = -ENOMEM;
		return false;
	}
	k->list = bigger;
	k->list[k->n++] = *h->mount;
	return true;
}

int
holders_list(struct mountinfo **list, size_t *n)
{
	struct mountinfo *ours autofree = NULL;
	struct listing k = { 0 };
	size_t n_ours, i;
	int rc;

	if ((rc = mountinfo_list(MOUNTINFO_SELF, MOUNT_FSTYPE, &ours, &n_ours)) != 0)
		return rc;
	for (i = 0; i < n_ours; i++)
		set_add(&k.devices, device_of(&ours[i]));
	rc = holders_each(list_mount, &k);
	free(k.devices.value);
	if (rc != 0 || k.rc != 0) {
		free(k.list);
		return rc != 0 ? rc : k.rc;
	}
	*list = k.list;
	*n = k.n;
	return 0;
}
