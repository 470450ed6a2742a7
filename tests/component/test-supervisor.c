/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The supervisor against workers that lie, stay silent or die.
 *
 * Each case forks a real supervisor whose worker is one of the liars below: this
 * program, executed as a worker; the job's instance says which of them it is to be.
 * A liar that only prepares ends the mount before it exists; one that serves
 * is ended and replaced by an honest one, and the mount answers all the time.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/ondisk.h"
#include "base/text.h"
#include "base/util.h"
#include "ipc/command.h"
#include "ipc/jobfd.h"
#include "ipc/msg.h"
#include "ipc/shared.h"
#include "supervisor/failover.h"
#include "supervisor/fuseinit.h"
#include "supervisor/fusemount.h"
#include "supervisor/lock.h"
#include "supervisor/logstore.h"
#include "supervisor/memlimit.h"
#include "supervisor/mountinfo.h"
#include "supervisor/notify.h"
#include "supervisor/signals.h"
#include "supervisor/socket.h"
#include "supervisor/supervisor.h"
#include "support/tmpdir.h"
#include "support/unit.h"

#define WAIT_SECONDS	20	/* the limit of time for anything that has to happen */
#define FLOOD		5000	/* messages: no more than is allowed */
#define BRIEF_US	15000	/* 1000 deaths in ten seconds would end the mount */
#define STAY_MS		250	/* a worker that stays longer may be taken for hung */
#define LOG_LIMIT	(128 << 10)

static char base[64], store[96], mnt[96], diff[96];

/* ---- what workers say --------------------------------------------------- */

static struct job *the_job;

static void
say(uint16_t type, const void *body, size_t len)
{
	msg_send(the_job->out_fd, (enum msg_type)type, body, len);
}

/* A frame whose header does not have to be true. */
static void
say_raw(uint16_t type, uint16_t protocol, uint32_t claimed, size_t len)
{
	struct msg_header h = { .type = type, .protocol = protocol, .len = claimed };
	static const char zeroes[PIPE_BUF];

	if (write(the_job->out_fd, &h, sizeof(h)) < 0 ||
	    (len > 0 && write(the_job->out_fd, zeroes, len) < 0))
		_exit(99);
}

static void
say_member(const char *id)
{
	struct msg_member m = { .version = 20516, .list_crc = 7 };

	snprintf(m.id, sizeof(m.id), "%s", id);
	say(MSG_MEMBER, &m, sizeof(m));
}

static void
say_prepared(uint64_t n_members, uint32_t root_mode)
{
	struct msg_prepared p = {
		.tree_digest = 1, .n_entries = 1, .n_members = n_members,
		.server_version = 15, .root_mode = root_mode
	};

	say(MSG_PREPARED, &p, sizeof(p));
}

/* ---- preparers ---------------------------------------------------------- */

static int
prepare_honestly(void)
{
	say_member("ABCDEF");
	say_prepared(1, 0700);
	return ftruncate(the_job->index_fd, 4096) == 0 ? 0 : 1;
}

/* Escapes, C1, what is no UTF-8, what turns the direction of writing, ends of lines, NUL. */
static const char hostile[] = "h\033[31m\007\177\302\233\233\342\200\256\342\201\246\303\n\r\0z";

static void
say_hostile(uint16_t type, const char *head)
{
	char text[64 + sizeof(hostile)];
	size_t len = strlen(head);

	memcpy(text, head, len);
	memcpy(text + len, hostile, sizeof(hostile));
	say(type, text + (len == 0), len + sizeof(hostile) - (len == 0));
}

static int
prepare_with_hostile_words(void)
{
	say_hostile(MSG_LOG, "\1preparer: ");
	say_hostile(MSG_WARNING, "warning: ");
	say_hostile(MSG_NOTE, "note: ");
	say_hostile(MSG_ZONE, "zone: ");
	return prepare_honestly();
}

static void
say_confined(uint32_t namespaces)
{
	struct msg_confined c = { .landlock = 7, .namespaces = namespaces };

	say(MSG_CONFINED, &c, sizeof(c));
}
static void lie_nothing(void) { }
static void lie_confined_twice(void) { say_confined(0); say_confined(0); }
static void lie_namespaces(void) { say_confined(MSG_NS_ALL + 1); }
static void lie_die(void) { raise(SIGKILL); }
static void lie_failed(void) { say(MSG_FAILED, "bad\033[2Jbackup\n", 15); _exit(1); }
static void lie_no_member(void) { say_prepared(0, 0700); }
static void lie_count(void) { say_member("ABCDEF"); say_prepared(2, 0700); }
static void lie_mode(void) { say_member("ABCDEF"); say_prepared(1, 0777); }
static void lie_twice(void) { say_member("ABCDEF"); say_prepared(1, 0700); say_prepared(1, 0700); }
static void lie_late(void) { say_member("ABCDEF"); say_prepared(1, 0700); say_member("ABCDEE"); }
static void lie_id_path(void) { say_member("../etc"); }
static void lie_id_empty(void) { say_member(""); }
static void lie_id_other(void) { say_member("ABCDEE"); say_prepared(1, 0700); }
static void lie_ready(void) { say(MSG_READY, NULL, 0); }
static void lie_clean(void) { say(MSG_CLEAN, NULL, 0); }
static void lie_short(void) { say(MSG_MEMBER, "x", 1); }
static void lie_store(void) { say(MSG_STORE_FAILED, NULL, 0); }
static void lie_store_body(void) { say(MSG_STORE_FAILED, "/etc", 4); }
static void lie_zone(void) { say(MSG_ZONE, "0123456789012345678901234567890123456789012345678901234567890123", 64); }
static void lie_note(void) { say(MSG_NOTE, NULL, 0); }
static void
lie_notes(void)
{
	int i;

	for (i = 0; i < 1000; i++)
		say(MSG_NOTE, "x", 1);
}
static void
lie_notes_long(void)
{
	char text[1000];
	int i;

	memset(text, 'x', sizeof(text));
	for (i = 0; i < 1000; i++)
		say(MSG_WARNING, text, sizeof(text));
}
static void lie_zones(void) { say(MSG_ZONE, "UTC", 3); say(MSG_ZONE, "UTC", 3); }
static void
lie_progress(void)
{
	struct msg_progress p = { 1, 2 };
	int i;

	for (i = 0; i < 5000; i++)
		say(MSG_PROGRESS, &p, sizeof(p));
}
static void lie_empty_failure(void) { say(MSG_FAILED, NULL, 0); }

static void
lie_many(void)
{
	int i;

	for (i = 0; i <= CHAIN_MAX; i++)
		say_member("ABCDEF");
}

static void
lie_id_endless(void)
{
	struct msg_member m = { .version = 1 };

	memset(m.id, 'A', sizeof(m.id));
	say(MSG_MEMBER, &m, sizeof(m));
}

static void
lie_index(void)
{
	say_member("ABCDEF");
	say_prepared(1, 0700);
	if (ftruncate(the_job->index_fd, (off_t)the_job->index_max + 1) != 0)
		say(MSG_FAILED, "index refused", 13);
}

