/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * src/ipc/command: frames between commands and a supervisor; a bad frame is refused,
 * and keeps no descriptor.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/command.h"
#include "ipc/fdpass.h"
#include "ipc/shared.h"
#include "support/unit.h"

static int sock[2];

static void
open_pair(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sock), 0);
}

static void
close_pair(void)
{
	close(sock[0]);
	close(sock[1]);
}

/* ---- what a frame may hold ---------------------------------------------- */

static const struct {
	const char *name;
	uint16_t type;
	bool	is_answer;
	unsigned arg;
	uint64_t value;
	const char *text;
	int	rc;
} frames[] = {
	{ "identify", COMMAND_IDENTIFY, false, 0, 0, "", 0 },
	{ "status", COMMAND_STATUS, false, 0, 0, "", 0 },
	{ "status, counters from zero", COMMAND_STATUS, false, 0, 1, "", 0 },
	{ "leave", COMMAND_LEAVE, false, 0, 0, "", 0 },
	{ "stop", COMMAND_STOP, false, 0, 0, "", 0 },
	{ "identity", COMMAND_IDENTITY, true, IDENTITY_STATE, STATE_LEAVING, "/mnt", 0 },
	{ "identity, largest pid", COMMAND_IDENTITY, true, IDENTITY_PID, INT32_MAX, "/mnt", 0 },
	{ "report", COMMAND_REPORT, true, 0, COMMAND_REPORT_MAX, "", 0 },
	{ "done", COMMAND_DONE, true, 0, 0, "", 0 },
	{ "refused", COMMAND_REFUSED, true, 0, 0, "no", 0 },
	{ "hydrate", COMMAND_HYDRATE, false, HYDRATE_JOBS, COMMAND_JOBS_MAX, "", 0 },
	{ "hydrate, too many jobs", COMMAND_HYDRATE, false, HYDRATE_JOBS, COMMAND_JOBS_MAX + 1, "", -EPROTO },
	{ "hydrate, largest rate", COMMAND_HYDRATE, false, HYDRATE_RATE, INT64_MAX, "", 0 },
	{ "await", COMMAND_AWAIT, false, 0, HYDRATION_STATES, "", 0 },
	{ "await a state that is none", COMMAND_AWAIT, false, 0, HYDRATION_STATES + 1, "", -EPROTO },
	{ "hydration", COMMAND_HYDRATION, true, AWAITED_STATE, HYDRATION_DETACHED, "", 0 },
	{ "hydration, neither wanted nor not", COMMAND_HYDRATION, true, AWAITED_WANTED, 2, "", -EPROTO },
	{ "freeze", COMMAND_FREEZE, false, 0, 0, "name\nmessage", 0 },
	{ "freeze, without a name", COMMAND_FREEZE, false, 0, 0, "", -EPROTO },
	{ "freeze, an argument", COMMAND_FREEZE, false, 0, 1, "name", -EPROTO },
	{ "reset", COMMAND_RESET, false, 0, 0, "-", 0 },
	{ "reset, to nothing", COMMAND_RESET, false, 0, 0, "", -EPROTO },
	{ "frozen", COMMAND_STEPPED, true, STEPPED_WAL_NS, INT64_MAX, "", 0 },
	{ "frozen, a time that is none", COMMAND_STEPPED, true, STEPPED_GAP_NS, UINT64_MAX, "", -EPROTO },
	{ "no type", 0, false, 0, 0, "", -EPROTO },
	{ "unknown request", COMMAND_RESET + 1, false, 0, 0, "", -EPROTO },
	{ "unknown answer", COMMAND_STEPPED + 1, true, 0, 0, "no", -EPROTO },
	{ "an answer as a request", COMMAND_DONE, false, 0, 0, "", -EPROTO },
	{ "a request as an answer", COMMAND_STOP, true, 0, 0, "", -EPROTO },
	{ "an argument too large", COMMAND_STATUS, false, 0, 2, "", -EPROTO },
	{ "an argument that is not used", COMMAND_STATUS, false, 1, 1, "", -EPROTO },
	{ "arguments of none", COMMAND_STOP, false, 5, 1, "", -EPROTO },
	{ "a text of none", COMMAND_STOP, false, 0, 0, "x", -EPROTO },
	{ "no text", COMMAND_REFUSED, true, 0, 0, "", -EPROTO },
	{ "a state that is none", COMMAND_IDENTITY, true, IDENTITY_STATE, STATE_COUNT, "/mnt", -EPROTO },
	{ "a pid that is none", COMMAND_IDENTITY, true, IDENTITY_WORKER, 1ull << 31, "/mnt", -EPROTO },
	{ "a device that is none", COMMAND_IDENTITY, true, IDENTITY_MAJOR, 1ull << 32, "/mnt", -EPROTO },
	{ "a report too large", COMMAND_REPORT, true, 0, COMMAND_REPORT_MAX + 1, "", -EPROTO },
};

START_TEST(checks_frames)
{
	struct command_frame f;

	command_init(&f, frames[_i].type);
	f.arg[frames[_i].arg] = frames[_i].value;
	strcpy(f.text, frames[_i].text);
	ck_assert_msg(command_check(&f, frames[_i].is_answer) == frames[_i].rc, "%s", frames[_i].name);
}
END_TEST

