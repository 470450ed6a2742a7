# Sourced behind lib-e2e.sh: a story as an ordinary user, who mounts by fusermount3.
need fusermount3

# Gives all that the story has to the user, who is the only one to look into a mount then.
become_user() {
	chown -R "$pguser:" "${store%/*}" && chmod -R u+rX "${store%/*}" || exit 99
	# /dev/fuse may be root's alone here: a node of our own, in our namespace.
	mknod -m 0666 /dev/shm/fuse c 10 229
	mount --bind /dev/shm/fuse /dev/fuse
	cp "$(command -v pbkfs)" "$work"
	chmod 0755 "$work/pbkfs"
	chown "$pguser" "$mnt" "$work"
}
pbk() { as "$pguser" "$work/pbkfs" "$@"; }
mount_it() { pbk mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait "$@"; }
unmount_it() { pbk unmount -D "$mnt" "$@"; }
