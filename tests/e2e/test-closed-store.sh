# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Root mounts a store that the owner of the diff directory may not read: nothing that
# he can write decides what he reads through the mount.
. "$srcdir/tests/lib-e2e.sh"
fixture
chown -R nobody "$store"; chmod 0700 "$store"
store_file() { printf '%s/backups/%s/%s' "$store" "$instance" "$1"; }
binding=$diff/.pbkfs-binding.json log=$diff/.pbkfs/pbkfs.log
mount_for() { mount_it --owner "$pguser" "$@"; }
remount_with() { pbkfs mount -D "$mnt" -d "$diff" --owner "$pguser" --wait "$@"; }
# edit SED-SCRIPT: as the owner can.
edit() { as "$pguser" sed -i "$1" "$binding"; }

note "who"
new_diff
refuse "a diff directory that somebody made empty names no reader" "\-\-owner" mount_it
check "nothing is mounted" not_mounted
refuse "nor does one of a parent that anybody can write" "\-\-owner" sh -c '
	mkdir -m 1777 "$1" && setpriv --reuid=4711 --clear-groups mkdir -m 0700 "$1/diff" &&
	pbkfs mount -B "$2" -I "$3" -i "$4" -D "$5" -d "$1/diff" --wait' - "$work/public" "$store" "$instance" "$id" "$mnt"
check "nothing is mounted either" not_mounted

note "what"
new_diff
check "mount of what root names" mount_for || { plan_done; exit; }
as "$pguser" sh -c "echo mine >$mnt/mine"
check "unmount" unmount_it
: >"$log"
check "mount again with all of it" mount_for
check "the log has what was held back until then" grep -q "CAP_DAC_READ_SEARCH" "$log"
check "unmount again" unmount_it
cp -p "$binding" "$work/binding"
rm "$statedir"/*.json	# test-record.sh has the rest
for less in "" "-B $store" "-B $store -I $instance" "-B $store -I $instance -i latest" "-B $store -i $id"; do
	# shellcheck disable=SC2086
	refuse "a remount with \"$less\" lets the binding choose" "name it with -B, -I and -i" remount_with $less
	check "nothing is mounted by \"$less\"" not_mounted
done
edit "s/\"$id\"/\"$full_id\"/"
refuse "a forged id is refused" "name it with -B, -I and -i" remount_with -B "$store"
check "nothing is mounted by it" not_mounted

note "what the refusals tell"
told() { refuse "$1: refused" "$2" mount_for; check "$1: nothing is mounted" not_mounted; }
cp -p "$work/binding" "$binding"
edit 's/"tree_digest": *"[^"]*"/"tree_digest": "0000000000000001"/; s/"list_crc": *[0-9]*/"list_crc": 1/'
: >"$log"
told "a forged checksum" "content-crc [0-9]+, expected 1"
equal "the owner's log does not say what it should be" "not mounted; the reason was printed on the terminal of the command" \
    "$(sed 's/.*error: //' "$log")"
cp -p "$work/binding" "$binding"; : >"$log"
chown 4711 "$(store_file "$id")/backup.control"
told "a control file of a third user" "backup.control.*owner of store or mount lacks: it belongs to neither"
chown nobody "$(store_file "$id")/backup.control"
mv "$(store_file "$id")/backup.control" "$work/control"; : >"$log"
told "a backup that lacks its control file" "backup.control|could not"
equal "the owner's log does not name it" 1 "$(wc -l <"$log")"
mv "$work/control" "$(store_file "$id")/backup.control"
edit "s|\"store\": *\"[^\"]*\"|\"store\": \"$store/backups/no-such-directory\"|"
refuse "where the owner may not look, no path can be asked for" "may not read" remount_with
edit "s|no-such-directory|$instance|"
refuse "be it there or not" "may not read" remount_with
cp -p "$work/binding" "$binding"

note "files of others"
theirs=$work/theirs
mkdir -m 0755 "$theirs"; chown "$pguser:" "$theirs"
# The owner may rename what is in a directory of his, root's file or not.
planted() { printf 'precious' >"$theirs/secret"; chmod 0600 "$theirs/secret"; as "$pguser" mv "$theirs/secret" "$1"; }
shown() { as "$pguser" cat "$1" 2>/dev/null | grep -q precious; }
check "mount" mount_for
for name in worker.pid stat pbkfs.log; do
	as "$pguser" mv "$diff/.pbkfs/$name" "$work/theirs/$name"
	planted "$diff/.pbkfs/$name"
	check "root's file at .pbkfs/$name is not shown" eval '! shown "$mnt/.pbkfs/$name"'
	rm -f "$diff/.pbkfs/$name"
	as "$pguser" mv "$work/theirs/$name" "$diff/.pbkfs/$name"
done
check "the log says what was refused" grep -q 'worker.pid" is not read with rights' "$log"
as "$pguser" ln "$diff/.pbkfs/worker.pid" "$diff/.pbkfs/other-name"
check "a file with two names is not shown" eval '! as "$pguser" cat "$mnt/.pbkfs/worker.pid" 2>/dev/null'
rm "$diff/.pbkfs/other-name"
check "one that is the owner's is" eval 'as "$pguser" grep -q . "$mnt/.pbkfs/worker.pid"'
check "unmount" unmount_it
content=$(find "$diff/changes/data" -type f ! -name '*.map' -size +0 | head -n 1)
mv "$content" "$work/content"
planted "$content"
mount_for >"$work/out" 2>&1
check "nor is one at a content file" eval '! shown "$mnt/mine"'
is_mounted "$mnt" && unmount_it
rm -f "$content"; mv "$work/content" "$content"
for name in changes/journal .pbkfs-binding.json; do
	mv "$diff/$name" "$work/kept"
	planted "$diff/$name"
	refuse "root's file at $name is refused" "$name|journal|binding" mount_for
	check "and nothing of it told" eval '! grep -rq precious "$log"'
	not_mounted
	rm -f "$diff/$name"; mv "$work/kept" "$diff/$name"
done

note "the owner's own catalog"
chown -R "$pguser:" "$store"
mkdir -p "$store/wal/$instance"; chown -R "$pguser:" "$store/wal"; chmod 0 "$store/wal/$instance"
full_file=$(store_file "$full_id")/database/PG_VERSION
[ -e "$full_file" ] || full_file=$(store_file "$id")/database/PG_VERSION
check "mount" mount_for
equal "the capability is used" 0000000000000004 "$(awk '$1 == "CapEff:" { print $2 }' "/proc/$(worker_pid)/status")"
check "unmount" unmount_it
size=$(stat -c %s "$full_file")
mv "$full_file" "$work/version"
printf 'precious' | head -c "$size" >"$theirs/secret"
chmod 0600 "$theirs/secret"; touch -r "$work/version" "$theirs/secret"
as "$pguser" mv "$theirs/secret" "$full_file"
mount_for >"$work/out" 2>&1
check "root's file as PG_VERSION is not shown" eval '! as "$pguser" grep -q "^pre" "$mnt/PG_VERSION" 2>/dev/null'
is_mounted "$mnt" && unmount_it
plan_done
