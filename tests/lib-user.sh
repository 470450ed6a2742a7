# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced behind lib-e2e.sh: mounts of an ordinary user, through fusermount3.
need fusermount3

# Makes a node of /dev/fuse that everybody may open, in our namespace: the machine's may be root's
# alone.
fuse_for_all() {
	mknod -m 0666 /dev/shm/fuse c 10 229 && mount --bind /dev/shm/fuse /dev/fuse || exit 99
}
# From here on the story is the user's: he owns its files, and only he can look into his mount.
become_user() {
	fuse_for_all
	chown -R "$pguser:" "${store%/*}" && chmod -R u+rX "${store%/*}" || exit 99
	pbkfs_for_all
	cp --remove-destination "$support/manifest" "$work" && chmod 0755 "$work/manifest" || exit 99
	chown "$pguser" "$mnt" "$work"
	pbk() { as "$pguser" "$work/pbkfs" "$@"; }
	mount_it() { pbk mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait "$@"; }
	unmount_it() { pbk unmount -D "$mnt" "$@"; }
	manifest() { as "$pguser" "$work/manifest" $manifest_options "$@"; }
}