static const struct { const char *name; void (*lie)(void); const char *error; } preparers[] = {
	{ "says nothing", lie_nothing, "exited with status 0" },
	{ "dies", lie_die, "signal 9" },
	{ "has namespaces that there are none of", lie_namespaces, "not allowed" },
	{ "fails with a text for the terminal", lie_failed, "bad?[2Jbackup?" },
	{ "chain without members", lie_no_member, "not allowed" },
	{ "wrong number of members", lie_count, "not allowed" },
	{ "too many members", lie_many, "not allowed" },
	{ "root for everybody", lie_mode, "not allowed" },
	{ "prepared twice", lie_twice, "not allowed" },
	{ "member afterwards", lie_late, "not allowed" },
	{ "id is a path", lie_id_path, "not allowed" },
	{ "id is empty", lie_id_empty, "not allowed" },
	{ "id has no end", lie_id_endless, "not allowed" },
	{ "another backup", lie_id_other, "ABCDEE" },
	{ "ready while preparing", lie_ready, "not allowed" },
	{ "clean while preparing", lie_clean, "not allowed" },
	{ "short body", lie_short, "not allowed" },
	{ "failure without text", lie_empty_failure, "not allowed" },
	{ "store failed while preparing", lie_store, "not allowed" },
	{ "a zone with too long a name", lie_zone, "not allowed" },
	{ "a note without a text", lie_note, "not allowed" },
	{ "notes without an end", lie_notes, "message" },
	{ "index too large", lie_index, "index" },
	{ "warnings without an end", lie_notes_long, "message" },
	{ "two zones", lie_zones, "not allowed" },
	{ "confined twice", lie_confined_twice, "not allowed" },
	{ "progress without an end", lie_progress, "exited with status 0" },
};

/* ---- servers ------------------------------------------------------------ */

static void *
beat(void *arg)
{
	for (;;) {
		usleep(100000);
		say(MSG_HEARTBEAT, NULL, 0);
	}
	return arg;
}

static void
reply(uint64_t unique, int error, const void *body, size_t len)
{
	struct fuse_out_header h = {
		.len = (uint32_t)(sizeof(h) + len), .error = -error, .unique = unique
	};
	struct iovec iov[2] = { { &h, sizeof(h) }, { (void *)(uintptr_t)body, len } };

	if (writev(the_job->fuse_fd, iov, 2) < 0 && errno != ENOENT)
		_exit(98);
}

/* As little as a mount needs: its root, and a name that kills. */
static void
answer_request(const struct fuse_in_header *in)
{
	struct fuse_attr_out a = {
		.attr = { .ino = 1, .mode = S_IFDIR | 0700, .nlink = 2,
		    .uid = the_job->uid, .gid = the_job->gid }
	};

	if (in->opcode == FUSE_GETATTR)
		reply(in->unique, 0, &a, sizeof(a));
	else if (in->opcode == FUSE_LOOKUP && strcmp((const char *)(in + 1), "poison") == 0) {
		atomic_store(&the_job->shared->slot[0].state, SLOT_COMPUTING);
		raise(SIGSEGV);
	}
	else if (in->opcode != FUSE_FORGET && in->opcode != FUSE_BATCH_FORGET)
		reply(in->unique, in->opcode == FUSE_LOOKUP ? ENOENT : ENOSYS, NULL, 0);
}

static void *
serve_requests(void *arg)
{
	unsigned char *buf = the_job->shared->buffer[0];
	struct fuse_in_header *in = (void *)buf;

	for (;;) {
		if (in->len != 0)	/* our predecessor left it */
			answer_request(in);
		memset(buf, 0, sizeof(in->len));
		if (read(the_job->fuse_fd, buf, SHARED_BUFFER) < 0 && errno == ENODEV)
			return arg;
	}
}

static int
serve(void (*lie)(void))
{
	pthread_t heart, server;

	if (lie != lie_nothing)
		pthread_create(&heart, NULL, beat, NULL);
	pthread_create(&server, NULL, serve_requests, NULL);
	say(MSG_READY, NULL, 0);
	if (lie != NULL)
		lie();
	pthread_join(server, NULL);
	say(MSG_CLEAN, NULL, 0);
	return 0;
}

static void lie_type_zero(void) { say(0, NULL, 0); }
static void lie_type_unknown(void) { say(65535, NULL, 0); }
static void lie_type_reverse(void) { say(MSG_DUMP, NULL, 0); }
static void lie_member(void) { say_member("ABCDEF"); }
static void lie_prepared(void) { say_prepared(1, 0700); }
static void lie_confined(void) { say_confined(0); }
static void lie_dirty(void) { say(MSG_DIRTY, NULL, 0); }
static void lie_body(void) { say(MSG_HEARTBEAT, "x", 1); }
static void lie_clean_body(void) { say(MSG_CLEAN, "x", 1); }
static void lie_stats_short(void) { say(MSG_STATS, "x", 1); }
static void lie_stats_long(void) { say_raw(MSG_STATS, MSG_PROTOCOL, sizeof(struct msg_stats) + 8, sizeof(struct msg_stats) + 8); }
static void lie_rested(void) { say(MSG_RESTED, &(struct msg_rested){ 0 }, sizeof(struct msg_rested)); }
static void lie_frozen(void) { say(MSG_STEPPED, &(struct msg_stepped){ .done = 1 }, sizeof(struct msg_stepped)); }
static void lie_detached(void) { say(MSG_DETACHED, NULL, 0); }
static void lie_log_empty(void) { say(MSG_LOG, "\2", 1); }
static void lie_log_level(void) { say(MSG_LOG, "\11text", 5); }
static void lie_protocol(void) { say_raw(MSG_HEARTBEAT, 7, 0, 0); }
static void lie_length(void) { say_raw(MSG_LOG, MSG_PROTOCOL, UINT32_MAX, 0); }
static void lie_over_max(void) { say_raw(MSG_LOG, MSG_PROTOCOL, MSG_BODY_MAX + 1, 100); }
static void lie_half(void) { say_raw(MSG_LOG, MSG_PROTOCOL, 100, 10); }	/* heartbeats fill it up */
static void lie_close(void) { close(the_job->out_fd); }

/* The supervisor reads there: it would be killed by SIGBUS. */
static void
lie_shrink(void)
{
	if (ftruncate(the_job->shared_fd, 0) != 0)
		lie_die();
	say(MSG_HEARTBEAT, NULL, 0);
}

static void
lie_flood(void)
{
	int i;

	for (i = 0; i < 200000; i++)
		say(MSG_HEARTBEAT, NULL, 0);
}

/* As many and as long lines as may come in a second: the attack is on the log. */
static void
flood(uint16_t type, const void *body, size_t len)
{
	int i;

	for (i = 0; i < FLOOD; i++)
		say(type, body, len);
	raise(SIGKILL);
}

static void
say_lines(uint16_t type, int n)
{
	char text[MSG_BODY_MAX];

	memset(text, 'x', sizeof(text));
	text[0] = 0;	/* of a log line, its level */
	while (n-- > 0)
		say(type, text, sizeof(text));
}

static void flood_log(void) { say_lines(MSG_LOG, FLOOD); raise(SIGKILL); }
static void flood_failed(void) { say_lines(MSG_FAILED, FLOOD); raise(SIGKILL); }
static void flood_store(void) { flood(MSG_STORE_FAILED, NULL, 0); }
static void flood_heartbeat(void) { flood(MSG_HEARTBEAT, NULL, 0); }
static void
flood_stats(void)
{
	struct msg_stats m = { 0 };

	flood(MSG_STATS, &m, sizeof(m));
}

static void
lie_stuck(void)
{
	struct shared_slot *slot = &the_job->shared->slot[3];

	atomic_store(&slot->since, 1);
	atomic_store(&slot->state, SLOT_COMPUTING);
}

