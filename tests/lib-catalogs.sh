# catalog_story NAME: every backup of a real catalog, compared with what
# pg_probackup restored from it.  After lib-e2e.sh.

# The end of recovery is what the oracle's rows were taken at.  A backup that
# needs the archive is told so as an administrator would.
catalog_recovery() {
	grep -q '^stream = false' "$store/backups/main/$id/backup.control" || return 0
	if [ ! -d "$work/archive" ]; then
		cp -R "$store/wal/main" "$work/archive"
		chown -R "$pguser:" "$work/archive"
	fi
	cat >>"$mnt/postgresql.auto.conf" <<-CONF
		restore_command = 'test -f "$work/archive/%f.gz" && gzip -dc "$work/archive/%f.gz" >"%p"'
		recovery_target = 'immediate'
		recovery_target_timeline = 'current'
		recovery_target_action = 'promote'
	CONF
	: >"$mnt/recovery.signal"
	chown "$pguser:" "$mnt/recovery.signal"
}
recovery_ended() { sql -c 'do $$ begin while pg_is_in_recovery() loop perform pg_sleep(0.05); end loop; end $$'; }
# Restore appends to this file, so ours must be what restore's begins with.
catalog_auto_conf() {
	sed '1,/^=== postgresql.auto.conf$/d' "$catalog_oracle/main.$id.generated.txt" |
	    head -c "$(stat -c %s "$mnt/postgresql.auto.conf")" >"$work/auto.conf"
	same "$id: postgresql.auto.conf is what restore began with" "$work/auto.conf" "$mnt/postgresql.auto.conf"
}
# Production's locations are nowhere to be seen.
catalog_tablespaces() {
	[ -s "$store/backups/main/$id/database/tablespace_map" ] || return 0
	for catalog_oid in $(cut -d ' ' -f 1 "$store/backups/main/$id/database/tablespace_map"); do
		equal "$id: where tablespace $catalog_oid leads" "../.pbkfs-tblspc/$catalog_oid" \
		    "$(readlink "$mnt/pg_tblspc/$catalog_oid")"
	done
	refuse "$id: no tablespace_map" test -e "$mnt/tablespace_map"
}
catalog_externals() {
	for catalog_ext in "$catalog_oracle/main.$id".ext*.manifest; do
		[ -f "$catalog_ext" ] || continue
		catalog_n=${catalog_ext##*.ext} catalog_n=${catalog_n%.manifest}
		"$support/manifest" "$mnt/.pbkfs-external/$((catalog_n + 1))" >"$work/found.manifest"
		same "$id: external directory $((catalog_n + 1))" "$catalog_ext" "$work/found.manifest"
	done
}
catalog_rows() {
	if ! pgbin=$(pg_bindir "$major"); then
		note "$id: no PostgreSQL $major is installed here: its manifest only is compared"
		return
	fi
	catalog_recovery
	check "$id: the server starts on the mount" pg_start "$mnt" || return
	if check "$id: recovery ends" recovery_ended; then
		sql_rows >"$work/rows" 2>&1
		same "$id: rows are those of the restored server" "$catalog_oracle/main.$id.sql.txt" "$work/rows"
	fi
	check "$id: the server stops" pg_stop "$mnt"
}
catalog_backup() {
	major=$(sed -n 's/^server-version = //p' "$store/backups/main/$id/backup.control")
	new_diff
	check "$id: mount" mount_it --wal=mount || return
	like_oracle "$id: files are those of the restore" "$catalog_oracle/main.$id.manifest" "$mnt"
	equal "$id: all belongs to the server's user" "" "$(find "$mnt" ! -user "$pguser" -print | head -n 5)"
	equal "$id: mode of the root" 700 "$(stat -c %a "$mnt")"
	catalog_auto_conf
	catalog_tablespaces
	catalog_externals
	[ ! -f "$catalog_oracle/main.$id.sql.txt" ] || catalog_rows
	check "$id: unmount" unmount_it
}
catalog_direct() {
	new_diff
	check "$id: mount with WAL outside" mount_it --wal=direct || return
	equal "$id: pg_wal is a link" "symbolic link" "$(stat -c %F "$mnt/pg_wal")"
	like_oracle "$id: with WAL outside, files are those of the restore" \
	    "$catalog_oracle/main.$id.manifest" "$mnt" -L pg_wal
	catalog_rows
	check "$id: unmount with WAL outside" unmount_it
}
catalog_story() {
	have_catalogs || skip_all "there are no catalogs in $catalogs"
	unpack_catalog "$1"
	catalog_oracle=$catalogs/$1.oracle/oracle
	catalog_before=$(catalog_sum "$store")
	for catalog_file in "$catalog_oracle"/main.*.generated.txt; do
		catalog_id=${catalog_file##*/main.}; catalog_id=${catalog_id%.generated.txt}
		# "ID.TAG" are restores with other options than ours
		case $catalog_id in *.*) continue ;; esac
		id=$catalog_id
		catalog_backup
	done
	# once for every catalog: the newest, which has the longest chain
	catalog_direct
	equal "the catalog is unchanged" "$catalog_before" "$(catalog_sum "$store")"
	plan_done
}
