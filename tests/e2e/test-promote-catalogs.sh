# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Hydrated and promoted, backups of every real catalog are what pg_probackup's restore gives: files, tablespaces,
# external directories, and the rows of the server.  The newest backup of each; with PBKFS_ROUNDS, as in make
# check-long, every one.
PBKFS_E2E_TIMEOUT=${PBKFS_E2E_TIMEOUT:-600}
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-catalogs.sh"
. "$srcdir/tests/lib-hydrate.sh"
. "$srcdir/tests/lib-promote.sh"
have_catalogs || skip_all "there are no catalogs in $catalogs"
pbkfs_for_all
at_mnt=$mnt

# A server that has to recover does so before, on the mount.
promote_all() {
	recovered=
	new_diff
	new_place
	check "$it: mount --wal=$1 --hydrate" mount_it --wal=$1 --hydrate $(catalog_options) || return
	if [ -e "$mnt/recovery.signal" ]; then
		recovered=yes
		refuse "$it: not before recovery has ended" "still needs the catalog" pbkfs promote -D "$mnt" --to "$pgdata"
		catalog_rows
	fi
	check "$it: hydrate --wait" hydrate_it --wait
	hide_store
	check "$it: promote -D" pbkfs promote -D "$mnt" --to "$pgdata"
	show_store
	equal "$it: it is unmounted" "" "$(is_mounted "$mnt" && echo mounted)"
}
like_places() {
	like_externals "$pgdata-external-"
	for like_oid in $(cut -d ' ' -f 1 "$store/backups/main/$id/database/tablespace_map" 2>/dev/null); do
		equal "$it: tablespace $like_oid is beside it" "$pgdata-tablespace-$like_oid" "$(readlink "$pgdata/pg_tblspc/$like_oid")"
	done
	equal "$it: all belongs to the owner" "" "$(find "$place" ! -user "$pguser" -print | head -n 5)"
	equal "$it: no file is shared" "" "$(shared_files)"
	check "$it: nothing else is left" nothing_else
}
promoted() {
	it="$1 $id"
	promote_all $2 || return
	[ -n "$recovered" ] || like_oracle "$it: files are those of the restore" "$catalog_oracle/main.$id.manifest" "$pgdata"
	equal "$it: no signal file is left, recovery has ended" "" "$(find "$pgdata" -maxdepth 1 -name '*.signal')"
	like_places
	mnt=$pgdata
	[ ! -f "$catalog_oracle/main.$id.sql.txt" ] || catalog_rows
	mnt=$at_mnt
}
# The other way round than hydrate-catalogs, so that each has both.
each_newest promoted mount archive-page stream-mixed tablespace lz4 p26 pg17-stream
plan_done
