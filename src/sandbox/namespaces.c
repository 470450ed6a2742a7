/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Namespaces of a process.  Root makes them in the initial user namespace, since
 * CAP_DAC_READ_SEARCH reads nobody's files in another one; an ordinary user first needs
 * one of his own, in which he is himself.
 *
 * There is none for pids: a worker has no /proc and may signal nobody, and as
 * process 1 it could not end itself by a signal either: abort() would look like a
 * crash at another address.
 */
#include "config.h"

#ifdef ENABLE_SANDBOX

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "sandbox/layers.h"

/* The namespaces besides those of users and mounts. */
static const struct { uint32_t bit; int flag; } kinds[] = {
	{ MSG_NS_NET, CLONE_NEWNET }, { MSG_NS_IPC, CLONE_NEWIPC },
	{ MSG_NS_UTS, CLONE_NEWUTS }, { MSG_NS_CGROUP, CLONE_NEWCGROUP },
};

static int
write_file(const char *path, const char *text)
{
	int fd autoclose = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/*
 * A process that is not dumpable may not say who it is in its own namespace.
 * So it becomes dumpable for that moment, if it has nothing in its memory.
 */
static int
map_ids(bool executed, uid_t uid, gid_t gid)
{
	int was = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), rc;
	char users[64], groups[64];

	snprintf(users, sizeof(users), "%u %u 1", (unsigned)uid, (unsigned)uid);
	snprintf(groups, sizeof(groups), "%u %u 1", (unsigned)gid, (unsigned)gid);
	if (was != 1 && executed)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if ((rc = write_file("/proc/self/uid_map", users)) == 0 &&
	    (rc = write_file("/proc/self/setgroups", "deny")) == 0)
		rc = write_file("/proc/self/gid_map", groups);
	if (was != 1 && executed && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return -errno;
	return rc;
}

/* Makes the process one that may make namespaces. */
static int
gain_rights(const struct sandbox *s, uint32_t wanted, struct msg_confined *got)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int rc;

	if (sandbox_identity_raise() == 0)
		return 0;
	/*
	 * In a user namespace its capability would read nothing any more; and
	 * see map_ids().
	 */
	if (s->keep_read_search || !(wanted & MSG_NS_USER) ||
	    (!s->executed && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 1))
		return -EPERM;
	if (unshare(CLONE_NEWUSER) != 0)
		return -errno;
	got->namespaces |= MSG_NS_USER;
	if ((rc = map_ids(s->executed, uid, gid)) < 0)
		return rc;
	return sandbox_identity_raise();
}

/*
 * Enters the namespaces that are wanted.  Without the tree of files the others
 * are still worth having.
 */
static int
enter(const struct sandbox *s, uint32_t wanted, struct msg_confined *got, const char **step)
{
	size_t i;
	int rc;

	*step = "make a namespace";
	if ((rc = gain_rights(s, wanted, got)) < 0)
		return rc;
	if (wanted & MSG_NS_MOUNT && (rc = sandbox_tree_enter(s, got->landlock > 0, step)) == 0)
		got->namespaces |= MSG_NS_MOUNT;
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (wanted & kinds[i].bit && unshare(kinds[i].flag) == 0)
			got->namespaces |= kinds[i].bit;
	/*
	 * A user namespace that gives no rights is not worth having: some
	 * systems make it so.
	 */
	if (got->namespaces == MSG_NS_USER)
		got->namespaces = 0;
	return rc;
}

static int
enter_or_explain(const struct sandbox *s, uint32_t wanted, struct msg_confined *got)
{
	const char *step;
	int rc = enter(s, wanted, got, &step);

	if (rc < 0)
		snprintf(got->why, sizeof(got->why), "could not %s: %s", step, strerror(-rc));
	return rc;
}

/* A child finds out what the process itself does without. */
static void
try(const struct sandbox *s, struct msg_confined *got)
{
	struct msg_confined found = *got;
	int fds[2];
	pid_t pid;

	snprintf(got->why, sizeof(got->why), "could not try it");
	if (pipe2(fds, O_CLOEXEC) != 0)
		return;
	if ((pid = fork()) == 0) {
		enter_or_explain(s, s->namespaces, &found);
		_exit(write(fds[1], &found, sizeof(found)) != sizeof(found));
	}
	close(fds[1]);
	if (pid > 0 && read(fds[0], &found, sizeof(found)) == sizeof(found))
		*got = found;
	close(fds[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int
sandbox_namespaces_enter(const struct sandbox *s, struct msg_confined *got)
{
	struct msg_confined unreported = { 0 };

	if (s->namespaces == 0)
		return 0;
	if (!s->looks_around || got->landlock == 0)
		return enter_or_explain(s, s->namespaces, got);
	try(s, got);
	return enter_or_explain(s, got->namespaces & ~(uint32_t)MSG_NS_MOUNT, &unreported);
}

#endif /* ENABLE_SANDBOX */
