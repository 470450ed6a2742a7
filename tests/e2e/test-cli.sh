# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The command line: what it accepts, what it refuses, and what it says.
. "$srcdir/tests/lib-e2e.sh"
fixture
pbkfs_for_all
before=$(catalog_sum "$store")
new_diff
error='pbkfs error: '

# ---- help and usage
for command in mount unmount stat cleanup show list; do
	check "$command --help" pbkfs $command --help
	check "help of $command goes to standard output" grep -qi usage "$work/out"
done
check "--version" pbkfs --version
check "the version is a number" grep -Eq '[0-9]+\.[0-9]+' "$work/out"
# wrong DESCRIPTION HELP COMMAND...: exit status 2, and where help is.
wrong() {
	wrong_desc=$1 wrong_help=$2; shift 2
	refuse "$wrong_desc" "^$error.*: see pbkfs $wrong_help$" "$@"
	equal "$wrong_desc: exit status" 2 $tap_status
}
wrong "no command" --help pbkfs
wrong "an unknown command" --help pbkfs frobnicate
wrong "umount" --help pbkfs umount
check "names the command that is meant" grep -q "it is called unmount" "$work/err"
wrong "an unknown option of none" --help pbkfs --frobnicate
wrong "an unknown option" "mount --help" pbkfs mount --frobnicate
wrong "help of an unknown command" --help pbkfs help frobnicate
wrong "help of two" --help pbkfs help mount unmount
wrong "a version with more" --help pbkfs version mount
# The word that was typed is named, and where it could be several, those.
check_word() { check "$1: is named" grep -Fq -- "$2" "$work/err"; }
wrong "an option cut too short" "mount --help" pbkfs mount --rec=x
check_word "an option cut too short" 'option "--rec" is ambiguous: --recovery-target, '
wrong "a flag with a value" "mount --help" pbkfs mount --wait=yes
check_word "a flag with a value" "--wait takes no value"
wrong "a letter among others" "mount --help" pbkfs mount -Rzk
check_word "a letter among others" 'unknown option "-z"'
# An option of another command: what this one calls the same, or who has it.
# elsewhere COMMAND OPTION WORDS
elsewhere() {
	wrong "$1 $2" "$1 --help" pbkfs $1 $2
	check_word "$1 $2: says what it has" "unknown option \"${2%% *}\" of $1, $3: see"
}
while read -r command option word words; do elsewhere "$command" "$option $word" "$words"; done <<'OPTIONS'
mount --to x which has -D, --mnt-path=DIR
mount --pgdata x which has -D, --mnt-path=DIR
mount --workdir x which has -d, --diff-dir=DIR
mount --at x which has --recovery-target-time=TIME
unmount --to x which has -D, --mnt-path=DIR
stat -d x which has -D, --mnt-path=DIR
hydrate -d x which has -D, --mnt-path=DIR
cleanup -D x which has -d, --diff-dir=DIR
restore -d x which has -D, --to=DIR
restore --mnt-path x which has -D, --to=DIR
restore --jobs 4 which has -j, --threads=N
show --backup-path x which has -B, --pbk-store=DIR
show -i X it is one of run, prove, mount, restore, verify
OPTIONS
wrong "a mountpoint without its option" "unmount --help" pbkfs unmount "$mnt"
check_word "a mountpoint without its option" "unexpected argument \"$mnt\": a directory is named by -D, --mnt-path=DIR"
wrong "a mountpoint too many" "unmount --help" pbkfs unmount -D "$mnt" -d "$diff" "$mnt"
check_word "a mountpoint too many" "unexpected argument \"$mnt\": see"
wrong "an option without its value" "mount --help" pbkfs mount -B
wrong "a value that is none" "mount --help" mount_it --wal=sometimes
wrong "another" "mount --help" mount_it --cache=perhaps
wrong "a value of --set that is none" "mount --help" mount_it --set port=no
wrong "a target that is none" "mount --help" mount_it --recovery-target=sometimes
wrong "options that exclude each other" "mount --help" mount_it --no-wal --wal=direct
wrong "an id that is none" "mount --help" pbkfs mount -B "$store" -I "$instance" -i ../main -D "$mnt" -d "$diff"
wrong "no -d" "mount --help" pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt"
for command in mount unmount stat cleanup show verify archive-get; do
	wrong "$command and nothing else" "$command --help" pbkfs $command
