# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The owner of a diff directory keeps the queue of the supervisor's socket full: root's
# commands are answered all the same, and --force ends the processes, stopped ones too.
. "$srcdir/tests/lib-e2e.sh"
fixture
crowd_user=root
door() { echo "/run/pbkfs/$(stat -c %Hd:%Ld-%i "$diff").owner"; }
. "$srcdir/tests/lib-crowd.sh"
