/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The supervisor's side of its socket: who may connect, how many, for how long, what they
 * may ask when; and that none of it gets into a child.  The clock is the test's.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "supervisor/attend.h"
#include "supervisor/identity.h"
#include "supervisor/leave.h"
#include "supervisor/state.h"
#include "support/unit.h"

#define OWNER	65533	/* if root listens; nobody has to have this number */
#define OTHER	65532

static uint64_t now;
int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

int
__wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	if (id != CLOCK_MONOTONIC)
		return __real_clock_gettime(id, ts);
	ts->tv_sec = (time_t)(now / STATE_SECOND);
	ts->tv_nsec = (long)(now % STATE_SECOND);
	return 0;
}

static struct supervisor s;
static struct shared shared;
static char dir[64];
static unsigned complaints;

static void
count(enum log_level level, const char *text, size_t len)
{
	(void)len;
	complaints += level == LOGL_WARNING && strstr(text, "connection of a command") != NULL;
}

static void
begin(void)
{
	static const struct supervisor_config config = {
		.mnt = "/mnt", .diff = "/diff", .notify_fd = -1, .log_fd = -1, .pid_fd = -1,
	};
	char path[96];

	log_set_sink(count);
	complaints = 0;
	now = 1000 * STATE_SECOND;
	snprintf(dir, sizeof(dir), "/tmp/pbkfs-attend.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/.pbkfs", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	memset(&s, 0, sizeof(s));
	s = (struct supervisor){
		.config = &config, .phase = PHASE_SERVING, .kit = { .shared = &shared },
		.source = { .store = "/store", .instance = "main", .backup_id = "ABCDEF" },
		.owner = { .uid = identity_is_root() ? OWNER : geteuid() }, .mnt = { .fuse_fd = -1 },
		.claim = { .lock_fd = -1 },
		.worker = { .pidfd = -1, .in_fd = -1, .out_fd = -1 },
	};
	s.claim.dir.fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s.claim.dir.infodir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert(identity_is_root() == false || chown(dir, OWNER, OWNER) == 0);
	attend_init(&s.attend);
	leave_init(&s.leave);
	ck_assert_int_eq(attend_open(&s), 0);
}

static void
finish(void)
{
	char command[128];

	attend_close(&s.attend);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* Runs the event loop once. */
static void
turn(void)
{
	struct pollfd p[ATTEND_DESCRIPTORS];

	attend_poll(&s, p);
	poll(p, ATTEND_DESCRIPTORS, 0);
	attend_look(&s, p);
}

static unsigned
connected(void)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < CLIENT_MAX; i++)
		n += s.attend.client[i].fd >= 0;
	return n;
}

/* The effective user counts as the one who connects. */
static int
connect_as(uid_t uid)
{
	struct socket_peer peer;
	int sock;

	if (identity_is_root())
		ck_assert_int_eq(seteuid(uid), 0);
	sock = socket_connect(s.claim.dir.fd, &peer);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_msg(sock >= 0, "%s", strerror(-sock));
	if (peer.pidfd >= 0)
		close(peer.pidfd);
	return sock;
}

static bool
is_open(int sock)
{
	struct pollfd p = { .fd = sock };

	return poll(&p, 1, 0) == 0;
}

static int
ask(int sock, enum command_type type, struct command_frame *a)
{
	struct command_frame q;

	command_init(&q, type);
	ck_assert_int_eq(command_send(sock, &q, -1), 0);
	turn();
	return command_receive(sock, a, true, NULL);
}

