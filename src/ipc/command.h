/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The requests of a command to a supervisor, and the answers: one frame each,
 * of a fixed size, through a SOCK_SEQPACKET socket.  An answer that does not
 * fit comes as a sealed memfd with its frame.
 */
#ifndef IPC_COMMAND_H
#define IPC_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#define COMMAND_MAGIC		0x706b6271u
#define COMMAND_VERSION		1
#define COMMAND_ARGS		6
#define COMMAND_TEXT_MAX	4096	/* with the NUL at its end */
#define COMMAND_REPORT_MAX	(1024 * 1024)	/* bytes of a memfd */

enum command_type {
	/* command -> supervisor */
	COMMAND_IDENTIFY = 1,	/* COMMAND_IDENTITY is the answer */
	COMMAND_STATUS,		/* arg[0] = 1: counters from zero; COMMAND_REPORT is the answer */
	COMMAND_LEAVE,		/* unmount as soon as nobody uses it, as SIGTERM; COMMAND_DONE */
	COMMAND_STOP,		/* end worker, mount and yourself now; COMMAND_DONE */
	COMMAND_HYDRATE,	/* arg by enum command_hydrate; COMMAND_DONE, or COMMAND_REFUSED */
	COMMAND_AWAIT,		/* arg[0]: enum shared_hydration, or HYDRATION_STATES; COMMAND_HYDRATION is the answer,
				 * once hydration is in another state, or after COMMAND_AWAIT_MS */
	COMMAND_FREEZE,		/* arg by enum command_freeze; text = name of the snapshot, or that, '\n' and a message; later
				   COMMAND_STEPPED, or COMMAND_REFUSED */
	COMMAND_RESET,		/* text = name of the snapshot, or "-" for the one that it stands on; later the same */
	/* supervisor -> command */
	COMMAND_IDENTITY = 64,	/* arg by enum command_identity; text = the mountpoint */
	COMMAND_REPORT,		/* arg[0] bytes of JSON in a memfd */
	COMMAND_DONE,		/* it is under way; the connection ends with the supervisor */
	COMMAND_REFUSED,	/* text says why */
	COMMAND_HYDRATION,	/* arg by enum command_hydration */
	COMMAND_STEPPED,		/* arg by enum command_stepped: that is done, and the mount is served */
};

enum command_identity {
	IDENTITY_PID, IDENTITY_WORKER,	/* in the pid namespace of the supervisor; 0 = none */
	IDENTITY_STATE,			/* enum command_state */
	IDENTITY_MAJOR, IDENTITY_MINOR,	/* of the mount; 0, 0 before there is one */
	IDENTITY_OWNER,			/* uid */
};

enum command_hydrate {
	HYDRATE_ON,		/* 0: stop, 1: begin or go on */
	HYDRATE_RATE,		/* bytes a second; 0 = no limit */
	HYDRATE_JOBS,		/* files at a time, at most COMMAND_JOBS_MAX; 0 = default */
};
#define COMMAND_JOBS_MAX	8
#define COMMAND_AWAIT_MS	1000

enum command_hydration {
	AWAITED_STATE,		/* enum shared_hydration */
	AWAITED_WANTED,		/* 1: it is to go on */
};

enum command_stepped {
	STEPPED_FLUSH_NS,	/* while the worker made all durable, and writers waited */
	STEPPED_GAP_NS,		/* while the mount was not served at all */
	STEPPED_DISK_BYTES,	/* that the snapshot takes */
	STEPPED_WAL_BYTES, STEPPED_WAL_NS,	/* of --wal=direct: copied, and how long that took; part of the gap */
};

enum command_state {
	STATE_PREPARING, STATE_STARTING, STATE_SERVING, STATE_LEAVING, STATE_COUNT
};

/* Fields that are not used are zero. */
struct command_frame {
	uint32_t magic;
	uint16_t version;
	uint16_t type;		/* enum command_type */
	uint64_t arg[COMMAND_ARGS];
	char	text[COMMAND_TEXT_MAX];
};

/* Returns a frame of that type with nothing in it yet. */
void	command_init(struct command_frame *f, enum command_type type);

/*
 * Checks every byte of a frame that comes in this direction.  Returns 0,
 * -EPROTONOSUPPORT for another version, or -EPROTO.
 */
int	command_check(const struct command_frame *f, bool is_answer);

/*
 * Sends a frame, and fd with it unless that is -1; never waits.  Returns 0,
 * -EAGAIN if the other side does not read, or another negative errno.
 */
int	command_send(int sock, const struct command_frame *f, int fd);

/*
 * Receives a frame without waiting for it, and checks it.  A descriptor that comes
 * with it becomes *fd, else -1; fd of NULL takes none.  Returns 0, -ENOMSG if there is none,
 * the end included, or negative errno as command_check().
 */
int	command_receive(int sock, struct command_frame *f, bool is_answer, int *fd);

#endif
