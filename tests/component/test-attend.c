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
#include <sys/un.h>
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
#include "support/tmpdir.h"
#include "support/unit.h"

#define OWNER	65533	/* if root listens; nobody has to have this number */
#define OTHER	65532
#define SHARE	(CLIENT_MAX / SOCKET_DOORS)

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
	tmpdir_new(dir, sizeof(dir));
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
	socket_remove(&s.attend.place);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* Runs the event loop once. */
static void
turn(void)
{
	struct pollfd p[ATTEND_DESCRIPTORS];

	attend_poll(&s.attend, p);
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

/* The effective user is who connects.  Returns a socket or negative errno. */
static int
try_as(uid_t uid)
{
	struct socket_peer peer;
	int sock;

	if (identity_is_root())
		ck_assert_int_eq(seteuid(uid), 0);
	sock = socket_connect(s.claim.dir.fd, &peer);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	if (sock >= 0 && peer.pidfd >= 0)
		close(peer.pidfd);
	return sock;
}

static int
connect_as(uid_t uid)
{
	int sock = try_as(uid);

	ck_assert_msg(sock >= 0, "%s", strerror(-sock));
	socket_take_descriptors(sock, true);	/* as who asks for a report does */
	return sock;
}

/* The name of the door of the owner's, or of both. */
static const char *
owners_door(void)
{
	static char name[SOCKET_NAME_MAX + 8];

	snprintf(name, sizeof(name), "%s%s", s.attend.place.name, identity_is_root() ? ".owner" : "");
	return name;
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
	char path[PATH_MAX], name[SOCKET_NAME_MAX];
	struct stat st;

	ck_assert_int_eq(fstatat(s.attend.place.dir_fd, owners_door(), &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert_uint_eq(st.st_mode, S_IFSOCK | 0600);
	ck_assert_uint_eq(st.st_uid, s.owner.uid);
	ck_assert_int_eq(fstatat(s.attend.place.dir_fd, s.attend.place.name, &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert_uint_eq(st.st_mode, S_IFSOCK | 0600);
	ck_assert_uint_eq(st.st_uid, geteuid());
	ck_assert_int_eq(strcmp(s.attend.place.name, ONDISK_SOCKET) == 0, !identity_is_root());
	if (identity_is_root()) {
		ck_assert_int_eq(socket_find_name("/diff", name), 0);
		ck_assert_str_eq(name, s.attend.place.name);
		ck_assert_int_eq(socket_recorded_mnt(s.claim.dir.fd, path), 0);
		ck_assert_str_eq(path, "/mnt");
	}
	attend_close(&s.attend);
	ck_assert_int_eq(s.attend.share[SOCKET_ROOT].listen_fd, -1);
	ck_assert_int_eq(s.attend.share[SOCKET_OWNER].listen_fd, -1);
	socket_remove(&s.attend.place);
	ck_assert_int_eq(socket_find_name("/diff", name) < 0, true);
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
	{ "await while preparing", PHASE_PREPARING, COMMAND_AWAIT, COMMAND_REFUSED },
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

/* Who waits hears of it in the turn in which it happens, and in any case after a second. */
START_TEST(wakes_who_waits_for_hydration)
{
	struct command_frame q, a;
	int sock = connect_as(s.owner.uid);

	turn();
	atomic_store(&shared.hydrate.state, HYDRATION_COPYING);
	command_init(&q, COMMAND_AWAIT);
	q.arg[0] = HYDRATION_STATES;
	ck_assert_int_eq(command_send(sock, &q, -1), 0);
	turn();
	ck_assert_int_eq(command_receive(sock, &a, true, NULL), 0);
	ck_assert_int_eq(a.type, COMMAND_HYDRATION);
	ck_assert_uint_eq(a.arg[AWAITED_STATE], HYDRATION_COPYING);
	ck_assert_uint_eq(a.arg[AWAITED_WANTED], 0);
	q.arg[0] = HYDRATION_COPYING;
	ck_assert_int_eq(command_send(sock, &q, -1), 0);
	turn();
	ck_assert_int_eq(command_receive(sock, &a, true, NULL), -ENOMSG);
	s.binding.found.hydrates = true;
	atomic_store(&shared.hydrate.state, HYDRATION_FULL);
	turn();
	ck_assert_int_eq(command_receive(sock, &a, true, NULL), 0);
	ck_assert_uint_eq(a.arg[AWAITED_STATE], HYDRATION_FULL);
	ck_assert_uint_eq(a.arg[AWAITED_WANTED], 1);
	q.arg[0] = HYDRATION_FULL;
	ck_assert_int_eq(command_send(sock, &q, -1), 0);
	turn();
	now += STATE_SECOND - 1;
	turn();
	ck_assert_int_eq(command_receive(sock, &a, true, NULL), -ENOMSG);
	now++;
	turn();
	ck_assert_int_eq(command_receive(sock, &a, true, NULL), 0);
	ck_assert_uint_eq(a.arg[AWAITED_STATE], HYDRATION_FULL);
	/* A worker decides nothing: that it is detached the binding says. */
	atomic_store(&shared.hydrate.state, HYDRATION_DETACHED);
	ck_assert_int_eq(ask(sock, COMMAND_AWAIT, &a), 0);
	ck_assert_uint_eq(a.arg[AWAITED_STATE], HYDRATION_COPYING);
	s.binding.found.detached = true;
	ck_assert_int_eq(ask(sock, COMMAND_AWAIT, &a), 0);
	ck_assert_uint_eq(a.arg[AWAITED_STATE], HYDRATION_DETACHED);
	/* One question at a time. */
	q.arg[0] = HYDRATION_DETACHED;
	ck_assert_int_eq(command_send(sock, &q, -1), 0);
	turn();
	ck_assert_int_eq(command_send(sock, &q, -1), 0);
	turn();
	ck_assert(!is_open(sock));
	close(sock);
	atomic_store(&shared.hydrate.state, HYDRATION_OFF);
}
END_TEST

static void not_mounted(void) { s.mnt.mounted = false; }
static void leaving(void) { s.leave.asked = true; }
static void starting(void) { s.phase = PHASE_STARTING; }
static void freezing(void) { s.freeze.stage = FREEZE_START; }
static void hydrating(void) { s.binding.found.hydrates = true; }
static void mapped(void) { s.mapped.n = 1; }

static const struct { void (*hinder)(void); const char *text, *why; } hindered[] = {
	{ not_mounted, "name", "it is being unmounted" },
	{ leaving, "name", "it is being unmounted" },
	{ starting, "name", "its worker is being replaced" },
	{ freezing, "name", "another snapshot" },
	{ hydrating, "name", "it is being hydrated" },
	{ mapped, "name", "elsewhere" },
	{ NULL, "0123456789012345678901234567890123456789012345678901234567890123", "too long" },
	{ NULL, "\nmessage", "too long" },
};

static int
ask_to_freeze(int sock, const char *text, struct command_frame *a)
{
	struct command_frame q;

	command_init(&q, COMMAND_FREEZE);
	strcpy(q.text, text);
	ck_assert_int_eq(command_send(sock, &q, -1), 0);
	turn();
	return command_receive(sock, a, true, NULL);
}

START_TEST(refuses_to_freeze)
{
	struct command_frame a;
	int sock = connect_as(s.owner.uid);

	turn();
	s.mnt.mounted = true;
	if (hindered[_i].hinder != NULL)
		hindered[_i].hinder();
	ck_assert_int_eq(ask_to_freeze(sock, hindered[_i].text, &a), 0);
	ck_assert_int_eq(a.type, COMMAND_REFUSED);
	ck_assert_msg(strstr(a.text, hindered[_i].why) != NULL, "%s", a.text);
	ck_assert(is_open(sock));
	close(sock);
}
END_TEST

/* Whoever waits for one is told when it has come to something, and asks nothing meanwhile. */
START_TEST(tells_what_a_freeze_has_come_to)
{
	int sock = connect_as(s.owner.uid), other = connect_as(s.owner.uid);
	struct command_frame a;
	size_t i;

	turn();
	for (i = 0; i < CLIENT_MAX; i++)
		if (s.attend.client[i].fd >= 0)
			break;
	s.attend.client[i].wants_step = true;
	s.freeze = (struct freeze){ .stage = FREEZE_START, .step = { .over = true, .name = "name", .out = { .done = 1, .wal_bytes = 7 } } };
	freeze_serves(&s);
	ck_assert_int_eq(command_receive(sock, &a, true, NULL), 0);
	ck_assert_int_eq(a.type, COMMAND_STEPPED);
	ck_assert_uint_eq(a.arg[STEPPED_WAL_BYTES], 7);
	ck_assert_int_eq(command_receive(other, &a, true, NULL), -ENOMSG);
	ck_assert(!s.attend.client[i].wants_step && s.freeze.stage == FREEZE_NONE);
	s.attend.client[i].wants_step = true;
	ck_assert_int_lt(ask_to_freeze(sock, "name", &a), 0);
	ck_assert(!is_open(sock));
	close(sock);
	close(other);
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

/* Each has his share, which the other takes nothing of. */
START_TEST(has_room_for_newcomers)
{
	uid_t uid = _i == 0 ? s.owner.uid : 0, other = _i == 0 ? 0 : s.owner.uid;
	int sock[SHARE + 4], others = -1;
	size_t i;

	if (!identity_is_root() && _i == 1)
		return;
	if (identity_is_root())
		others = connect_as(other);
	turn();
	for (i = 0; i < ARRAY_SIZE(sock); i++) {
		now += 1;
		sock[i] = connect_as(uid);
		turn();
	}
	ck_assert_int_eq(connected(), SHARE + identity_is_root());
	for (i = 0; i < ARRAY_SIZE(sock); i++) {
		ck_assert_int_eq(is_open(sock[i]), i >= 4);
		close(sock[i]);
	}
	ck_assert(others < 0 || is_open(others));
	close(others);
}
END_TEST

/* The queue of the owner's is full, and nobody takes from it. */
START_TEST(is_reached_by_root_whatever_the_owner_does)
{
	int roots, n = 0;
	struct command_frame a;

	if (!identity_is_root())
		return;
	for (; n < 10000 && try_as(s.owner.uid) != -EAGAIN; n++)
		;
	ck_assert_int_lt(n, 10000);
	roots = connect_as(0);
	turn();
	ck_assert_int_eq(ask(roots, COMMAND_IDENTIFY, &a), 0);
}
END_TEST

START_TEST(lets_the_owner_not_come_to_roots)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	if (!identity_is_root())
		return;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", SOCKET_RUN, s.attend.place.name);
	ck_assert_int_eq(seteuid(s.owner.uid), 0);
	ck_assert_int_eq(connect(sock, (struct sockaddr *)&address, sizeof(address)), -1);
	ck_assert_int_eq(errno, EACCES);
	ck_assert_int_eq(seteuid(0), 0);
	close(sock);
}
END_TEST

/* Where all come to one door, the queue is emptied in one go: who waits behind is reached. */
START_TEST(takes_all_that_wait)
{
	struct command_frame a;
	int i, last = -1;

	if (identity_is_root())
		return;
	for (i = 0; i < ATTEND_BUDGET - 2; i++)
		last = connect_as(s.owner.uid);
	turn();
	ck_assert_int_le(connected(), SHARE);
	ck_assert(is_open(last));
	ck_assert_int_eq(ask(last, COMMAND_IDENTIFY, &a), 0);
}
END_TEST

START_TEST(refuses_others)
{
	int sock;

	if (!identity_is_root())
		return;
	ck_assert_int_eq(fchmodat(s.attend.place.dir_fd, owners_door(), 0666, 0), 0);
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

/* Whether the event loop waits for the owner: for what it will not do, it would turn for ever. */
static bool
is_waited_for(void)
{
	struct pollfd p[ATTEND_DESCRIPTORS];
	size_t i;

	attend_poll(&s.attend, p);
	for (i = 0; i < ATTEND_DESCRIPTORS; i++)
		if (p[i].fd >= 0 && (i > SOCKET_OWNER || (i == SOCKET_OWNER && identity_is_root())))
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
	/* Who is beyond it waits, or is closed where root may wait behind him. */
	ck_assert_int_eq(done, identity_is_root() ? ATTEND_BUDGET / 2 : 2 * ATTEND_BUDGET);
	ck_assert_int_eq(connected(), 0);
	ck_assert_int_le(complaints, LOG_BURST);
	/* An ordinary user's door stays open, for root may come there. */
	ck_assert(!is_waited_for());
	now += STATE_SECOND;
	sock = connect_as(s.owner.uid);
	turn();
	turn();
	ck_assert_int_gt(connected(), 0);
	close(sock);
}
END_TEST

START_TEST(is_in_no_child)
{
	int sock = connect_as(s.owner.uid), status, listener = s.attend.share[SOCKET_OWNER].listen_fd, client;
	pid_t pid;

	turn();
	client = s.attend.client[SHARE].fd;
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
	tcase_add_test(tc, wakes_who_waits_for_hydration);
	tcase_add_loop_test(tc, refuses_to_freeze, 0, N(hindered));
	tcase_add_test(tc, tells_what_a_freeze_has_come_to);
	tcase_add_test(tc, gives_a_report_that_nobody_can_change);
	tcase_add_loop_test(tc, closes_who_asks_what_there_is_not, 0, 4);
	tcase_add_test(tc, closes_who_is_silent);
	tcase_add_loop_test(tc, has_room_for_newcomers, 0, 2);
	tcase_add_test(tc, is_reached_by_root_whatever_the_owner_does);
	tcase_add_test(tc, lets_the_owner_not_come_to_roots);
	tcase_add_test(tc, takes_all_that_wait);
	tcase_add_test(tc, refuses_others);
	tcase_add_test(tc, has_a_budget);
	tcase_add_test(tc, is_in_no_child);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