done
wrong "an operand too few" "archive-get --help" pbkfs archive-get -B "$store" -I "$instance" 000000010000000000000001
wrong "one too many" "list --help" pbkfs list here
refuse "a user that does not exist" "user \"no-such-user\" does not exist \\(--owner\\)" mount_it --owner no-such-user
refuse "a group that does not exist" "group \"no-such-group\" does not exist" mount_it --owner "$pguser:no-such-group"

# ---- fresh diff directory: what must be said, and what is wrong
refuse "no instance" "$error.*instance" pbkfs mount -B "$store" -i "$id" -D "$mnt" -d "$diff" --wait
refuse "no backup id" "$error.*backup" pbkfs mount -B "$store" -I "$instance" -D "$mnt" -d "$diff" --wait
refuse "an unknown instance: those that exist are listed" "$error.*$instance" \
    pbkfs mount -B "$store" -I nosuch -i "$id" -D "$mnt" -d "$diff" --wait
refuse "an unknown backup id is named" "$error.*QQQQQQ" pbkfs mount -B "$store" -I "$instance" -i QQQQQQ -D "$mnt" -d "$diff" --wait
refuse "a path for an id" "$error" pbkfs mount -B "$store" -I "$instance" -i ../main/"$id" -D "$mnt" -d "$diff" --wait
refuse "no such store" "$error.*nosuch" pbkfs mount -B "$work/nosuch" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait
refuse "no such mountpoint" "$error.*nosuch" pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$work/nosuch" -d "$diff" --wait
refuse "no such place for a diff directory" "$error.*nosuch" pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$work/nosuch/diff" --wait
check "a refused mount leaves no mount" [ -z "$(e2e_mounts)" ]

# ---- directories that contain one another
mkdir -p "$work/in/side" "$diff/inside" "$mnt/inside"; chown -R "$pguser:" "$work/in" "$diff"
overlap() { refuse "$1" "$error" pbkfs mount -B "$2" -I "$instance" -i "$id" -D "$3" -d "$4" --wait; }
overlap "mountpoint in the diff directory" "$store" "$diff/inside" "$diff"
overlap "diff directory in the mountpoint" "$store" "$mnt" "$mnt/inside"
overlap "mountpoint is the diff directory" "$store" "$diff" "$diff"
overlap "mountpoint in the store" "$store" "$store/backups" "$diff"
overlap "diff directory in the store" "$store" "$mnt" "$store/wal"
overlap "store in the mountpoint" "$store" "${store%/*}" "$diff"
ln -s "$diff/inside" "$work/by-link"
overlap "also when a link hides it" "$store" "$work/by-link" "$diff"
rmdir "$mnt/inside"
refuse "a log file in the store" "$error" mount_it --log-file "$store/pbkfs.log"
new_diff
: >"$diff/foreign"
refuse "a diff directory with foreign content" "$error" mount_it
refuse "cleanup of it" "$error" pbkfs cleanup -d "$diff"
refuse "cleanup of it with --force" "$error" pbkfs cleanup -d "$diff" --force
check "nothing was removed" [ -e "$diff/foreign" ]

# ---- mount
new_diff
pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait >"$work/mounted" 2>"$work/mount.err"
equal "mount" 0 $?
check "the last line is the command that starts the server" sh -c 'tail -n 1 "$1" | grep -E "(pg_ctl|postgres)" | grep -Fq "$2"' - "$work/mounted" "$mnt"
check "the server has a log file" sh -c 'tail -n 1 "$1" | tr -d "\047" | grep -Fq -- " -l $2/server.log start"' - "$work/mounted" "$mnt"
check "with its major version" sh -c 'tail -n 1 "$1" | grep -q "$2"' - "$work/mounted" "$major"
mkdir "$work/mnt2"
refuse "a second mount of the same diff directory" "$error" pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$work/mnt2" -d "$diff" --wait
new_diff "$work/diff2"
refuse "a second mount on the same mountpoint" "$error" pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$work/diff2" --wait
refuse "cleanup of a mounted diff directory" "$error" pbkfs cleanup -d "$diff"
check "it is still mounted" [ -s "$mnt/PG_VERSION" ]
refuse "unmount by somebody else" "^$error\"$mnt\" is a mount of user $pguser: only that user and root can unmount it$" as nobody "$work/pbkfs" unmount -D "$mnt"
equal "which is all that is said" 1 "$(wc -l <"$work/err")"
mv "$diff/.pbkfs-lock" "$work/lock"
refuse "a second mount where the lock file was removed" "is in use, and its lock file was removed or replaced: pbkfs unmount -D" pbkfs mount -D "$work/mnt2" -d "$diff"
rm -f "$diff/.pbkfs-lock"
refuse "cleanup of that" "\"$diff\" is mounted at \"$mnt\": unmount it first, or use --force" pbkfs cleanup -d "$diff"
mv "$work/lock" "$diff/.pbkfs-lock"
check "nothing was removed" [ -d "$diff/changes" ]
check "options show nosuid, nodev and noexec" sh -c 'awk -v m="$1" "\$2 == m { print \$4 }" /proc/self/mounts | grep nosuid | grep nodev | grep -q noexec' - "$mnt"