START_TEST(lies_where_it_should)
{
	struct stat st;

	ck_assert_int_eq(fstatat(s.attend.place.dir_fd, s.attend.place.name, &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert_uint_eq(st.st_mode, S_IFSOCK | 0600);
	ck_assert_uint_eq(st.st_uid, s.owner.uid);
	ck_assert_int_eq(strcmp(s.attend.place.name, ONDISK_SOCKET) == 0, !identity_is_root());
	attend_close(&s.attend);
	ck_assert_int_eq(s.attend.listen_fd, -1);
}
END_TEST

static const struct {
	const char *name;
	enum phase phase;
	enum command_type type, answer;
} asked[] = {
	{ "identify while preparing", PHASE_PREPARING, COMMAND_IDENTIFY, COMMAND_IDENTITY },
	{ "identify", PHASE_SERVING, COMMAND_IDENTIFY, COMMAND_IDENTITY },
	{ "status while preparing", PHASE_PREPARING, COMMAND_STATUS, COMMAND_REFUSED },
	{ "status while starting", PHASE_STARTING, COMMAND_STATUS, COMMAND_REPORT },
	{ "status", PHASE_SERVING, COMMAND_STATUS, COMMAND_REPORT },
	{ "status while leaving", PHASE_LEAVING, COMMAND_STATUS, COMMAND_REPORT },
	{ "leave while preparing", PHASE_PREPARING, COMMAND_LEAVE, COMMAND_DONE },
	{ "leave", PHASE_SERVING, COMMAND_LEAVE, COMMAND_DONE },
	{ "stop while preparing", PHASE_PREPARING, COMMAND_STOP, COMMAND_DONE },
	{ "stop", PHASE_SERVING, COMMAND_STOP, COMMAND_DONE },
};

START_TEST(answers_what_may_be_asked)
{
	struct command_frame a;
	int sock = connect_as(s.owner.uid);

	turn();
	s.phase = asked[_i].phase;
	ck_assert_msg(ask(sock, asked[_i].type, &a) == 0 && a.type == asked[_i].answer, "%s", asked[_i].name);
	ck_assert_msg(is_open(sock), "%s", asked[_i].name);
	ck_assert_int_eq(s.done, asked[_i].type == COMMAND_STOP ||
	    (asked[_i].type == COMMAND_LEAVE && asked[_i].phase == PHASE_PREPARING));
	ck_assert_int_eq(s.leave.asked, asked[_i].type == COMMAND_LEAVE && asked[_i].phase == PHASE_SERVING);
	close(sock);
}
END_TEST

START_TEST(gives_a_report_that_nobody_can_change)
{
	struct command_frame q, a;
	int sock = connect_as(s.owner.uid), fd = -1;
	struct stat st;

	turn();
	command_init(&q, COMMAND_STATUS);
	ck_assert_int_eq(command_send(sock, &q, -1), 0);
	turn();
	ck_assert_int_eq(command_receive(sock, &a, true, &fd), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_size, a.arg[0]);
	ck_assert_int_eq(pwrite(fd, "x", 1, 0), -1);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	close(fd);
	close(sock);
}
END_TEST

START_TEST(closes_who_asks_what_there_is_not)
{
	static char noise[2 * sizeof(struct command_frame)];
	static const size_t lengths[] = { 0, 1, sizeof(noise) / 2, sizeof(noise) };
	int sock = connect_as(s.owner.uid);

	turn();
	ck_assert_int_eq(connected(), 1);
	ck_assert_int_ge(send(sock, noise, lengths[_i], MSG_NOSIGNAL), 0);
	turn();
	ck_assert(!is_open(sock));
	ck_assert_int_eq(connected(), 0);
	close(sock);
}
END_TEST

START_TEST(closes_who_is_silent)
{
	int silent = connect_as(s.owner.uid), asks = connect_as(s.owner.uid);
	struct command_frame a;

	turn();
	turn();
	ck_assert_int_eq(connected(), 2);
	ck_assert_int_eq(ask(asks, COMMAND_IDENTIFY, &a), 0);
	now += 4 * STATE_SECOND;
	turn();
	ck_assert(is_open(silent));
	now += 2 * STATE_SECOND;
	turn();
	ck_assert(!is_open(silent));
	ck_assert(is_open(asks));
	close(silent);
	close(asks);
}
END_TEST

START_TEST(has_room_for_newcomers)
{
	int sock[CLIENT_MAX + 4];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sock); i++) {
		now += 1;
		sock[i] = connect_as(s.owner.uid);
		turn();
	}
	ck_assert_int_eq(connected(), CLIENT_MAX);
	for (i = 0; i < ARRAY_SIZE(sock); i++) {
		ck_assert_int_eq(is_open(sock[i]), i >= 4);
		close(sock[i]);
	}
}
END_TEST

START_TEST(keeps_roots_connections_for_root)
{
	int roots, sock[2 * CLIENT_MAX];
	size_t i;

	if (!identity_is_root())
		return;
	roots = connect_as(0);
	for (i = 0; i < ARRAY_SIZE(sock); i++) {
		now += 1;
		turn();
		sock[i] = connect_as(s.owner.uid);
	}
	turn();
	ck_assert(is_open(roots));
	for (i = 0; i < ARRAY_SIZE(sock); i++)
		close(sock[i]);
	close(roots);
}
END_TEST

