# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs restore --incremental makes of a copy of one backup, whatever has become of it, another backup, and
# writes only what differs; it touches no other cluster, and none that a server uses.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-catalogs.sh"
. "$srcdir/tests/lib-restore.sh"
have_catalogs || skip_all "there are no catalogs in $catalogs"
written() { sed -n 's/.* \([0-9]*\) bytes written$/\1/p' "$work/told"; }
bytes() { sed -n 's/.* files, \([0-9]*\) bytes in.*/\1/p' "$work/told"; }
incremental() { restore_it --no-sync --incremental "$@"; }
becomes() {
	id=$1 it=$2
	check "$it" incremental || return
	mv "$work/out" "$work/told"
	like_oracle "$it: files are those of pg_probackup's restore" "$catalog_oracle/main.$id.manifest" "$pgdata"
	check "$it: the mark is gone" no_mark
}

unpack_catalog tablespace
catalog_oracle=$catalogs/tablespace.oracle/oracle
other_store=$store
id=TOXBZE
new_outside
check "a FULL" restore_it --no-sync
becomes TOXC04 "it becomes the newest"
check "most of it was not written ($(written) of $(bytes))" [ "$(written)" -lt $(($(bytes) / 2)) ]
like_externals "$outside/ext"
inode=$(stat -c '%i %Y' "$pgdata/PG_VERSION")
becomes TOXC04 "once more"
equal "nothing was written but the control file" 8192 "$(written)"
equal "a file that is equal stays the same" "$inode" "$(stat -c '%i %Y' "$pgdata/PG_VERSION")"
becomes TOXBZR "it becomes an older one"
links=$(readlink "$pgdata"/pg_tblspc/*)
check "without -T" restore_plainly --no-sync --incremental --skip-external-dirs
equal "tablespaces stay where they are" "$links" "$(readlink "$pgdata"/pg_tblspc/*)"

# ---- what somebody has done to it
echo mine >"$pgdata/stray"; mkdir -p "$pgdata/base/5/deep/er"; : >"$pgdata/base/5/999999"
ln -s /etc/passwd "$pgdata/global/link"
rm "$pgdata/PG_VERSION"; mkdir "$pgdata/PG_VERSION"
rm "$pgdata/postgresql.conf"; ln -s /etc/hostname "$pgdata/postgresql.conf"
chmod 0644 "$pgdata/pg_hba.conf"
ln "$pgdata/pg_ident.conf" "$outside/second"; echo changed >>"$outside/second"
for f in $(find "$pgdata/base/5" -type f -size +16k | head -n 10); do
	printf x | dd of="$f" bs=1 seek=9000 conv=notrunc status=none
done
for f in $(find "$pgdata/base/5" -type f -size +16k | tail -n 5); do truncate -s 8192 "$f"; done
for f in $(find "$pgdata/base/5" -type f -size +16k | head -n 5); do head -c 20000 /dev/zero >>"$f"; done
chown -hR "$pguser:" "$outside"
becomes TOXBZR "it is put in order"
equal "who had another name of a file keeps it" changed "$(tail -n 1 "$outside/second")"
rm -f "$outside/second"

# ---- a server has run on it
if pgbin=$(pg_bindir 15); then
	check "a server starts" pg_start "$pgdata"
	refuse "while it runs: refused" "a server runs in .*stop it first" incremental
	sql -c 'create table after_restore as select g from generate_series(1, 5000) g' >"$work/out" 2>&1
	postmaster=$(head -n 1 "$pgdata/postmaster.pid")
	kill -9 "$postmaster"; wait_gone "$postmaster"
	refuse "it has crashed: refused" "has crashed, or cannot be seen from here: make sure, then remove" incremental
	rm "$pgdata/postmaster.pid"
	becomes TOXC04 "then it becomes the newest again"
fi

# ---- WAL elsewhere
id=TOXC04
mv "$pgdata/pg_wal" "$outside/wal"; ln -s "$outside/wal" "$pgdata/pg_wal"
refuse "WAL that is elsewhere: refused" "is a link to .*--waldir" incremental
check "--waldir" incremental --waldir "$outside/wal"
equal "--waldir: the link stays" "$outside/wal" "$(readlink "$pgdata/pg_wal")"
rm "$pgdata/pg_wal"; mv "$outside/wal" "$pgdata/pg_wal"

# ---- what nobody but the backup calls this copy's may be production's, which lives on the same host
mount -t tmpfs -o mode=0755 tmpfs /srv || exit 99
foreign() { "$support/manifest" /srv | sha256sum; }
production=$(map_of | sed -n '1s/^[0-9]* //p')
cp -a "$outside/$(map_of | sed -n '1s/ .*//p')" "$work/space"
mkdir -p "$(dirname "$production")" && mv "$work/space" "$production"
echo production >"$production/$(ls "$production" | head -n 1)/stray"
externals_of | while read -r external; do mkdir -p "$external"; echo production >"$external/kept"; done
chown -R "$pguser:" /srv/*
before=$(foreign)
refuse "external directories" "external directory .* is not empty, and .*may be another server's.*--external-mapping, or --skip-external-dirs" \
    restore_plainly --no-sync --incremental
link=$pgdata/pg_tblspc/$(map_of | sed -n '1s/ .*//p')
to=$(readlink "$link")
rm "$link"
refuse "a tablespace without a link" "tablespace \"$production\" is not empty, and .*may be another server's.*-T" \
    restore_plainly --no-sync --incremental --skip-external-dirs
check "the copy is as it was" [ -e "$pgdata/global/pg_control" ]
chmod 0750 "$pgdata/base"
refuse "a restore that ends early" "chmod 700" incremental
chmod 0700 "$pgdata/base"
rm -f "$link"
refuse "the same where an unfinished restore is" "may be another server's" restore_plainly --no-sync --incremental --skip-external-dirs
equal "nothing of production's has changed" "$before" "$(foreign)"
becomes TOXC04 "with -T and --external-mapping"
equal "the link is there again" "$to" "$(readlink "$link")"
umount /srv

# ---- what it is not for
chmod 0750 "$pgdata/base"
refuse "directories with another mode" "has mode 750, and in the backup 700: chmod 700" incremental
check "that is unfinished now" [ ! -e "$pgdata/global/pg_control" ]
chmod 0700 "$pgdata/base"
refuse "without --incremental it does not go on" "unfinished restore of backup TOXC04" restore_it --no-sync
becomes TOXBZE "another backup of the cluster takes it over"
install -d -o "$pguser" -m 0700 "$outside/empty"
refuse "an empty directory" "is no data directory" incremental --to "$outside/empty"
equal "an empty directory: nothing is left" "" "$(ls -A "$outside/empty")"
unpack_catalog stream-mixed
id=TOXCS1
before=$("$support/manifest" "$pgdata" | sha256sum)
refuse "another cluster" "is of another cluster: its system identifier is" incremental
equal "another cluster: nothing has changed" "$before" "$("$support/manifest" "$pgdata" | sha256sum)"
plan_done
