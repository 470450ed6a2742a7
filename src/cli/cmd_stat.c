#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/snapshot.h"
#include "cli/stat_text.h"
#include "cli/target.h"
#include "supervisor/diffdir.h"
#include "supervisor/stat.h"

#define STAT_WAIT_MS	5000

/* Watches .pbkfs/ of the diff directory itself, not through the mount. */
static int
watch_provided(const struct target *t)
{
	int provided autoclose = -1, notify autoclose = -1;
	char path[64];

	provided = openat(t->diff_fd, DIFFDIR_PROVIDED,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (provided < 0 || (notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", provided);
	if (inotify_add_watch(notify, path, IN_MOVED_TO | IN_CLOSE_WRITE) < 0)
		return -errno;
	return steal_fd(&notify);
}

/* Whether one of the events of this read(2) is the new snapshot. */
static bool
stat_arrived(int notify)
{
	char buf[4096] __attribute__((aligned(8)));
	const struct inotify_event *e;
	ssize_t n = read(notify, buf, sizeof(buf)), at;

	for (at = 0; at < n; at += (ssize_t)sizeof(*e) + e->len) {
		e = (const void *)(buf + at);
		if (e->len > 0 && strcmp(e->name, STAT_NAME) == 0)
			return true;
	}
	return false;
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
wait_for_stat(int notify)
{
	struct pollfd p = { .fd = notify, .events = POLLIN };
	int64_t deadline = now_ms() + STAT_WAIT_MS, left;

	while ((left = deadline - now_ms()) > 0)
		if (poll(&p, 1, (int)left) > 0 && stat_arrived(notify))
			return 0;
	return -ETIMEDOUT;
}

static int
ask(const struct target *t, bool reset)
{
	int notify autoclose = -1;

	if (t->supervisor_fd < 0 && t->worker_fd >= 0)
		return cli_error("the supervisor of \"%s\" is gone, its worker (pid %d) goes on"
		    " alone: pbkfs unmount it and mount it again", t->mnt, (int)t->worker);
	if (t->supervisor_fd < 0)
		return cli_error("could not ask who serves \"%s\": %s", t->mnt, t->doubt);
	if ((notify = watch_provided(t)) < 0)
		return cli_error("could not watch \"%s/%s\": %s", t->diff, DIFFDIR_PROVIDED,
		    strerror(-notify));
	if (syscall(SYS_pidfd_send_signal, t->supervisor_fd, reset ? SIGUSR2 : SIGUSR1,
	    NULL, 0) != 0)
		return cli_error("could not signal process %d: %s", (int)t->supervisor,
		    strerror(errno));
	if (wait_for_stat(notify) != 0)
		return cli_error("the supervisor of \"%s\" (pid %d) does not answer", t->mnt,
		    (int)t->supervisor);
	return 0;
}

/* The file belongs to the mount's owner: what cannot be parsed is not shown. */
static int
print_stat(const struct target *t, bool json)
{
	struct json_node *nodes autofree = calloc(SNAPSHOT_NODES, sizeof(*nodes));
	struct json_out o = { 0 };
	char *text autofree = NULL, *out autofree = NULL;
	size_t len;
	int rc;

	if ((rc = snapshot_read(t->diff_fd, &text, &len)) != 0)
		return cli_error("could not read \"%s/%s/%s\": %s", t->diff, DIFFDIR_PROVIDED,
		    STAT_NAME, strerror(-rc));
	if (nodes == NULL)
		return cli_error("out of memory");
	if (json_parse(text, len, nodes, SNAPSHOT_NODES) < 0)
		return cli_error("\"%s/%s/%s\" is damaged", t->diff, DIFFDIR_PROVIDED, STAT_NAME);
	if (!json) {
		stat_text_print(nodes);
		return 0;
	}
	json_put_node(&o, NULL, nodes, nodes);
	if ((rc = json_take(&o, &out, &len)) != 0)
		return cli_error("could not write JSON: %s", strerror(-rc));
	fwrite(out, 1, len, stdout);
	return 0;
}

int
cmd_stat(const struct options *o)
{
	static struct target t;
	int rc;

	if (o->mnt == NULL)
		return cli_error("--mnt-path is required: see pbkfs stat --help");
	if (target_find(&t, o->mnt, NULL) != 0)
		return 1;
	target_prove(&t);
	if ((rc = ask(&t, o->counters_reset)) == 0)
		rc = print_stat(&t, o->format == 1);
	target_close(&t);
	return rc;
}
