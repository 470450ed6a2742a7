# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Root runs show, verify and archive-get over the catalog of somebody else, who has put files of
# others into it: the commands could read all files, and read his alone.
. "$srcdir/tests/lib-e2e.sh"
fixture
theirs=$work/theirs
mkdir -m 0755 "$theirs"; mv "$store" "$theirs/store"; store=$theirs/store
instance_dir=$store/backups/$instance
wal=$(find "$instance_dir/$id/database/pg_wal" -name '0000????????????????????' | sort | head -n 1)
segment=${wal##*/}
mkdir -p "$store/wal/$instance"; cp "$wal" "$store/wal/$instance/$segment"
chown -R daemon: "$theirs"
control=$instance_dir/$id/backup.control version=$instance_dir/$full_id/database/PG_VERSION
[ -e "$version" ] || version=$instance_dir/$id/database/PG_VERSION
archived=$store/wal/$instance/$segment
shows() { pbkfs show -B "$store" "$@" >"$work/shown" 2>&1; cat "$work/shown" >&2; grep -q "^ *$id .*yes" "$work/shown"; }
verifies() { pbkfs verify -B "$store" -I "$instance" -i "$id"; }
gets() { rm -f "$work/got"; pbkfs archive-get -B "$store" -I "$instance" "$segment" "$work/got"; }
check "root reads what is his: show" shows
check "show -I" shows -I "$instance"
check "verify" verifies
check "archive-get" gets
check "it is the segment" cmp "$wal" "$work/got"

plant() { mv "$1" "$work/kept"; }
unplant() { rm -rf "$1"; mv "$work/kept" "$1"; }
# Root's file of that content, which its owner renamed from a directory of his.
roots_file() {
	cp "$work/kept" "$theirs/secret"; chown root: "$theirs/secret"; chmod 0600 "$theirs/secret"
	touch -r "$work/kept" "$theirs/secret"
	as daemon mv "$theirs/secret" "$1"
}
second_name() { cp -p "$work/kept" "$theirs/first"; ln "$theirs/first" "$1"; }
refuses() { # WHAT FILE WHY
	case $2 in
	"$control")
		refuse "$1 as ${2##*/}: show" "backup.control.* is not read with rights .*$3" shows
		refuse "$1 as ${2##*/}: show -I" "backup.control.* is not read with rights .*$3" shows -I "$instance"
		pbkfs show -B "$store" --format json >"$work/json" 2>"$work/err"
		check "$1 as ${2##*/}: nor in JSON" grep -q "backup.control.* is not read with rights .*$3" "$work/err" ;;
	"$version")
		refuse "$1 as ${2##*/}: verify" "PG_VERSION.* is not read with rights .*$3" verifies ;;
	"$archived")
		refuse "$1 as ${2##*/}: archive-get" "$segment.* is not read with rights .*$3" gets
		check "$1 as ${2##*/}: nothing was fetched" [ ! -e "$work/got" ] ;;
	esac
}
for file in "$control" "$version" "$archived"; do
	plant "$file"
	roots_file "$file"; refuses "root's file" "$file" "belongs to neither"; rm -f "$file"
	second_name "$file"; refuses "a second name" "$file" "hard link"; rm -f "$file" "$theirs/first"
	unplant "$file"
done
check "all of it can be read again" verifies

note "ways that others can change"
mkdir -m 0755 "$work/third"; chown 4711 "$work/third"
setpriv --reuid=4711 --clear-groups ln -s "$store" "$work/third/link"
cp -a "$theirs/store" "$work/third/store"
for command in "show" "verify -I $instance -i $id" "archive-get -I $instance $segment $work/got"; do
	# shellcheck disable=SC2086
	refuse "a link of a third user's is not followed: $command" "symbolic link that others" pbkfs $command -B "$work/third/link"
	# shellcheck disable=SC2086
	refuse "nor is a store used that he can replace: $command" "user 4711 could replace" pbkfs $command -B "$work/third/store"
done
ln -s "$store" "$work/link"
check "a link of root's is followed" pbkfs show -B "$work/link"

note "several instances, each another user's"
cp -a "$instance_dir" "$store/backups/other"; chown -R 4711 "$store/backups/other"; chown daemon "$store/backups"
chmod -R go= "$store/backups/other" "$store/backups/$instance"
pbkfs show -B "$store" >"$work/shown" 2>&1
equal "show reads them all" 2 "$(grep -c "^ *$id .*yes" "$work/shown")" || show "$work/shown"
plan_done
