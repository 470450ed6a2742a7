# catalog_story NAME: every backup of a real catalog, compared with what
# pg_probackup restored from it.  After lib-e2e.sh.

# Rows of the oracle were taken at the end of recovery, which for a backup that
# needs the archive was the end of the backup.
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
# What restore began with, then the settings of a clone, then those of the
# recovery as restore gives them, but for where WAL comes from.
catalog_auto_conf() {
	[ -f "$catalog_oracle/main.$id.generated.txt" ] || return 0
	sed '1,/^=== postgresql.auto.conf$/d' "$catalog_oracle/main.$id.generated.txt" >"$work/auto.restored"
	sed '/^# recovery settings added by/,$d' "$work/auto.restored" >"$work/auto.begin"
	sed '/^# settings of a clone/,$d' "$mnt/postgresql.auto.conf" >"$work/auto.found"
	same "$id: postgresql.auto.conf begins as restore's" "$work/auto.begin" "$work/auto.found"
	grep '^recovery_' "$work/auto.restored" >"$work/auto.begin"
	grep '^recovery_target' "$mnt/postgresql.auto.conf" >"$work/auto.found"
	same "$id: settings of the recovery" "$work/auto.begin" "$work/auto.found"
	equal "$id: recovery.signal as restore makes it" "$(grep -c '^=== recovery.signal' "$catalog_oracle/main.$id.generated.txt")" \
	    "$(ls "$mnt" | grep -c '^recovery.signal$')"
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
	check "$id: the server starts on the mount" pg_start "$mnt" || return
	if check "$id: recovery ends" recovery_ended; then
		sql_rows 2>&1 | grep -v '^#' >"$work/rows"
		grep -v '^#' "$catalog_oracle/main.$id.sql.txt" >"$work/rows.expected"
		same "$id: rows are those of the restored server" "$work/rows.expected" "$work/rows"
	fi
	check "$id: the server stops" pg_stop "$mnt"
}
catalog_backup() {
	major=$(sed -n 's/^server-version = //p' "$store/backups/main/$id/backup.control")
	new_diff
	check "$id: mount" mount_it --wal=mount $(catalog_options) || return
	like_oracle "$id: files are those of the restore" "$catalog_oracle/main.$id.manifest" "$mnt"
	equal "$id: all belongs to the server's user" "" "$(find "$mnt" -path "$mnt/.pbkfs/wal" -prune -o ! -user "$pguser" -print | head -n 5)"
	equal "$id: mode of the root" 700 "$(stat -c %a "$mnt")"
	catalog_auto_conf
	catalog_tablespaces
	catalog_externals
	[ ! -f "$catalog_oracle/main.$id.sql.txt" ] || catalog_rows
	check "$id: unmount" unmount_it
}
catalog_direct() {
	new_diff
	check "$id: mount with WAL outside" mount_it --wal=direct $(catalog_options) || return
	equal "$id: pg_wal is a link" "symbolic link" "$(stat -c %F "$mnt/pg_wal")"
	like_oracle "$id: with WAL outside, files are those of the restore" \
	    "$catalog_oracle/main.$id.manifest" "$mnt" -L pg_wal
	catalog_rows
	check "$id: unmount with WAL outside" unmount_it
}
# The newest once more as the server's user, who owns the catalog, through fusermount3.
catalog_user() {
	need fusermount3
	# /dev/fuse may be root's alone here: a node of our own, in our namespace.
	mknod -m 0666 /dev/shm/fuse c 10 229
	mount --bind /dev/shm/fuse /dev/fuse
	chown -R "$pguser:" "${store%/*}"
	cp "$(command -v pbkfs)" "$support/manifest" "$work"
	chmod 0755 "$work/pbkfs" "$work/manifest"
	chown "$pguser" "$mnt" "$work"
	mount_it() { as "$pguser" "$work/pbkfs" mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait "$@"; }
	unmount_it() { as "$pguser" "$work/pbkfs" unmount -D "$mnt" "$@"; }
	# other users, root among them, may not look into such a mount
	manifest() { as "$pguser" "$work/manifest" -x .pbkfs -x .pbkfs-tblspc -x .pbkfs-external -l pg_tblspc "$@"; }
	new_diff
	check "$id: mount by an ordinary user" mount_it --wal=mount $(catalog_options) || return
	like_oracle "$id: files are those of the restore for him, too" "$catalog_oracle/main.$id.manifest" "$mnt"
	catalog_rows
	check "$id: unmount by him" unmount_it
}
# catalog_story NAME [FUNCTION]: the function is called for the newest backup at the end.
catalog_story() {
	have_catalogs || skip_all "there are no catalogs in $catalogs"
	unpack_catalog "$1"
	catalog_oracle=$catalogs/$1.oracle/oracle
	catalog_before=$(catalog_sum "$store")
	for catalog_file in "$catalog_oracle"/main.*.manifest; do
		catalog_id=${catalog_file##*/main.}; catalog_id=${catalog_id%.manifest}
		# "ID.TAG" are restores with other options than ours, or external directories
		case $catalog_id in *.*) continue ;; esac
		id=$catalog_id
		catalog_backup
	done
	# once for every catalog: the newest, which has the longest chain
	catalog_direct
	${2:-:}
	equal "the catalog is unchanged" "$catalog_before" "$(catalog_sum "$store")"
	plan_done
}
