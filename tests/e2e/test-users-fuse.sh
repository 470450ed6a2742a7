# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A user's own FUSE file system, mounted with allow_other, says whose its directories are as
# it likes and replaces them unseen: root believes it about nobody but that user.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
. "$srcdir/tests/lib-made.sh"
fixture_tablespace
ts=$(tablespace_map | sed -n 's|^\([0-9]*\) .*ts_fast$|\1|p')
old=$(tablespace_map | sed -n "s/^$ts //p")
fuse_for_all
echo user_allow_other >"$work/fuse.conf"
mount --bind "$work/fuse.conf" /etc/fuse.conf || exit 99
cp "$builddir/tests/bench/passthrough" "$work/passthrough"; chmod 0755 "$work/passthrough"
chmod -R a+rX "$store"
victim=nobody
victim_uid=$(id -u "$victim")

# He may mount in a directory of root's that is open to all.
mkdir -m 1777 "$work/open"
at=$work/open/at his=$work/his
make_his() {
	rm -rf "$his"; mkdir "$his"
	cp -a "$store" "$his/store"
	mkdir -m 0700 "$his/diff" "$his/mnt" "$his/log" "$his/ts"
	ln -s "$store" "$his/link"
	chown -Rh "$pguser:" "$his"
}
# serve UID: as his own fusermount3 does it; everything is said to be that user's.
serve() {
	make_his
	[ -d "$at" ] || as "$pguser" mkdir "$at"
	as "$pguser" "$work/passthrough" -c "$1" "$his" "$at" >"$work/serve.out" 2>&1 & server=$!
	until is_mounted "$at"; do kill -0 "$server" || { cat "$work/serve.out"; exit 99; }; done
}
unserve() { umount -l "$at"; kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; }
his_list() { (cd "$his" && find . -printf '%p %y %U %m %s\n' | LC_ALL=C sort); }
bounded_mount() { timeout -k 1 20 pbkfs mount -I "$instance" -i "$id" --owner "$owner" --wait --timeout 15 "$@"; }
# refused WHAT OPTION...: a mount with these is, by whose file system it is.
refused() {
	refused_what=$1; shift
	rm -rf "$diff"
	refuse "$refused_what is refused" "user $pguser could replace .*, who has mounted a file system|mounted by user $pguser" bounded_mount "$@" ||
	    { for m in "$mnt" "$at/mnt"; do pbkfs unmount --force -D "$m"; done; } >"$work/out" 2>&1
	equal "$refused_what: nothing is mounted" "$at" "$(e2e_mounts | grep "^$work/open\|^$mnt\|^$his" | tr '\n' ' ' | sed 's/ $//')"
}

for owner in "$victim" root; do
	note "it says that all is $owner's"
	serve "$(id -u "$owner")"
	equal "it is said so" "$(id -u "$owner")" "$(stat -c %u "$at/diff")"
	his_list >"$work/his.then"
	refused "diff directory" -B "$store" -D "$mnt" -d "$at/diff"
	refused "diff directory that is to be made" -B "$store" -D "$mnt" -d "$at/new"
	refused "mountpoint" -B "$store" -D "$at/mnt" -d "$diff"
	refused "store" -B "$at/store" -D "$mnt" -d "$diff"
	refused "log file" -B "$store" -D "$mnt" -d "$diff" --log-file "$at/log/file"
	refused "pid file" -B "$store" -D "$mnt" -d "$diff" --pid-file "$at/log/pid"
	refused "directory of -T" -B "$store" -D "$mnt" -d "$diff" -T "$old=$at/ts"
	rm -rf "$diff"
	refuse "a link in it is not followed" "symbolic link that others can change" bounded_mount -B "$at/link" -D "$mnt" -d "$diff"
	refuse "cleanup is refused" "user $pguser could replace|mounted by user $pguser" timeout 20 pbkfs cleanup -d "$at/diff"
	his_list >"$work/his.now"
	same "nothing in it was touched" "$work/his.then" "$work/his.now"
	find "$his" -mindepth 1 -delete
	refused "its own root as diff directory" -B "$store" -D "$mnt" -d "$at"
	unserve
done

note "a diff directory that seemed to be the victim's"
owner=$victim
serve "$victim_uid"
mkdir -p "$work/victims"; mkdir -m 0700 "$work/victims/diff"; chown "$victim:" "$work/victims/diff"
check "mount of a true one" bounded_mount -B "$store" -D "$mnt" -d "$work/victims/diff"
check "unmount" pbkfs unmount -D "$mnt"
cp -a "$work/victims/diff/." "$his/diff/"; chown -R "$pguser:" "$his/diff"
his_list >"$work/his.then"
refuse "cleanup of its copy is refused" "mounted by user $pguser" timeout 20 pbkfs cleanup -d "$at/diff"
his_list >"$work/his.now"
same "nothing of it was removed" "$work/his.then" "$work/his.now"
unserve

note "for himself he may use it"
owner=$pguser
serve "$pguid"
check "root mounts for him" bounded_mount -B "$at/store" -D "$at/mnt" -d "$at/diff"
check "he reads it" as "$pguser" cat "$at/mnt/PG_VERSION"
check "he changes it" as "$pguser" sh -c 'echo changed >"$1"' - "$at/mnt/changed"
check "unmount" pbkfs unmount -D "$at/mnt"
check "cleanup" pbkfs cleanup -d "$at/diff"
unserve

note "root's own"
serve_roots() {
	make_his
	mkdir -p "$work/roots"
	"$work/passthrough" -u "$pguid:$pggid" "$his" "$work/roots" >"$work/serve.out" 2>&1 & server=$!
	until is_mounted "$work/roots"; do kill -0 "$server" || { cat "$work/serve.out"; exit 99; }; done
}
serve_roots
for owner in "$victim" "$pguser"; do
	rm -rf "$diff"
	check "a store in what root has mounted serves $owner" bounded_mount -B "$work/roots/store" -D "$mnt" -d "$diff"
	check "unmount" pbkfs unmount -D "$mnt"
done
umount -l "$work/roots"

note "he leads root to no store of another's"
# Root cannot look into it, and asks him for the name.
make_his
as "$pguser" mkdir -p "$at"
"$work/passthrough" -p -u "$pguid:$pggid" "$his" "$at" >"$work/serve.out" 2>&1 & server=$!
until is_mounted "$at"; do kill -0 "$server" || exit 99; done
owner=$pguser
rm -rf "$diff"
refuse "a link in a private one is not followed for root" "symbolic link that others can change" \
    bounded_mount -B "$at/link" -D "$mnt" -d "$diff"
check "its own store is his" bounded_mount -B "$at/store" -D "$mnt" -d "$diff"
check "unmount" pbkfs unmount -D "$mnt"
unserve

note "an ordinary user's own"
serve "$pguid"
pbkfs_for_all
mkdir -m 0700 "$work/own"; chown "$pguser:" "$work/own"
check "he mounts from it, in it" as "$pguser" "$work/pbkfs" mount -B "$at/store" -I "$instance" -i "$id" -D "$work/own" -d "$at/diff" --wait
check "reads" as "$pguser" cat "$work/own/PG_VERSION"
check "unmounts" as "$pguser" "$work/pbkfs" unmount -D "$work/own"
check "cleans up" as "$pguser" "$work/pbkfs" cleanup -d "$at/diff"
unserve
plan_done