static const struct { const char *name; void (*lie)(void); const char *log; } servers[] = {
	{ "type 0", lie_type_zero, "message 0 of 0 bytes" },
	{ "unknown type", lie_type_unknown, "message 65535" },
	{ "a message of the supervisor's", lie_type_reverse, "message 65 " },
	{ "member while serving", lie_member, "not allowed now" },
	{ "prepared while serving", lie_prepared, "not allowed now" },
	{ "confined while serving", lie_confined, "not allowed now" },
	{ "ready twice", lie_ready, "not allowed now" },
	{ "dirty without --perf-unsafe", lie_dirty, "not allowed now" },
	{ "heartbeat with a body", lie_body, "not allowed now" },
	{ "clean with a body", lie_clean_body, "not allowed now" },
	{ "short stats", lie_stats_short, "not allowed now" },
	{ "long stats", lie_stats_long, "not allowed now" },
	{ "rested unasked", lie_rested, "not allowed now" },
	{ "frozen, which is no worker's word", lie_frozen, "not allowed now" },
	{ "failure without text", lie_empty_failure, "not allowed now" },
	{ "store failed, with a path", lie_store_body, "not allowed now" },
	{ "detached, and was told to copy nothing", lie_detached, "not allowed now" },
	{ "log line without text", lie_log_empty, "not allowed now" },
	{ "log level 9", lie_log_level, "not allowed now" },
	{ "another protocol", lie_protocol, "not a message" },
	{ "length of 4 GiB", lie_length, "not a message" },
	{ "length over the limit", lie_over_max, "not a message" },
	{ "half a message, then others", lie_half, "" },
	{ "silence", lie_nothing, "no sign of life" },
	{ "closed pipe", lie_close, "no sign of life" },
	{ "shared memory cut", lie_shrink, "signal 9" },
	{ "flood", lie_flood, "floods" },
	{ "a stuck thread", lie_stuck, "thread 3 computed" },
	{ "death", lie_die, "signal 9" },
};

static const struct { const char *name; void (*lie)(void); const char *log; } floods[] = {
	{ "log lines", flood_log, "lines of workers were left out" },
	{ "failures", flood_failed, "not allowed now" },
	{ "calls for the store", flood_store, "signal 9" },
	{ "heartbeats", flood_heartbeat, "signal 9" },
	{ "statistics", flood_stats, "signal 9" },
};

/* Until it is told to copy nothing more. */
static void
copy_until_stopped(void)
{
	struct msg_reader in = { 0 };
	struct msg_hydrate m = { .on = 1 };
	const unsigned char *body;
	struct msg_header h;

	while (m.on != 0 && msg_fill(the_job->in_fd, &in) > 0)
		while (msg_next(&in, &h, &body) > 0)
			if (h.type == MSG_HYDRATE && h.len == sizeof(m))
				memcpy(&m, body, sizeof(m));
}

static void detach_once(void) { copy_until_stopped(); lie_detached(); }
static void detach_twice(void) { detach_once(); lie_detached(); }

/* Says that it is of use, sends much, and dies. */
static int
serve_for_a_moment(void)
{
	int i;

	atomic_fetch_add(&the_job->shared->counters[0].op[OP_READ].count, 1);
	say(MSG_READY, NULL, 0);
	for (i = 0; i < 50; i++)
		say(MSG_LOG, "\0of little use", 14);
	usleep(BRIEF_US);
	return 3;
}

/* ---- workers that stay -------------------------------------------------- */

static void
beat_on(void)
{
	pthread_t heart;

	pthread_create(&heart, NULL, beat, NULL);
}

/* Sends signs of life, and nothing else. */
static void
stay(void)
{
	for (;;)
		pause();
}

static void
serve_until_gone(void)
{
	pthread_t server;

	pthread_create(&server, NULL, serve_requests, NULL);
	say(MSG_READY, NULL, 0);
	pthread_join(server, NULL);
}

static void stay_unready(void) { beat_on(); stay(); }
static void stay_frozen(void) { raise(SIGSTOP); stay(); }
static void stay_clean(void) { beat_on(); say(MSG_READY, NULL, 0); say(MSG_CLEAN, NULL, 0); stay(); }
static void stay_behind(void) { beat_on(); serve_until_gone(); stay(); }
static void stay_clean_behind(void) { beat_on(); serve_until_gone(); say(MSG_CLEAN, NULL, 0); stay(); }
static void stay_mute(void) { beat_on(); serve_until_gone(); close(the_job->out_fd); stay(); }

/* Flushes many files honestly: twice as long as one of them may take. */
static void
flush_long(void)
{
	int i;

	beat_on();
	serve_until_gone();
	for (i = 0; i < 2 * STAY_MS * FAILOVER_FLUSH_SECONDS / FAILOVER_HANG_SECONDS / 100; i++) {
		usleep(100000);
		say(MSG_FLUSHING, NULL, 0);
	}
	say(MSG_CLEAN, NULL, 0);
}

static const struct {
	const char *name;
	void	(*stay)(void);
	bool	behind;		/* the mount */
	const char *log;	/* NULL: it does not die of it */
} stayers[] = {
	{ "never ready", stay_unready, false, "not ready within" },
	{ "done, it says, while the mount lives", stay_clean, false, "it was done, and did not exit" },
	{ "behind the mount", stay_behind, true, "made nothing durable for" },
	{ "done, it says, behind the mount", stay_clean_behind, true, "it was done, and did not exit" },
	{ "mute behind the mount", stay_mute, true, "made nothing durable for" },
	{ "a long flush", flush_long, true, NULL },
};

/* In every message that has a text: the supervisor replaces it then. */
static int
serve_with_hostile_words(void)
{
	say(MSG_READY, NULL, 0);
	say_hostile(MSG_LOG, "\1server: ");
	if (write(STDERR_FILENO, hostile, sizeof(hostile)) < 0)
		return 4;
	say_hostile(MSG_FAILED, "failed: ");
	return 3;
}

/* ---- which of them a process is ------------------------------------------ */

/* Roles by the job's instance: "preparer 3", "server 5", and these. */
#define HONEST	"honest"
#define DYING	"dying"
#define HOSTILE	"hostile"
#define RESTLESS "restless"
#define NEVER	"never ready"		/* each of them */
#define FREEZING "freezing"		/* the second, before it is ready */
#define HYDRATING "hydrating"		/* the first */
static char role[32];

static int
prepare(void)
{
	unsigned i;

	if (strcmp(the_job->instance, HOSTILE) == 0)
		return prepare_with_hostile_words();
	if (sscanf(the_job->instance, "preparer %u", &i) != 1)
		return prepare_honestly();
	preparers[i].lie();
	return 0;
}

static int
serve_as(void)
{
	unsigned i;

	if (strcmp(the_job->instance, HOSTILE) == 0 && the_job->generation == 1)
		return serve_with_hostile_words();
	if (strcmp(the_job->instance, RESTLESS) == 0)
		return serve_for_a_moment();
	if (strcmp(the_job->instance, NEVER) == 0 ||
	    (strcmp(the_job->instance, FREEZING) == 0 && the_job->generation == 2))
		stay_frozen();
	if (the_job->generation == 1 && sscanf(the_job->instance, "stayer %u", &i) == 1) {
		stayers[i].stay();
		return 0;
	}
	if (the_job->generation == 1 && sscanf(the_job->instance, "flood %u", &i) == 1)
		return serve(floods[i].lie);
	if (the_job->generation == 1 && sscanf(the_job->instance, HYDRATING " %u", &i) == 1)
		return serve(i == 0 ? detach_once : detach_twice);
	if (strcmp(the_job->instance, DYING) == 0)
		return the_job->generation == 1 ? serve(lie_die) : 3;
	if (the_job->generation == 1 && sscanf(the_job->instance, "server %u", &i) == 1)
		return serve(servers[i].lie);
	return serve(NULL);
}

static int
work(void)
{
	if (jobfd_receive(&the_job) != 0)
		return 97;
	return the_job->program == JOB_PREPARE ? prepare() :
	    the_job->program == JOB_SERVE ? serve_as() : 96;
}

/* ---- running a supervisor ----------------------------------------------- */

struct run {
	pid_t	pid;
	int	notify;
	char	word[3 * NOTIFY_LINE_MAX];	/* its last words */
};

static void
make_directories(void)
{
	tmpdir_new(base, sizeof(base));
	snprintf(store, sizeof(store), "%s/store", base);
	snprintf(mnt, sizeof(mnt), "%s/mnt", base);
	snprintf(diff, sizeof(diff), "%s/diff", base);
	ck_assert_int_eq(mkdir(store, 0700), 0);
	ck_assert_int_eq(mkdir(mnt, 0700), 0);
}

