# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# As test-mute.sh, with a mount of an ordinary user.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
fixture
become_user
mute_user=$pguser
. "$srcdir/tests/lib-mute.sh"
