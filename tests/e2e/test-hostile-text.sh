# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Text of others does nothing to a terminal, wherever it comes from: the story plants a table of
# hostile texts in each place in turn, and looks at the output of every command.
. "$srcdir/tests/lib-e2e.sh"
store=$work/store instance=main
"$support/mkcatalog" scale --catalog "$store" --instance main --files 2 --increments 1 >"$work/ids" || exit 99
chown -R "$pguser:" "$store"
id=$(tail -n 1 "$work/ids")

# harmless FILE: it is UTF-8, and has neither control characters but line feed and tab, nor
# characters that turn the direction of writing.
harmless() {
	if LC_ALL=C grep -anP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]' "$1" >"$work/hits"; then
		od -c "$work/hits" | head -n 20 >&2; return 1
	fi
	iconv -f UTF-8 -t UTF-8 "$1" >/dev/null
}
need script
quoted() { for q in "$@"; do printf "'%s' " "$(printf %s "$q" | LC_ALL=C sed "s/'/'\\\\''/g")"; done; }
# ascii FILE: the terminal got ASCII alone.  (It makes \r\n of a line feed, and we draw bars of
# progress with \r.)
ascii() {
	LC_ALL=C sed 's/\r//g; s/\x1b\[K//g' "$1" >"$work/plain"
	if LC_ALL=C grep -anP '[^\x20-\x7e\n\t]' "$work/plain" >"$work/hits"; then
		od -c "$work/hits" | head -n 20 >&2; return 1
	fi
	[ -s "$1" ] || [ "$said_status" -eq 0 ]
}
# says DESCRIPTION COMMAND...: in each locale, and on a terminal that takes bytes for characters.
says() {
	says_what=$1; shift
	quoted "$@" >"$work/say.sh"
	LC_ALL=C TERM=vt100 timeout -k 1 30 script -qefc ". $work/say.sh" /dev/null >"$work/said.tty" 2>&1 </dev/null
	said_status=$?
	check "$says_what: on a terminal" ascii "$work/said.tty"
	for locale in C C.UTF-8 en_US.ISO-8859-1; do
		LC_ALL=$locale timeout -k 1 30 "$@" >"$work/said.out" 2>"$work/said.err"
		check "$says_what ($locale): standard output" harmless "$work/said.out"
		check "$says_what ($locale): standard error" harmless "$work/said.err"
	done
}
# The test of these tests.
says "a line and a tab" printf 'a\n\tb\n'
printf 'gr\303\274n' >"$work/bad"; said_status=0
check "a terminal knows no UTF-8" eval '! ascii "$work/bad" 2>/dev/null'
printf 'gr\303\274n\n\t\342\202\254' >"$work/fine"
check "what is harmless is known" harmless "$work/fine"
for bad in '\033' '\001' '\177' '\302\233' '\233' '\342\200\256' '\342\201\246' '\303' '\r'; do
	printf "x$bad" >"$work/bad"
	check "so is $bad" eval '! harmless "$work/bad" 2>/dev/null'
done

# ---- the table
hostile=$(printf 'h\303\233\033[31m\007\177\302\233\233\342\200\256\342\201\246\303\rz')
line=$(printf '%s' "$hostile" | tr -d '\r')	# what one line of a file can hold

# ---- what the caller types may be another's text, too
says "an unknown command" pbkfs "$hostile"
says "an unknown option" pbkfs "--$hostile"
says "a bad value" pbkfs mount --timeout "$hostile"
says "show, a missing store" pbkfs show -B "$work/$hostile"
says "mount, a missing store" pbkfs mount -B "$work/$hostile" -I main -i "$id" -D "$mnt" -d "$diff"
says "mount, a missing mountpoint" pbkfs mount -B "$store" -I main -i "$id" -D "$work/no$hostile" -d "$diff"
says "verify, a missing instance" pbkfs verify -B "$store" -I "$hostile" -i "$id"
says "verify, a missing backup" pbkfs verify -B "$store" -I main -i "$hostile"
says "unmount, no mount" pbkfs unmount -D "$work/$hostile"
says "stat, no mount" pbkfs stat -D "$work/$hostile"
says "cleanup, no diff directory" pbkfs cleanup -d "$work/$hostile"
says "archive-get" pbkfs archive-get -B "$store" -I "$hostile" --wal-file-name "$hostile" --wal-file-path "$work/$hostile"

