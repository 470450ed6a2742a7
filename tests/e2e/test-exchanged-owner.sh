# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The same with a mount of an ordinary user's, by himself.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
fixture
become_user
exchanged_user=$pguser callers=$pguser all=
. "$srcdir/tests/lib-exchanged.sh"