static const struct { const char *name; size_t at; unsigned char byte; int rc; } bytes[] = {
	{ "the magic", offsetof(struct command_frame, magic), 0, -EPROTO },
	{ "the version", offsetof(struct command_frame, version), COMMAND_VERSION + 1, -EPROTONOSUPPORT },
	{ "version 0", offsetof(struct command_frame, version), 0, -EPROTONOSUPPORT },
	{ "behind the text", offsetof(struct command_frame, text) + 5, 'x', -EPROTO },
	{ "at the end of the text", sizeof(struct command_frame) - 1, 'x', -EPROTO },
};

START_TEST(checks_every_byte)
{
	struct command_frame f;

	command_init(&f, COMMAND_REFUSED);
	strcpy(f.text, "no");
	ck_assert_int_eq(command_check(&f, true), 0);
	((unsigned char *)&f)[bytes[_i].at] = bytes[_i].byte;
	ck_assert_msg(command_check(&f, true) == bytes[_i].rc, "%s", bytes[_i].name);
}
END_TEST

START_TEST(wants_the_end_of_a_text)
{
	struct command_frame f;

	command_init(&f, COMMAND_REFUSED);
	memset(f.text, 'x', sizeof(f.text));
	ck_assert_int_eq(command_check(&f, true), -EPROTO);
	f.text[sizeof(f.text) - 1] = '\0';
	ck_assert_int_eq(command_check(&f, true), 0);
}
END_TEST

/* ---- what comes through a socket ---------------------------------------- */

static int
count_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(carries_a_frame)
{
	struct command_frame sent, got;
	int fd = -1;

	command_init(&sent, COMMAND_STATUS);
	sent.arg[0] = 1;
	ck_assert_int_eq(command_send(sock[0], &sent, -1), 0);
	ck_assert_int_eq(command_receive(sock[1], &got, false, &fd), 0);
	ck_assert_mem_eq(&got, &sent, sizeof(sent));
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(command_receive(sock[1], &got, false, &fd), -ENOMSG);
}
END_TEST

static const struct { const char *name; size_t len; } lengths[] = {
	{ "nothing", 0 }, { "one byte", 1 }, { "half of one", sizeof(struct command_frame) / 2 },
	{ "one less", sizeof(struct command_frame) - 1 },
	{ "one more", sizeof(struct command_frame) + 1 }, { "two", 2 * sizeof(struct command_frame) },
};

START_TEST(takes_whole_frames_alone)
{
	static struct command_frame f[3];

	command_init(&f[0], COMMAND_STATUS);
	ck_assert_int_eq(send(sock[0], f, lengths[_i].len, 0), (ssize_t)lengths[_i].len);
	ck_assert_msg(command_receive(sock[1], &f[2], false, NULL) == -ENOMSG, "%s", lengths[_i].name);
}
END_TEST

START_TEST(passes_a_descriptor)
{
	struct command_frame f;
	int fd = -1;

	command_init(&f, COMMAND_DONE);
	ck_assert_int_eq(command_send(sock[0], &f, sock[0]), 0);
	ck_assert_int_eq(command_receive(sock[1], &f, true, &fd), 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
}
END_TEST

/* As many as the kernel passes at once, to who wants one, or none. */
START_TEST(keeps_no_descriptor_that_it_did_not_ask_for)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(2 * sizeof(int))]; } control = {
		{ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(2 * sizeof(int)) },
	};
	struct command_frame f;
	struct iovec iov = { &f, sizeof(f) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = CMSG_LEN(2 * sizeof(int)),
	};
	int before = count_fds(), fd = -1;

	memcpy(CMSG_DATA(&control.h), sock, 2 * sizeof(int));
	command_init(&f, COMMAND_STATUS);
	ck_assert_int_eq(sendmsg(sock[0], &m, 0), sizeof(f));
	ck_assert_int_eq(command_receive(sock[1], &f, false, _i == 0 ? &fd : NULL), 0);
	if (fd >= 0)
		close(fd);
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

START_TEST(does_not_wait_for_who_does_not_read)
{
	struct command_frame f;
	int rc;

	command_init(&f, COMMAND_DONE);
	while ((rc = command_send(sock[0], &f, -1)) == 0)
		;
	ck_assert_int_eq(rc, -EAGAIN);
	close(sock[1]);
	rc = command_send(sock[0], &f, -1);
	ck_assert(rc == -EPIPE || rc == -ECONNRESET);
	sock[1] = -1;
}
END_TEST

#define N(table)	(int)(sizeof(table) / sizeof((table)[0]))

int
main(void)
{
	Suite *s = suite_create("command");
	TCase *tc = tcase_create("command");

	tcase_add_checked_fixture(tc, open_pair, close_pair);
	tcase_add_loop_test(tc, checks_frames, 0, N(frames));
	tcase_add_loop_test(tc, checks_every_byte, 0, N(bytes));
	tcase_add_test(tc, wants_the_end_of_a_text);
	tcase_add_test(tc, carries_a_frame);
	tcase_add_loop_test(tc, takes_whole_frames_alone, 0, N(lengths));
	tcase_add_test(tc, passes_a_descriptor);
	tcase_add_loop_test(tc, keeps_no_descriptor_that_it_did_not_ask_for, 0, 2);
	tcase_add_test(tc, does_not_wait_for_who_does_not_read);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