# ---- nor is the environment his own
says "the environment: mount" env TZ="$hostile" TZDIR="$work/$hostile" TMPDIR="$work/$hostile" HOME="$hostile" TERM="$hostile" \
    LANG="$hostile" pbkfs mount -B "$store" -I main --recovery-target-time '2024-01-01 00:00:00 Europe/Berlin' -D "$mnt" -d "$diff"
says "the environment: show" env TZ="$hostile" TMPDIR="$work/$hostile" LANG="$hostile" pbkfs show -B "$store"
says "the environment: verify" env TZ="$hostile" TMPDIR="$work/$hostile" LANG="$hostile" pbkfs verify -B "$store" -I main -i "$id"
says "the environment: no fusermount3" as "$pguser" env PATH="$work/$hostile" "$(command -v pbkfs)" mount -B "$store" -I main -i "$id" -D "$mnt" -d "$work/none"

# ---- a catalog: names, control files, lists
bad=$work/bad-store
bad_catalog() { rm -rf "$bad"; cp -a "$store" "$bad"; backup=$bad/backups/main/$id; }
looked_at() {
	says "$1: show" pbkfs show -B "$bad"
	says "$1: show as JSON" pbkfs show -B "$bad" --format json
	says "$1: verify" pbkfs verify -B "$bad" -I "${2:-main}" -i "$id"
	new_diff
	says "$1: mount" pbkfs mount -B "$bad" -I "${2:-main}" -i "$id" -D "$mnt" -d "$diff" --wait --timeout 20
	if is_mounted "$mnt"; then unmount_it; fi >"$work/out" 2>&1
	[ ! -f "$diff/.pbkfs/pbkfs.log" ] || check "$1: the log" harmless "$diff/.pbkfs/pbkfs.log"
	new_diff
	says "$1: mount, with a log of JSON" pbkfs mount -B "$bad" -I "${2:-main}" -i "$id" -D "$mnt" -d "$diff" --wait --timeout 20 --log-format=json
	if is_mounted "$mnt"; then unmount_it; fi >"$work/out" 2>&1
	[ ! -f "$diff/.pbkfs/pbkfs.log" ] || check "$1: the log of JSON" harmless "$diff/.pbkfs/pbkfs.log"
}
bad_catalog; mv "$bad/backups/main" "$bad/backups/$hostile"
looked_at "the name of an instance" "$hostile"
bad_catalog; mkdir "$bad/backups/main/$hostile"
looked_at "the name of a backup"
for key in note status recovery-time backup-mode compress-alg server-version program-version parent-backup-id; do
	bad_catalog
	sed -i "/^$key *=/d" "$backup/backup.control"
	printf "%s = %s\n" "$key" "$line" >>"$backup/backup.control"
	says "$key: show" pbkfs show -B "$bad"
	says "$key: show as JSON" pbkfs show -B "$bad" --format json
	says "$key: verify" pbkfs verify -B "$bad" -I main -i "$id"
done
new_diff
says "the last of them: mount" pbkfs mount -B "$bad" -I main -i "$id" -D "$mnt" -d "$diff" --wait --timeout 20
bad_catalog
sed -i '/^content-crc/d' "$backup/backup.control"
printf '{"path":"%s", "size":"x", "mode":"33152"}\n' "$line" >>"$backup/backup_content.control"
looked_at "a path in a list"
bad_catalog
sed -i '/^content-crc/d' "$backup/backup.control"
printf '{"path":"%s", "size":"7", "mode":"33152", "is_datafile":"0", "crc":"0", "compress_alg":"none"}\n' "$line" >>"$backup/backup_content.control"
printf 'content' >"$backup/database/$line"
looked_at "a file of a backup"