static void
remove_directories(void)
{
	char command[160];

	snprintf(command, sizeof(command), "rm -rf --one-file-system '%s'", base);
	ck_assert_int_eq(system(command), 0);
}

static unsigned hang_ms = 1000;
static enum log_format log_format;

static void
start(struct run *r, const char *as)
{
	struct supervisor_config c = {
		.store = store, .instance = as,
		.backup_id = "ABCDEF", .mnt = mnt, .diff = diff, .threads = 1,
		.log_fd = -1, .log_format = log_format, .pid_fd = -1, .pid_dir_fd = -1, .hang_ms = hang_ms,
		.index_max = 1 << 20, .log_limit = LOG_LIMIT, .wal = WAL_CHOICE_MOUNT,
		.store_lock = STORE_LOCK_NO, .hydrate = strncmp(as, HYDRATING, strlen(HYDRATING)) == 0,
	};
	int fds[2];

	memset(r, 0, sizeof(*r));
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	fcntl(fds[1], F_SETPIPE_SZ, 4096);
	if ((r->pid = fork()) == 0) {
		c.notify_fd = fds[1];
		close(fds[0]);
		exit(supervisor_main(&c));
	}
	close(fds[1]);
	r->notify = fds[0];
}

/* Reads until the supervisor mounted or failed; returns its letter. */
static char
outcome(struct run *r)
{
	size_t have = 0;
	ssize_t n;
	char *line;

	while ((n = read(r->notify, r->word + have, sizeof(r->word) - 1 - have)) > 0) {
		have += (size_t)n;
		if (have > 2 * NOTIFY_LINE_MAX) {
			memmove(r->word, r->word + have - NOTIFY_LINE_MAX, NOTIFY_LINE_MAX);
			have = NOTIFY_LINE_MAX;
		}
		r->word[have] = '\0';
		if (r->word[0] == 'M' || (line = strstr(r->word, "\nM ")) != NULL)
			return 'M';
		if (r->word[0] == 'F' || (line = strstr(r->word, "\nF ")) != NULL)
			return 'F';
	}
	return 0;
}

static int
end(struct run *r)
{
	int status;

	ck_assert_int_eq(waitpid(r->pid, &status, 0), r->pid);
	close(r->notify);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool
can_mount(void)
{
	if (access("/dev/fuse", R_OK | W_OK) == 0)
		return true;
	/* Where the whole suite has to run, a missing device is a failure. */
	ck_assert_msg(getenv("CI") == NULL, "/dev/fuse cannot be used");
	return false;
}

static bool
log_has(const char *text)
{
	static char content[LOG_LIMIT + 1];
	char path[160];
	FILE *fp;
	size_t n;

	snprintf(path, sizeof(path), "%s/.pbkfs/pbkfs.log", diff);
	if ((fp = fopen(path, "r")) == NULL)
		return false;
	n = fread(content, 1, sizeof(content) - 1, fp);
	content[n] = '\0';
	fclose(fp);
	return strstr(content, text) != NULL;
}

/* Another process writes the log, so look again until the line is there. */
static bool
log_will_have(const char *text)
{
	int i;

	for (i = 0; i < WAIT_SECONDS * 100; i++) {
		if (log_has(text))
			return true;
		usleep(10000);
	}
	return false;
}

static bool
mount_exists(void)
{
	static struct mountinfo m;

	return mountinfo_find(mnt, &m) == 0;
}

static pid_t
worker_pid(void)
{
	char path[160];
	int pid = 0;
	FILE *fp;

	snprintf(path, sizeof(path), "%s/.pbkfs/worker.pid", diff);
	ck_assert_ptr_nonnull(fp = fopen(path, "r"));
	ck_assert_int_eq(fscanf(fp, "%d", &pid), 1);
	fclose(fp);
	ck_assert_int_gt(pid, 1);
	return pid;
}

START_TEST(refuses_lying_preparers)
{
	struct stat st;
	struct run r;

	snprintf(role, sizeof(role), "preparer %d", _i);
	start(&r, role);
	ck_assert_msg(outcome(&r) == 'F', "%s", preparers[_i].name);
	ck_assert_msg(strstr(r.word, preparers[_i].error) != NULL, "%s: %s",
	    preparers[_i].name, r.word);
	ck_assert_int_eq(end(&r), 1);
	ck_assert_msg(stat(diff, &st) != 0 && errno == ENOENT, "%s: the diff directory stays",
	    preparers[_i].name);
	ck_assert(!mount_exists());
}
END_TEST

START_TEST(outlives_lying_servers)
{
	struct stat st;
	struct run r;
	bool half = servers[_i].lie == lie_half;

	if (!can_mount())
		return;
	snprintf(role, sizeof(role), "server %d", _i);
	start(&r, role);
	ck_assert_msg(outcome(&r) == 'M', "%s: %s", servers[_i].name, r.word);
	ck_assert_msg(log_will_have(half ? "serves," : servers[_i].log), "%s", servers[_i].name);
	ck_assert_msg(log_will_have("(generation 2) serves"), "%s", servers[_i].name);
	ck_assert_msg(stat(mnt, &st) == 0, "%s: %s", servers[_i].name, strerror(errno));
	kill(r.pid, SIGTERM);
	ck_assert_msg(end(&r) == 0, "%s", servers[_i].name);
	ck_assert(!mount_exists());
}
END_TEST

static void
ask_to_stop_copying(void)
{
	int dir_fd = open(diff, O_RDONLY | O_DIRECTORY | O_CLOEXEC), sock;
	struct command_frame q, a;
	struct socket_peer peer;

	ck_assert_int_ge(dir_fd, 0);
	ck_assert_int_ge(sock = socket_connect(dir_fd, &peer), 0);
	command_init(&q, COMMAND_HYDRATE);
	ck_assert_int_eq(command_send(sock, &q, -1), 0);
	ck_assert_int_eq(poll(&(struct pollfd){ .fd = sock, .events = POLLIN }, 1, WAIT_SECONDS * 1000), 1);
	ck_assert_int_eq(command_receive(sock, &a, true, NULL), 0);
	ck_assert_int_eq(a.type, COMMAND_DONE);
	if (peer.pidfd >= 0)
		close(peer.pidfd);
	close(sock);
	close(dir_fd);
}

/* It may be on its way when the copying is to stop, and is true all the same; but a worker says it once. */
START_TEST(hears_of_the_end_of_a_hydration_that_was_stopped)
{
	struct run r;

	if (!can_mount())
		return;
	snprintf(role, sizeof(role), HYDRATING " %d", _i);
	start(&r, role);
	ck_assert_msg(outcome(&r) == 'M', "%s", r.word);
	ask_to_stop_copying();
	ck_assert(log_will_have("the diff directory is detached"));
	ck_assert(_i == 0 || log_will_have("(generation 2) serves"));
	kill(r.pid, SIGTERM);
	ck_assert_int_eq(end(&r), 0);
	ck_assert_int_eq(log_has("not allowed now"), _i == 1);
	ck_assert_int_eq(log_has("(generation 1) died"), _i == 1);
}
END_TEST

/* Returns the size of the log, or with behind that of its predecessor. */
static off_t
log_size(const char *behind)
{
	char path[160];
	struct stat st;

	snprintf(path, sizeof(path), "%s/.pbkfs/pbkfs.log%s", diff, behind);
	return stat(path, &st) == 0 ? st.st_size : 0;
}

START_TEST(bounds_what_a_flood_writes)
{
	struct run r;

	if (!can_mount())
		return;
	snprintf(role, sizeof(role), "flood %d", _i);
	start(&r, role);
	ck_assert_msg(outcome(&r) == 'M', "%s: %s", floods[_i].name, r.word);
	ck_assert_msg(log_will_have("(generation 2) serves"), "%s", floods[_i].name);
	kill(r.pid, SIGTERM);
	ck_assert_msg(end(&r) == 0, "%s", floods[_i].name);
	ck_assert_msg(log_has(floods[_i].log), "%s", floods[_i].name);
	ck_assert_msg(log_has("worker") && log_has("unmounted"), "%s", floods[_i].name);
	ck_assert_msg(log_size("") <= LOG_LIMIT && log_size(LOGSTORE_OLD) <= LOG_LIMIT, "%s",
	    floods[_i].name);
}
END_TEST

/*
 * The supervisor replaces a worker that does not do its turn, whatever it says, and
 * ends it with the mount.
 */
START_TEST(ends_workers_that_stay)
{
	struct run r;

	if (!can_mount())
		return;
	hang_ms = STAY_MS;
	snprintf(role, sizeof(role), "stayer %d", _i);
	start(&r, role);
	ck_assert_msg(outcome(&r) == 'M', "%s: %s", stayers[_i].name, r.word);
	if (!stayers[_i].behind)
		ck_assert_msg(log_will_have("(generation 2) serves"), "%s", stayers[_i].name);
	kill(r.pid, SIGTERM);
	ck_assert_msg(end(&r) == 0, "%s", stayers[_i].name);
	if (stayers[_i].log != NULL)
		ck_assert_msg(log_has(stayers[_i].log), "%s", stayers[_i].name);
	else
		ck_assert_msg(!log_has("ending worker"), "%s", stayers[_i].name);
	ck_assert_msg(log_has("unmounted"), "%s", stayers[_i].name);
}
END_TEST

static bool
will_be(bool (*is)(void))
{
	int i;

	for (i = 0; i < WAIT_SECONDS * 100 && !is(); i++)
		usleep(10000);
	return is();
}

static bool
worker_is_named(void)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/.pbkfs/worker.pid", diff);
	return access(path, F_OK) == 0;
}

