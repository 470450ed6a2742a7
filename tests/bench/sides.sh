# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The sides of a comparison: directories with the same cluster, and a server on
# each.
#
#	native		a copy, as a restore makes it
#	pass		another copy, seen through passthrough; pg_wal outside
#	passwal		the same with pg_wal inside: what FUSE leaves for walmount
#	root		the mount, made by root: --wal=direct
#	user		the same, made by an ordinary user with fusermount3
#	walmount	the mount, made by root: --wal=mount
#
# A side is made when a row asks for it first, and then kept; side_fresh makes
# it anew.  Servers run between side_up and the end of the row.

tools=$builddir/tests/bench
side_dir() { echo "$work/side/$1"; }
side_diff() { echo "$work/diff/$1"; }
side_port() {
	case $1 in native) echo 5501 ;; pass) echo 5502 ;; root) echo 5503 ;; user) echo 5504 ;; passwal) echo 5507 ;; hydrating) echo 5508 ;; *) echo 5505 ;; esac
}
rm -rf "$diff"
mkdir -p "$work/side" "$work/diff" "$work/bin" "$work/log" "$work/copy"
chown "$pguser" "$work/diff" "$work/log" "$work/side"
cp "$(command -v pbkfs)" "$tools/ioload" "$tools/blockdiff" "$tools/passthrough" "$tools/codecspeed" "$work/bin"
fuse_for_all
# The mounts of an ordinary user are closed to root.
ioload() { as "$pguser" "$work/bin/ioload" "$@"; }
# Of a file that is not in the page cache: MB/s in order, us for one of N blocks in random order.
ioload_seq() { ioload evict "$1" >/dev/null; ioload seq "$1" | cut -d ' ' -f 1; }
ioload_random() { ioload evict "$2" >/dev/null; ioload random "$(scaled $1)" "$2"; }

# ---- mounts ---------------------------------------------------------------

# pbk SIDE COMMAND...: as whoever mounts on that side.
pbk() {
	pbk_side=$1; shift
	if [ "$pbk_side" = user ]; then as "$pguser" "$work/bin/pbkfs" "$@"; else "$work/bin/pbkfs" "$@"; fi
}
# side_mount SIDE [INSTANCE [ID [OPTION...]]]
side_mount() {
	mount_side=$1 mount_instance=${2:-$BENCH_CODEC} mount_id=${3:-}
	shift; [ $# -eq 0 ] || shift; [ $# -eq 0 ] || shift
	[ -n "$mount_id" ] || mount_id=$(newest "$mount_instance")
	mkdir -p "$(side_dir $mount_side)"
	[ "$mount_side" != user ] || chown "$pguser:" "$(side_dir user)"
	[ -d "$(side_diff $mount_side)" ] || new_diff "$(side_diff $mount_side)"
	[ "$mount_side" != walmount ] || set -- "$@" --wal=mount
	pbk $mount_side mount -B "$store" -I "$mount_instance" -i "$mount_id" -D "$(side_dir $mount_side)" \
	    -d "$(side_diff $mount_side)" --wait "$@" >"$work/mount.out" 2>&1 || { cat "$work/mount.out" >&2; return 1; }
}
side_unmount() {
	is_mounted "$(side_dir $1)" || return 0
	case $1 in
	pass|passwal|memory) umount "$(side_dir $1)" ;;
	*) pbk $1 unmount -D "$(side_dir $1)" >/dev/null ;;
	esac
}
# pass_mount SIDE DIRECTORY [-m]: in a session of its own, as pbkfs and every other daemon is.  In ours the
# kernel would schedule it together with whoever reads (autogroups): where others use the processors, a
# request is answered several times faster then.  Read-ahead is what pbkfs has (fusemount_set_readahead()).
pass_mount() {
	pass_side=$1 pass_dir=$2; shift 2
	mkdir -p "$(side_dir $pass_side)"
	setsid "$work/bin/passthrough" -u "$pguid:$pggid" "$@" "$pass_dir" "$(side_dir $pass_side)" &
	pass_pid=$!
	echo $pass_pid >"$work/pass.$pass_side"
	until is_mounted "$(side_dir $pass_side)"; do kill -0 $pass_pid || return 1; sleep 0.05; done
	pass_bdi=$(mountpoint -d "$(side_dir $pass_side)") &&
	    echo $((1024 * ($(nproc) < 4 ? $(nproc) : 4))) >"/sys/class/bdi/$pass_bdi/read_ahead_kb" 2>/dev/null ||
	    note_row "$bench_row" "read-ahead of passthrough could not be raised"
}
# pass_begin SIDE.  The copy of pass has its WAL elsewhere, or WAL would slow what
# is to be a ceiling.
pass_begin() {
	if [ ! -d "$work/copy/$1" ]; then
		cp -a "$(side_dir native)" "$work/copy/$1"
		if [ $1 = pass ]; then
			mv "$work/copy/pass/pg_wal" "$work/copy/pass_wal"
			ln -s "$work/copy/pass_wal" "$work/copy/pass/pg_wal"
		fi
		rm -f "$work/copy/$1/postmaster.pid"
	fi
	pass_mount $1 "$work/copy/$1"
}
# restored DIRECTORY [INSTANCE [ID]]: what a restore would write there.
restored() {
	side_mount copy "${2:-$BENCH_CODEC}" "${3:-}" --wal=mount || return 1
	cp -a "$(side_dir copy)" "$1" && rm -rf "$1/.pbkfs"
	side_drop copy
	sync
}
# side SIDE: makes it, unless it is there.
side() {
	fixture_catalog || return 1
	case $1 in
	native) [ -d "$(side_dir native)" ] || restored "$(side_dir native)" ;;
	pass|passwal) side native && { is_mounted "$(side_dir $1)" || pass_begin $1; } ;;
	*) is_mounted "$(side_dir $1)" || side_mount $1 ;;
	esac
}
sides() { for sides_one in "$@"; do side $sides_one || return 1; done; }
# side_drop SIDE: unmounts and forgets what was written.
side_drop() {
	server_down $1
	side_unmount $1
	rm -rf "$(side_diff $1)" "$(side_dir $1)"
	case $1 in pass|passwal) rm -rf "$work/copy/$1" "$work/copy/$1_wal" ;; esac
}
side_fresh() { for fresh_side in "$@"; do side_drop $fresh_side; done; sides "$@"; }
side_worker() { tr -dc 0-9 <"$(side_diff $1)/.pbkfs/worker.pid"; }
side_supervisor() { awk '$1 == "PPid:" { print $2 }' "/proc/$(side_worker $1)/status"; }
# All processes of a side's mount.
side_servers() {
	case $1 in
	pass|passwal|memory) cat "$work/pass.$1" ;;
	*) servers_of=$(side_supervisor $1); echo $servers_of $(cat "/proc/$servers_of/task/$servers_of/children") ;;
	esac
}
# The newest backup of an instance.
newest() { ls "$store/backups/$1" | grep -v '\.conf$' | sort | tail -n 1; }

