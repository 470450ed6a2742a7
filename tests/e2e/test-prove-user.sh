# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs prove of an ordinary user, who may read the catalog, and has nothing but fusermount3.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
. "$srcdir/tests/lib-made.sh"
. "$srcdir/tests/lib-run.sh"
as_ordinary_user=yes
. "$srcdir/tests/lib-prove-story.sh"
plan_done
