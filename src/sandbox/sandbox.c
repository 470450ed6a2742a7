/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order of confinement.  Each layer needs what the next one takes away:
 * setgroups(2) and namespaces need the capabilities, which find directories of a
 * user's as that user; Landlock allows no mounts, and needs PR_SET_NO_NEW_PRIVS and
 * system calls that the filter refuses.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/caps.h"
#include "sandbox/layers.h"
#include "sandbox/sandbox.h"
#ifdef ENABLE_SANDBOX
#include "sandbox/calls.h"
#endif

/*
 * Refuses a process with threads, which would keep every right.  The link count
 * of the task directory is two more than the threads; without /proc nobody can
 * tell.
 */
static int
check_single_thread(const char **step)
{
	struct stat st;

	*step = "confine a process that has threads";
	if (stat("/proc/self/task", &st) == 0 && st.st_nlink > 3)
		return -EBUSY;
	return 0;
}

/*
 * Locks by an open file description of its own, so that the lock ends with the
 * process and is nobody else's.  Not every file system can: then there is none.
 */
static int
lock_directories(const struct sandbox *s, const char **step)
{
	unsigned i;
	int fd;

	*step = "open a directory to lock it";
	for (i = 0; i < s->n_dirs; i++) {
		if (!s->dir[i].locked || s->dir[i].fd < 0)
			continue;
		if ((fd = openat(s->dir[i].fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
			return -errno;
		flock(fd, LOCK_EX | LOCK_NB);
		if (dup3(fd, s->dir[i].fd, O_CLOEXEC) < 0)
			return -errno;
		close(fd);
	}
	return 0;
}

static int
forbid_new_privileges(const char **step)
{
	*step = "set no_new_privs";
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ? -errno : 0;
}

#ifdef ENABLE_SANDBOX
/*
 * Enters the namespaces, and makes sure that one of two walls around files
 * stands: Landlock, or a tree with nothing else in it.
 */
static int
enter_namespaces(const struct sandbox *s, struct msg_confined *got, char *error)
{
	if (s->level != SANDBOX_FULL)
		return 0;
	got->landlock = (uint32_t)sandbox_landlock_abi();
	sandbox_namespaces_enter(s, got);
	if (got->landlock > 0 || got->namespaces & MSG_NS_MOUNT || s->may_lack_wall)
		return 0;
	snprintf(error, SANDBOX_ERROR_MAX, "this kernel has no Landlock%s%s: "
	    "use --sandbox=seccomp-only to run with less confinement",
	    got->why[0] != '\0' ? ", and it " : "", got->why);
	return -EOPNOTSUPP;
}

static const struct calls *const tables[] = {
	[SANDBOX_CALLS_WORKER] = &calls_worker, [SANDBOX_CALLS_PROMOTER] = &calls_promoter,
	[SANDBOX_CALLS_LAYERS] = &calls_layers, [SANDBOX_CALLS_SUPERVISOR] = &calls_supervisor,
};

static int
restrict_kernel(const struct sandbox *s, const char **step)
{
	int rc = 0;

	if (s->level == SANDBOX_FULL && sandbox_landlock_abi() > 0)
		rc = sandbox_landlock_restrict(s, sandbox_landlock_abi(), step);
	if (rc == 0 && s->level != SANDBOX_NONE)
		rc = sandbox_seccomp_install(tables[s->calls], s->debug, step);
	if (rc == 0 && !s->threads) {
		*step = "forbid threads";
		rc = sandbox_end_threads(s);
	}
	return rc;
}

static int
refuse_nobodys_calls(const char **step)
{
	return sandbox_seccomp_install(&calls_privileged, false, step);
}

int
sandbox_end_threads(const struct sandbox *s)
{
	return s->level != SANDBOX_NONE ? sandbox_seccomp_end_threads() : 0;
}
#else
int
sandbox_end_threads(const struct sandbox *s)
{
	(void)s;
	return 0;
}

static int
refuse_nobodys_calls(const char **step)
{
	(void)step;
	return 0;
}

static int
enter_namespaces(const struct sandbox *s, struct msg_confined *got, char *error)
{
	(void)s;
	(void)got;
	(void)error;
	return 0;
}

static int
restrict_kernel(const struct sandbox *s, const char **step)
{
	(void)s;
	(void)step;
	return 0;
}
#endif

int
sandbox_limit(enum sandbox_level level, uint64_t caps)
{
	const char *step;
	int rc;

	if ((rc = forbid_new_privileges(&step)) != 0 || (rc = caps_limit(caps)) != 0)
		return rc;
	return level != SANDBOX_NONE ? refuse_nobodys_calls(&step) : 0;
}

int
sandbox_enter(const struct sandbox *s, struct msg_confined *got, char *error)
{
	const char *step = "";
	int rc;

	*got = (struct msg_confined){ 0 };
	error[0] = '\0';
	if ((rc = check_single_thread(&step)) == 0 &&
	    (rc = sandbox_identity_switch(s, &step)) == 0 &&
	    (rc = enter_namespaces(s, got, error)) == 0 &&
	    (rc = lock_directories(s, &step)) == 0 &&
	    (rc = forbid_new_privileges(&step)) == 0 &&
	    (rc = sandbox_identity_drop(s, &step)) == 0 &&
	    (rc = sandbox_limits_set(s, &step)) == 0 &&
	    (rc = restrict_kernel(s, &step)) == 0)
		return 0;
	if (error[0] == '\0')
		snprintf(error, SANDBOX_ERROR_MAX, "could not %s: %s", step, strerror(-rc));
	return rc;
}

void
sandbox_missing(char *text, size_t size)
{
#ifdef ENABLE_SANDBOX
	sandbox_landlock_missing(sandbox_landlock_abi(), text, size);
#else
	snprintf(text, size, "%s", "");
#endif
}

bool
sandbox_parts_directories(void)
{
#ifdef ENABLE_SANDBOX
	return sandbox_landlock_abi() == 1;
#else
	return false;
#endif
}

enum sandbox_level
sandbox_level(enum sandbox_level asked)
{
#ifdef ENABLE_SANDBOX
	return asked;
#else
	(void)asked;
	return SANDBOX_NONE;
#endif
}