/*
 * Nobody has served, so the mount waits for nobody: with the limits of daily use it
 * would take minutes.
 */
START_TEST(ends_at_once_what_never_served)
{
	struct run r;

	if (!can_mount() || (_i == 1 && getuid() != 0))
		return;
	hang_ms = 0;
	start(&r, NEVER);
	ck_assert(will_be(worker_is_named));
	if (_i == 0)
		kill(r.pid, SIGTERM);
	else
		ck_assert_int_eq(umount2(mnt, MNT_DETACH), 0);
	ck_assert_int_eq(outcome(&r), 'F');
	ck_assert_msg(strstr(r.word, "was unmounted before it was served") != NULL, "%s", r.word);
	ck_assert_int_eq(end(&r), 1);
	ck_assert(!mount_exists());
}
END_TEST

/*
 * The changes of others have to be flushed, so the end of the mount leaves a worker
 * the time of a start, and no more.
 */
START_TEST(replaces_a_replacement_that_is_frozen)
{
	struct run r;

	if (!can_mount())
		return;
	hang_ms = STAY_MS;
	start(&r, FREEZING);
	ck_assert_int_eq(outcome(&r), 'M');
	ck_assert_int_eq(kill(worker_pid(), SIGKILL), 0);
	ck_assert(log_will_have("(generation 1) died"));
	kill(r.pid, SIGTERM);
	ck_assert_int_eq(end(&r), 0);
	ck_assert(log_has("not ready within"));
	ck_assert(!log_has("made nothing durable"));
	ck_assert(log_has("(generation 3) serves") && log_has("unmounted"));
}
END_TEST

/* Returns whether the file is UTF-8 text that a terminal may get. */
static bool
is_harmless(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + len;
	size_t n;

	for (; s < end; s += n) {
		n = text_utf8_length(s);
		if (n == 0 || (*s != '\n' && *s != '\t' && text_is_control(s, n)))
			return false;
	}
	return len > 0;
}

static bool
file_is_harmless(const char *name)
{
	static char content[LOG_LIMIT + 1];
	char path[160];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/.pbkfs/%s", diff, name);
	ck_assert_int_ge(fd = open(path, O_RDONLY), 0);
	n = read(fd, content, sizeof(content) - 1);
	close(fd);
	return is_harmless(content, (size_t)MAX(n, 0));
}

/*
 * A worker's words are text in the log, in stat, and for the command, whichever
 * message brings them.
 */
START_TEST(filters_what_workers_say)
{
	struct run r;

	ck_assert(!is_harmless(hostile, sizeof(hostile)));
	if (!can_mount())
		return;
	log_format = _i == 0 ? LOG_TEXT : LOG_JSON;
	start(&r, HOSTILE);
	ck_assert_int_eq(outcome(&r), 'M');
	ck_assert(strstr(r.word, "W warning: h?[31m?") != NULL && strstr(r.word, "N note: h?") != NULL &&
	    strstr(r.word, "Z zone: h?") != NULL);
	ck_assert(is_harmless(r.word, strlen(r.word)));
	ck_assert(log_will_have("(generation 2) serves"));
	kill(r.pid, SIGTERM);
	ck_assert_int_eq(end(&r), 0);
	ck_assert(log_has("preparer: h?[31m") && log_has("server: h?[31m") && log_has("failed: h?[31m") &&
	    log_has("warning: h?[31m") && log_has("note: h?[31m"));
	ck_assert(log_has(": h?[31m") || log_has(":\"h?[31m") || log_has(": \"h?[31m"));
	ck_assert(file_is_harmless("pbkfs.log"));
	ck_assert(file_is_harmless("stat"));
}
END_TEST

/*
 * All workers share one budget of lines, their ends another; the end of the mount is
 * always logged.
 */
START_TEST(bounds_what_restless_workers_write)
{
	struct run r;

	if (!can_mount())
		return;
	start(&r, RESTLESS);
	ck_assert_int_eq(outcome(&r), 'M');
	ck_assert(log_will_have("lines about ends and beginnings of workers were left out"));
	ck_assert(log_will_have("lines of workers were left out"));
	kill(r.pid, SIGTERM);
	ck_assert_int_eq(end(&r), 1);
	ck_assert(log_has("no worker could end in order"));
}
END_TEST

/* The last message arrives, however many unread ones came before. */
START_TEST(tells_the_last_word_through_a_full_pipe)
{
	struct stat st;
	struct run r;
	int i;

	for (i = 0; preparers[i].lie != lie_notes_long; i++)
		;
	snprintf(role, sizeof(role), "preparer %d", i);
	start(&r, role);
	for (i = 0; i < WAIT_SECONDS * 100 && (stat(diff, &st) != 0 || i == 0); i++)
		usleep(10000);	/* it has begun */
	for (; i < WAIT_SECONDS * 100 && stat(diff, &st) == 0; i++)
		usleep(10000);	/* and given up */
	ck_assert_int_eq(outcome(&r), 'F');
	ck_assert_int_eq(end(&r), 1);
}
END_TEST

START_TEST(gives_up_on_workers_that_die_at_once)
{
	struct stat st;
	struct run r;

	if (!can_mount())
		return;
	start(&r, DYING);
	ck_assert_int_eq(outcome(&r), 'M');
	ck_assert_int_eq(end(&r), 1);
	ck_assert(log_has("workers die as soon as they start"));
	ck_assert(!mount_exists());
	ck_assert_int_eq(stat(mnt, &st), 0);
}
END_TEST

START_TEST(answers_poison_with_an_error)
{
	struct stat st;
	struct run r;
	char path[128];

	if (!can_mount())
		return;
	snprintf(path, sizeof(path), "%s/poison", mnt);
	start(&r, HONEST);
	ck_assert_int_eq(outcome(&r), 'M');
	ck_assert(stat(path, &st) != 0 && errno == EIO);
	ck_assert_int_eq(stat(mnt, &st), 0);
	ck_assert(log_has("ended 3 workers in a row"));
	kill(r.pid, SIGTERM);
	ck_assert_int_eq(end(&r), 0);
}
END_TEST