# ---- what the mount tells about itself
equal "worker.pid" "$(worker_pid)" "$(tr -dc 0-9 <"$mnt/.pbkfs/worker.pid")"
for name in worker.pid stat pbkfs.log; do
	check ".pbkfs/$name is shown" [ -f "$mnt/.pbkfs/$name" ]
	refuse ".pbkfs/$name is read-only to the server" . as "$pguser" sh -c 'echo x >>"$1"' - "$mnt/.pbkfs/$name"
	refuse ".pbkfs/$name cannot be removed" . rm -f "$mnt/.pbkfs/$name"
done
refuse ".pbkfs cannot be removed" . rmdir "$mnt/.pbkfs"
refuse ".pbkfs cannot be renamed" . mv "$mnt/.pbkfs" "$mnt/other"
refuse "nothing can be made in .pbkfs" . touch "$mnt/.pbkfs/new"
cat "$mnt/PG_VERSION" "$mnt/base/1/"[1-9]* >/dev/null
check "stat" pbkfs stat -D "$mnt"
check "stat names the backups" grep -q "$id" "$work/out"
pbkfs stat -D "$mnt" --format json >"$work/stat.json" 2>"$work/err"
equal "stat --format json" 0 $?
if command -v python3 >/dev/null; then
	check "that is JSON" python3 -m json.tool "$work/stat.json"
elif command -v jq >/dev/null; then
	check "that is JSON" jq -e . "$work/stat.json"
fi
check "stat --counters-reset" pbkfs stat -D "$mnt" --counters-reset
# A command whose output cannot be written fails.
for words in --version --help "mount --help" "stat -D $mnt" "stat -D $mnt --format=json" list "show -B $store"; do
	refuse "$words on a full device" "$error.*could not write to standard output" sh -c "pbkfs $words >/dev/full"
	equal "$words on a full device: exit status" 1 "$tap_status"
done
for words in --version --help help version "mount --help" "stat -D $mnt" "stat -D $mnt --format=json" list "show -B $store"; do
	refuse "$words without a standard output" "$error.*could not write to standard output" sh -c "pbkfs $words >&-"
	equal "$words without a standard output: exit status" 1 "$tap_status"
done
refuse "stat of what is no mount" "$error" pbkfs stat -D "$work/mnt2"
refuse "stat of what is not there" "$error" pbkfs stat -D "$work/nosuch"
refuse "an unknown format" . pbkfs stat -D "$mnt" --format xml

# ---- unmount
refuse "unmount of what is no mount" "$error" pbkfs unmount -D "$work/mnt2"
(cd "$mnt/base" && exec sleep 300) &
busy=$!
# the child is in the mount once its working directory says so
until [ "$(readlink "/proc/$busy/cwd")" = "$mnt/base" ]; do :; done
refuse "unmount of a busy mount names the process" "sleep|$busy" unmount_it
check "and it stays mounted" [ -s "$mnt/PG_VERSION" ]
check "SIGTERM does not unmount a busy mount either" sh -c 'kill -TERM "$1" && ! "$2" "$1" 1' - "$(supervisor_pid)" "$support/pidwait"
check "still mounted" [ -s "$mnt/PG_VERSION" ]
worker=$(worker_pid) supervisor=$(supervisor_pid)
check "unmount --force" unmount_it --force
check "is not mounted any more" [ -z "$(e2e_mounts)" ]
check "its processes end" wait_gone "$worker" "$supervisor"
kill "$busy"; wait "$busy" 2>/dev/null
check "mount" mount_it
(cd "$mnt/base" && exec sleep 300) &
busy=$!
until [ "$(readlink "/proc/$busy/cwd")" = "$mnt/base" ]; do :; done
from_inside() { env --chdir="$mnt/base" pbkfs unmount -D "$mnt"; }
refuse "unmount from inside of a busy mount does not name itself" "is in use by sleep \\(pid $busy\\): stop" from_inside
kill "$busy"; wait "$busy" 2>/dev/null
check "unmount from inside of a mount that nobody else uses" from_inside
check "is not mounted any more" [ -z "$(e2e_mounts)" ]

