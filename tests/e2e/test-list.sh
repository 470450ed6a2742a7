# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# list: it tells live mounts from dead, hanging and forged ones, and is held up by none.
. "$srcdir/tests/lib-e2e.sh"
fixture
error='pbkfs error: '
# The story looks at its own mounts only: others may have some on this host.
# list [COMMAND...]: keeps the table of one run, and the JSON of another as "path value" lines.
list() {
	"$@" pbkfs list >"$work/all" 2>"$work/err" || return 1
	"$@" pbkfs list --format json >"$work/json" 2>>"$work/err" && "$support/jsonflat" <"$work/json" >"$work/flat"
}
# row MOUNTPOINT: its line; remark MOUNTPOINT: the line below, if it is a remark.
row() { awk -v m="$1" 'index($0, m " ") == 1' "$work/all"; }
remark() { awk -v m="$1" 'last && /^    / { sub(/^ */, ""); print } { last = index($0, m " ") == 1 }' "$work/all"; }
# of MOUNTPOINT KEY: a key of the JSON.
of() {
	of_path=$(awk -v m="$1" 'sub(/\.mountpoint$/, "", $1) { path = $1; sub(/^[^ ]* /, ""); if ($0 == m) print path }' "$work/flat")
	[ -n "$of_path" ] && sed -n "s/^$of_path\.$2 //p" "$work/flat"
}
disk() { sync -f "$1"; du -sB1 "$1" | cut -f1; }
# fake FD SOURCE MOUNTPOINT: a FUSE mount of our type that never answers anything.
fake() {
	eval "exec $1<>/dev/fuse"
	mkdir -p "$3"
	# newer libmount's other way to mount loses the subtype
	LIBMOUNT_FORCE_MOUNT2=always mount -c -i -t fuse.pbkfs -o "fd=$1,rootmode=40000,user_id=0,group_id=0" "$2" "$3" || exit 99
}