START_TEST(no_signal_ends_a_mount_in_use)
{
	struct stat st;
	struct run r;
	pid_t worker;
	int held, i;

	if (!can_mount())
		return;
	start(&r, HONEST);
	ck_assert_int_eq(outcome(&r), 'M');
	worker = worker_pid();
	ck_assert_int_ge(held = open(mnt, O_PATH | O_DIRECTORY | O_CLOEXEC), 0);
	for (i = 1; i <= 64; i++) {
		if (i == SIGKILL || i == SIGSTOP)
			continue;
		ck_assert_int_eq(kill(r.pid, i), 0);
		/* A worker dies by its own signal; glibc keeps 32 and 33. */
		if (signals_deed((uint32_t)i) != SIGNAL_FAULT && i != 32 && i != 33)
			ck_assert_int_eq(kill(worker, i), 0);
		ck_assert_msg(stat(mnt, &st) == 0, "signal %d: %s", i, strerror(errno));
		ck_assert_msg(waitpid(r.pid, NULL, WNOHANG) == 0, "signal %d", i);
	}
	ck_assert(log_will_have("stays mounted"));
	close(held);
	ck_assert_int_eq(end(&r), 0);
	ck_assert(log_has("unmounted"));
	ck_assert(!log_has("(generation 2)"));
	ck_assert(!mount_exists());
}
END_TEST

static const int leaving[] = { SIGTERM, SIGINT, SIGQUIT, SIGABRT, SIGPWR };

START_TEST(leaves_when_told)
{
	struct run r;

	if (!can_mount())
		return;
	start(&r, HONEST);
	ck_assert_int_eq(outcome(&r), 'M');
	ck_assert_int_eq(kill(r.pid, leaving[_i]), 0);
	ck_assert_int_eq(end(&r), 0);
	ck_assert(log_has("unmounted"));
	ck_assert(!mount_exists());
}
END_TEST

/* ---- without processes -------------------------------------------------- */

static struct shared shared;

static void
put_request(int slot, uint64_t unique)
{
	struct fuse_in_header in = { .len = unique == 0 ? 0 : sizeof(in), .unique = unique };

	memcpy(shared.buffer[slot], &in, sizeof(in));
}

/* A death while every slot runs what it holds. */
static int
blame(struct failover *f, int fd, int stuck, bool outside)
{
	int i;

	for (i = 0; i < SHARED_SLOTS; i++)
		atomic_store(&shared.slot[i].state, SLOT_COMPUTING);
	return failover_blame(f, &shared, fd, stuck, outside);
}

/*
 * A request that waited for its turn is not to blame, and one that ran at a kill
 * from outside hardly is.
 */
START_TEST(blames_what_ran)
{
	int null = open("/dev/null", O_WRONLY), i;
	struct failover f = { 0 };

	put_request(0, 30);
	for (i = 0; i < 10; i++) {
		ck_assert_int_eq(failover_blame(&f, &shared, null, -1, false), 0);
		ck_assert(!failover_is_careful(&f));
	}
	for (i = 0; i < FAILOVER_POISON * FAILOVER_KILLED - 1; i++)
		ck_assert_int_eq(blame(&f, null, -1, true), 0);
	ck_assert(failover_is_careful(&f));
	ck_assert_int_eq(blame(&f, null, -1, true), 1);
	put_request(0, 0);
	close(null);
}
END_TEST

START_TEST(blames_only_consecutive_deaths)
{
	int null = open("/dev/null", O_WRONLY);
	struct failover f = { 0 };

	put_request(0, 10);
	put_request(1, 12);
	ck_assert_int_eq(blame(&f, null, -1, false), 0);
	ck_assert_int_eq(blame(&f, null, -1, false), 0);
	put_request(1, 14);	/* 12 was answered meanwhile */
	ck_assert_int_eq(blame(&f, null, -1, false), 1);
	put_request(0, 12);	/* the same number again starts anew */
	ck_assert_int_eq(blame(&f, null, -1, false), 0);
	ck_assert_int_eq(blame(&f, null, -1, false), 1);
	put_request(0, 0);
	put_request(1, 0);
	close(null);
}
END_TEST

START_TEST(blames_only_the_stuck_slot_of_a_kill)
{
	int null = open("/dev/null", O_WRONLY), i;
	struct failover f = { 0 };

	put_request(2, 20);
	put_request(5, 22);
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(blame(&f, null, FAILOVER_NO_SLOT, false), 0);
	ck_assert_int_eq(blame(&f, null, 5, false), 0);
	ck_assert_int_eq(blame(&f, null, 5, false), 0);
	ck_assert_int_eq(blame(&f, null, 5, false), 1);
	ck_assert_int_eq(blame(&f, null, 2, false), 0);
	put_request(2, 0);
	close(null);
}
END_TEST

START_TEST(counts_only_futile_deaths)
{
	struct failover f = { 0 };
	uint64_t now = 1000000000;
	int i;

	for (i = 0; i < 50; i++) {	/* each lived for a while */
		failover_started(&f, &shared);
		failover_ready(&f, now, 0);
		now += 200000000;
		ck_assert(!failover_too_many(&f, &shared, now, 0));
	}
	for (i = 0; i < 50; i++) {	/* each answered something, some before they were ready */
		failover_started(&f, &shared);
		if (i % 2 == 0)
			failover_ready(&f, now, 0);
		atomic_fetch_add(&shared.counters[1].op[OP_READ].count, 1);
		ck_assert(!failover_too_many(&f, &shared, now, 0));
	}
	for (i = 1; i < FAILOVER_DEATHS; i++) {
		failover_started(&f, &shared);
		ck_assert(!failover_too_many(&f, &shared, now, 0));
	}
	failover_started(&f, &shared);
	ck_assert(failover_too_many(&f, &shared, now, 0));
}
END_TEST

/* In seconds after the mount went; a liar tells of a file each second. */
START_TEST(nobody_outstays_the_mount)
{
	const uint64_t gone = 1000;
	uint64_t t;

	ck_assert_uint_eq(failover_outstays(gone, gone, 0, 1), 0);
	ck_assert_uint_eq(failover_outstays(gone + FAILOVER_FLUSH_SECONDS, gone, 0, 1), 0);
	ck_assert_uint_eq(failover_outstays(gone + FAILOVER_FLUSH_SECONDS + 1, gone, 0, 1),
	    FAILOVER_FLUSH_SECONDS);
	/* Files that were flushed before the mount went do not count. */
	ck_assert_uint_eq(failover_outstays(gone + FAILOVER_FLUSH_SECONDS + 1, gone, gone - 1, 1),
	    FAILOVER_FLUSH_SECONDS);
	for (t = gone; t <= gone + FAILOVER_END_SECONDS; t++)
		ck_assert_uint_eq(failover_outstays(t, gone, t, 1), 0);
	ck_assert_uint_eq(failover_outstays(t, gone, t, 1), FAILOVER_END_SECONDS);
	ck_assert_uint_eq(failover_outstays(gone + 7 * FAILOVER_FLUSH_SECONDS, gone, 0, 7), 0);
}
END_TEST

static const struct { const char *name; uint32_t opcode, major, minor, flags; int rc; } inits[] = {
	{ "Linux 6", FUSE_INIT, 7, 45, ~0u, 0 },
	{ "the oldest", FUSE_INIT, 7, 28, FUSE_MAX_PAGES, 0 },
	{ "too old", FUSE_INIT, 7, 27, FUSE_MAX_PAGES, -EOPNOTSUPP },
	{ "without max_pages", FUSE_INIT, 7, 45, 0, -EOPNOTSUPP },
	{ "another major", FUSE_INIT, 8, 45, ~0u, -EOPNOTSUPP },
	{ "another request", FUSE_GETATTR, 7, 45, ~0u, -EPROTO },
};

