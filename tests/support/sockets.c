/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The other end of a supervisor's socket, as others would have it:
 *
 *	sockets listen [-f] [-l] [-o UID] [-u UID] [-r|-R FILE -m MOUNTPOINT [-d MAJOR:MINOR]] PATH
 *	sockets linger PATH
 *	sockets flood PATH SECONDS
 *	sockets crowd PATH THREADS
 *	sockets old COMMAND [ARGUMENT...]
 *
 * listen makes a socket at PATH, says "listening PID" on standard output, then "connected"
 * for each who comes, and answers nothing.  -o gives the name to UID, -u is that user
 * before it listens.  With -f the process that listens ends at once, and a child goes on with its
 * socket.  With -R it says that it serves MOUNTPOINT, or the device there, and FILE is its report; with -r that is
 * the file itself, which can change.
 *
 * linger sends a supervisor a descriptor whose last close takes an hour, says "sent" or "refused",
 * and stays.  So does listen -l to who asks, besides its answer.
 *
 * flood does to a supervisor what it must not mind: connections without a request, beyond any limit,
 * half frames, long ones, garbage, requests whose answers nobody reads, descriptors.
 *
 * crowd keeps the queue of a socket full, until it is killed: each thread connects, and again
 * when it was closed.  It says "crowded" once a connection has to wait.
 *
 * old runs a command as on Linux before 6.5, which knows no SO_PEERPIDFD.
 */
#include "config.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ipc/command.h"
#include "ipc/fdpass.h"

#define PEERPIDFD	77	/* SO_PEERPIDFD */
#define CONNECTIONS	200	/* that a flood holds at a time */

static struct sockaddr_un
address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(a.sun_path))
		errx(2, "\"%s\" is too long", path);
	strcpy(a.sun_path, path);
	return a;
}

/* ---- linger ------------------------------------------------------------- */

/* A connection that has more to send than its other end, which we keep, ever takes. */
static int
open_slow(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int door = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
	struct linger hour = { 1, 3600 };
	static const char bytes[65536];
	socklen_t n = sizeof(a);

	if (bind(door, (struct sockaddr *)&a, n) != 0 || listen(door, 1) != 0 ||
	    getsockname(door, (struct sockaddr *)&a, &n) != 0 ||
	    connect(fd, (struct sockaddr *)&a, n) != 0 || accept(door, NULL, NULL) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hour, sizeof(hour)) != 0)
		err(1, "linger");
	close(door);
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	return fd;
}

/* Sends a message with such a descriptor; then it has the only one. */
static int
send_slow(int sock, const struct command_frame *f)
{
	int fd = open_slow(), rc = command_send(sock, f, fd);
	struct linger none = { 0, 0 };

	if (rc != 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(fd);
	return rc;
}

static int
linger_main(char **argv)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct sockaddr_un a = address(argv[0]);
	struct command_frame f;

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		err(1, "connect");
	command_init(&f, COMMAND_IDENTIFY);
	printf("%s\n", send_slow(fd, &f) == 0 ? "sent" : "refused");
	fflush(stdout);
	pause();
	return 0;
}

/* ---- listen ------------------------------------------------------------- */

static const char *report, *mountpoint = "/";
static unsigned dev_major, dev_minor;
static bool seals, lingers;

static int
open_report(void)
{
	static char bytes[COMMAND_REPORT_MAX];
	int file = open(report, O_RDONLY | O_NONBLOCK), fd = memfd_create("report", MFD_ALLOW_SEALING);
	ssize_t n = read(file, bytes, sizeof(bytes));

	if (n < 0 || write(fd, bytes, (size_t)n) != n)
		err(1, "%s", report);
	if (!seals) {
		close(fd);
		return file;
	}
	close(file);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) != 0)
		err(1, "seal");
	return fd;
}

static void
answer(int fd)
{
	struct command_frame f;
	int file;

	while (report != NULL && recv(fd, &f, sizeof(f), 0) == sizeof(f)) {
		if (f.type == COMMAND_IDENTIFY) {
			command_init(&f, COMMAND_IDENTITY);
			snprintf(f.text, sizeof(f.text), "%s", mountpoint);
			f.arg[IDENTITY_MAJOR] = dev_major;
			f.arg[IDENTITY_MINOR] = dev_minor;
			if (!lingers || send_slow(fd, &f) != 0)
				command_send(fd, &f, -1);
			continue;
		}
		command_init(&f, COMMAND_REPORT);
		file = open_report();
		f.arg[0] = (uint64_t)lseek(file, 0, SEEK_END);
		command_send(fd, &f, file);
		close(file);
		if (lingers)
			send_slow(fd, &f);
	}
}

static void
serve(int sock)
{
	int fd;

	while ((fd = accept(sock, NULL, NULL)) >= 0) {
		printf("connected\n");
		fflush(stdout);
		answer(fd);
	}
}

