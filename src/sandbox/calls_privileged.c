/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of calls that nobody needs, for a process that keeps rights or
 * whose calls are not all known.  It refuses those, and allows all others.
 */
#include "config.h"

#ifdef ENABLE_SANDBOX

#include <errno.h>

#include "base/util.h"
#include "sandbox/calls.h"

static const struct row rows[] = {
	NOBODY_NEEDS(DENY),
	DENY(settimeofday),		/* the machine */
	DENY(clock_settime),
	DENY(clock_adjtime),
	DENY(adjtimex),
	DENY(sethostname),
	DENY(setdomainname),
	DENY(swapon),
	DENY(swapoff),
	DENY(acct),
	DENY(quotactl),
	DENY(syslog),
	DENY(vhangup),
	DENY(fanotify_init),
	DENY(lookup_dcookie),
	DENY(mbind),
	DENY(move_pages),
	DENY(migrate_pages),
#ifdef __x86_64__
	DENY(iopl),
	DENY(ioperm),
	DENY(modify_ldt),
#endif
};

const struct calls calls_privileged = { "supervisor", rows, ARRAY_SIZE(rows), ANSWER_ALLOW, NULL };

#endif /* ENABLE_SANDBOX */