# listed PATH CONTENT: a file of the backup
listed() {
	mkdir -p "$(dirname "$backup/database/$1")"
	printf '%s' "$2" >"$backup/database/$1"
	printf '{"path":"%s", "size":"%s", "mode":"33152", "is_datafile":"0", "crc":"0", "compress_alg":"none"}\n' \
	    "$1" "$(stat -c %s "$backup/database/$1")" >>"$backup/backup_content.control"
	sed -i '/^content-crc/d' "$backup/backup.control"
}
for setting in shared_preload_libraries timezone archive_command hba_file unix_socket_directories port include log_directory; do
	bad_catalog
	listed postgresql.conf "$setting = '$line'
"
	looked_at "the setting $setting"
done
for name in tablespace_map database_map backup_label recovery.conf PG_VERSION; do
	bad_catalog
	listed "$name" "16385 /$line
{\"dbOid\":\"5\", \"datname\":\"$line\"}
START WAL LOCATION: $line
"
	looked_at "the file $name"
done
bad_catalog
printf 'external-dirs = /%s\n' "$line" >>"$backup/backup.control"
looked_at "an external directory"
bad_catalog
for key in system-identifier xlog-seg-size archive-timeout compress-algorithm; do
	printf '%s = %s\n' "$key" "$line" >>"$bad/backups/main/pg_probackup.conf"
done
looked_at "the instance's configuration"
bad_catalog
mkdir -p "$bad/wal/main"
printf '1\t0/1000000\t%s\n%s\n' "$line" "$line" >"$bad/wal/main/00000002.history"
: >"$bad/wal/main/$hostile"; : >"$bad/wal/main/000000010000000000000001.$hostile"
looked_at "the archive"
says "archive-get of a history" pbkfs archive-get -B "$bad" -I main 00000002.history "$work/history"
says "archive-get of a segment" pbkfs archive-get -B "$bad" -I main 000000010000000000000001 "$work/$hostile/x"

# ---- a mount and its diff directory
hostile_mnt=$work/m$hostile hostile_diff=$work/d$hostile
mkdir "$hostile_mnt"; new_diff "$hostile_diff"
says "mount at a hostile name" pbkfs mount -B "$store" -I main -i "$id" -D "$hostile_mnt" -d "$hostile_diff" --wait
says "list" pbkfs list
says "list as JSON" pbkfs list --format json
says "stat" pbkfs stat -D "$hostile_mnt"
says "stat as JSON" pbkfs stat -D "$hostile_mnt" --format json
says "cleanup of what is in use" pbkfs cleanup -d "$hostile_diff"
# The names of programs that use it.
cp "$(command -v sleep)" "$work/busy$hostile"
(cd "$hostile_mnt" && exec "$work/busy$hostile" 60) &
user=$!
while [ "$(readlink "/proc/$user/cwd")" = "$work" ] || ! grep -q busy "/proc/$user/comm"; do :; done
says "list of a mount in use" pbkfs list
says "unmount of a mount in use" pbkfs unmount -D "$hostile_mnt"
kill "$user"; wait "$user" 2>/dev/null
check "the log" harmless "$hostile_diff/.pbkfs/pbkfs.log"
pid=$(tr -dc 0-9 <"$hostile_diff/.pbkfs/worker.pid")
says "unmount" pbkfs unmount -D "$hostile_mnt"
if is_mounted "$hostile_mnt"; then umount -l "$hostile_mnt"; fi
wait_gone "$pid"
says "cleanup" pbkfs cleanup -d "$hostile_diff"

# The journal holds the names of files that are made on the mount.
new_diff
check "mount" mount_it
made() { as "$pguser" sh -c 'cd "$1" && mkdir "d$2" && echo content >"d$2/f$2" && ln -s "$2" "l$2" && mv base "b$2" && sync' - "$mnt" "$hostile"; }
check "names at the mount" made
says "hostile names: stat" pbkfs stat -D "$mnt"
says "hostile names: stat as JSON" pbkfs stat -D "$mnt" --format json
kill9 "$(worker_pid)"
check "hostile names: the next worker knows them" [ -e "$mnt/d$hostile/f$hostile" ]
says "hostile names: unmount" pbkfs unmount -D "$mnt"
wait_for_unmount() { ! is_mounted "$mnt" || unmount_it; }
check "hostile names: it is unmounted" wait_for_unmount
find "$diff" -path '*/data/*' -type f -exec rm {} +
says "content that is gone: mount" pbkfs mount -B "$store" -D "$mnt" -d "$diff" --wait --timeout 20
cat "$mnt/d$hostile/f$hostile" >"$work/out" 2>&1
check "content that is gone: unmount" wait_for_unmount
check "content that is gone: the log" harmless "$diff/.pbkfs/pbkfs.log"
# cleanup names what it could not remove.
mkdir "$diff/.pbkfs/d$hostile"
mount -t tmpfs tmpfs "$diff/.pbkfs/d$hostile"
says "a name that cannot be removed: cleanup" pbkfs cleanup -d "$diff"
umount "$diff/.pbkfs/d$hostile"

# forged NAME CONTENT...: a file of a good diff directory, as its owner may write it
new_diff
check "mount" mount_it
check "unmount" unmount_it
cp -a "$diff" "$work/good"
forged() {
	forged_name=$1; shift
	rm -rf "$diff"; cp -a "$work/good" "$diff"
	"$@" >"$diff/$forged_name.new" <"$work/good/$forged_name"
	cat "$diff/$forged_name.new" >"$diff/$forged_name"; rm "$diff/$forged_name.new"
	says "$forged_name: mount" pbkfs mount -B "$store" -D "$mnt" -d "$diff" --wait --timeout 20
	if is_mounted "$mnt"; then
		says "$forged_name: stat" pbkfs stat -D "$mnt"
		says "$forged_name: list" pbkfs list
		unmount_it >"$work/out" 2>&1
	fi
	"$@" >"$work/forged" <"$work/good/$forged_name"; cat "$work/forged" >"$diff/$forged_name"
	says "$forged_name: cleanup" pbkfs cleanup -d "$diff"
}
quoted=$(printf '%s' "$line" | sed 's/[\\"&|]/\\&/g' | tr -d '\033\007')	# what the reader of JSON takes
forged .pbkfs-lock printf 'pbkfs-lock 1 /%s\n' "$line"
for key in store instance backup_id wal pbkfs host tree_digest; do
	forged .pbkfs-binding.json env LC_ALL=C sed "s|\"$key\": *\"[^\"]*\"|\"$key\": \"/\\\\u001b[31m\\\\u009b$quoted\"|"
done
forged .pbkfs-binding.json env LC_ALL=C sed "s|\"created\"|\"mapped\": [{\"from\": \"/\\\\u001b[31m$quoted\", \"to\": \"/\\\\u009b$quoted\"}], &|"

# ---- the snapshot of a mount, which its owner may replace, and what he answers himself
rm -rf "$diff"; cp -a "$work/good" "$diff"
check "mount" mount_it
supervisor=$(supervisor_pid)
kill9 "$supervisor"; wait_gone "$supervisor"
LC_ALL=C sed "s|\"instance\": *\"[^\"]*\"|\"instance\": \"\\\\u001b[31m$quoted\"|" <"$work/good/.pbkfs/stat" >"$work/forged"
cp "$work/forged" "$diff/.pbkfs/stat"
"$support/sockets" listen -R "$work/forged" -m "$mnt" -o "$pguid" -u "$pguid" "$diff/.pbkfs/socket" >"$work/heard" & forger=$!
until [ -s "$work/heard" ]; do kill -0 "$forger" || exit 99; done
says "a forged snapshot: stat" pbkfs stat -D "$mnt"
says "a forged snapshot: stat as JSON" pbkfs stat -D "$mnt" --format json
says "a forged snapshot: list" pbkfs list
says "a forged snapshot: list as JSON" pbkfs list --format json
check "both were asked" [ "$(grep -c connected "$work/heard")" -ge 12 ]
kill "$forger"; wait "$forger" 2>/dev/null
check "unmount" unmount_it
plan_done
