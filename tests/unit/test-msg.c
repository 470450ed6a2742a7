/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * src/ipc/msg: frames come out of a pipe whole and in order; bad ones are refused.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "ipc/msg.h"
#include "support/unit.h"

static int in_fd, out_fd;
static struct msg_reader reader;

static void
open_pipe(void)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_NONBLOCK), 0);
	in_fd = fds[0];
	out_fd = fds[1];
	memset(&reader, 0, sizeof(reader));
	signal(SIGPIPE, SIG_IGN);
}

static void
close_pipe(void)
{
	close(in_fd);
	close(out_fd);
}

static void
send_raw(uint16_t type, uint16_t protocol, uint32_t len, size_t body)
{
	struct msg_header h = { .type = type, .protocol = protocol, .len = len };
	static const char zeroes[MSG_BODY_MAX];

	ck_assert_int_eq(write(out_fd, &h, sizeof(h)), sizeof(h));
	if (body > 0)
		ck_assert_int_eq(write(out_fd, zeroes, body), (ssize_t)body);
}

static const struct { const char *name; size_t len; int rc; } sizes[] = {
	{ "no body", 0, 0 },
	{ "one byte", 1, 0 },
	{ "the largest", MSG_BODY_MAX, 0 },
	{ "one too many", MSG_BODY_MAX + 1, -EMSGSIZE },
};

START_TEST(carries_a_body)
{
	unsigned char sent[MSG_BODY_MAX + 1];
	const unsigned char *body;
	struct msg_header h;
	size_t i;

	for (i = 0; i < sizeof(sent); i++)
		sent[i] = (unsigned char)(i * 7);
	ck_assert_msg(msg_send(out_fd, MSG_LOG, sent, sizes[_i].len) == sizes[_i].rc,
	    "%s", sizes[_i].name);
	if (sizes[_i].rc != 0)
		return;
	ck_assert_int_gt(msg_fill(in_fd, &reader), 0);
	ck_assert_int_eq(msg_next(&reader, &h, &body), 1);
	ck_assert_uint_eq(h.type, MSG_LOG);
	ck_assert_uint_eq(h.len, sizes[_i].len);
	ck_assert_mem_eq(body, sent, sizes[_i].len);
	ck_assert_int_eq(msg_next(&reader, &h, &body), 0);
}
END_TEST

/* The frames come out whole and in order, however the bytes arrive. */
START_TEST(joins_pieces)
{
	const unsigned char *body;
	struct msg_header h;
	unsigned char byte, stream[3 * (sizeof(h) + 5)];
	int got = 0, n;
	ssize_t len, i;

	for (n = 0; n < 3; n++)
		ck_assert_int_eq(msg_send(out_fd, MSG_LOG, "abcde", 5), 0);
	len = read(in_fd, stream, sizeof(stream));
	ck_assert_int_eq(len, sizeof(stream));
	for (i = 0; i < len; i++) {
		byte = stream[i];
		ck_assert_int_eq(write(out_fd, &byte, 1), 1);
		ck_assert_int_eq(msg_fill(in_fd, &reader), 1);
		while ((n = msg_next(&reader, &h, &body)) > 0) {
			ck_assert_mem_eq(body, "abcde", 5);
			got++;
		}
		ck_assert_int_eq(n, 0);
	}
	ck_assert_int_eq(got, 3);
}
END_TEST

START_TEST(takes_several_of_one_read)
{
	const unsigned char *body;
	struct msg_header h;
	int got = 0;

	ck_assert_int_eq(msg_send(out_fd, MSG_HEARTBEAT, NULL, 0), 0);
	ck_assert_int_eq(msg_send(out_fd, MSG_LOG, "xy", 2), 0);
	ck_assert_int_eq(msg_send(out_fd, MSG_CLEAN, NULL, 0), 0);
	ck_assert_int_gt(msg_fill(in_fd, &reader), 0);
	while (msg_next(&reader, &h, &body) == 1)
		got++;
	ck_assert_int_eq(got, 3);
	ck_assert_uint_eq(h.type, MSG_CLEAN);
}
END_TEST

static const struct { const char *name; uint16_t protocol; uint32_t len; int rc; } frames[] = {
	{ "good", MSG_PROTOCOL, 4, 1 },
	{ "another protocol", MSG_PROTOCOL + 1, 4, -EPROTO },
	{ "protocol 0", 0, 4, -EPROTO },
	{ "too long", MSG_PROTOCOL, MSG_BODY_MAX + 1, -EPROTO },
	{ "far too long", MSG_PROTOCOL, UINT32_MAX, -EPROTO },
	{ "cut", MSG_PROTOCOL, 5, 0 },
};

START_TEST(refuses_bad_frames)
{
	const unsigned char *body;
	struct msg_header h;

	send_raw(MSG_LOG, frames[_i].protocol, frames[_i].len, 4);
	ck_assert_int_gt(msg_fill(in_fd, &reader), 0);
	ck_assert_msg(msg_next(&reader, &h, &body) == frames[_i].rc, "%s", frames[_i].name);
}
END_TEST

START_TEST(tells_the_end)
{
	ck_assert_int_eq(msg_fill(in_fd, &reader), -EAGAIN);
	close(out_fd);
	out_fd = -1;
	ck_assert_int_eq(msg_fill(in_fd, &reader), 0);
}
END_TEST

START_TEST(tells_a_deaf_reader)
{
	static const char zeroes[MSG_BODY_MAX];
	int rc, n = 0;

	while ((rc = msg_send(out_fd, MSG_LOG, zeroes, sizeof(zeroes))) == 0)
		n++;
	ck_assert_int_eq(rc, -EAGAIN);
	ck_assert_int_gt(n, 1);
	close(in_fd);
	in_fd = -1;
	ck_assert_int_eq(msg_send(out_fd, MSG_HEARTBEAT, NULL, 0), -EPIPE);
}
END_TEST

#define N(table)	(int)(sizeof(table) / sizeof((table)[0]))

int
main(void)
{
	Suite *s = suite_create("msg");
	TCase *tc = tcase_create("msg");

	tcase_add_checked_fixture(tc, open_pipe, close_pipe);
	tcase_add_loop_test(tc, carries_a_body, 0, N(sizes));
	tcase_add_test(tc, joins_pieces);
	tcase_add_test(tc, takes_several_of_one_read);
	tcase_add_loop_test(tc, refuses_bad_frames, 0, N(frames));
	tcase_add_test(tc, tells_the_end);
	tcase_add_test(tc, tells_a_deaf_reader);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
