# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Root's decisions for the mount of somebody else are kept where only root writes: later mounts
# follow them where the owner may not read the store, at boot by a line of fstab, too.
. "$srcdir/tests/lib-e2e.sh"
fixture
chown -R nobody "$store"; chmod 0700 "$store"
binding=$diff/.pbkfs-binding.json log=$diff/.pbkfs/pbkfs.log
again() { pbkfs mount -D "$mnt" -d "$diff" --owner "$pguser" --wait "$@"; }
latest() { again -B "$store" -I "$instance" -i latest "$@"; }
edit() { as "$pguser" sed -i "$1" "$binding"; }
record() { set -- "$statedir"/*.json; [ $# -eq 1 ] && [ -e "$1" ] && printf '%s\n' "$1"; }
no_record() { [ -z "$(ls -A "$statedir")" ]; }
# Makes a newest backup: a copy of the known one under a later id.
add_backup() {
	cp -a "$store/backups/$instance/$full_id" "$store/backups/$instance/$1" &&
	    sed -i "s/^start-time = .*/start-time = '2031-01-0$2 00:00:00+00'/; s/^end-time = .*/end-time = '2031-01-0$2 00:00:01+00'/; s/^recovery-time = .*/recovery-time = '2031-01-0$2 00:00:00+00'/" \
		"$store/backups/$instance/$1/backup.control"
}

note "the first mount"
new_diff
check "mount of the latest" latest || { plan_done; exit; }
first=$(mounted_id)
check "there is a record" record
equal "which is root's alone, as its directory is" "0 600 0 700" "$(stat -c '%u %a' "$(record)") $(stat -c '%u %a' "$statedir")"
check "unmount" unmount_it

note "later ones"
add_backup ZZZZZ1 1
for less in "" "-B $store" "-B $store -I $instance" "-I $instance -i $first" "-B $store -I $instance -i latest"; do
	# shellcheck disable=SC2086
	check "mount again with \"$less\"" again $less
	equal "the backup is the same with \"$less\"" "$first" "$(mounted_id)"
	check "unmount again" unmount_it
done
refuse "but for whom root has to say" "\-\-owner" pbkfs mount -D "$mnt" -d "$diff" --wait
check "nothing is mounted" not_mounted

note "a binding that its owner has edited"
cp -p "$binding" "$work/binding"
forged() { # KEY SED-SCRIPT
	edit "$2"
	refuse "$1: refused by name" "\"$1\" in .*is not what it was" again
	check "$1: nothing is mounted" not_mounted
	refuse "$1: the latest, too" "\"$1\" in .*is not what it was" latest
	check "$1: nothing is mounted either" not_mounted
	cp -p "$work/binding" "$binding"
}
: >"$log"
other=$full_id; [ "$first" != "$full_id" ] || other=$id
forged backup_id "s/\"backup_id\": *\"$first\"/\"backup_id\": \"$other\"/"
forged members 's/"list_crc": *[0-9]*/"list_crc": 1/'
forged tree_digest 's/"tree_digest": *"[^"]*"/"tree_digest": "0000000000000001"/'
forged wal 's/"wal": *"[^"]*"/"wal": "mount"/; s/"no_wal": *false/"no_wal": false/'
forged databases 's/"version": *1,/"version": 2,/; s/"mapped"/"databases": {"include": false, "names": ["postgres"]}, "mapped"/'
mkdir -p "$store/backups/second"; chown nobody "$store/backups/second"
edit 's/"instance": *"[^"]*"/"instance": "second"/'
refuse "instance: refused" "not what it was" again
check "instance: nothing is mounted" not_mounted
cp -p "$work/binding" "$binding"
equal "the owner's log has no reason" "" "$(sed 's/.*error: //' "$log" | grep -v '^not mounted; the reason was printed on the terminal')"

note "a binding that is gone"
as "$pguser" sh -c "rm -rf $diff/* $diff/.pbkfs*"
check "a directory that was emptied" latest
equal "stays with the backup that root has decided" "$first" "$(mounted_id)"
check "unmount" unmount_it
as "$pguser" sh -c "rm -rf $diff/* $diff/.pbkfs*"
refuse "it is nobody's for less" "has no backup yet" again
check "nothing is mounted" not_mounted

