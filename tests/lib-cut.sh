# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the stories in which somebody cuts a mount off: they end it in each way, and look
# at what log and next mount say.  $load_user uses the mount; with $inside it is mounted in a
# chroot there.
need fusermount3
log=$diff/.pbkfs/pbkfs.log
mkdir "$work/ctl" && mount -t fusectl fusectl "$work/ctl" || skip_all "fusectl cannot be mounted"
mkfifo "$work/hold.in" "$work/hold.out"
load() { ${load_user:+as "$load_user"} "$@"; }
inside=
device_minor() { awk -v m="$inside$mnt" '$5 == m { sub(/.*:/, "", $3); print $3 }' /proc/self/mountinfo | tail -n 1; }
begin() { new_diff; mount_it "$@" >"$work/out" 2>&1 || { show "$work/out"; return 1; }; supervisor=$(supervisor_pid) worker=$(worker_pid); }
# hold write|map: somebody holds a file with changes that were not written back, until let_go.
hold() {
	cp "$support/hold" "$work/hold" 2>/dev/null
	load "$work/hold" "$1" "$mnt/held" 300000 <"$work/hold.in" >"$work/hold.out" 2>/dev/null & holder=$!
	exec 5>"$work/hold.in"
	read -r _ <"$work/hold.out"
}
let_go() { exec 5>&-; [ -z "$holder" ] || wait "$holder"; holder=; } 2>/dev/null
holder=
force() { umount -f "$inside$mnt" 2>/dev/null; :; }
force_lazy() { umount -f -l "$inside$mnt"; }
abort_it() { echo 1 >"$work/ctl/$(device_minor)/abort"; }
plain() { umount "$inside$mnt"; }
lazy() { umount -l "$inside$mnt"; }
ours() { unmount_it; }
ours_by_force() { unmount_it --force; }
fusermount() { load fusermount3 -u "$mnt"; }
fusermount_lazy() { load fusermount3 -uz "$mnt"; }
killed() { kill9 "$supervisor" "$worker"; }
killed_supervisor() { kill9 "$supervisor"; wait_gone "$supervisor"; umount "$inside$mnt"; }
# Mounts file systems of others until one has the device number $1; let_go unmounts them.
take_number() {
	mkdir -p "$inside$work/others"
	$elsewhere sh -c 'n=0
		while [ ! -e "/sys/class/bdi/0:$1" ]; do
			n=$((n + 1)); mkdir -p "$2/$n"
			exec 3<>/dev/fuse; mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 other "$2/$n" || exit
			exec 3>&-
		done
		echo taken; read -r _; umount "$2"/*' sh "$1" "$inside$work/others" <"$work/hold.in" >"$work/hold.out" 2>/dev/null & holder=$!
	exec 5>"$work/hold.in"
	read -r taken <"$work/hold.out" && [ "$taken" = taken ]
}
elsewhere=
# The supervisor looks only when the number of its device belongs to another mount already.
late() {
	number=$(device_minor)
	kill -STOP "$supervisor"
	umount "$inside$mnt" && wait_gone "$worker"
	check "$what: the device's number is taken" take_number "$number"
	kill -CONT "$supervisor"
	ended
	let_go
}
late_elsewhere() { elsewhere='unshare -m'; late; elsewhere=; }

# cut HOW WHAT-IT-SAYS write|map|idle: the log and the next mount say what cut it off.
cut() {
	what="${who:+$who: }$1 ($3)"
	begin || { not_ok "mount for $what"; return; }
	[ "$3" = idle ] || hold "$3"
	$1
	check "$what: the processes end" ended
	let_go
	case $1 in
	killed|ours_by_force) umount -l "$inside$mnt" 2>/dev/null ;;
	*)
		check "$what: the log says what cut it off" said "cut off: .*$2" "$log"
		if is_mounted "$inside$mnt"; then not_ok "$what: the dead mount is detached"; umount -l "$inside$mnt"; else ok "$what: the dead mount is detached"; fi
	esac
	refuse "$what: nothing says unmounted" "" grep -q 'INFO.*unmounted "\|: unmounted "' "$log"
	mount_it >"$work/out" 2>"$work/err"
	check "$what: the next mount says so" said "cut off: .*$2" "$work/err"
	unmount_it
	mount_it >"$work/out" 2>"$work/err"
	refuse "$what: and only the next" "" grep -q 'cut off' "$work/err"
	unmount_it
}

# clean HOW write|map|idle: nothing is lost, and nobody says that something may be.
clean() {
	what="${who:+$who: }$1 ($2)"
	begin || { not_ok "mount for $what"; return; }
	[ "$2" = idle ] || hold "$2"
	$1
	let_go
	check "$what: the processes end" ended
	refuse "$what: nothing was cut" "" grep -q 'cut off' "$log"
	[ "$1" = killed_supervisor ] || check "$what: the log says unmounted" said 'unmounted "' "$log"
	mount_it >"$work/out" 2>"$work/err"
	refuse "$what: the next mount knows of no cut" "" grep -q 'cut off' "$work/err"
	[ "$2" = idle ] || equal "$what: nothing is lost" 300000 "$(load cat "$mnt/held" | tr -d '\0' | wc -c)"
	unmount_it
}
