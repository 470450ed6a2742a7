# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# All else that a mount may have is there without the catalog, too: tablespaces that -T has copied, external
# directories, a part of the databases; and two mounts of one backup are hydrated at once.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-made.sh"
. "$srcdir/tests/lib-hydrate.sh"
fixture_tablespace
before=$(catalog_sum "$store")
ts=$(database_oid db_ts) new=$(database_oid db_new)
fast=$(tablespace_map | sed -n 's|^[0-9]* \(.*ts_fast\)$|\1|p')
ext=$(external_dirs | grep 'ext1$')
# hydrate_away DESCRIPTION MOUNT-OPTION...: hydrates, and mounts that without the catalog.  What is seen stays what it is,
# inode numbers included; the manifest is in $work/hydrated.
hydrate_away() {
	away_desc=$1; shift
	new_diff
	check "$away_desc: mount" mount_it "$@" || return
	inodes >"$work/inodes"
	manifest "$mnt" >"$work/mounted"
	check "$away_desc: hydrate" hydrate_it --wait
	manifest "$mnt" >"$work/hydrated"
	same "$away_desc: detached, all is as it was" "$work/mounted" "$work/hydrated"
	check "$away_desc: unmount" unmount_it
	hide_store
	check "$away_desc: mount without the catalog" mount_detached
	manifest "$mnt" >"$work/hydrated"
	same "$away_desc: without the catalog, all is as it was" "$work/mounted" "$work/hydrated"
	inodes >"$work/inodes.after"
	same "$away_desc: so are inode numbers" "$work/inodes" "$work/inodes.after"
}
# With the catalog back, of which nothing is needed.
come_back() { check "$away_desc: unmount again" unmount_it; show_store; }
starts() {
	check "$away_desc: the server starts" pg_start "$mnt"
	equal "$away_desc: $1" "$2" "$(sql -d "$3" -c "$4")"
	check "$away_desc: the server stops" pg_stop "$mnt"
}
in_ts() { sed -n 's/^db_ts|in_ts|\([0-9]*\)|.*/\1/p' "$oracle.sql.txt"; }

# ---- as it is: tablespaces and external directories beneath the mount ----------------------
hydrate_away "beneath the mount" --wal=mount
like_oracle "files are those of the restore" "$oracle.manifest" "$mnt"
for n in 0 1; do
	manifest "$mnt/.pbkfs-external/$((n + 1))" >"$work/found.manifest"
	same "external directory $((n + 1))" "$oracle.ext$n.manifest" "$work/found.manifest"
done
starts "rows of a tablespace" "$(in_ts)" db_ts "select count(*) from in_ts"
come_back

# ---- real copies: -T and --external-mapping -------------------------------------------------
install -d -o "$pguser" -m 0700 "$work/fast" "$work/owned"
hydrate_away "-T" --wal=direct -T "$fast=$work/fast" --external-mapping "$ext=$work/owned/ext"
like_oracle "-T: files are those of the restore" "$oracle.manifest" "$mnt" -L pg_wal
"$support/manifest" "$work/owned/ext" >"$work/found.manifest"
same "the mapped external directory" "$oracle.ext1.manifest" "$work/found.manifest"
starts "rows of the copied tablespace" "$(in_ts)" db_ts "select count(*) from in_ts"
come_back

# ---- a part: files of other databases stay empty ------------------------------------------
hydrate_away "--db-exclude" --wal=mount --db-exclude db_ts
equal "--db-exclude: nothing of it was copied" "" "$(find "$mnt/base/$ts" "$mnt"/pg_tblspc/*/PG_*/"$ts" -type f -size +0 2>/dev/null)"
check "--db-exclude: others are there" grep -q "^f [0-7]* [1-9].* base/$new/" "$work/hydrated"
check "the server starts on the part" pg_start "$mnt"
refuse "nobody connects to what is left out" "FATAL" sql -d db_ts -c 'select 1'
check "which can be dropped" sql -c 'drop database db_ts'
check "and the server stops" pg_stop "$mnt"
come_back
refuse "a detached part does not become whole" "was made with --db-exclude" pbkfs mount -d "$diff" -D "$mnt" --db-exclude db_new
hydrate_away "--db-include" --wal=mount --db-include db_ts
equal "--db-include: nothing else was copied" "" "$(find "$mnt/base/$new" -type f -size +0)"
starts "rows of what was chosen" "$(in_ts)" db_ts "select count(*) from in_ts"
come_back

# ---- two of one backup, at once ----------------------------------------------------------------
mkdir "$work/mnt2"
new_diff
new_diff "$work/diff2"
check "one mount" mount_it --wal=mount --hydrate
check "another of the same backup" pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$work/mnt2" -d "$work/diff2" --wait --wal=mount --hydrate
check "hydrate the one" hydrate_it --wait
check "its locks alone are given back: the other, if it is not detached, has its own" eval \
    'grep -q "\"detached\": *true" "$work/diff2/.pbkfs-binding.json" || [ "$(store_locks)" -gt 0 ]'
check "hydrate the other" pbkfs hydrate -D "$work/mnt2" --wait
equal "no lock file names a process" 0 "$(store_locks)"
check "list says so of both" eval '[ "$(pbkfs list | grep -c detached)" -eq 2 ]'
hide_store
like_oracle "the one is the backup" "$oracle.manifest" "$mnt"
like_oracle "the other is the backup" "$oracle.manifest" "$work/mnt2"
check "unmount the one" unmount_it
check "unmount the other" pbkfs unmount -D "$work/mnt2"
show_store
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
