# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The same with an ordinary user's mount, whose socket root and he share.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
fixture
become_user
crowd_user=$pguser
door() { echo "$diff/.pbkfs/socket"; }
. "$srcdir/tests/lib-crowd.sh"
