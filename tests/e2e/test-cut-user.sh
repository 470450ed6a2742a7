# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# As test-cut.sh, for an ordinary user's mount, which root cuts off: where the user may make a
# namespace, and where he may not, as in a chroot.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-cut.sh"
. "$srcdir/tests/lib-user.sh"
fixture
become_user
chown "$pguser" "$work/hold.in" "$work/hold.out"
load_user=$pguser

story() {
	cut force 'umount -f' write
	cut force 'umount -f' map
	cut force_lazy 'umount -f' write
	cut abort_it 'aborted' write
	cut killed 'killed' write
	clean plain idle
	clean ours idle
	clean fusermount idle
	clean fusermount_lazy write
	clean fusermount_lazy map
	clean lazy write
	clean killed_supervisor idle
}
who=user
story
# In a chroot nobody may make a user namespace.
who='no namespaces'
mkdir "$work/root"
mount --rbind / "$work/root"
as_there() { as_user=$1; shift; HOME="$work" chroot "$work/root" setpriv --reuid="$as_user" --regid="$(id -g "$as_user")" --init-groups "$@"; }
pbk() { as_there "$pguser" "$work/pbkfs" "$@"; }
load() { as_there "$pguser" "$@"; }
inside=$work/root
check "no namespaces: they cannot be made" sh -c "! chroot '$work/root' setpriv --reuid=$pguid --clear-groups unshare -U true 2>/dev/null"
story
clean late idle
clean late_elsewhere idle
plan_done
