#include "config.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/identity.h"

static bool assumed;
static uid_t fs_uid;
static gid_t fs_gid;

bool
identity_is_root(void)
{
	return geteuid() == 0;
}

int
identity_assume(uid_t uid, gid_t gid)
{
	if (!identity_is_root())
		return 0;
	if (setgroups(0, NULL) != 0)
		return -errno;
	fs_uid = uid;
	fs_gid = gid;
	assumed = true;
	identity_drop();
	/* setfsuid(2) tells no errors; asking again with -1 tells the value. */
	return (uid_t)setfsuid((uid_t)-1) == uid ? 0 : -EPERM;
}

void
identity_raise(void)
{
	if (assumed) {
		setfsuid(0);
		setfsgid(0);
	}
}

void
identity_drop(void)
{
	if (assumed) {
		setfsgid(fs_gid);
		setfsuid(fs_uid);
	}
}

static int
become(uid_t uid, gid_t gid, bool with_groups)
{
	const struct passwd *pw = with_groups ? getpwuid(uid) : NULL;

	if (pw != NULL ? initgroups(pw->pw_name, gid) != 0 : setgroups(0, NULL) != 0)
		return -errno;
	if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
		return -errno;
	return 0;
}

int
identity_try(uid_t uid, gid_t gid, bool with_groups, int (*test)(const void *arg),
    const void *arg)
{
	int status;
	pid_t pid;

	if ((pid = fork()) < 0)
		return -errno;
	if (pid == 0) {
		if (identity_is_root() && become(uid, gid, with_groups) != 0)
			_exit(101);
		_exit(test(arg));
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) <= 100 ?
	    WEXITSTATUS(status) : -EPERM;
}
