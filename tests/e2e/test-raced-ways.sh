# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Root mounts while the owner exchanges directories of the paths with links to those of others: each
# mount takes the right directories or is refused, and those of others stay as they are.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-made.sh"
fixture_tablespace
rounds=${PBKFS_RACES:-3}
ts=$(tablespace_map | sed -n 's|^\([0-9]*\) .*ts_fast$|\1|p')
old=$(tablespace_map | sed -n "s/^$ts //p")
external=$(external_dirs | grep 'ext1$')
cp --remove-destination "$support/exchange" "$work" && chmod 0755 "$work/exchange" || exit 99

# ---- three places alike: the owner's, whose names are raced, root's, and a third user's
way=$work/race/way
mkdir "$diff"
for place in race/way roots third; do
	mkdir -p "$work/$place"
	mkdir -m 0700 "$work/$place/mnt" "$work/$place/diff" "$work/$place/new" "$work/$place/ext"
	cp -a "$store" "$work/$place/store"; chmod 0700 "$work/$place/store"
done
# A store that its owner cannot read shows something else.
for place in roots third; do
	find "$work/$place/store" -path '*/base/*/PG_VERSION' -exec sed -i 's/^../no/' {} +
done
chown -R "$pguser:" "$work/race"
chown -R root: "$work/roots"
chown -R 4711:4711 "$work/third"
others() { (cd "$work" && find roots third -xdev -printf '%p %y %U %G %m %s %T@ %C@\n' | LC_ALL=C sort); }
untouched() { others >"$work/others.now"; diff -u "$work/others.then" "$work/others.now" >&2; }

# ---- one mount
mkfifo "$work/end"
# Exchanges $1 with $1.x until end_race, which fails if $1 is a mountpoint under its other name.
start_race() {
	as "$pguser" "$work/exchange" "$1" "$1.x" <"$work/end" & racer=$!
	exec 8>"$work/end"
}
end_race() { exec 8>&-; wait "$racer"; }
put_back() { as "$pguser" sh -c 'mv -T "$1" "$1.y" && mv -T "$1.x" "$1" && mv -T "$1.y" "$1.x"' - "$1"; }
emptied() { find "$way/diff" "$way/new" "$way/ext" "$diff" -mindepth 1 -delete; }
mount_raced() { timeout -k 1 20 pbkfs mount -I "$instance" -i "$id" --owner "$pguser" --wait --timeout 15 "$@"; }
# These three say what is wrong.
right_place() { case $at in "$mnt"|"$way/mnt"|"$way/mnt.x") ;; *) echo "mounted at \"$at\"" ;; esac; }
right_files() {
	[ "$(as "$pguser" cat "$at"/base/1/PG_VERSION)" = "$major" ] || echo "another store is shown"
	case $* in
	*"$way/new"*) [ -d "$way/new/PG_${major}_"* ] || echo "no copy of the tablespace" ;;
	*"$way/ext"*) [ -f "$way/ext/a.conf" ] || echo "no copy of the external directory" ;;
	esac
}
one_line() { [ "$(grep -c '^pbkfs error: ' "$work/said")" -eq 1 ] && ! grep -v '^pbkfs' "$work/said" || cat "$work/said"; }
# once NAME OPTION...: one mount while NAME is raced.
once() {
	once_name=$1; shift
	emptied
	start_race "$once_name"
	mount_raced "$@" >"$work/said" 2>&1; status=$?
	end_race; back=$?
	at=$(e2e_mounts)
	if [ $status -eq 0 ]; then
		made=$((made + 1))
		right_place
		right_files "$@"
		pbkfs unmount -D "$at" >"$work/said" 2>&1 || cat "$work/said"
		[ $back -eq 0 ] || put_back "$once_name"
	else
		one_line
	fi 2>&1
	[ -z "$(e2e_mounts)" ] || { echo "left mounted: $(e2e_mounts)"; e2e_mounts | xargs umount -l; }
}

# ---- each directory that is named, and what holds it
# race NAME OPTION...
race() {
	name=$1 made=0; shift
	emptied
	check "$name: mount at rest" mount_raced "$@"
	check "$name: unmount" pbkfs unmount -D "$(e2e_mounts)"
	: >"$work/wrong"
	others >"$work/others.then"
	for other in roots third; do
		as "$pguser" ln -sfn "$work/$other" "$way.x"
		as "$pguser" ln -sfn "$work/$other/$name" "$way/$name.x"
		for raced in "$way" "$way/$name"; do
			for n in $(seq "$rounds"); do once "$raced" "$@" >>"$work/wrong"; done
		done
		check "$name: nothing of $other is touched" untouched
	done
	equal "$name: each mount is of the right directories, or refused in one line" "" "$(cat "$work/wrong")"
	note "$name: $made mounts of $((4 * rounds)) were made"
	as "$pguser" rm "$way.x" "$way/$name.x"
}
race mnt -B "$store" -d "$diff" -D "$way/mnt"
race diff -B "$store" -D "$mnt" -d "$way/diff"
race store -D "$mnt" -d "$diff" -B "$way/store"
race new -B "$store" -D "$mnt" -d "$diff" -T "$old=$way/new"
race ext -B "$store" -D "$mnt" -d "$diff" --external-mapping "$external=$way/ext"
plan_done