# ---- no mounts, and no processes whose mount namespaces might have some
nothing() { unshare -m -p -f --mount-proc --propagation private sh -c 'awk "\$3 == \"fuse.pbkfs\" { print \$2 }" /proc/self/mounts |
	while read -r m; do umount -l "$(printf "%b" "$m")"; done; exec "$@"' - "$@"; }
check "no mounts" nothing pbkfs list
equal "are told as none" "no mounts" "$(cat "$work/out")"
check "no mounts as JSON" nothing pbkfs list --format json
"$support/jsonflat" <"$work/out" >"$work/flat"
equal "are an empty array" "format pbkfs-list,version 1,mounts []," "$(tr '\n' , <"$work/flat")"

# ---- two that live
one=$work/one two=$work/two\ with\ space
mkdir "$one" "$two"
mount_on() { mnt=$1 diff=$2; new_diff; mount_it; }
check "mount" mount_on "$one" "$work/diff1" || { plan_done; exit; }
worker1=$(worker_pid) supervisor1=$(supervisor_pid)
check "another, of the FULL" eval 'id=$full_id mount_on "$two" "$work/diff 2"'
worker2=$(worker_pid) supervisor2=$(supervisor_pid)
mkdir "$one/dir"
sleep 1000 <"$one/PG_VERSION" & client=$!
(cd "$one/dir" && exec sleep 1000) & idler=$!
for p in $client $idler; do until [ "$(cat "/proc/$p/comm")" = sleep ]; do kill -0 "$p" || break; done; done
check "list" list
check "a line each" [ "$(row "$one" | wc -l) $(row "$two" | wc -l)" = "1 1" ]
check "mountpoint, state, instance and backup" sh -c 'echo "$1" | grep -q "^$2  *mounted  *main  *$3  *[0-9]*s  "' - "$(row "$one")" "$one" "$id"
check "of the other" sh -c 'echo "$1" | grep -q "^$2  *mounted  *main  *$3  *[0-9]*s  "' - "$(row "$two")" "$two" "$full_id"
check "diff directory and clients" sh -c 'echo "$1" | grep -q "  $2  *sleep (pid [0-9]*), sleep (pid [0-9]*)$"' - "$(row "$one")" "$work/diff1"
check "and none" sh -c 'echo "$1" | grep -q "  $2  *-$"' - "$(row "$two")" "$work/diff 2"
equal "as JSON" "mounted $instance $id $work/diff1" "$(of "$one" state) $(of "$one" instance) $(of "$one" backup_id) $(of "$one" diff_dir)"
equal "the processes of the mount" "$supervisor1 $worker1, $supervisor2 $worker2" \
    "$(of "$one" supervisor_pid) $(of "$one" worker_pid), $(of "$two" supervisor_pid) $(of "$two" worker_pid)"
equal "clients with pid and name" "$(printf '%s\n' "$client sleep" "$idler sleep" | sort -n | tr '\n' ,)" \
    "$(for i in 0 1; do echo "$(of "$one" "clients\.$i\.pid") $(of "$one" "clients\.$i\.name")"; done | sort -n | tr '\n' ,)"
equal "and their number" "2 0" "$(of "$one" clients_found) $(of "$two" clients_found)"
equal "no remark" "" "$(remark "$one")$(of "$one" remark)"
(cd "$one/dir" && exec pbkfs list) >"$work/all" 3<"$one/PG_VERSION"
check "who asks from inside is no client" sh -c '! echo "$1" | grep -qF "pbkfs (pid"' - "$(row "$one")"
list
equal "the size of the diff directory" "$(disk "$work/diff1")" "$(of "$one" diff_bytes)"
head -c 3000000 /dev/urandom >"$one/big"; sync "$one/big"
size=$(of "$one" diff_bytes); list
check "which grows" [ "$(of "$one" diff_bytes)" -ge $((size + 3000000)) ]
ln -s / "$work/diff1/link"
list
check "and no link is followed" [ "$(of "$one" diff_bytes)" -lt $((size + 8000000)) ]
rm "$work/diff1/link"
kill "$client" "$idler"; wait "$client" "$idler" 2>/dev/null

# A second view of a mount is the same mount.
mkdir "$work/view"; mount --bind "$one/dir" "$work/view"
list
equal "a bind mount" "mounted $id" "$(of "$work/view" state) $(of "$work/view" backup_id)"
umount "$work/view"

# ---- the snapshot: how old the mount is, and forged ones, which list does not believe
stat1=$work/diff1/.pbkfs/stat
cp "$stat1" "$work/stat.good"
aged() { sed "s/\"time\": \"[^\"]*\"/\"time\": \"$(date -u -d "@$(($(date +%s) - 3660))" +%Y-%m-%dT%H:%M:%SZ)\"/" "$work/stat.good"; }
aged >"$stat1"; list
check "the age counts on from the last snapshot" sh -c 'echo "$1" | grep -q " 1h01m "' - "$(row "$one")"
check "in seconds, too" [ "$(of "$one" uptime_seconds)" -ge 3660 ]
aged | sed 's/"supervisor_pid": [0-9]*/"supervisor_pid": 1/' >"$stat1"; list
equal "the snapshot of an earlier mount gives no age" "mounted " "$(of "$one" state) $(of "$one" uptime_seconds)"
esc=$(printf '\033') csi=$(printf '\302\233')
sed 's/"instance": "main"/"instance": "\\u001b[31m\\u009bx"/' "$work/stat.good" >"$stat1"; list
check "an instance that would command the terminal" sh -c 'echo "$1" | grep -qF "mounted  ?[31m?x "' - "$(row "$one")"
equal "has no way to do so" 0 "$(cat "$work/all" "$work/json" | LC_ALL=C tr -d '\n' | LC_ALL=C grep -ac "[[:cntrl:]]\|$csi")"
broken_stat() { list; equal "$1: the mount is shown without" "mounted |$work/diff1" "$(of "$one" state) $(of "$one" instance)|$(of "$one" diff_dir)"; rm -f "$stat1"; }
echo '{"instance": "main"' >"$stat1"; broken_stat "a snapshot that is no JSON"
ln -s "$work/stat.good" "$stat1"; broken_stat "a link in its place"
mkfifo "$stat1"; broken_stat "a FIFO in its place"
truncate -s 2M "$stat1"; broken_stat "a huge one"
broken_stat "none"
cp "$work/stat.good" "$stat1"

# ---- another user gets no more than mountinfo has
cp "$(command -v pbkfs)" "$work/pbkfs"
check "another user" as nobody "$work/pbkfs" list
cp "$work/out" "$work/all"
check "sees that there is a mount" sh -c 'echo "$1" | grep -q " unknown  .*  $2  *-$"' - "$(row "$one")" "$work/diff1"
equal "and why no more" "unknown: could not open its diff directory: Permission denied" "$(remark "$one")"

# ---- one that hangs: its processes are stopped
kill -STOP "$supervisor2" "$worker2"
check "a mount that does not answer" list timeout -s KILL 60
equal "does not hold the list up" "mounted $full_id" "$(of "$two" state) $(of "$two" backup_id)"
kill -CONT "$supervisor2" "$worker2"

# ---- without supervisor, and dead
kill9 "$supervisor2"; wait_gone "$supervisor2"
list
equal "a worker alone" "no-supervisor $worker2 " "$(of "$two" state) $(of "$two" worker_pid) $(of "$two" supervisor_pid)"
equal "with the way out" "no supervisor: its worker goes on alone; mount it again after pbkfs unmount -D \"$two\"" "$(remark "$two")"
kill9 "$worker2"; wait_gone "$worker2"
check "a dead mount" list
equal "is shown as dead" "dead main $full_id " "$(of "$two" state) $(of "$two" instance) $(of "$two" backup_id) $(of "$two" uptime_seconds)"
equal "with the way out" "dead: pbkfs unmount -D \"$two\"" "$(remark "$two")"
equal "and its size" "$(disk "$work/diff 2")" "$(of "$two" diff_bytes)"
equal "the other lives on" mounted "$(of "$one" state)"
check "the way out" pbkfs unmount --force -D "$two"
equal "which has nothing more to say" "" "$(cat "$work/err")"
list
equal "leads out" "" "$(row "$two")"

# ---- forged mounts, which no server answers for: touching one would hang
fake 5 "$work/diff1" "$work/fake"
fake 6 "$work/gone" "$work/h${esc}[31m"
fake 7 "$work/hung/diff" "$work/hung"
fake 8 "relative" "$work/relative"
check "forged mounts" list timeout -s KILL 60
equal "with another's diff directory" "unknown|its lock file does not name this mountpoint|" \
    "$(of "$work/fake" state)|$(of "$work/fake" remark)|$(of "$work/fake" backup_id)$(of "$work/fake" diff_bytes)"
equal "with a diff directory on a file system that hangs" "unknown|its diff directory did not answer" "$(of "$work/hung" state)|$(of "$work/hung" remark)"
equal "with a source that is no directory's name" "its source is no diff directory" "$(of "$work/relative" remark)"
equal "with a diff directory that is gone" "could not open its diff directory: No such file or directory" "$(of "$work/h?[31m" remark)"
check "and a name that would command the terminal" sh -c '[ -n "$1" ]' - "$(row "$work/h?[31m")"
equal "which it does not" 0 "$(cat "$work/all" "$work/json" | LC_ALL=C tr -d '\n' | LC_ALL=C grep -ac "[[:cntrl:]]")"
equal "the true one is shown as before" "mounted $id" "$(of "$one" state) $(of "$one" backup_id)"
for m in fake relative hung "h${esc}[31m"; do umount -l "$work/$m"; done

# ---- very many of another user's, closed to us or silent
for options in "" ,allow_other; do
	mkdir "$work/many"
	mkfifo "$work/until"
	"$support/unserved" "$work/many" 900 "$(id -u nobody)" "$options" <"$work/until" >"$work/unserved" & many=$!
	exec 5>"$work/until"
	until [ -s "$work/unserved" ]; do kill -0 "$many" || exit 99; done
	check "900 mounts of another user's$options" list timeout -s KILL 60 env
	began=$(date +%s%N)
	pbkfs list >"$work/all"
	took=$((($(date +%s%N) - began) / 1000000))
	check "are listed in time: $took ms" [ "$took" -lt 8000 ]
	equal "all of them" 900 "$(grep -c "^$work/many/" "$work/all")"
	equal "the true one is shown as before" "mounted $id" "$(of "$one" state) $(of "$one" backup_id)"
	exec 5>&-
	wait "$many"
	while is_mounted "$work/many/1"; do awk -v w="$work/many/" 'index($2, w) == 1 { print $2 }' /proc/self/mounts | xargs umount -l; done
	rm -rf "$work/many" "$work/until" "$work/unserved"
done

refuse "an argument too many" "unexpected argument" pbkfs list "$one"
refuse "output that cannot be written" "${error}could not write to standard output: No space" sh -c 'pbkfs list >/dev/full'
mnt=$one
check "unmount" unmount_it
plan_done
