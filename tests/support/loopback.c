/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Brings the loopback interface of a new network namespace up, as "ip link set lo
 * up" does where there is an ip.  Exit status 0 or 1.
 */
#include "config.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <err.h>
#include <net/if.h>
#include <unistd.h>

#include "base/util.h"

int
main(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd autoclose = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		err(1, "could not find the loopback interface");
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		err(1, "could not bring the loopback interface up");
	return 0;
}
