# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A mount that something outside of pbkfs prevents: the message names the cause and the way out.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
fixture
chown -R "$pguser:" "${store%/*}" && chmod -R u+rX "${store%/*}"
cp "$(command -v pbkfs)" "$work"; chmod 0755 "$work/pbkfs"
chown "$pguser" "$mnt" "$work"
fuse_for_all
pbk_mount() { "$@" "$work/pbkfs" mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait; }
user() { pbk_mount as "$pguser"; }
root() { pbk_mount; }
new_diff

# ---- fusermount3
fake=$work/fake
mkdir "$fake"
# fake_says TEXT: puts a fusermount3 in front that fails with these words.
fake_says() { printf '#!/bin/sh\necho "%s" >&2\nexit 1\n' "$1" >"$fake/fusermount3"; chmod 4755 "$fake/fusermount3"; }
with_fake() { pbk_mount as "$pguser" env PATH="$fake:$PATH"; }
fake_says "fusermount3: something else"
refuse "what fusermount3 says is passed on" "could not mount at \"$mnt\": fusermount3: something else$" with_fake
rm "$fake/fusermount3"
refuse "no fusermount3" "fusermount3 is not installed: install the package fuse3, or mount as root" \
    eval 'pbk_mount as "$pguser" env PATH="$fake"'
fake_says "fusermount3: mount failed: Operation not permitted"
refuse "no_new_privs" "no_new_privs is set .*NoNewPrivileges=no" eval 'pbk_mount setpriv --reuid="$pguser" --regid="$pggid" --clear-groups --no-new-privs env PATH="$fake:$PATH"'
chmod 0755 "$fake/fusermount3"
refuse "a fusermount3 that is not set-user-ID" "not set-user-ID root.*Operation not permitted" with_fake

# ---- AppArmor
mount -t tmpfs tmpfs /sys/module
mkdir -p /sys/module/apparmor/parameters
fake_says "fusermount3: mount failed: Permission denied"
echo N >/sys/module/apparmor/parameters/enabled
refuse "a refusal where there is no AppArmor" "could not mount at \"$mnt\": fusermount3: mount failed: Permission denied$" with_fake
echo Y >/sys/module/apparmor/parameters/enabled
refuse "AppArmor: which file lists the places" "where /etc/apparmor.d/fusermount3 says" with_fake
cp "$work/err" "$work/said"
check "where to add one" grep -q "add to /etc/apparmor.d/local/fusermount3" "$work/said"
check "and what" grep -qF "'mount fstype=@{fuse_types} -> \"$mnt/\",' and 'umount \"$mnt/\",'" "$work/said"
equal "in one line, and nothing of a server that nobody can start" 1 "$(grep -c "" "$work/said")"
umount /sys/module

# ---- /dev/fuse
chmod 0600 /dev/shm/fuse
refuse "a /dev/fuse that is closed to the user" "may not open /dev/fuse: chmod 0666" user
chmod 0666 /dev/shm/fuse
umount /dev/fuse
touch "$work/no-device"; chmod 0666 "$work/no-device"
mount -t tmpfs tmpfs /dev
mkdir /dev/shm; mknod -m 0666 /dev/null c 1 3; mknod -m 0444 /dev/urandom c 1 9
refuse "no /dev/fuse for a user" "there is no /dev/fuse: try \"modprobe fuse\"" user
refuse "nor for root" "there is no /dev/fuse: try \"modprobe fuse\"" root
umount -l /dev	# a refused command may still be ending
check "nothing is mounted" eval '! is_mounted "$mnt"'

# ---- a diff directory of root's is root's again when nothing was mounted
owned() { stat -c '%U %G %a' "$diff"; }
rm -rf "$diff"; mkdir -m 0750 "$diff"; chgrp daemon "$diff"
roots_mount() { pbkfs mount -B "$store" -I "$instance" -i "${1:-$id}" -D "$mnt" -d "$diff" --owner "$pguser" --wait; }
refuse "a backup that is none" "NOSUCH" roots_mount NOSUCH
equal "what was root's is root's again" "root daemon 750" "$(owned)"
equal "and empty" "" "$(ls -A "$diff")"
refuse "nothing is named" "so the mount needs" pbkfs mount -D "$mnt" -d "$diff" --owner "$pguser"
equal "the same" "root daemon 750" "$(owned)"
check "a backup that there is" roots_mount
equal "it is the owner's then" "$pguser 700" "$(stat -c '%U %a' "$diff")"
check "unmount it" unmount_it

# ---- --context
label=system_u:object_r:postgresql_db_t:s0
refuse "--context of an ordinary user" "only root can give a mount a label" \
    as "$pguser" "$work/pbkfs" mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --context "$label"
for bad in '' 'a"b' 'a b' 'a\b' "$(printf 'a\033b')"; do
	refuse "--context with \"$(printf %s "$bad" | tr -cd ' -~')\"" "cannot be" mount_it --context "$bad"
done
if grep -q selinuxfs /proc/filesystems; then
	check "--context with SELinux" mount_it --context "$label"
	check "is in the list of mounts" eval 'grep -F " $mnt " /proc/self/mountinfo | grep -qF "context="'
	check "unmount" unmount_it
else
	refuse "--context without SELinux" "this kernel runs without SELinux: mount without --context" mount_it --context "$label,c1"
fi
new_diff
check "then it mounts" mount_it
check "and unmounts" unmount_it
plan_done