/* Root takes the room of others first, even of newer ones. */
START_TEST(has_room_for_root)
{
	int first, last, sock[CLIENT_MAX - 1];
	size_t i;

	if (!identity_is_root())
		return;
	first = connect_as(0);
	turn();
	for (i = 0; i < ARRAY_SIZE(sock); i++) {
		now += 1;
		sock[i] = connect_as(s.owner.uid);
		turn();
	}
	now += 1;
	last = connect_as(0);
	turn();
	ck_assert_int_eq(connected(), CLIENT_MAX);
	ck_assert(is_open(first) && is_open(last));
	for (i = 0; i < ARRAY_SIZE(sock); i++) {
		ck_assert_int_eq(is_open(sock[i]), i > 0);
		close(sock[i]);
	}
	close(first);
	close(last);
}
END_TEST

START_TEST(has_no_room_but_roots)
{
	int sock[CLIENT_MAX], his;
	size_t i;

	if (!identity_is_root())
		return;
	for (i = 0; i < ARRAY_SIZE(sock); i++) {
		sock[i] = connect_as(0);
		turn();
	}
	his = connect_as(s.owner.uid);
	turn();
	ck_assert(!is_open(his));
	for (i = 0; i < ARRAY_SIZE(sock); i++) {
		ck_assert(is_open(sock[i]));
		close(sock[i]);
	}
	close(his);
}
END_TEST

START_TEST(refuses_others)
{
	int sock;

	if (!identity_is_root())
		return;
	ck_assert_int_eq(fchmodat(s.attend.place.dir_fd, s.attend.place.name, 0666, 0), 0);
	sock = connect_as(OTHER);
	turn();
	ck_assert(!is_open(sock));
	ck_assert_int_eq(connected(), 0);
	ck_assert_int_eq(complaints, 1);
	close(sock);
}
END_TEST

/* doc/security.md tells these limits. */
_Static_assert(CLIENT_MAX == 16 && ATTEND_BUDGET == 100, "the limits are those that are told");

/* Whether the event loop waits for any of them: for what it will not do, it would turn for ever. */
static bool
is_waited_for(void)
{
	struct pollfd p[ATTEND_DESCRIPTORS];
	size_t i;

	attend_poll(&s, p);
	for (i = 0; i < ATTEND_DESCRIPTORS; i++)
		if (p[i].fd >= 0)
			return true;
	return false;
}

/*
 * In a second the supervisor does no more than the budget, and logs no more lines
 * than it reads.
 */
START_TEST(has_a_budget)
{
	int i, done = 0, sock;

	for (i = 0; i < 2 * ATTEND_BUDGET; i++) {
		sock = connect_as(s.owner.uid);
		turn();
		send(sock, "x", 1, MSG_NOSIGNAL);
		turn();
		if (is_open(sock)) {
			close(sock);
			break;
		}
		close(sock);
		done++;
	}
	ck_assert_int_eq(done, ATTEND_BUDGET / 2);
	ck_assert_int_le(complaints, LOG_BURST);
	ck_assert(!is_waited_for());
	now += STATE_SECOND;
	ck_assert(is_waited_for());
	sock = connect_as(s.owner.uid);
	turn();
	turn();
	ck_assert_int_gt(connected(), 0);
	close(sock);
}
END_TEST

START_TEST(is_in_no_child)
{
	int sock = connect_as(s.owner.uid), status, listener = s.attend.listen_fd, client;
	pid_t pid;

	turn();
	client = s.attend.client[0].fd;
	ck_assert_int_ge(client, 0);
	if ((pid = fork()) == 0)
		_exit(fcntl(listener, F_GETFD) >= 0 || fcntl(client, F_GETFD) >= 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(fcntl(listener, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(client, F_GETFD), FD_CLOEXEC);
	close(sock);
}
END_TEST

#define N(table)	(int)ARRAY_SIZE(table)

int
main(void)
{
	Suite *suite = suite_create("attend");
	TCase *tc = tcase_create("attend");

	tcase_add_checked_fixture(tc, begin, finish);
	tcase_add_test(tc, lies_where_it_should);
	tcase_add_loop_test(tc, answers_what_may_be_asked, 0, N(asked));
	tcase_add_test(tc, gives_a_report_that_nobody_can_change);
	tcase_add_loop_test(tc, closes_who_asks_what_there_is_not, 0, 4);
	tcase_add_test(tc, closes_who_is_silent);
	tcase_add_test(tc, has_room_for_newcomers);
	tcase_add_test(tc, keeps_roots_connections_for_root);
	tcase_add_test(tc, has_room_for_root);
	tcase_add_test(tc, has_no_room_but_roots);
	tcase_add_test(tc, refuses_others);
	tcase_add_test(tc, has_a_budget);
	tcase_add_test(tc, is_in_no_child);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
