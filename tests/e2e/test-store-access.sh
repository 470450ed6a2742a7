# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Stores that root cannot read although their owner can: FUSE without allow_other, a server that
# takes root for nobody; and stores that a group may read.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
fixture
source=$store at=$work/at before=
passthrough=$builddir/tests/bench/passthrough
mkdir "$at" "$work/source"
mv "$source" "$work/source/catalog"
source=$work/source/catalog store=$at/catalog
mkdir -p "$source/wal/$instance"
wal=$(find "$source/backups/$instance/$id/database/pg_wal" -name '0000????????????????????' | sort | head -n 1)
segment=${wal##*/}
cp "$wal" "$source/wal/$instance/$segment"
chown -R "$pguser:" "$work/source"; chmod -R go= "$work/source"
before=$(catalog_sum "$source")
# A group of the server's user, in our namespace only.
group=4711
for f in group passwd; do cp "/etc/$f" "$work/$f"; mount --bind "$work/$f" "/etc/$f"; done
echo "store:x:$group:$pguser" >>"$work/group"
fuse_for_all
pbkfs_for_all

# serve OPTION...: the source appears at $at.
serve() {
	"$passthrough" "$@" "$work/source" "$at" >"$work/serve.out" 2>&1 &
	server=$!
	until is_mounted "$at"; do kill -0 "$server" || { cat "$work/serve.out"; exit 99; }; done
}
unserve() { umount -l "$at"; kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; }
cap() { awk '$1 == "CapEff:" { print $2 }' "/proc/$(worker_pid)/status"; }
groups_of_worker() { awk '$1 == "Groups:" { $1 = ""; print }' "/proc/$(worker_pid)/status" | tr -d '\n'; }
lock_files() { find "$source" -name 'backup*.pid*'; }
mount_for() { mount_for=$1; shift; mount_it --owner "$mount_for" "$@"; }
# one_line PATTERN...: the error of the last mount is one line with all of them.
one_line() {
	[ "$(grep -c '^pbkfs error' "$work/err")" -eq 1 ] || return 1
	for one_p in "$@"; do grep -q -e "$one_p" "$work/err" || { cat "$work/err"; return 1; }; done
}

root_reads() {
	check "$1: root's show" sh -c 'pbkfs show -B "$1" -I "$2" | grep -q "$3"' - "$store" "$instance" "$id"
	check "$1: of all instances" sh -c 'pbkfs show -B "$1" | grep -q "$2"' - "$store" "$id"
	check "$1: root's verify" pbkfs verify -B "$store" -I "$instance" -i "$id"
	rm -rf "$work/segments"; mkdir "$work/segments"
	refuse "$1: archive-get to where its user cannot write" "could not write where" \
	    pbkfs archive-get -B "$store" -I "$instance" "$segment" "$work/segments/$segment"
	chown "$pguser" "$work/segments"
	check "$1: archive-get to where he can" pbkfs archive-get -B "$store" -I "$instance" "$segment" "$work/segments/$segment"
	for root_command in show "verify -I $instance -i $id" "archive-get -I $instance $segment $work/segments/other"; do
		# shellcheck disable=SC2086
		refuse "$1: without Landlock ${root_command%% *} is refused" "no Landlock.*--sandbox=seccomp-only" \
		    "$support/without" landlock pbkfs $root_command -B "$store"
	done
	check "$1: gives the segment" cmp "$work/segments/$segment" "$source/wal/$instance/$segment"
}
root_mounts() {
	new_diff
	check "$1: mount by root for its user" mount_for "$pguser" || return
	like_oracle "$1: files are those of the restore" "$oracle" "$mnt" -L pg_wal
	equal "$1: the worker is he, without a capability" "$pguid 0000000000000000" \
	    "$(stat -c %u "/proc/$(worker_pid)") $(cap)"
	check "$1: the log says who opened the store" grep -q "the store is opened as user $pguser" "$diff/.pbkfs/pbkfs.log"
	equal "$1: the archive is shown" "$segment" "$(as "$pguser" ls "$mnt/.pbkfs/wal")"
	equal "$1: the backups are held" held "$(lock_state)"
	equal "$1: by a process of that user" "$pguser" "$(stat -c %U "/proc/$(cat "$source/backups/$instance/$full_id/backup_ro.pid")")"
	check "$1: unmount" unmount_it
	equal "$1: nothing is left in the store" "" "$(lock_files)"
	check "$1: mount again by what the binding names" pbkfs mount -D "$mnt" -d "$diff" --wait
	check "$1: unmount again" unmount_it
}

note "FUSE without allow_other"
serve -p -u "$pguid:$pggid"
refuse "root may not look" "denied" stat "$store/."
check "its user may" as "$pguser" stat "$store/."
root_reads private
root_mounts private
ln -s "$store" "$work/link"; ln -s "$at" "$work/link2"
for path in "$work/link" "$work/link2/catalog" "$at/../at/catalog"; do
	check "show through ${path#"$work/"}" pbkfs show -B "$path" -I "$instance"
	new_diff
	check "mount through it" pbkfs mount -B "$path" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait
	check "unmount of that" unmount_it
done
rm -rf "$diff"
mount_for nobody 2>"$work/err"
check "a mount for another user is refused, with the ways out" \
    one_line "may not read store \"$store\"" "user $pguser has mounted it" "\-\-owner $pguser" "run pbkfs as that user" allow_other
mount_it --owner root 2>"$work/err"
check "for root, too" one_line "\-\-owner $pguser" allow_other
for command in show "verify -I $instance -i $id"; do
	# shellcheck disable=SC2086
	refuse "another user's ${command%% *}: the same" "could not read store \"$store\": Permission denied: user $pguser .*allow_other" \
	    as nobody "$work/pbkfs" $command -B "$store"
done
check "its own user's show" as "$pguser" "$work/pbkfs" show -B "$store"
chown "$pguser" "$mnt"; new_diff
check "his mount" as "$pguser" "$work/pbkfs" mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait
equal "shows the files" "$major" "$(as "$pguser" cat "$mnt/PG_VERSION")"
check "his unmount" as "$pguser" "$work/pbkfs" unmount -D "$mnt"

note "and a server on it, whose store goes away and comes back"
new_diff
check "mount" mount_for "$pguser"
check "the server starts" pg_start "$mnt"
unserve
tables="select sum(pg_relation_size(oid)) from pg_class where relkind in ('r', 'i', 't')"
new=$(worker_pid)
serve -p -u "$pguid:$pggid"
# Somebody has to need the store for that.
back=; for _ in $(seq 300); do
	find "$mnt/base" -type f -exec cat {} + >"$work/out" 2>&1 && { back=yes; break; }
	sleep 0.1
done
equal "what only the store has is readable again" yes "$back"
check "by another worker" [ "$new" != "$(worker_pid)" ]
check "queries are answered" sql -c "$tables"
check "the server stops" pg_stop "$mnt"
check "unmount" unmount_it
equal "the store is given back" "" "$(lock_files)"
unserve

note "a server that takes root for nobody"
serve -s
refuse "root may not look" "denied" ls "$store"
check "its user may" as "$pguser" ls "$store"
root_reads squashed
root_mounts squashed
rm -rf "$diff"
mount_for nobody 2>"$work/err"
check "a mount for another user is refused, with the ways out" \
    one_line "may not read store \"$store\"" "user $pguser's" "\-\-owner $pguser" "run pbkfs as that user" no_root_squash

note "a store of another user's that the group may read"
chown -R "daemon:$group" "$source" "$work/source"
chmod -R g=rX "$work/source"
refuse "root may not look" "denied" ls "$store/backups"
new_diff
check "mount" mount_for "$pguser" || cat "$diff/.pbkfs/pbkfs.log"
equal "the worker is in the group, without a capability" "yes 0000000000000000" \
    "$(groups_of_worker | grep -qw "$group" && echo yes) $(cap)"
like_oracle "files are those of the restore" "$oracle" "$mnt" -L pg_wal
equal "stat says who holds the store" "not writable" "$(lock_state)"
check "a new worker has them, too" kill9 "$(worker_pid)"
check "and reads" sh -c 'cat "$1"/base/*/* >/dev/null' - "$mnt"
equal "as before" yes "$(groups_of_worker | grep -qw "$group" && echo yes)"
check "unmount" unmount_it
unserve

note "the same without a server"
store=$source
chmod 0755 "$work/source"
new_diff
check "mount" mount_for "$pguser"
equal "the group is enough" "yes 0000000000000000" "$(groups_of_worker | grep -qw "$group" && echo yes) $(cap)"
check "the log says so" grep -q "in his groups" "$diff/.pbkfs/pbkfs.log"
check "unmount" unmount_it
chmod -R o=rX "$source"
new_diff
check "mount of what everybody may read" mount_for "$pguser"
equal "needs neither" " 0000000000000000" "$(groups_of_worker | tr -d ' ') $(cap)"
check "unmount" unmount_it
chmod -R go= "$source"
new_diff
check "mount of what only another user may read" mount_for "$pguser"
equal "needs the capability" " 0000000000000004" "$(groups_of_worker | tr -d ' ') $(cap)"
check "unmount" unmount_it
chown -R "$pguser:" "$source"
equal "the catalog is unchanged" "$before" "$(catalog_sum "$source")"
plan_done
