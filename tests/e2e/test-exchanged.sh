# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The owner removes or exchanges what commands find a mount of root's by: no command of root's
# or of his succeeds while the processes live.
. "$srcdir/tests/lib-e2e.sh"
fixture
exchanged_user=root callers="root $pguser" all=yes
. "$srcdir/tests/lib-exchanged.sh"
