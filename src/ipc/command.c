/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sends, receives and checks the frames between a command and a supervisor.
 * Who may ask for what is decided in src/supervisor/attend.c.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "ipc/command.h"
#include "ipc/fdpass.h"
#include "ipc/shared.h"

#define PID_LIMIT	0x7fffffff
#define MAJOR_LIMIT	0xfff
#define MINOR_LIMIT	0xfffff

/*
 * The bounds of a frame of each type.  An argument without a limit here has to
 * be zero.
 */
static const struct kind {
	uint16_t type;
	bool	is_answer;
	bool	has_text;	/* not empty */
	uint64_t limit[COMMAND_ARGS];
} kinds[] = {
	{ COMMAND_IDENTIFY, false, false, { 0 } },
	{ COMMAND_STATUS, false, false, { 1 } },
	{ COMMAND_LEAVE, false, false, { 0 } },
	{ COMMAND_STOP, false, false, { 0 } },
	{ COMMAND_HYDRATE, false, false, {
		[HYDRATE_ON] = 1, [HYDRATE_RATE] = INT64_MAX, [HYDRATE_JOBS] = COMMAND_JOBS_MAX } },
	{ COMMAND_AWAIT, false, false, { HYDRATION_STATES } },
	{ COMMAND_FREEZE, false, true, { 0 } },
	{ COMMAND_RESET, false, true, { 0 } },
	{ COMMAND_IDENTITY, true, true, {
		[IDENTITY_PID] = PID_LIMIT, [IDENTITY_WORKER] = PID_LIMIT,
		[IDENTITY_STATE] = STATE_COUNT - 1, [IDENTITY_MAJOR] = MAJOR_LIMIT,
		[IDENTITY_MINOR] = MINOR_LIMIT, [IDENTITY_OWNER] = UINT32_MAX } },
	{ COMMAND_REPORT, true, false, { COMMAND_REPORT_MAX } },
	{ COMMAND_DONE, true, false, { 0 } },
	{ COMMAND_REFUSED, true, true, { 0 } },
	{ COMMAND_HYDRATION, true, false, { [AWAITED_STATE] = HYDRATION_STATES - 1, [AWAITED_WANTED] = 1 } },
	{ COMMAND_STEPPED, true, false, {
		[STEPPED_FLUSH_NS] = INT64_MAX, [STEPPED_GAP_NS] = INT64_MAX, [STEPPED_DISK_BYTES] = INT64_MAX, [STEPPED_WAL_BYTES] = INT64_MAX,
		[STEPPED_WAL_NS] = INT64_MAX } },
};

void
command_init(struct command_frame *f, enum command_type type)
{
	memset(f, 0, sizeof(*f));
	f->magic = COMMAND_MAGIC;
	f->version = COMMAND_VERSION;
	f->type = (uint16_t)type;
}

static const struct kind *
kind_of(const struct command_frame *f, bool is_answer)
{
	const struct kind *k;

	for (k = kinds; k < kinds + ARRAY_SIZE(kinds); k++)
		if (k->type == f->type && k->is_answer == is_answer)
			return k;
	return NULL;
}

/* Whether there is text just where it is wanted, with its NUL and nothing behind it. */
static bool
text_is_good(const char text[COMMAND_TEXT_MAX], bool wanted)
{
	size_t n = strnlen(text, COMMAND_TEXT_MAX), i;

	if (n == COMMAND_TEXT_MAX || (n > 0) != wanted)
		return false;
	for (i = n; i < COMMAND_TEXT_MAX; i++)
		if (text[i] != '\0')
			return false;
	return true;
}

int
command_check(const struct command_frame *f, bool is_answer)
{
	const struct kind *k;
	size_t i;

	if (f->magic != COMMAND_MAGIC)
		return -EPROTO;
	if (f->version != COMMAND_VERSION)
		return -EPROTONOSUPPORT;
	if ((k = kind_of(f, is_answer)) == NULL || !text_is_good(f->text, k->has_text))
		return -EPROTO;
	for (i = 0; i < COMMAND_ARGS; i++)
		if (f->arg[i] > k->limit[i])
			return -EPROTO;
	return 0;
}

int
command_send(int sock, const struct command_frame *f, int fd)
{
	return fdpass_send(sock, f, sizeof(*f), fd);
}

int
command_receive(int sock, struct command_frame *f, bool is_answer, int *fd)
{
	int got autoclose = -1, rc;

	if ((rc = fdpass_receive(sock, f, sizeof(*f), fd != NULL ? &got : NULL)) != 0 ||
	    (rc = command_check(f, is_answer)) != 0)
		return rc;
	if (fd != NULL)
		*fd = steal_fd(&got);
	return 0;
}
