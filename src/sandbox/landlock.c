/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Landlock: the store can be read, the diff directory read and written, and no
 * other file opened, whatever the worker's user may do.  Landlock has no say
 * in chmod, owners, times and stat, and none over descriptors that are open
 * already: the filter of system calls refuses the first three.
 *
 * The numbers are the kernel's, written down here because the headers of the
 * oldest system we build on end at ABI 2.
 */
#include "config.h"

#ifdef ENABLE_SANDBOX

#include <errno.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "sandbox/layers.h"

enum {
	FS_EXECUTE = 1 << 0, FS_WRITE_FILE = 1 << 1, FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3, FS_REMOVE_DIR = 1 << 4, FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_CHAR = 1 << 6, FS_MAKE_DIR = 1 << 7, FS_MAKE_REG = 1 << 8,
	FS_MAKE_SOCK = 1 << 9, FS_MAKE_FIFO = 1 << 10, FS_MAKE_BLOCK = 1 << 11,
	FS_MAKE_SYM = 1 << 12, FS_REFER = 1 << 13, FS_TRUNCATE = 1 << 14,
	FS_IOCTL_DEV = 1 << 15,
};
enum { NET_BIND_TCP = 1 << 0, NET_CONNECT_TCP = 1 << 1 };
enum { SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0, SCOPE_SIGNAL = 1 << 1 };

/* struct landlock_ruleset_attr as of ABI 6; older kernels want the unknown tail zero. */
struct ruleset {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

/*
 * The rights that each version brought.  A right that is handled and in no rule
 * is refused.
 */
static const struct feature {
	int	abi;
	const char *name;	/* for sandbox_missing() */
	struct ruleset handled;
} features[] = {
	{ 1, "Landlock", { FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_READ_DIR |
	    FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_CHAR | FS_MAKE_DIR | FS_MAKE_REG |
	    FS_MAKE_SOCK | FS_MAKE_FIFO | FS_MAKE_BLOCK | FS_MAKE_SYM, 0, 0 } },
	{ 2, "rename between directories", { FS_REFER, 0, 0 } },
	{ 3, "truncate", { FS_TRUNCATE, 0, 0 } },
	{ 4, "TCP", { 0, NET_BIND_TCP | NET_CONNECT_TCP, 0 } },
	{ 5, "device ioctl", { FS_IOCTL_DEV, 0, 0 } },
	{ 6, "scopes", { 0, 0, SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL } },
};

static const uint64_t store_rights = FS_READ_FILE | FS_READ_DIR;

/* Rights on plain files and directories: no links, devices, sockets, pipes, programs. */
static const uint64_t diff_rights = FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE |
    FS_TRUNCATE | FS_MAKE_REG | FS_MAKE_DIR | FS_REMOVE_FILE | FS_REMOVE_DIR | FS_REFER;

/* Kinds of files that the tree of a promotion may have, too. */
static const uint64_t promoter_rights = FS_MAKE_SYM | FS_MAKE_FIFO | FS_MAKE_SOCK;

__attribute__((weak)) int
sandbox_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;	/* ENOSYS: not built; EOPNOTSUPP: not enabled */
}

static struct ruleset
handled_rights(int abi)
{
	struct ruleset all = { 0, 0, 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(features) && features[i].abi <= abi; i++) {
		all.handled_access_fs |= features[i].handled.handled_access_fs;
		all.handled_access_net |= features[i].handled.handled_access_net;
		all.scoped |= features[i].handled.scoped;
	}
	return all;
}

/* Allows rights, as far as the ruleset handles them, beneath the directory fd. */
static int
allow_beneath(int ruleset_fd, const struct ruleset *handled, int fd, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = rights & handled->handled_access_fs,
		.parent_fd = fd,
	};

	if (fd < 0)
		return 0;
	return syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH,
	    &rule, 0) != 0 ? -errno : 0;
}

int
sandbox_landlock_restrict(const struct sandbox *s, int abi, const char **step)
{
	struct ruleset handled = handled_rights(abi);
	int fd autoclose = -1, rc;
	uint64_t rights;
	unsigned i;

	if (s->signals)
		handled.scoped &= ~(uint64_t)SCOPE_SIGNAL;
	*step = "create a Landlock ruleset";
	fd = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
	if (fd < 0)
		return -errno;
	for (i = 0; i < s->n_dirs; i++) {
		*step = s->dir[i].writable ? "allow a directory of its own by Landlock" :
		    "allow the store by Landlock";
		rights = s->dir[i].writable ? diff_rights : store_rights;
		if (s->dir[i].writable && s->calls == SANDBOX_CALLS_PROMOTER)
			rights |= promoter_rights;
		if ((rc = allow_beneath(fd, &handled, s->dir[i].fd, rights)) != 0)
			return rc;
	}
	*step = "enforce Landlock";
	return syscall(SYS_landlock_restrict_self, fd, 0) != 0 ? -errno : 0;
}

void
sandbox_landlock_missing(int abi, char *text, size_t size)
{
	size_t i, len = 0;
	int n;

	if (size > 0)
		text[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(features); i++) {
		if (features[i].abi <= abi)
			continue;
		n = snprintf(text + len, size - len, "%s%s", len > 0 ? ", " : "",
		    features[i].name);
		if (n < 0 || (size_t)n >= size - len || abi < 1)
			return;		/* without Landlock, "Landlock" says it all */
		len += (size_t)n;
	}
}

#endif /* ENABLE_SANDBOX */
