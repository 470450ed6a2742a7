# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The same as an ordinary user.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
fixture
become_user
silent_user=$pguser
. "$srcdir/tests/lib-silent.sh"
