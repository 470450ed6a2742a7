# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs verify over catalogs that mkcatalog and badcatalog make: of old versions, and bad ones.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-verify.sh"

# ---- what the tree makes: each version that changed something about a crc
pg_any
store=$work/made instance=main
new_cluster "$work/pgdata" || { not_ok "a cluster"; plan_done; exit; }
for version in 2.0.21 2.0.22 2.0.24 2.0.25 2.3.5 2.4.15 2.5.16; do
	make_backup FULL zlib '' --program-version $version; id=$made
	check "$version: verified" verify
	equal "$version: all files were read" "$(stored_files "$id")" "$(figure files)"
	harm $id/database/base/5/pg_filenode.map 2>/dev/null || harm $id/database/base/1/pg_filenode.map; flip 100
	found "$version: a bit of a plain file" "pg_filenode.map\" in backup $id: its crc"
done
rm -rf "$work/pgdata"

# ---- what nobody should make
store=$work/bad
mkdir "$store"
"$support/badcatalog" make "$store" >"$work/cases"
badly() {
	tap_run timeout 60 prlimit --as=$((1024 * 1024 * 1024)) pbkfs verify -B "$store" -I "$instance" -i "$id" -j 2
	tr -d '\n' <"$work/err" | LC_ALL=C grep -q '[[:cntrl:]]' && return 9
	return $tap_status
}
while read -r instance id verdict rest; do
	badly
	badly_status=$?
	# Where a FULL lacks a block a mount shows zeroes, as a restore does; verify reports a fault.
	[ "$instance" != good-n-blocks-more ] || verdict=refused
	case $verdict:$badly_status in
	mounted:0|refused:1|unreadable:1|either:[01]) ok "$instance: $verdict" ;;
	*) not_ok "$instance: $verdict, but verify ended with $tap_status"; show "$work/err"; show "$work/out" ;;
	esac
	[ "$verdict" != unreadable ] || check "$instance: $rest is named" grep -q "$rest\|page_header_map" "$work/err"
done <"$work/cases"
plan_done