# ---- a bound diff directory
check "instance and id are optional now" pbkfs mount -B "$store" -D "$mnt" -d "$diff" --wait
supervisor=$(supervisor_pid)
check "SIGTERM is an orderly unmount" kill -TERM "$supervisor"
wait_gone "$supervisor"
check "that leaves no mount" [ -z "$(e2e_mounts)" ]
refuse "another backup than the bound one" "$error.*$id" pbkfs mount -B "$store" -I "$instance" -i "$full_id" -D "$mnt" -d "$diff" --wait
refuse "another instance than the bound one" "$error" pbkfs mount -B "$store" -I other -i "$id" -D "$mnt" -d "$diff" --wait
check "the bound one, in lower case" pbkfs mount -B "$store" -I "$instance" -i "$(echo "$id" | tr A-Z a-z)" -D "$mnt" -d "$diff" --wait
echo kept >"$mnt/kept"
# A server is still ending when pg_ctl returns.
(cd "$mnt" && exec sleep 0.5) &
check "unmount waits for who is just leaving" unmount_it
wait
check "mount" mount_it
check "unmount" unmount_it
mv "$diff" "$work/moved" && diff=$work/moved
check "a diff directory that was moved" mount_it
equal "has its content" kept "$(cat "$mnt/kept")"

# ---- a dead mountpoint
worker=$(worker_pid) supervisor=$(supervisor_pid)
kill9 "$supervisor" "$worker"; wait_gone "$supervisor" "$worker"
refuse "the mountpoint is dead" . ls "$mnt/base"
check "unmount of a dead mountpoint" unmount_it
check "that leaves no dead mount" [ -z "$(e2e_mounts)" ]

# ---- cleanup
check "cleanup" pbkfs cleanup -d "$diff"
equal "leaves the directory, empty" "" "$(ls -A "$diff")"
check "which can be used again" mount_it
equal "for a fresh mount" "" "$(ls "$mnt/kept" 2>/dev/null)"
check "cleanup --force of a mounted one" pbkfs cleanup -d "$diff" --force
equal "leaves neither mount nor content" "" "$(e2e_mounts)$(ls -A "$diff")"

# ---- odd names
odd="$work/mount pöint\$HOME '#1"; mkdir "$odd"
new_diff "$work/diff dïr"
straight=$mnt mnt=$odd diff="$work/diff dïr"
check "a mountpoint with a space and non-ASCII letters" mount_it
check "shows the files" [ -s "$mnt/PG_VERSION" ]
check "stat of it" pbkfs stat -D "$mnt"
check "unmount of it" unmount_it
check "leaves no mount" [ -z "$(e2e_mounts)" ]
mnt=$straight diff=$work/diff

# ---- modes of a mount
new_diff
check "--no-wal" mount_it --no-wal
echo x >"$mnt/f"
check "unmount after --no-wal" unmount_it
refuse "a --no-wal diff directory is not used again" "$error" mount_it
check "but cleaned up" pbkfs cleanup -d "$diff"
check "mount" mount_it
worker=$(worker_pid) supervisor=$(supervisor_pid)
kill9 "$supervisor" "$worker"; wait_gone "$supervisor" "$worker"
check "cleanup of a dead mount" pbkfs cleanup -d "$diff"
check "says that it is unmounted" grep -Fqx "\"$mnt\" was a dead mount of \"$diff\": it is unmounted" "$work/out"
check "and it is" [ -z "$(e2e_mounts)" ]
check "cleaned up" [ -z "$(ls -A "$diff")" ]
new_diff
check "--perf-unsafe" mount_it --perf-unsafe
echo x >"$mnt/f"; sync "$mnt/f"
check "the dirty marker is there after a write" [ -e "$diff/.pbkfs-dirty" ]
check "unmount after --perf-unsafe" unmount_it
check "which clears the marker" [ ! -e "$diff/.pbkfs-dirty" ]
check "--perf-unsafe again" mount_it --perf-unsafe
echo y >"$mnt/f"; sync "$mnt/f"
worker=$(worker_pid) supervisor=$(supervisor_pid)
kill9 "$supervisor" "$worker"; wait_gone "$supervisor" "$worker"
is_mounted "$mnt" && unmount_it -d "$diff" --force >/dev/null 2>&1
refuse "an unclean --perf-unsafe directory is refused" "$error" mount_it
check "--force overrides" mount_it --force
check "unmount after --force" unmount_it

