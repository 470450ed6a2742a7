# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Hydrated backups of every real catalog, without the catalog, are what pg_probackup's restore gives: files,
# tablespaces, external directories, and the rows of the server.  The newest backup of each; with
# PBKFS_ROUNDS, as in make check-long, every one.
PBKFS_E2E_TIMEOUT=${PBKFS_E2E_TIMEOUT:-600}
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-catalogs.sh"
. "$srcdir/tests/lib-hydrate.sh"
have_catalogs || skip_all "there are no catalogs in $catalogs"

# hydrate_all WAL: mounts $id, hydrates it, and mounts that without the catalog.  A server that has to recover does
# so before, and $recovered is "yes".
hydrate_all() {
	recovered=
	new_diff
	check "$it: mount --wal=$1 --hydrate" mount_it --wal=$1 --hydrate $(catalog_options) || return
	if [ -e "$mnt/recovery.signal" ]; then
		check "$it: all is copied, and it waits for recovery" until_state "waiting for recovery"
		equal "$it: nothing is left" 0 "$(hydrate_figure bytes_left)"
		like_oracle "$it: copied, files are those of the restore" "$catalog_oracle/main.$id.manifest" "$mnt" -L pg_wal
		recovered=yes
		catalog_rows
	fi
	check "$it: hydrate --wait" hydrate_it --wait
	check "$it: unmount" unmount_it
	hide_store
	check "$it: mount without the catalog" mount_detached
}
like_restore() {
	like_oracle "$it: without the catalog, files are those of the restore" "$catalog_oracle/main.$id.manifest" "$mnt" -L pg_wal
	catalog_externals
}
# hydrated NAME WAL
hydrated() {
	it="$1 $id"
	if hydrate_all $2; then
		[ -n "$recovered" ] || like_restore
		[ ! -f "$catalog_oracle/main.$id.sql.txt" ] || catalog_rows
		check "$it: unmount without the catalog" unmount_it
	fi
	[ -d "$store" ] || show_store
}
each_newest hydrated direct archive-page stream-mixed tablespace lz4 p26 pg17-stream
plan_done
