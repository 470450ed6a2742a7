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
		catalog_rows
	fi
	check "$it: hydrate --wait" hydrate_it --wait
	hide_store
	check "$it: promote -D" pbkfs promote -D "$mnt" --to "$pgdata"
	show_store
	equal "$it: it is unmounted" "" "$(is_mounted "$mnt" && echo mounted)"
}
like_places() {
	for like_ext in "$catalog_oracle/main.$id".ext*.manifest; do
		[ -f "$like_ext" ] || continue
		like_n=${like_ext##*.ext} like_n=$((${like_n%.manifest} + 1))
		"$support/manifest" "$pgdata-external-$like_n" >"$work/found.manifest"
		same "$it: external directory $like_n" "$like_ext" "$work/found.manifest"
	done
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
	like_places
	mnt=$pgdata
	[ ! -f "$catalog_oracle/main.$id.sql.txt" ] || catalog_rows
	mnt=$at_mnt
}
# Where WAL goes, in turn.
wal=mount
for catalog in archive-page stream-mixed tablespace lz4 p26 pg17-stream; do
	unpack_catalog $catalog
	catalog_oracle=$catalogs/$catalog.oracle/oracle
	catalog_before=$(catalog_sum "$store")
	newest=$(ls "$store/backups/main" | grep -v '\.conf$' | sort | tail -n 1)
	for file in "$catalog_oracle"/main.*.manifest; do
		id=${file##*/main.} id=${id%.manifest}
		case $id in *.*) continue ;; esac
		[ -n "${PBKFS_ROUNDS:-}" ] || [ "$id" = "$newest" ] || continue
		major=$(sed -n 's/^server-version = //p' "$store/backups/main/$id/backup.control")
		promoted $catalog $wal
		case $wal in direct) wal=mount ;; *) wal=direct ;; esac
	done
	equal "$catalog: the catalog is unchanged" "$catalog_before" "$(catalog_sum "$store")"
	rm -rf "$work/$catalog"
done
plan_done