new_diff
pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --console >"$work/console" 2>&1 &
console=$!
until is_mounted "$mnt" && [ -s "$mnt/PG_VERSION" ] 2>/dev/null; do kill -0 $console || break; done
check "--console mounts in the foreground" [ -s "$mnt/PG_VERSION" ]
kill -INT $console
wait $console
equal "--console: Ctrl-C unmounts" "0 " "$? $(e2e_mounts)"
# once FILE: no two lines of it say the same, whoever says it.
once() { sed 's/^pbkfs[^:]*: //' "$1" >"$work/said"; [ -s "$work/said" ] && sort "$work/said" | uniq -d >"$work/twice" && [ ! -s "$work/twice" ] || { show "$work/twice"; return 1; }; }
check "--console: says each thing once" once "$work/console"
check "notes too" said "start PostgreSQL" "$work/console"
cp -a "$store" "$work/elsewhere"
pbkfs mount -B "$work/elsewhere" -I "$instance" -i "$full_id" -D "$mnt" -d "$diff" --console >"$work/console" 2>&1
equal "--console: a mount that is refused" 1 $?
check "--console: says why once" once "$work/console"
check "--timeout" pbkfs mount -B "$store" -D "$mnt" -d "$diff" --timeout 30
check "means mounted when it returns" [ -s "$mnt/PG_VERSION" ]
check "unmount after --timeout" unmount_it
check "--log-file, --log-format json, --pid-file, --debug" \
    mount_it --log-file "$work/pbkfs.log" --log-format json --pid-file "$work/pbkfs.pid" --debug
equal "the pid file names the supervisor" "$(supervisor_pid)" "$(cat "$work/pbkfs.pid")"
if command -v python3 >/dev/null; then
	check "each line of the log is JSON" python3 -c 'import json,sys
for line in open(sys.argv[1]): json.loads(line)' "$work/pbkfs.log"
fi
check "unmount of that" unmount_it
check "the pid file is gone" [ ! -e "$work/pbkfs.pid" ]
for option in --cache=writethrough --cache=writeback --wal=mount --wal=direct --sandbox=seccomp-only --sandbox=none --verify=on --verify=off; do
	new_diff
	check "$option" mount_it $option
	case $option in --sandbox=*) check "the log says $option" grep -qi "${option#--sandbox=}\|sandbox\|landlock" "$diff/.pbkfs/pbkfs.log" ;; esac
	check "unmount after $option" unmount_it
done
equal "no pbkfs is left" "" "$(for p in /proc/[0-9]*; do [ "$(cat "$p/comm" 2>/dev/null)" != pbkfs ] || echo "$p"; done)"
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"

# ---- damaged catalogs: one line that names the backup
broken() {	# broken DESCRIPTION PATTERN: mounts the copy, which was damaged
	new_diff
	refuse "$1" "$2" pbkfs mount -B "$work/broken" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait
	equal "$1: in one line" 1 "$(grep -c "$error" "$work/err")"
	check "$1: no mount" [ -z "$(e2e_mounts)" ]
	rm -rf "$work/broken"; cp -a "$store" "$work/broken"
}
cp -a "$store" "$work/broken"
b=$work/broken/backups/$instance
rm -r "${b:?}/$full_id"
broken "a missing parent" "$full_id"
truncate -s 100 "$b/$full_id/backup.control"
broken "a truncated control file" "$full_id"
: >"$b/$id/backup.control"
broken "an empty control file" "$id"
sed -i '3s/"size":"[0-9]*"/"size":"7"/' "$b/$full_id/backup_content.control"
broken "a list that does not match its content-crc" "$full_id"
sed -i "s/^status = .*/status = CORRUPT/" "$b/$full_id/backup.control"
new_diff
refuse "a corrupt member" "$full_id" pbkfs mount -B "$work/broken" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait
check "--force mounts it" pbkfs mount -B "$work/broken" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait --force
check "with a warning that names it" sh -c 'cat "$@" | grep -q '"$full_id" - "$work/err" "$work/out"
unmount_it
rm -rf "$work/broken"; cp -a "$store" "$work/broken"
sed -i "s/^program-version = .*/program-version = 9.9.9/" "$b/$full_id/backup.control"
broken "a newer program-version" "$full_id"
sed -i "s/^parent-backup-id = .*/parent-backup-id = '$id'/" "$b/$id/backup.control"
broken "a cycle" "$id"
plan_done
