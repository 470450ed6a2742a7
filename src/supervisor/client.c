/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For every room that answers commands; attend.c decides who becomes a client.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "ipc/command.h"
#include "supervisor/client.h"

void
client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	*c = (struct client){ .fd = -1 };
}

void
client_refuse(int fd, const char *why)
{
	struct command_frame f;

	command_init(&f, COMMAND_REFUSED);
	snprintf(f.text, sizeof(f.text), "%s", why);
	command_send(fd, &f, -1);
}

void
client_stepped(struct client client[CLIENT_MAX], const struct command_frame *answer)
{
	struct client *c;

	for (c = client; c < client + CLIENT_MAX; c++) {
		if (!c->wants_step)
			continue;
		c->wants_step = false;
		if (command_send(c->fd, answer, -1) != 0)
			client_close(c);
	}
}

void
client_refuse_step(struct client client[CLIENT_MAX], const char *why)
{
	struct command_frame f;

	command_init(&f, COMMAND_REFUSED);
	snprintf(f.text, sizeof(f.text), "%s", why[0] != '\0' ? why : "it failed");
	client_stepped(client, &f);
}

static bool
is_report_wanted(const struct client client[CLIENT_MAX])
{
	size_t i;

	for (i = 0; i < CLIENT_MAX; i++)
		if (client[i].wants_report)
			return true;
	return false;
}

/* Nobody whom it is shown to can change it. */
static int
make_report(const char *text, size_t len)
{
	int fd autoclose = memfd_create("pbkfs-report", MFD_CLOEXEC | MFD_ALLOW_SEALING), rc;

	if (fd < 0)
		return -errno;
	if ((rc = io_write(fd, text, len)) != 0)
		return rc;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
		return -errno;
	return steal_fd(&fd);
}

void
client_report(struct client client[CLIENT_MAX], const char *text, size_t len)
{
	struct client *c;
	struct command_frame f;
	int fd autoclose = -1;

	if (!is_report_wanted(client))
		return;
	command_init(&f, COMMAND_REPORT);
	f.arg[0] = len;
	fd = len <= COMMAND_REPORT_MAX ? make_report(text, len) : -EFBIG;
	for (c = client; c < client + CLIENT_MAX; c++) {
		if (!c->wants_report)
			continue;
		c->wants_report = false;
		if (fd < 0)
			client_refuse(c->fd, strerror(-fd));
		else if (command_send(c->fd, &f, fd) != 0)
			client_close(c);
	}
}
