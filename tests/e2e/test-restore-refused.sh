# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs restore refuses what cannot be right, in one line and before anything is written; and root is not
# led anywhere.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-catalogs.sh"
. "$srcdir/tests/lib-restore.sh"
have_catalogs || skip_all "there are no catalogs in $catalogs"
unpack_catalog tablespace
catalog_oracle=$catalogs/tablespace.oracle/oracle
id=TOXC04
ts=$(map_of | sed -n '1s/^[0-9]* //p') ts2=$(map_of | sed -n '2s/^[0-9]* //p')
ext=$(externals_of | sed -n 1p)
mapped() { restore_plainly --no-sync --skip-external-dirs -T "$ts=$outside/a" -T "$ts2=$outside/b" "$@"; }
# no DESCRIPTION PATTERN COMMAND...: in one line, and nothing is left.
no() {
	refuse "$@"
	equal "$1: in one line" 1 "$(grep -c '^pbkfs error: ' "$work/err")"
	equal "$1: nothing is left" "" "$(find "$outside" -mindepth 1 ! -name keep | head -n 3)"
}

# ---- the command line
new_outside
no "no target" "--to is required" pbkfs restore -B "$store" -I main -i $id
equal "no target: the status is 2" 2 "$tap_status"
no "no backup" "--backup-id is required" pbkfs restore -B "$store" -I main --to "$pgdata"
no "a backup that is none" "NOSUCH" pbkfs restore -B "$store" -I main -i NOSUCH --to "$pgdata"
no "a mapping of nothing" "has no tablespace at \"/nowhere\", only: \"$ts\"" mapped -T /nowhere="$outside/c"
no "a mapping that is none" "takes OLD=NEW" mapped -T relative=x
no "two to one place" "is mapped twice" restore_plainly --skip-external-dirs -T "$ts=$outside/a" -T "$ts2=$outside/a"
no "an unknown database" "nobody" mapped --db-include nobody
no "a user that is none" "does not exist" mapped --owner no_such_user
no "threads that cannot be" "threads cannot be \"no\", only 1 to [0-9]+: see" mapped -j no
no "a size that cannot be" "cache-size cannot be \"no\", only a size such as 256M: see" mapped --cache-size no
no "a target that cannot be" "recovery-target cannot be" mapped --recovery-target=nonsense

# ---- locations
no "production's tablespaces, where nobody can make them" "could not use tablespace \"$ts\".*-T maps it elsewhere" restore_plainly --skip-external-dirs
no "an external directory" "could not use external directory \"$ext\".*--external-mapping.*--skip-external-dirs" \
    restore_plainly -T "$ts=$outside/a" -T "$ts2=$outside/b"
no "a target in the store" "target \"[^\"]*\" lies inside store" mapped --to "$store/new"
no "the store in the target" "store.*target|target.*store" mapped --to "$work"
no "a tablespace in the target" "could not use tablespace" restore_plainly --skip-external-dirs -T "$ts=$pgdata/a" -T "$ts2=$outside/b"
no "a parent that does not exist" "could not use target" mapped --to "$outside/no/where"
mkdir "$outside/keep"; echo x >"$outside/keep/keep"; chown -R "$pguser:" "$outside"
no "a target that is not empty" "is not empty: it holds \"keep\"" mapped --to "$outside/keep"
no "a tablespace that is not empty" "is not empty: it holds \"keep\"" restore_plainly --skip-external-dirs -T "$ts=$outside/keep" -T "$ts2=$outside/b"
chmod 0777 "$outside/keep"; rm "$outside/keep/keep"
no "a target that others can write" "chmod go-w" mapped --to "$outside/keep"
chmod 0755 "$outside/keep"
chown nobody "$outside/keep"
no "a target of another user" "belongs to user nobody, not to user $pguser: name" mapped --owner "$pguser" --to "$outside/keep"
rmdir "$outside/keep"
ln -s "$work" "$outside/keep"
no "a target that is a link" "it is a link, or no directory" mapped --to "$outside/keep"
rm "$outside/keep"; : >"$outside/keep"
no "a target that is a file" "it is a link, or no directory" mapped --to "$outside/keep"
rm "$outside/keep"
mkdir -m 0700 "$work/closed"
pbkfs_for_all
no "an ordinary user, where he may not write" "could not open target \"[^\"]*\" as user $pguser: Permission denied" as "$pguser" "$work/pbkfs" restore -B "$store" -I main -i $id --skip-external-dirs -T "$ts=$outside/a" -T "$ts2=$outside/b" --to "$work/closed/x"
rm -f "$outside/keep"
mount -t tmpfs -o size=20m,mode=0755 tmpfs "$outside"; chown "$pguser:" "$outside"
no "too little space" "the restore needs .*, and the file system \"$outside\" of target \"$pgdata\" has .* left" mapped
chown root "$outside"
no "too little space in root's directory" "the restore needs" mapped
umount "$outside"

