# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A diff directory that needs no catalog becomes a plain data directory, without a copy.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-hydrate.sh"
. "$srcdir/tests/lib-promote.sh"
fixture
before=$(catalog_sum "$store")
new_place

# ---- what is refused, and changes nothing ------------------------------------------
new_diff
refuse "without a target" "--to is required" pbkfs promote -d "$diff"
refuse "without anything" "--diff-dir or --mnt-path is required" pbkfs promote --to "$pgdata"
refuse "an empty directory" "is empty: nothing is to be promoted" promote_it
check "mount" mount_it --wal=mount
refuse "while it is mounted" "is mounted at .*pbkfs promote -D" promote_it
refuse "a mount that needs the catalog" "still needs the catalog: pbkfs hydrate" pbkfs promote -D "$mnt" --to "$pgdata"
check "unmount" unmount_it
refuse "what is not detached" "still needs the catalog: mount it, and pbkfs hydrate" promote_it
mkdir "$work/full"; touch "$work/full/x"; chown -R "$pguser" "$work/full"
mkdir "$work/other" && mount -t tmpfs -o "mode=0700,uid=$pguid" tmpfs "$work/other"
# A mistake in the name does not cost the mount.
new_diff
check "mount, and detach" eval 'mount_it --wal=mount --hydrate && hydrate_it --wait'
refuse "of a mount: a target that is not empty" 'is not empty: it holds "x"' pbkfs promote -D "$mnt" --to "$work/full"
refuse "of a mount: a target in it" "is on a mount of pbkfs" pbkfs promote -D "$mnt" --to "$mnt/base/new"
refuse "of a mount: a target in no directory" "could not use target" pbkfs promote -D "$mnt" --to "$place/no/where"
refuse "of a mount: another file system" "another file system .*--copy" pbkfs promote -D "$mnt" --to "$work/other/pgdata"
check "it is mounted as before" is_mounted "$mnt"
refuse "of a mount: a tablespace that is none" 'no tablespace "1"' pbkfs promote -D "$mnt" --to "$pgdata" -T "1=$place/t"
check "that only the unmounted tells, and how to go on" said "\"$mnt\" is unmounted: promote it by -d \"$diff\"" "$work/err"
refuse "a target that is not empty" 'is not empty: it holds "x"' pbkfs promote -d "$diff" --to "$work/full"
refuse "another file system" "another file system .*--copy" pbkfs promote -d "$diff" --to "$work/other/pgdata"
refuse "a target in the diff directory" "diff directory" pbkfs promote -d "$diff" --to "$diff/changes/pgdata"
refuse "a tablespace that is none" "no tablespace \"1\"" promote_it -T "1=$place/t"
refuse "no mapping" "OLD=NEW" promote_it -T 5
refuse "nothing to take back" "no promotion .* is under way" pbkfs promote -d "$diff" --abort
mkfifo "$work/in" "$work/held"
flock -o "$diff/.pbkfs-lock" sh -c 'echo held; cat' <"$work/in" >"$work/held" & holder=$!
exec 8>"$work/in"; read -r held <"$work/held"
refuse "a directory that another process has locked" "in use by process $holder\$" promote_it
equal "one line says so" 1 "$(cat "$work/out" "$work/err" | wc -l)"
exec 8>&-; wait $holder
equal "nothing was made" "" "$(ls -A "$place")"

# ---- a plain directory ----------------------------------------------------------------
check "promote" promote_it
check "how to start a server on it" said "start PostgreSQL" "$work/out"
like_promoted "the backup" 
check "the settings of a clone are gone" eval '! grep -q "settings of a clone" "$pgdata/postgresql.auto.conf"'
check "the server starts on it" pg_start "$pgdata"
check "pg_amcheck" amcheck
check "the server stops" pg_stop "$pgdata"
refuse "a second time" "is empty" promote_it
check "the directory can be used again" mount_it
check "and unmounted" unmount_it

# ---- --wal=direct, --waldir, --keep-clone-settings, -D, a directory of root's ---------------
new_place
check "detach with WAL outside" detach_it --wal=direct
install -d -m 0755 "$work/roots"
check "promote below a directory of root's" pbkfs promote -d "$diff" --to "$work/roots/pgdata" --waldir "$place/wal" --keep-clone-settings
equal "nothing else is there" pgdata "$(ls -A "$work/roots")"
equal "it is the owner's" "$pguser" "$(stat -c %U "$work/roots/pgdata")"
equal "pg_wal is a link" "$place/wal" "$(readlink "$work/roots/pgdata/pg_wal")"
check "the settings of a clone are there" grep -q "settings of a clone" "$work/roots/pgdata/postgresql.auto.conf"
like_oracle "with WAL elsewhere, files are those of the restore" "$oracle" "$work/roots/pgdata" -L pg_wal
check "the server starts there" pg_start "$work/roots/pgdata"
check "and stops" pg_stop "$work/roots/pgdata"

# ---- --copy ---------------------------------------------------------------------------------
check "detach again" detach_it
# A standby of its own, which the owner wants.
check "it is mounted" mount_detached
as "$pguser" touch "$mnt/standby.signal"
check "and unmounted again" unmount_it
check "promote to another file system" pbkfs promote -d "$diff" --to "$work/other/pgdata" --copy --quiet
equal "which tells nothing with --quiet" "" "$(cat "$work/out" "$work/err")"
equal "signal files are as they were" "$work/other/pgdata/standby.signal" "$(ls "$work/other/pgdata"/*.signal)"
rm "$work/other/pgdata/standby.signal"
like_oracle "files are those of the restore, on another file system" "$oracle" "$work/other/pgdata"
equal "and sparse" "" "$(find "$work/other/pgdata/pg_wal" -type f -size +1M -print | while read -r f; do [ "$(stat -c %b "$f")" -le "$(($(stat -c %s "$f") / 512))" ] || echo "$f"; done)"
equal "nothing is left of the diff directory" "" "$(ls -A "$diff")"
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