START_TEST(decides_about_init)
{
	struct { struct fuse_in_header h; struct fuse_init_in in; } request = {
		.h = { .len = sizeof(request), .opcode = inits[_i].opcode },
		.in = { .major = inits[_i].major, .minor = inits[_i].minor,
		    .flags = inits[_i].flags },
	};
	uint32_t never = FUSE_ATOMIC_O_TRUNC | FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS |
	    FUSE_AUTO_INVAL_DATA | FUSE_EXPORT_SUPPORT;
	struct fuse_init_out out = { 0 };
	char error[FUSEINIT_ERROR_MAX];

	ck_assert_msg(fuseinit_decide(&request, sizeof(request), CACHE_WRITEBACK, &out, error) ==
	    inits[_i].rc, "%s", inits[_i].name);
	if (inits[_i].rc != 0)
		return;
	ck_assert_uint_eq(out.flags & ~inits[_i].flags, 0);
	ck_assert_uint_eq(out.flags & never, 0);
	ck_assert_uint_le(out.minor, inits[_i].minor);
	ck_assert_int_eq(fuseinit_decide(&request, sizeof(request), CACHE_WRITETHROUGH, &out, error), 0);
	ck_assert_uint_eq(out.flags & FUSE_WRITEBACK_CACHE, 0);
	ck_assert_int_eq(fuseinit_decide(&request, 20, CACHE_WRITEBACK, &out, error), -EPROTO);
}
END_TEST

static const struct { const char *line, *mountpoint, *fstype, *source; } mounts[] = {
	{ "36 35 0:42 / /mnt/a\\040b rw,nosuid shared:1 master:2 - fuse.pbkfs /d\\134x\\011y rw\n",
	    "/mnt/a b", "fuse.pbkfs", "/d\\x\ty" },
	{ "36 35 0:42 / / rw - ext4 /dev/vda rw", "/", "ext4", "/dev/vda" },
	{ "36 35 0:42 / /x rw - tmpfs", "/x", "tmpfs", "" },
	{ "36 35 0:42 / /x rw shared:1 tmpfs none rw", NULL, NULL, NULL },
	{ "36 35 042 / /x rw - tmpfs none rw", NULL, NULL, NULL },
	{ "", NULL, NULL, NULL },
};

static const struct { const char *options; bool is_private; unsigned uid, gid; } privates[] = {
	{ "fuse.sshfs me@host:/ rw,user_id=1000,group_id=100", true, 1000, 100 },
	{ "fuse /dev/fuse rw,user_id=0,group_id=0,default_permissions", true, 0, 0 },
	{ "fuse.sshfs me@host:/ rw,user_id=1000,group_id=100,allow_other", false, 0, 0 },
	{ "fusectl fusectl rw", false, 0, 0 },
	{ "nfs4 host:/x rw,user_id=1000,group_id=100", false, 0, 0 },
	{ "fuse.x", false, 0, 0 },
};

START_TEST(knows_private_mounts)
{
	static struct mountinfo m;
	char line[256];

	snprintf(line, sizeof(line), "36 35 0:42 / /x rw,relatime - %s", privates[_i].options);
	ck_assert_int_eq(mountinfo_parse(line, &m), 0);
	ck_assert_msg(m.is_private == privates[_i].is_private, "%s", privates[_i].options);
	if (m.is_private)
		ck_assert_msg(m.uid == privates[_i].uid && m.gid == privates[_i].gid, "%s",
		    privates[_i].options);
}
END_TEST

START_TEST(parses_mounts)
{
	static struct mountinfo m;
	char line[256];

	strcpy(line, mounts[_i].line);
	if (mounts[_i].mountpoint == NULL) {
		ck_assert_int_eq(mountinfo_parse(line, &m), -EUCLEAN);
		return;
	}
	ck_assert_int_eq(mountinfo_parse(line, &m), 0);
	ck_assert_str_eq(m.mountpoint, mounts[_i].mountpoint);
	ck_assert_str_eq(m.fstype, mounts[_i].fstype);
	ck_assert_str_eq(m.source, mounts[_i].source);
}
END_TEST

static const struct {
	const char *text, *dir;		/* NULL: none */
	bool v2;
} groups[] = {
	{ "0::/a/b.service\n", "/sys/fs/cgroup/a/b.service", true },
	{ "0::/\n", "/sys/fs/cgroup/", true },
	{ "9:name=systemd:/x\n4:memory:/a\n0::/b\n", "/sys/fs/cgroup/memory/a", false },
	{ "0::/b\n4:cpu,memory:/a:b\n", "/sys/fs/cgroup/memory/a:b", false },
	{ "4:memory,cpu:/a", "/sys/fs/cgroup/memory/a", false },
	{ "4:name=memory:/a\n3:hugememory:/a\n2:memoryx:/a\n", NULL, false },
	{ "memory\n", NULL, false },
	{ "", NULL, false },
};

START_TEST(finds_memory_group)
{
	static struct memlimit_group g;

	if (groups[_i].dir == NULL) {
		ck_assert_int_eq(memlimit_find(groups[_i].text, &g), -ENOENT);
		return;
	}
	ck_assert_int_eq(memlimit_find(groups[_i].text, &g), 0);
	ck_assert_str_eq(g.dir, groups[_i].dir);
	ck_assert(g.v2 == groups[_i].v2);
}
END_TEST

START_TEST(reads_memory_events)
{
	uint64_t n = 7;

	ck_assert(memlimit_field("oom 3\noom_kill 2\noom_group_kill 1\n", "oom_kill", &n));
	ck_assert_uint_eq(n, 2);
	ck_assert(memlimit_field("oom_kill_disable 0\nunder_oom 0\noom_kill 12", "oom_kill", &n));
	ck_assert_uint_eq(n, 12);
	ck_assert(!memlimit_field("oom_kill_disable 0\n", "oom_kill", &n));
	ck_assert(!memlimit_field("oom_kill \n", "oom_kill", &n));
	ck_assert(!memlimit_field("", "oom_kill", &n));
}
END_TEST

/* Makes a diff directory that a hostile owner has prepared. */
static void plant_link(void) { ck_assert_int_eq(symlink("/etc/passwd", ONDISK_LOCK), 0); }
static void plant_fifo(void) { ck_assert_int_eq(mkfifo(ONDISK_LOCK, 0600), 0); }
static void plant_directory(void) { ck_assert_int_eq(mkdir(ONDISK_LOCK, 0700), 0); }

static void
plant_open(void)
{
	ck_assert_int_eq(close(open(ONDISK_LOCK, O_CREAT | O_WRONLY, 0600)), 0);
	ck_assert_int_eq(chmod(ONDISK_LOCK, 0666), 0);
}

static void
plant_second_name(void)
{
	ck_assert_int_eq(close(open("other", O_CREAT | O_WRONLY, 0600)), 0);
	ck_assert_int_eq(link("other", ONDISK_LOCK), 0);
}

static const struct { const char *name; void (*plant)(void); } locks[] = {
	{ "link", plant_link }, { "fifo", plant_fifo }, { "directory", plant_directory },
	{ "writable by others", plant_open }, { "second name of another file", plant_second_name },
};

START_TEST(refuses_planted_locks)
{
	int fd = open(store, O_RDONLY | O_DIRECTORY);

	ck_assert_int_eq(fchdir(fd), 0);
	locks[_i].plant();
	ck_assert_msg(lock_open(fd, geteuid(), O_RDWR | O_CREAT) < 0, "%s", locks[_i].name);
	ck_assert_int_eq(chdir("/"), 0);
	close(fd);
}
END_TEST