# A directory of root's, with nothing in it, is given away once nothing speaks against that; what root made goes again.
small=$work/small
mkdir "$small"; mount -t tmpfs -o size=20m,mode=0755 tmpfs "$small"
owned() { stat -c '%U %a' "$1" 2>/dev/null; }
mkdir -m 0755 "$small/empty" "$work/roots_own"; mkdir -m 0700 "$work/closed_own"; mkdir -m 0755 "$work/full"; : >"$work/full/keep"
no "too little space in a directory of root's" "the restore needs .* has .* left" mapped --owner "$pguser" --to "$small/empty"
equal "it is root's still" "root 755" "$(owned "$small/empty")"
no "too little space in one that root has to make" "the restore needs .* has .* left" mapped --owner "$pguser" --to "$small/new"
equal "it is gone again" "empty" "$(ls "$small")"
umount "$small"
no "a tablespace that is not empty, behind a target of root's" "belongs to user root, not to user $pguser|is not empty" \
    restore_plainly --skip-external-dirs -T "$ts=$work/full" -T "$ts2=$outside/b" --owner "$pguser" --to "$work/roots_own"
equal "the target is root's still" "root 755" "$(owned "$work/roots_own")"
no "a directory of root's is no copy" "is no data directory: it is empty" mapped --incremental --owner "$pguser" --to "$work/closed_own"
equal "that is root's still" "root 700" "$(owned "$work/closed_own")"
new_outside
check "one that only root may open is given away in the end" mapped --owner "$pguser" --to "$work/closed_own"
equal "it is the owner's" "$pguser 700" "$(owned "$work/closed_own")"
equal "and the backup is in it" 1 "$(ls "$work/closed_own" | grep -c '^PG_VERSION$')"
rm -rf "$work/closed_own" "$work/roots_own" "$work/full"
new_outside

# A mount of pbkfs is no place for one.
new_diff
check "mount" mount_it
no "a target on a mount of pbkfs" "is on a mount of pbkfs" mapped --to "$mnt/base/new"
check "unmount" unmount_it

# ---- root is not led out
install -d -o "$pguser" -m 0700 "$outside/evil"
mkdir -m 0755 "$work/roots"
ln -s "$work/roots" "$outside/evil/parent"
refuse "a link of the owner's on the way" "could not use target" mapped --to "$outside/evil/parent/new"
equal "nothing is made behind it" "" "$(ls -A "$work/roots")"
install -d -o nobody -m 0755 "$work/strange"; install -d -o "$pguser" -m 0700 "$work/strange/in"
refuse "a way that another user can change" "could replace" mapped --to "$work/strange/in/new"
new_outside
# ---- what is in the backup
harmed=$store/backups/main/$id/database/base/5/1259
[ -s "$harmed" ] || harmed=$(find "$store/backups/main/$id/database/base" -type f -size +32k | head -n 1)
cp -a "$harmed" "$work/whole"
printf '\125\125\125\125' | dd of="$harmed" bs=1 seek=5000 conv=notrunc status=none
new_outside
refuse "a damaged page" "could not read block [0-9]* of \"[^\"]*\" in backup $id" mapped
check "a damaged page: the way out" said "is damaged in the backup: pbkfs verify tells" "$work/err"
check "a damaged page: no server can start" [ ! -e "$pgdata/global/pg_control" ]
cp -a "$work/whole" "$harmed"
# Meanwhile the owner puts links in the places of directories and files.
install -d -o "$pguser" -m 0700 "$work/elsewhere"; echo mine >"$work/elsewhere/file"; chown "$pguser:" "$work/elsewhere/file"
rm -r "$pgdata/base" "$pgdata/global"; ln -s "$work/elsewhere" "$pgdata/base"; ln -s "$work/elsewhere" "$pgdata/global"
ln -sf "$work/elsewhere/file" "$pgdata/PG_VERSION"
rm "$pgdata/.pbkfs-restore/done"
check "mended, the same command goes on" mapped
equal "and follows no link" "file mine" "$(ls "$work/elsewhere") $(cat "$work/elsewhere/file")"
like_oracle "mended: files are those of pg_probackup's restore" "$catalog_oracle/main.$id.manifest" "$pgdata"
harmed=$store/backups/main/$id/database/postgresql.conf
[ -s "$harmed" ] || harmed=$(find "$store/backups/main" -name postgresql.conf -size +1k | head -n 1)
cp -a "$harmed" "$work/whole"
printf '#' | dd of="$harmed" bs=1 seek=100 conv=notrunc status=none
new_outside
refuse "a damaged plain file" "its crc should be" mapped
cp -a "$work/whole" "$harmed"
new_outside
rm "$store/backups/main/$id/database/pg_wal"/0*
no "WAL that the backup needs" "is missing" mapped
unpack_catalog archive-page
id=TOXCRK
new_outside
no "WAL of the archive that it needs" "0000000100000000000000" sh -c "rm '$store'/wal/main/*; pbkfs restore -B '$store' -I main -i $id --to '$pgdata'"
plan_done
