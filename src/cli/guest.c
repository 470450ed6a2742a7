/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chooses settings for the command line of the server, which counts more than any file of the
 * cluster.  The settings that keep a clone away from production are not made here, but by the
 * mount (src/worker/cloneconf.c), and so are the minima of a recovery.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/guest.h"
#include "supervisor/memlimit.h"

#define BUFFERS_SHARE	8		/* a part of the memory */
#define BUFFERS_MIN	(16 * MiB)
#define BUFFERS_MAX	(512 * MiB)
#define WORK_SHARE	256
#define WORK_MIN	(4 * MiB)	/* the server's default */
#define WORK_MAX	(64 * MiB)
#define MAINTENANCE_SHARE 32
#define MAINTENANCE_MIN	(16 * MiB)
#define MAINTENANCE_MAX	(512 * MiB)
#define WAL_SHARE	8		/* a part of the space */
#define WAL_MIN		(128 * MiB)
#define WAL_MAX		(4096 * MiB)
#define WAL_SEGMENTS_MIN 2		/* the server refuses less */

/* ---- the network ---------------------------------------------------------- */

/* Tries to listen; with port "0" the kernel chooses one that is free. */
static int
find_port(struct guest *g, const char *address, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *list = NULL;
	struct sockaddr_storage bound;
	const int one = 1;
	socklen_t len = sizeof(bound);
	int fd autoclose = -1, rc;

	rc = getaddrinfo(strcmp(address, "*") == 0 ? NULL : address, port, &hints, &list);
	if (rc != 0)
		return cli_error("could not listen at \"%s\": %s (--listen)", address, gai_strerror(rc));
	if ((fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||	/* as PostgreSQL does */
	    bind(fd, list->ai_addr, list->ai_addrlen) != 0 ||
	    getsockname(fd, (struct sockaddr *)&bound, &len) != 0)
		rc = port[0] == '0' ? cli_error("could not listen at \"%s\": %s (--listen)", address, strerror(errno)) :
		    cli_error("could not listen at \"%s\", port %s: %s (--listen)", address, port, strerror(errno));
	else
		g->port = ntohs(bound.ss_family == AF_INET6 ?
		    ((struct sockaddr_in6 *)&bound)->sin6_port : ((struct sockaddr_in *)&bound)->sin_port);
	freeaddrinfo(list);
	return rc;
}

int
guest_listen(struct guest *g, const char *listen)
{
	char port[sizeof("65535")] = "0", *end, *colon;
	unsigned long number;

	g->port = GUEST_PORT;
	g->listen[0] = '\0';
	if (listen == NULL)
		return 0;
	if (strlcpy(g->listen, listen, sizeof(g->listen)) >= sizeof(g->listen))
		return cli_usage("--listen cannot be \"%s\"", listen);
	/* An address of IPv6 has colons of its own; with a port it stands in brackets. */
	colon = strrchr(g->listen, ':');
	if (colon != NULL && (strchr(g->listen, ':') == colon || colon[-1] == ']')) {
		number = strtoul(colon + 1, &end, 10);
		if (colon == g->listen || end == colon + 1 || *end != '\0' || number == 0 || number > 65535)
			return cli_usage("--listen takes ADDRESS or ADDRESS:PORT, not \"%s\"", listen);
		*colon = '\0';
		snprintf(port, sizeof(port), "%u", (unsigned)(uint16_t)number);
	}
	if (g->listen[0] == '[') {
		g->listen[strcspn(g->listen, "]")] = '\0';
		memmove(g->listen, g->listen + 1, strlen(g->listen));
	}
	return find_port(g, g->listen, port);
}

/* ---- the command line ------------------------------------------------------ */

static void
add_argument(struct guest *g, const char *fmt, ...)
{
	va_list ap;

	if (g->n == GUEST_ARGUMENTS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(g->text[g->n], sizeof(g->text[g->n]), fmt, ap);
	va_end(ap);
	g->argv[g->n] = g->text[g->n];
	g->n++;
	g->argv[g->n] = NULL;
}

static bool
is_set(const struct options *o, const char *name)
{
	size_t len = strlen(name);
	unsigned i;

	for (i = 0; i < o->set.n; i++)
		if (strncasecmp(o->set.item[i], name, len) == 0 && o->set.item[i][len] == '=')
			return true;
	return false;
}

static void
add_setting(struct guest *g, const struct options *o, const char *name, const char *value)
{
	if (is_set(o, name))
		return;
	add_argument(g, "-c");
	add_argument(g, "%s=%s", name, value);
}

static void
add_kilobytes(struct guest *g, const struct options *o, const char *name, uint64_t bytes)
{
	char value[32];

	snprintf(value, sizeof(value), "%llukB", (unsigned long long)(bytes / KiB));
	add_setting(g, o, name, value);
}

static uint64_t
clamp(uint64_t value, uint64_t least, uint64_t most)
{
	return MIN(MAX(value, least), most);
}

uint64_t
guest_memory(void)
{
	uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	return MIN(all, memlimit_bytes());
}

uint64_t
guest_space(const struct workdir *w)
{
	struct statvfs vfs;

	/* A diff directory that is there is asked itself; one that is not is made where we are. */
	if (statvfs(w->diff, &vfs) != 0 && statvfs(w->dir, &vfs) != 0)
		return 0;
	return (uint64_t)vfs.f_bavail * vfs.f_frsize;
}

/* Production's settings for its machine and its users do not fit here. */
void
guest_fit(struct guest *g, const struct options *o, const struct guest_limits *l)
{
	static const struct {
		const char *name, *value;
		unsigned since;			/* the first major version that knows it; 0 = all */
		bool	discarded;		/* nobody comes back to changes that end with the command */
	} settings[] = {
		{ "huge_pages", "off", 0, false }, { "autovacuum", "off", 0, false }, { "ssl", "off", 0, false },
		{ "checkpoint_timeout", "1h", 0, false }, { "track_activities", "on", 0, false },
		{ "update_process_title", "on", 0, false }, { "recovery_min_apply_delay", "0", 0, false },
		{ "wal_buffers", "-1", 0, false }, { "min_dynamic_shared_memory", "0", 14, false },
		{ "io_method", "worker", 18, false },
		{ "dynamic_shared_memory_type", "mmap", 0, true }, { "fsync", "off", 0, true },
		{ "full_page_writes", "off", 0, true }, { "synchronous_commit", "off", 0, true },
	};
	size_t i;

	if (o->keep_settings)
		return;
	for (i = 0; i < ARRAY_SIZE(settings); i++)
		if (l->major >= settings[i].since && (l->discarded || !settings[i].discarded))
			add_setting(g, o, settings[i].name, settings[i].value);
	add_kilobytes(g, o, "shared_buffers", clamp(l->memory / BUFFERS_SHARE, BUFFERS_MIN, BUFFERS_MAX));
	add_kilobytes(g, o, "work_mem", clamp(l->memory / WORK_SHARE, WORK_MIN, WORK_MAX));
	add_kilobytes(g, o, "maintenance_work_mem", clamp(l->memory / MAINTENANCE_SHARE, MAINTENANCE_MIN,
	    MAINTENANCE_MAX));
	add_kilobytes(g, o, "max_wal_size", MAX(clamp(l->space / WAL_SHARE, WAL_MIN, WAL_MAX),
	    WAL_SEGMENTS_MIN * l->wal_segment));
}

void
guest_quote(const char *path, char *out, size_t size)
{
	size_t n = 0;

	if (size < 3)
		return;
	out[n++] = '"';
	for (; *path != '\0' && n + 3 < size; path++) {
		if (*path == '"')
			out[n++] = '"';
		out[n++] = *path;
	}
	out[n++] = '"';
	out[n] = '\0';
}

/* Without these it could not be reached, or heard. */
static void
add_necessary(struct guest *g, const struct workdir *w)
{
	char sock[2 * PATH_MAX];
	const struct { const char *name, *value; } settings[] = {
		{ "unix_socket_directories", sock }, { "unix_socket_permissions", "0700" },
		{ "unix_socket_group", "" }, { "listen_addresses", g->listen },
		{ "hba_file", w->hba }, { "ident_file", w->ident },
		{ "logging_collector", "off" }, { "log_destination", "stderr" },
		{ "log_min_messages", "warning" }, { "log_line_prefix", "%m [%p] " },
		{ "lc_messages", "C" }, { "external_pid_file", "external.pid" },	/* '' would be a name, too */
	};
	char port[16];
	size_t i;

	guest_quote(w->sock, sock, sizeof(sock));
	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		add_argument(g, "-c");
		add_argument(g, "%s=%s", settings[i].name, settings[i].value);
	}
	snprintf(port, sizeof(port), "port=%u", g->port);
	add_argument(g, "-c");
	add_argument(g, "%s", port);
}

void
guest_make(struct guest *g, const struct options *o, const struct workdir *w, const struct guest_limits *l,
    const char *bindir)
{
	g->n = 0;
	add_argument(g, "%s/postgres", bindir);
	add_argument(g, "-D");
	add_argument(g, "%s", w->mnt);
	add_necessary(g, w);
	guest_fit(g, o, l);
}

/*
 * Settings with which a server would go on over damage without a word, or end the questions of a proof
 * early.  They are those that PostgreSQL 12 to 18 have.
 */
static const struct insistence {
	const char *name, *value;
	unsigned version;	/* the first that knows it */
	bool of_server;		/* it cannot be set in a session */
} insistences[] = {
	{ "zero_damaged_pages", "off", 0, false }, { "ignore_checksum_failure", "off", 0, false },
	{ "ignore_system_indexes", "off", 0, false }, { "ignore_invalid_pages", "off", 13, true },
	{ "statement_timeout", "0", 0, false }, { "lock_timeout", "0", 0, false },
	{ "idle_in_transaction_session_timeout", "0", 0, false }, { "idle_session_timeout", "0", 14, false },
	{ "transaction_timeout", "0", 17, false },
	{ "event_triggers", "off", 17, false },	/* of production; one at a login keeps everybody out */
	{ "default_transaction_read_only", "off", 0, false },	/* amcheck has to be made */
};

void
guest_insist(struct guest *g, const struct options *o, unsigned version)
{
	const struct insistence *i;

	for (i = insistences; i < insistences + ARRAY_SIZE(insistences); i++)
		if (version >= i->version)
			add_setting(g, o, i->name, i->value);
}

void
guest_insistence(const struct options *o, unsigned version, char out[GUEST_INSISTENCE_MAX])
{
	const struct insistence *i;
	size_t n = 0;

	out[0] = '\0';
	for (i = insistences; i < insistences + ARRAY_SIZE(insistences) && n < GUEST_INSISTENCE_MAX; i++)
		if (version >= i->version && !i->of_server && !is_set(o, i->name))
			n += (size_t)snprintf(out + n, GUEST_INSISTENCE_MAX - n, "-c %s=%s ", i->name, i->value);
}

/* ---- its shared memory -------------------------------------------------------- */

#define DYNSHMEM	"pg_dynshmem"	/* PG_DYNSHMEM_DIR; a backup has it, empty */

static int
link_memory(void *arg, int *passed)
{
	const char *mnt = arg;
	int dir autoclose = open(mnt, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)passed;
	if (dir < 0 || (unlinkat(dir, DYNSHMEM, AT_REMOVEDIR) != 0 && errno != ENOENT))
		return -errno;
	return symlinkat("../shm", dir, DYNSHMEM) == 0 ? 0 : -errno;
}

void
guest_place_memory(const struct workdir *w, const struct become *user)
{
	char mnt[PATH_MAX];
	struct become_work work = { .act = link_memory, .arg = mnt, .size = sizeof(mnt) };

	if (w->shm[0] == '\0')
		return;
	memcpy(mnt, w->mnt, sizeof(mnt));
	become_run(user, &work, NULL);	/* without a link it lies in the mount, which does, too */
}

/* ---- what this machine lacks ----------------------------------------------- */

/*
 * A value in a file is checked even where the command line has another, so the file has to say
 * it.  The last line of a name counts.
 */
struct mending {
	char	path[PATH_MAX];
	char	text[512];
};

static int
append_lines(void *arg, int *passed)
{
	const struct mending *m = arg;
	int fd autoclose = open(m->path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	(void)passed;
	return fd < 0 ? -errno : io_write(fd, m->text, strlen(m->text));
}

/* Takes a name such as lc_monetary, and the locale, out of the line that refuses it. */
static bool
take_refused(const char *line, char name[32], char value[64])
{
	const char *at = strstr(line, "invalid value for parameter \"lc_");

	return at != NULL && sscanf(at, "invalid value for parameter \"%31[a-z_]\": \"%63[^\"]\"", name, value) == 2;
}

bool
guest_mend(const struct pgserver *s, const struct workdir *w, const struct become *user)
{
	struct mending m = { "", "" };
	struct become_work work = { .act = append_lines, .arg = &m, .size = sizeof(m) };
	char name[32], value[64];
	unsigned i;

	if (snprintf(m.path, sizeof(m.path), "%s/postgresql.auto.conf", w->mnt) >= (int)sizeof(m.path))
		return false;
	for (i = 0; i < MIN(s->n_errors, (unsigned)PGSERVER_LINES_KEPT); i++) {
		size_t have = strlen(m.text);

		if (!take_refused(s->error[i], name, value))
			continue;
		snprintf(m.text + have, sizeof(m.text) - have, "%s = 'C'\n", name);
		cli_warn("%s is C, and not \"%s\": this machine does not have that locale; locale-gen \"%s\","
		    " or localedef, makes it", name, value, value);
	}
	return m.text[0] != '\0' && become_run(user, &work, NULL) == 0;
}
