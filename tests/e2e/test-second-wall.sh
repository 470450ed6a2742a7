# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A worker has namespaces of its own, in which only the granted directories have names.  On kernels
# without Landlock that is the wall; with neither there is no mount.
. "$srcdir/tests/lib-e2e.sh"
need fusermount3
fixture
pbkfs_for_all
log=$diff/.pbkfs/pbkfs.log
lacks=none
pbk() { "$support/without" "$lacks" setpriv --reuid="$who" --regid="$who" --init-groups "$work/pbkfs" "$@"; }
mount_it() { pbk mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait "$@"; }
unmount_it() { pbk unmount -D "$mnt" "$@"; }
fresh() { new_diff; mount_it "$@"; }
says() { pbk stat -D "$mnt" --format=json | sed -n "s/^ *\"$1\": \"*\([^\"]*\)\"*,$/\1/p"; }
tree() { awk '{ print $5 }' "/proc/$(worker_pid)/mountinfo" | LC_ALL=C sort | tr '\n' ' ' | sed 's/ $//'; }
# Prints the writable mounts in there.
writable() { awk '$6 ~ /^rw/ { print $5 }' "/proc/$(worker_pid)/mountinfo" | xargs; }
free_namespaces() { for n in mnt net ipc uts cgroup; do [ "$(readlink "/proc/$1/ns/$n")" != "$(readlink "/proc/$2/ns/$n")" ] || echo $n; done; }

# look LANDLOCK NAMESPACES [MOUNT...]: looks at the worker of the mount, and at the next one.
look() {
	landlock=$1 namespaces=$2; shift 2
	for turn in first next; do
		worker=$(worker_pid)
		equal "$what, $turn worker: stat tells of Landlock" "$landlock" "$(says landlock | sed 's/[1-9][0-9]*/yes/; s/^0$/no/')"
		equal "$what, $turn worker: and of namespaces" "$namespaces" "$(says namespaces)"
		equal "$what, $turn worker: its sandbox is" full "$(says sandbox)"
		case $namespaces in
		mount*)
			equal "$what, $turn worker: its tree" "/ /changes /pbkfs /store${1:+ $1}" "$(tree)"
			equal "$what, $turn worker: what it can write to" /changes "$(writable)"
			refuse "$what, $turn worker: it has no other files" "No such file" ls "/proc/$worker/root/etc/passwd"
			equal "$what, $turn worker: namespaces that it shares" "" "$(free_namespaces self "$worker")" ;;
		esac
		as "$who" "$support/manifest" -x .pbkfs "$mnt" >"$work/$turn"
		[ $turn = next ] || { kill9 "$worker"; wait_gone "$worker"; as "$who" ls "$mnt" >/dev/null; }
	done
	same "$what: both workers show the same" "$work/first" "$work/next"
	check "$what: what is written stays" as "$who" sh -c "echo kept >'$mnt/kept' && sync '$mnt/kept'"
	check "$what: unmount" unmount_it
	check "$what: mount again" mount_it
	equal "$what: it is there" kept "$(as "$who" cat "$mnt/kept")"
	check "$what: unmount again" unmount_it
}

all_of() {
	what="$who, both walls"
	lacks=none
	check "$what: mount" fresh || return
	look yes "$1"
	check "$what: no word of a wall that is missing" eval '! grep -q "mount namespace" "$log"'

	what="$who, no Landlock"
	lacks=landlock
	check "$what: mount" fresh --wal=direct && look no "$1"
	check "$what: show" pbk show -B "$store" -I "$instance"
	check "$what: verify" pbk verify -B "$store" -I "$instance" -i "$id"

	what="$who, no namespaces"
	lacks=namespaces
	check "$what: mount" fresh && look yes none
	check "$what: the log says so" grep -q "has no mount namespace: .*not permitted; Landlock alone" "$log"
	check "$what: show" pbk show -B "$store" -I "$instance"

	what="$who, neither"
	lacks=landlock,namespaces
	new_diff
	refuse "$what: the mount is refused" "no Landlock, and it could not make a.*namespace.*--sandbox=seccomp-only" mount_it
	refuse "$what: so is show" "no Landlock, and it could not make a.*namespace.*--sandbox=seccomp-only" pbk show -B "$store" -I "$instance"
	check "$what: less is possible" mount_it --sandbox=seccomp-only
	equal "$what: and said" seccomp-only "$(says sandbox)"
	check "$what: unmount" unmount_it
}

who=root
all_of "mount, network, IPC, UTS, cgroup"

note "mounts in the store"
mkdir "$store/a b" && mount -t tmpfs tmpfs "$store/a b"
mount --bind "$store/backups" "$store/backups"
for lacks in landlock landlock,mount_setattr; do
	what="root, $lacks, mounts in the store"
	check "$what: mount" fresh && look no "mount, network, IPC, UTS, cgroup" "/store/a\\040b /store/backups"
done
umount "$store/a b" "$store/backups"

note "a mount in the store that is made later"
mkdir "$store/late"
mount --bind "$store" "$store" && mount --make-shared "$store" || exit 99
lacks=landlock what="root, no Landlock, a later mount"
check "$what: mount" fresh
mount -t tmpfs tmpfs "$store/late" && echo late >"$store/late/file"
worker=$(worker_pid)
equal "$what: the worker's tree is without it" "/ /changes /pbkfs /store" "$(tree)"
kill9 "$worker"; wait_gone "$worker"; ls "$mnt" >/dev/null
equal "$what: the next one's has it" "/ /changes /pbkfs /store /store/late" "$(tree)"
equal "$what: and may not write there" /changes "$(writable)"
check "$what: unmount" unmount_it
umount "$store/late"; umount "$store"; rmdir "$store/late"

note "an ordinary user"
chown -R "$pguser:" "${store%/*}" && chmod -R u+rX "${store%/*}"
mknod -m 0666 /dev/shm/fuse c 10 229
mount --bind /dev/shm/fuse /dev/fuse
chmod 0755 "$work/pbkfs"
chown "$pguser" "$mnt" "$work"
who=$pguser
all_of "mount, user, network, IPC, UTS, cgroup"
plan_done
