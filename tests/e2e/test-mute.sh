# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A diff directory on a file system that takes requests and answers none: commands say so in time and
# can take a mount away; the mount goes on once there are answers.
. "$srcdir/tests/lib-e2e.sh"
fixture
mute_user=root
. "$srcdir/tests/lib-mute.sh"
