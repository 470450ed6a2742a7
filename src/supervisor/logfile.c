#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/text.h"
#include "base/util.h"
#include "supervisor/logfile.h"

#define JOURNAL_SOCKET	"/run/systemd/journal/socket"

#define HELD_MAX	(256 * KiB)	/* of lines that wait for a decision; more are lost */

static struct {
	int	fd;		/* -1: nowhere */
	int	held_fd;	/* lines wait here instead, a memfd; -1 */
	enum log_target target;
	enum log_format format;
	bool	console;
	bool	changed;
} out = { .fd = -1, .held_fd = -1 };

struct line {
	enum log_level level;
	const char *text;
	pid_t	pid;
	const char *process;	/* who said it */
	unsigned generation;	/* of a serving worker, else 0 */
};

int
logfile_open(int provided_fd)
{
	int fd autoclose = -1;
	struct stat st;

	fd = openat(provided_fd, LOGFILE_NAME, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW |
	    O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? -EPERM : -errno;
	if (fstat(fd, &st) != 0)
		return -errno;
	return S_ISREG(st.st_mode) && st.st_nlink == 1 ? steal_fd(&fd) : -EPERM;
}

static void
timestamp(char *to, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(to, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(to + n, size - n, ".%03ldZ", now.tv_nsec / 1000000);
}

/* Where a line goes now; -1 for nowhere. */
static int
line_fd(void)
{
	if (out.held_fd < 0)
		return out.fd;
	return lseek(out.held_fd, 0, SEEK_CUR) < (off_t)HELD_MAX ? out.held_fd : -1;
}

static void
write_text(const struct line *l)
{
	char stamp[48];
	int fd = line_fd();

	timestamp(stamp, sizeof(stamp));
	if (l->generation > 0)
		dprintf(fd, "%s [%d] %s %u %s: %s\n", stamp, (int)l->pid, l->process,
		    l->generation, log_level_name(l->level), l->text);
	else
		dprintf(fd, "%s [%d] %s %s: %s\n", stamp, (int)l->pid, l->process,
		    log_level_name(l->level), l->text);
}

static void
write_json(const struct line *l)
{
	struct json_out o = { .compact = true };
	char *text autofree = NULL, stamp[48];
	size_t len;

	timestamp(stamp, sizeof(stamp));
	json_open(&o, NULL, '{');
	json_put_string(&o, "time", stamp);
	json_put_string(&o, "level", log_level_name(l->level));
	json_put_string(&o, "process", l->process);
	json_put_u64(&o, "pid", (uint64_t)l->pid);
	if (l->generation > 0)
		json_put_u64(&o, "generation", l->generation);
	json_put_string(&o, "message", l->text);
	json_close(&o, '}');
	if (json_take(&o, &text, &len) == 0 && write(line_fd(), text, len) < 0)
		return;		/* there is no place left to complain at */
}

/* The native protocol: one datagram of NAME=value lines. */
static void
write_journal(const struct line *l)
{
	static const int priority[] = {
		[LOGL_ERROR] = 3, [LOGL_WARNING] = 4, [LOGL_INFO] = 6, [LOGL_DEBUG] = 7
	};
	char text[LOG_LINE_MAX + 256];
	int n;

	n = snprintf(text, sizeof(text), "PRIORITY=%d\nSYSLOG_IDENTIFIER=pbkfs\n"
	    "PBKFS_PROCESS=%s\nPBKFS_PID=%d\nPBKFS_GENERATION=%u\nMESSAGE=%s\n",
	    priority[l->level], l->process, (int)l->pid, l->generation, l->text);
	if (n > 0)
		send(out.fd, text, MIN((size_t)n, sizeof(text) - 1), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
write_console(const struct line *l)
{
	char copy[LOG_LINE_MAX];

	strlcpy(copy, l->text, sizeof(copy));
	text_make_terminal(copy);
	fprintf(stderr, "pbkfs %s %s: %s\n", l->process, log_level_name(l->level), copy);
}

static void
write_line(const struct line *l)
{
	if (out.console)
		write_console(l);
	if (out.fd < 0)
		return;
	if (out.target == LOG_TO_JOURNALD)
		write_journal(l);
	else if (out.format == LOG_JSON)
		write_json(l);
	else
		write_text(l);
	out.changed = true;
}

static void
own_line(enum log_level level, const char *text, size_t len)
{
	struct line l = {
		.level = level, .text = text, .pid = getpid(), .process = "supervisor"
	};

	(void)len;
	write_line(&l);
}

static int
connect_journal(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
	int fd autoclose = -1;

	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -errno;
	return steal_fd(&fd);
}

int
logfile_start(enum log_target target, enum log_format format, int fd, bool console)
{
	if (target == LOG_TO_JOURNALD && (fd = connect_journal()) < 0)
		return fd;
	out.fd = fd;
	out.target = target;
	out.format = format;
	out.console = console;
	log_set_sink(own_line);
	return 0;
}

void
logfile_hold(void)
{
	out.held_fd = memfd_create("pbkfs-log", MFD_CLOEXEC);
	if (out.held_fd < 0)	/* fail closed: say nothing at all */
		out.held_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
}

bool
logfile_is_held(void)
{
	return out.held_fd >= 0;
}

void
logfile_let_go(bool tell)
{
	char buf[4096];
	ssize_t n;

	if (!logfile_is_held())
		return;
	lseek(out.held_fd, 0, SEEK_SET);
	while (tell && (n = read(out.held_fd, buf, sizeof(buf))) > 0)
		if (io_write(out.fd, buf, (size_t)n) != 0)
			break;
	close(out.held_fd);
	out.held_fd = -1;
}

void
logfile_stop(void)
{
	logfile_let_go(false);
	log_set_sink(NULL);
	if (out.fd >= 0)
		close(out.fd);
	out.fd = -1;
}

void
logfile_worker_line(enum log_level level, const char *text, size_t len,
    pid_t pid, unsigned generation)
{
	char copy[LOG_LINE_MAX];
	struct line l = {
		.level = level, .text = copy, .pid = pid, .generation = generation,
		.process = generation > 0 ? "worker" : "preparer"
	};

	text_copy_printable(copy, sizeof(copy), text, len);
	write_line(&l);
}

bool
logfile_changed(void)
{
	bool changed = out.changed;

	out.changed = false;
	return changed;
}
