# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs prove --plan of an ordinary user, who may read the catalog.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
. "$srcdir/tests/lib-made.sh"
. "$srcdir/tests/lib-run.sh"
as_ordinary_user=yes
. "$srcdir/tests/lib-prove-plan-story.sh"
# A machine that cannot mount says so before anybody needs it.
umount /dev/fuse
mount --bind /dev/null /dev/fuse
mount -o remount,bind,nodev /dev/fuse
plan_of "no device" 2
says "no device: is named" "mount +unknown .*/dev/fuse"
plan_done
