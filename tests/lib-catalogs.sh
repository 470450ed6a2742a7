# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# catalog_story NAME: every backup of a real catalog, compared with what
# pg_probackup restored from it.  After lib-e2e.sh; with lib-user.sh as well, all of
# it once more as an ordinary user.  $it is the backup, and by whom it is mounted.

# An ordinary user's mount is open to him alone.
seen() { as "$pguser" "$@"; }

# The oracle has the rows as of the end of recovery; for a backup that needs the archive
# that was the end of the backup.
catalog_options() {
	! grep -q '^stream = false' "$store/backups/main/$id/backup.control" ||
	    echo --recovery-target=immediate --recovery-target-action=promote
}
# Replay may end any statement of a standby, so each look is one of its own.
recovery_ended() {
	until [ "$(sql -c 'select pg_is_in_recovery()' 2>/dev/null)" = f ]; do
		as "$pguser" "$pgbin/pg_ctl" -D "$mnt" status >/dev/null || return 1
		sql -c 'select pg_sleep(0.05)' >/dev/null 2>&1 || true
	done
}
# Prints the postgresql.auto.conf that the mount should have: the backup's, the settings of a
# clone, and those of the recovery, as restore writes them but for where WAL comes from.
catalog_auto_conf() {
	[ -f "$catalog_oracle/main.$id.generated.txt" ] || return 0
	seen cat "$mnt/postgresql.auto.conf" >"$work/auto.conf"
	sed '1,/^=== postgresql.auto.conf$/d' "$catalog_oracle/main.$id.generated.txt" >"$work/auto.restored"
	sed '/^# recovery settings added by/,$d' "$work/auto.restored" >"$work/auto.begin"
	sed '/^# settings of a clone/,$d' "$work/auto.conf" >"$work/auto.found"
	same "$it: postgresql.auto.conf begins as restore's" "$work/auto.begin" "$work/auto.found"
	grep '^recovery_' "$work/auto.restored" >"$work/auto.begin"
	grep '^recovery_target' "$work/auto.conf" >"$work/auto.found"
	same "$it: settings of the recovery" "$work/auto.begin" "$work/auto.found"
	equal "$it: recovery.signal as restore makes it" "$(grep -c '^=== recovery.signal' "$catalog_oracle/main.$id.generated.txt")" \
	    "$(seen ls "$mnt" | grep -c '^recovery.signal$')"
}
# No link leads to a location of production's.
catalog_tablespaces() {
	[ -s "$store/backups/main/$id/database/tablespace_map" ] || return 0
	for catalog_oid in $(cut -d ' ' -f 1 "$store/backups/main/$id/database/tablespace_map"); do
		equal "$it: where tablespace $catalog_oid leads" "../.pbkfs-tblspc/$catalog_oid" \
		    "$(seen readlink "$mnt/pg_tblspc/$catalog_oid")"
	done
	equal "$it: no tablespace_map" "" "$(seen ls "$mnt" | grep '^tablespace_map$')"
}
# like_externals PREFIX: the external directories are there, by their numbers from 1.
like_externals() {
	for catalog_ext in "$catalog_oracle/main.$id".ext*.manifest; do
		[ -f "$catalog_ext" ] || continue
		catalog_n=${catalog_ext##*.ext} catalog_n=$((${catalog_n%.manifest} + 1))
		manifest "$1$catalog_n" >"$work/found.manifest"
		same "$it: external directory $catalog_n" "$catalog_ext" "$work/found.manifest"
	done
}
catalog_externals() { like_externals "$mnt/.pbkfs-external/"; }
# each_newest FUNCTION WAL CATALOG...: calls it as FUNCTION CATALOG WAL for the newest backup of each, with
# PBKFS_ROUNDS for all, which is $id, of $major; WAL, where WAL goes, is direct and mount in turn, this one first.
each_newest() {
	newest_do=$1 newest_wal=$2; shift 2
	for newest_catalog in "$@"; do
		unpack_catalog $newest_catalog
		catalog_oracle=$catalogs/$newest_catalog.oracle/oracle
		newest_before=$(catalog_sum "$store")
		newest=$(ls "$store/backups/main" | grep -v '\.conf$' | sort | tail -n 1)
		for newest_file in "$catalog_oracle"/main.*.manifest; do
			id=${newest_file##*/main.} id=${id%.manifest}
			case $id in *.*) continue ;; esac
			[ -n "${PBKFS_ROUNDS:-}" ] || [ "$id" = "$newest" ] || continue
			major=$(sed -n 's/^server-version = //p' "$store/backups/main/$id/backup.control")
			$newest_do $newest_catalog $newest_wal
			case $newest_wal in direct) newest_wal=mount ;; *) newest_wal=direct ;; esac
		done
		equal "$newest_catalog: the catalog is unchanged" "$newest_before" "$(catalog_sum "$store")"
		rm -rf "$work/$newest_catalog"
	done
}
catalog_rows() {
	if ! pgbin=$(pg_bindir "$major"); then
		note "$it: no PostgreSQL $major is installed here: its manifest only is compared"
		return
	fi
	check "$it: the server starts on the mount" pg_start "$mnt" || return
	if check "$it: recovery ends" recovery_ended; then
		sql_rows 2>&1 | grep -v '^#' >"$work/rows"
		grep -v '^#' "$catalog_oracle/main.$id.sql.txt" >"$work/rows.expected"
		same "$it: rows are those of the restored server" "$work/rows.expected" "$work/rows"
	fi
	check "$it: the server stops" pg_stop "$mnt"
}
catalog_backup() {
	major=$(sed -n 's/^server-version = //p' "$store/backups/main/$id/backup.control")
	new_diff
	check "$it: mount" mount_it --wal=mount $(catalog_options) || return
	like_oracle "$it: files are those of the restore" "$catalog_oracle/main.$id.manifest" "$mnt"
	equal "$it: all belongs to the server's user" "" "$(seen find "$mnt" -path "$mnt/.pbkfs/wal" -prune -o ! -user "$pguser" -print | head -n 5)"
	equal "$it: mode of the root" 700 "$(seen stat -c %a "$mnt/.")"
	catalog_auto_conf
	catalog_tablespaces
	catalog_externals
	[ ! -f "$catalog_oracle/main.$id.sql.txt" ] || catalog_rows
	check "$it: unmount" unmount_it
}
catalog_direct() {
	new_diff
	check "$it: mount with WAL outside" mount_it --wal=direct $(catalog_options) || return
	equal "$it: pg_wal is a link" "symbolic link" "$(seen stat -c %F "$mnt/pg_wal")"
	like_oracle "$it: with WAL outside, files are those of the restore" \
	    "$catalog_oracle/main.$id.manifest" "$mnt" -L pg_wal
	catalog_rows
	check "$it: unmount with WAL outside" unmount_it
}
# catalog_backups [BY-WHOM]
catalog_backups() {
	for catalog_file in "$catalog_oracle"/main.*.manifest; do
		id=${catalog_file##*/main.} id=${id%.manifest}
		# "ID.TAG" are restores with other options than ours, or external directories
		case $id in *.*) continue ;; esac
		it=$id${1:+ $1} catalog_last=$id
		catalog_backup
	done
	# once for every catalog: the newest, which has the longest chain
	id=$catalog_last
	catalog_direct
}
catalog_story() {
	have_catalogs || skip_all "there are no catalogs in $catalogs"
	unpack_catalog "$1"
	catalog_oracle=$catalogs/$1.oracle/oracle
	catalog_before=$(catalog_sum "$store")
	catalog_backups
	if command -v become_user >/dev/null; then
		become_user
		catalog_backups "as an ordinary user"
	fi
	equal "the catalog is unchanged" "$catalog_before" "$(catalog_sum "$store")"
	plan_done
}