# ---- servers --------------------------------------------------------------

servers=
# server_start DIR PORT LOG [OPTION...]
server_start() {
	server_dir=$1 server_port=$2 server_log=$3; shift 3
	rm -f "$server_log"
	as "$pguser" "$pgbin/pg_ctl" -D "$server_dir" -w -t 300 -s -l "$server_log" \
	    -o "-c listen_addresses= -c unix_socket_directories=$sock -c port=$server_port $*" start ||
	    { tail -n 5 "$server_log" >&2; return 1; }
}
side_up() {
	for up_side in "$@"; do
		case " $servers " in *" $up_side "*) continue ;; esac
		side $up_side || return 1
		server_start "$(side_dir $up_side)" "$(side_port $up_side)" "$work/log/$up_side" || return 1
		servers="$servers $up_side"
	done
}
server_down() {
	case " $servers " in *" $1 "*) ;; *) return 0 ;; esac
	as "$pguser" "$pgbin/pg_ctl" -D "$(side_dir $1)" -w -t 300 -s -m "${2:-fast}" stop
	servers=$(printf '%s\n' $servers | grep -vx "$1" | tr '\n' ' ')
}
servers_down() { for down_side in $servers; do server_down $down_side; done; }
# on SIDE PSQL-ARGUMENT...
on() {
	on_port=$(side_port $1); shift
	as "$pguser" "$pgbin/psql" -XAtq -v ON_ERROR_STOP=1 -h "$sock" -p "$on_port" -U postgres -d postgres "$@"
}
# settle SIDE: what earlier work left to write is written.
settle() { on $1 -c checkpoint && sync; }
# sql_times SIDE STATEMENT...: what psql tells about each, in milliseconds.
sql_times() {
	sql_side=$1; shift
	{ printf '%s\n' '\timing on'; printf '%s;\n' "$@"; } | on $sql_side >"$work/out" 2>&1 || { tail -n 5 "$work/out" >&2; return 1; }
	sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' "$work/out"
}
# sql_ms: the time of the last one.
sql_ms() { sql_times "$@" | tail -n 1; }