START_TEST(names_the_owner_of_a_lock)
{
	char where[PATH_MAX];
	int dir = open(store, O_RDONLY | O_DIRECTORY), ready[2], fd, pidfd;
	pid_t child, found = 0;
	char byte;

	ck_assert_int_eq(pipe(ready), 0);
	if ((child = fork()) == 0) {
		fd = lock_open(dir, geteuid(), O_RDWR | O_CREAT);
		if (lock_take(dir, fd) != 0 || lock_write_mountpoint(fd, "/a b\\c") != 0 ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	fd = lock_open(dir, geteuid(), O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(lock_take_idle(dir, fd), -EWOULDBLOCK);
	ck_assert_int_eq(lock_owner(fd, ONDISK_LOCK_SUPERVISOR), child);
	ck_assert_int_eq(lock_owner(fd, ONDISK_LOCK_WORKER), 0);
	pidfd = lock_owner_pidfd(fd, ONDISK_LOCK_SUPERVISOR, &found);
	ck_assert_int_ge(pidfd, 0);
	ck_assert_int_eq(found, child);
	ck_assert_int_eq(lock_read_mountpoint(fd, where), 0);
	ck_assert_str_eq(where, "/a b\\c");
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(lock_owner(fd, ONDISK_LOCK_SUPERVISOR), 0);
	ck_assert_int_eq(lock_take_idle(dir, fd), 0);
	close(pidfd);
	close(fd);
	close(dir);
}
END_TEST

static const struct label {
	const char *name, *label;
	int rc;
	const char *data;
} labels[] = {
	{ "none", NULL, 0, "fd=7,rootmode=40000,user_id=26,group_id=27,default_permissions,allow_other" },
	{ "PostgreSQL's", "system_u:object_r:postgresql_db_t:s0", 0,
	    "fd=7,rootmode=40000,user_id=26,group_id=27,default_permissions,allow_other,"
	    "context=\"system_u:object_r:postgresql_db_t:s0\"" },
	{ "with categories", "system_u:object_r:svirt_sandbox_file_t:s0:c1,c2", 0,
	    "fd=7,rootmode=40000,user_id=26,group_id=27,default_permissions,allow_other,"
	    "context=\"system_u:object_r:svirt_sandbox_file_t:s0:c1,c2\"" },
	{ "that ends its quotes", "a\",suid=\"b", -EINVAL, NULL },
	{ "with a backslash", "a\\", -EINVAL, NULL },
	{ "with a blank", "a b", -EINVAL, NULL },
	{ "with a control character", "a\nb", -EINVAL, NULL },
	{ "beyond ASCII", "a\xc3\xa4", -EINVAL, NULL },
	{ "that is empty", "", -EINVAL, NULL },
};

START_TEST(quotes_labels)
{
	const struct label *l = &labels[_i];
	const struct fusemount m = { .uid = 26, .gid = 27, .context = l->label };
	char data[FUSEMOUNT_DATA_MAX], longest[FUSEMOUNT_CONTEXT_MAX + 2];

	if (l->label != NULL)
		ck_assert_msg(fusemount_check_context(l->label) == l->rc, "%s", l->name);
	if (l->rc != 0)
		return;
	fusemount_data(&m, 7, data);
	ck_assert_msg(strcmp(data, l->data) == 0, "%s: %s", l->name, data);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ck_assert_int_eq(fusemount_check_context(longest), -EINVAL);
	ck_assert_int_eq(fusemount_check_context(longest + 1), 0);
	fusemount_data(&(struct fusemount){ .uid = (uid_t)-1, .gid = (gid_t)-1,
	    .context = longest + 1 }, 1000000, data);
	ck_assert_int_eq(data[strlen(data) - 1], '"');
}
END_TEST

/* Of two mounts at one place, the id says which one is meant. */
START_TEST(unmounts_only_its_own)
{
	const char *name = mnt + strlen(base) + 1;
	char error[FUSEMOUNT_ERROR_MAX];
	int parent, first, second;

	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0)
		return;
	ck_assert_int_ge(parent = open(base, O_RDONLY | O_DIRECTORY), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("first", mnt, "tmpfs", 0, NULL), 0);
	first = mountinfo_id_at(parent, name);
	ck_assert_int_eq(mount("second", mnt, "tmpfs", 0, NULL), 0);
	second = mountinfo_id_at(parent, name);
	ck_assert(first > 0 && second > 0 && first != second);
	ck_assert_int_eq(fusemount_unmount(parent, name, mnt, first, true, error), -ESTALE);
	ck_assert_msg(strstr(error, "another mount is there") != NULL, "%s", error);
	ck_assert_int_eq(mountinfo_id_at(parent, name), second);
	ck_assert_int_eq(fusemount_unmount(parent, name, mnt, second, true, error), 0);
	ck_assert_int_eq(fusemount_unmount(parent, name, mnt, second, true, error), -ESTALE);
	ck_assert_int_eq(mountinfo_id_at(parent, name), first);
	ck_assert_int_eq(fusemount_unmount(parent, name, mnt, first, true, error), 0);
	close(parent);
}
END_TEST

static TCase *
process_case(const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, make_directories, remove_directories);
	tcase_set_timeout(tc, 3 * WAIT_SECONDS);
	return tc;
}

#define N(table)	(int)(sizeof(table) / sizeof((table)[0]))

extern char **environ;

int
main(int argc, char **argv)
{
	Suite *s = suite_create("supervisor");
	TCase *parts = tcase_create("parts"), *lying = process_case("lying workers");

	if (strcmp(argv[0], JOB_ARGV0) == 0)
		_exit(work());
	setproctitle_init(argc, argv, environ);
	tcase_add_test(parts, blames_only_consecutive_deaths);
	tcase_add_test(parts, blames_what_ran);
	tcase_add_test(parts, blames_only_the_stuck_slot_of_a_kill);
	tcase_add_test(parts, counts_only_futile_deaths);
	tcase_add_test(parts, nobody_outstays_the_mount);
	tcase_add_loop_test(parts, decides_about_init, 0, N(inits));
	tcase_add_loop_test(parts, parses_mounts, 0, N(mounts));
	tcase_add_loop_test(parts, knows_private_mounts, 0, N(privates));
	tcase_add_loop_test(parts, finds_memory_group, 0, N(groups));
	tcase_add_test(parts, reads_memory_events);
	tcase_add_loop_test(parts, quotes_labels, 0, N(labels));
	suite_add_tcase(s, parts);
	tcase_add_loop_test(lying, refuses_planted_locks, 0, N(locks));
	tcase_add_test(lying, names_the_owner_of_a_lock);
	tcase_add_test(lying, unmounts_only_its_own);
	tcase_add_loop_test(lying, refuses_lying_preparers, 0, N(preparers));
	tcase_add_loop_test(lying, outlives_lying_servers, 0, N(servers));
	tcase_add_loop_test(lying, hears_of_the_end_of_a_hydration_that_was_stopped, 0, 2);
	tcase_add_loop_test(lying, bounds_what_a_flood_writes, 0, N(floods));
	tcase_add_loop_test(lying, filters_what_workers_say, 0, 2);
	tcase_add_loop_test(lying, ends_workers_that_stay, 0, N(stayers));
	tcase_add_loop_test(lying, ends_at_once_what_never_served, 0, 2);
	tcase_add_test(lying, replaces_a_replacement_that_is_frozen);
	tcase_add_test(lying, bounds_what_restless_workers_write);
	tcase_add_test(lying, tells_the_last_word_through_a_full_pipe);
	tcase_add_test(lying, gives_up_on_workers_that_die_at_once);
	tcase_add_test(lying, answers_poison_with_an_error);
	tcase_add_test(lying, no_signal_ends_a_mount_in_use);
	tcase_add_loop_test(lying, leaves_when_told, 0, N(leaving));
	suite_add_tcase(s, lying);
	return unit_main(s);
}