note "another directory in its place"
theirs=$work/theirs
mkdir -m 0755 "$theirs"; chown "$pguser:" "$theirs"
diff=$theirs/diff binding=$theirs/diff/.pbkfs-binding.json
as "$pguser" mkdir -m 0700 "$diff"
rm -f "$statedir"/*
check "mount" again -B "$store" -I "$instance" -i "$first"
check "unmount" unmount_it
as "$pguser" cp -a "$diff" "$theirs/copy"
as "$pguser" mv "$diff" "$theirs/old"; as "$pguser" mv "$theirs/copy" "$diff"
refuse "a copy of it is another one" "about another one in its place" again
check "nothing is mounted" not_mounted
as "$pguser" rm -rf "$diff"; as "$pguser" mkdir -m 0700 "$diff"
refuse "so is an empty one" "about another one in its place" latest
check "nothing is mounted either" not_mounted
check "all named, it is mounted" again -B "$store" -I "$instance" -i "$first"
check "unmount" unmount_it
check "and again with nothing" again
check "unmount" unmount_it

note "records that cannot be believed"
the_record=$(record); cp -p "$the_record" "$work/record"
unbelieved() { # WHAT: root's mount refuses it
	refuse "$1 is not believed" "$2" again
	check "$1: nothing is mounted" not_mounted
	rm -rf "$the_record"; cp -p "$work/record" "$the_record"
}
chown "$pguser" "$the_record"; unbelieved "one of another user" "cannot be read"
chmod 0666 "$the_record"; unbelieved "one that others can write" "cannot be read"
ln "$the_record" "$statedir/other"; unbelieved "one with two names" "cannot be read"; rm -f "$statedir/other"
sed -i 's/"version": *1/"version": 9/' "$the_record"; unbelieved "one of another format" "cannot be read"
head -c 100 "$work/record" >"$the_record"; unbelieved "half of one" "cannot be read"
head -c 1000000 /dev/zero | tr '\0' '[' >"$the_record"; unbelieved "a million brackets" "cannot be read"
rm "$the_record"; ln -s "$work/record" "$the_record"; unbelieved "a link" "cannot be read"
rm "$the_record"; mkdir "$the_record"; unbelieved "a directory" "cannot be read"
chmod 0777 "$statedir"; unbelieved "one where others can write" "cannot be read"; chmod 0700 "$statedir"
rm "$the_record"
refuse "without one all has to be named" "name it with -B, -I and -i" again
check "nothing is mounted" not_mounted
cp -p "$work/record" "$the_record"
check "with it nothing" again
check "unmount" unmount_it

note "cleanup"
as "$pguser" pbkfs cleanup -d "$diff" >"$work/out" 2>&1
check "the owner's leaves it" record
check "root's removes it" pbkfs cleanup -d "$diff"
check "it is gone" no_record
check "the latest is another one now" latest
equal "the newest" ZZZZZ1 "$(mounted_id)"
check "unmount" unmount_it
rm -rf "$diff"
refuse "there is nothing to clean up" "No such file" pbkfs cleanup -d "$diff"
check "what was decided about it goes, too" no_record

note "directories that are removed"
mkdir -m 0755 "$work/roots"
diff=$work/roots/diff; new_diff
check "mount" latest
check "unmount" unmount_it
rm -rf "$diff"
diff=$work/diff; new_diff
check "mount of another one" latest
check "what root decided stays" grep -q "\"$work/roots/diff\"" "$statedir"/*.json
check "unmount" unmount_it

note "a path with the checksum of another"
rm -f "$statedir"/*
diff=$work/diff-aiyifwg; new_diff
check "mount" latest
check "unmount" unmount_it
cp "$statedir"/*.json "$work/record"
diff=$work/diff-dlpjrry; new_diff
check "mount of the other" mount_it --owner "$pguser"
check "unmount" unmount_it
same "it takes nothing away" "$work/record" "$(echo "$statedir"/*.json)"
check "cleanup" pbkfs cleanup -d "$diff"
same "nor does its cleanup" "$work/record" "$(echo "$statedir"/*.json)"
rm -f "$statedir"/*
chmod 0777 "$statedir"; new_diff
latest >"$work/out" 2>"$work/told"
check "a directory with a wrong mode is told by name" grep -q "could not record in \"$statedir\".* have to be root's" "$work/told"
chmod 0700 "$statedir"; unmount_it >"$work/out" 2>&1

note "a store that is closed only by the way to it"
diff=$work/diff; new_diff
mkdir -m 0700 "$work/way"; mv "$store" "$work/way/store"; store=$work/way/store
chmod 0755 "$store"; chmod -R a+rX "$store"
refuse "who may not reach it, has to be named" "\-\-owner" pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait
check "nothing is mounted" not_mounted
check "mount of what root names" mount_it --owner "$pguser"
equal "without the capability" 0000000000000000 "$(awk '$1 == "CapEff:" { print $2 }' "/proc/$(worker_pid)/status")"
check "unmount" unmount_it
rm -f "$statedir"/*
refuse "a remount has to name all" "name it with -B, -I and -i" again -B "$store"
check "nothing is mounted" not_mounted

note "mounts that fail, and those of others"
chmod 0755 "$work/way"
new_diff
refuse "a mount that fails" "no-such-instance|could not" again -B "$store" -I no-such-instance -i "$id"
check "leaves no record" no_record
new_diff
check "nor does one whose owner root does not name" pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait
check "unmount" unmount_it
check "there is none" no_record
plan_done
