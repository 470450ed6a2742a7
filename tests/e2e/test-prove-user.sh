# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs prove of an ordinary user, who may read the catalog, and has nothing but fusermount3.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
. "$srcdir/tests/lib-made.sh"
. "$srcdir/tests/lib-run.sh"
as_ordinary_user=yes
. "$srcdir/tests/lib-prove-story.sh"

# A machine that lets nobody mount says nothing of a backup.
chmod 0600 /dev/shm/fuse
$runner pbkfs prove -B "$store" -I "$instance" -i "$id" >"$printed" 2>"$told"
equal "no right to mount: exit status" 2 $? || show "$told"
check "no right to mount: the server is unknown, and why" said "^$instance +$id +server +unknown .*you may not open /dev/fuse" "$printed" || show "$printed"
chmod 0666 /dev/shm/fuse
left_nothing "no right to mount"
plan_done