static int
listen_main(int argc, char **argv)
{
	long owner = -1, uid = -1;
	bool forks = false;
	struct sockaddr_un a;
	int opt, sock;

	while ((opt = getopt(argc, argv, "d:flm:o:R:r:u:")) != -1)
		if (opt == 'f')
			forks = true;
		else if (opt == 'l')
			lingers = true;
		else if (opt == 'o')
			owner = atol(optarg);
		else if (opt == 'u')
			uid = atol(optarg);
		else if (opt == 'd')
			sscanf(optarg, "%u:%u", &dev_major, &dev_minor);
		else if (opt == 'm')
			mountpoint = optarg;
		else {
			report = optarg;
			seals = opt == 'R';
		}
	a = address(argv[optind]);
	sock = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	unlink(argv[optind]);
	if (bind(sock, (struct sockaddr *)&a, sizeof(a)) != 0 || chmod(argv[optind], 0600) != 0)
		err(1, "%s", argv[optind]);
	if (owner >= 0 && chown(argv[optind], (uid_t)owner, (gid_t)-1) != 0)
		err(1, "%s", argv[optind]);
	if (uid >= 0 && setuid((uid_t)uid) != 0)
		err(1, "setuid");
	if (listen(sock, 16) != 0)
		err(1, "listen");
	printf("listening %d\n", (int)getpid());
	fflush(stdout);
	if (forks && fork() != 0)
		return 0;
	serve(sock);
	return 0;
}

/* ---- flood -------------------------------------------------------------- */

static int held[CONNECTIONS];

static void
misbehave(int fd, unsigned how)
{
	static char noise[3 * sizeof(struct command_frame)];
	struct command_frame f;
	int i;

	command_init(&f, COMMAND_STATUS);
	switch (how % 7) {
	case 0:
		break;		/* says nothing */
	case 1:
		send(fd, &f, sizeof(f) / 2, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 2:
		memset(noise, (int)how, sizeof(noise));
		send(fd, noise, sizeof(noise), MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 3:
		send(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 4:
		f.arg[0] = 1;
		for (i = 0; i < 100; i++)
			send(fd, &f, sizeof(f), MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 5:
		fdpass_send(fd, &f, sizeof(f), STDERR_FILENO);
		break;
	default:
		f.type = (uint16_t)how;
		send(fd, &f, sizeof(f), MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	}
}

static int
flood_main(char **argv)
{
	struct sockaddr_un a = address(argv[0]);
	time_t until = time(NULL) + atol(argv[1]);
	unsigned n = 0, slot;
	int fd;

	while (time(NULL) < until) {
		fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
		if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
			if (fd < 0 || errno != EAGAIN)
				err(1, "connect");
			close(fd);
			poll(NULL, 0, 1);	/* its queue is full */
			continue;
		}
		slot = n % CONNECTIONS;
		if (n >= CONNECTIONS)
			close(held[slot]);
		held[slot] = fd;
		misbehave(fd, n++);
	}
	printf("%u connections\n", n);
	return n == 0;
}

/* ---- crowd -------------------------------------------------------------- */

static const char *crowded;

static void *
press(void *arg)
{
	struct sockaddr_un a = address(crowded);
	char byte;
	int fd;

	for (;;) {
		if ((fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) < 0)
			err(1, "socket");
		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0) {
			while (read(fd, &byte, 1) > 0)
				;
		} else
			poll(NULL, 0, 100);	/* who listened has ended */
		close(fd);
	}
	return arg;
}

static bool
is_crowded(const char *path)
{
	struct sockaddr_un a = address(path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool full = connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0 && errno == EAGAIN;

	close(fd);
	return full;
}

static int
crowd_main(char **argv)
{
	struct rlimit files = { 4096, 4096 };
	int i, n = atoi(argv[1]);
	pthread_attr_t attr;
	pthread_t thread;

	crowded = argv[0];
	setrlimit(RLIMIT_NOFILE, &files);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (i = 0; i < n; i++)
		if (pthread_create(&thread, &attr, press, NULL) != 0)
			errx(1, "could not start %d threads", n);
	for (i = 0; i < 2000 && !is_crowded(crowded); i++)
		poll(NULL, 0, 1);
	printf("crowded\n");
	fflush(stdout);
	for (;;)
		pause();
}

/* ---- old ---------------------------------------------------------------- */

static int
old_main(char **argv)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getsockopt, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PEERPIDFD, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOPROTOOPT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	if ((prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0 &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		err(1, "seccomp");
	execvp(argv[0], argv);
	err(1, "%s", argv[0]);
}

int
main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "listen") == 0)
		return listen_main(argc - 1, argv + 1);
	if (argc == 3 && strcmp(argv[1], "linger") == 0)
		return linger_main(argv + 2);
	if (argc == 4 && strcmp(argv[1], "flood") == 0)
		return flood_main(argv + 2);
	if (argc == 4 && strcmp(argv[1], "crowd") == 0)
		return crowd_main(argv + 2);
	if (argc > 2 && strcmp(argv[1], "old") == 0)
		return old_main(argv + 2);
	errx(2, "usage: sockets listen|linger|flood|crowd|old ...");
}
