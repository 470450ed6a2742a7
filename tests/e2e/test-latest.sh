# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# "-i latest", and no -i where a recovery target is given: which backup mount and verify choose, what
# they say about it, and that a diff directory stays with its backup.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
store=$work/store instance=main
"$support/mkcatalog" scale --catalog "$store" --instance main --files 2 --increments 3 >"$work/ids" || exit 99
set -- $(cat "$work/ids")
a=$1 b=$2 c=$3 d=$4
control() { echo "$store/backups/main/$1/backup.control"; }
# state ID STATUS
state() { sed -i "s/^status = .*/status = $2/" "$(control "$1")"; }
# ends ID HOUR: where and when it ends.
ends() {
	sed -i '/^recovery-time\|^recovery-xid\|^stop-lsn\|^timelineid/d' "$(control "$1")"
	printf "timelineid = 1\nrecovery-time = '2026-11-22 0%s:00:00+00'\nrecovery-xid = %s00\nstop-lsn = 0/%s000000\n" "$2" "$2" "$2" >>"$(control "$1")"
}
ends "$a" 1; ends "$b" 2; ends "$c" 3; ends "$d" 4
before=$(catalog_sum "$store")
# $work/said has what the last of these commands said.
said() { grep -q "$1" "$work/said"; }
mount_it() { pbkfs mount -B "$store" -I main -D "$mnt" -d "$diff" --wait "$@" 2>"$work/said" || { cat "$work/said" >&2; return 1; }; }
# takes DESCRIPTION ID TEXT OPTION...: a fresh mount takes this backup, and says so.
takes() {
	takes_desc=$1 takes_id=$2 takes_text=$3; shift 3
	new_diff
	check "$takes_desc: mount" mount_it "$@" || return 1
	equal "$takes_desc: the backup is in the binding" "$takes_id" "$(mounted_id)"
	check "$takes_desc: it says so" said "^pbkfs: backup $takes_id is the newest that can be mounted$takes_text"
	check "$takes_desc: and the log does" grep -q "backup $takes_id is the newest" "$diff/.pbkfs/pbkfs.log"
	check "$takes_desc: unmount" unmount_it
}

takes "latest" "$d" '$' -i latest
check "show tells it" sh -c 'pbkfs show -B "$1" | grep -q "^instance main: .*, latest $2$"' - "$store" "$d"
state "$d" RUNNING; state "$c" CORRUPT
takes "the newer ones are passed over" "$b" "; passed over: $d (RUNNING), $c (CORRUPT)\$" -i latest
takes "with --force too" "$b" "; passed over: $d (RUNNING), $c (CORRUPT)\$" -i latest --force
new_diff
refuse "a backup that is named is not passed over" "has status CORRUPT" mount_it -i "$c"
state "$d" OK; state "$c" OK

# ---- a target, and no backup ---------------------------------------------------
takes "a time" "$b" " and ends before the recovery target; passed over: $d (ends behind the target), $c" --recovery-target-time='2026-11-22 02:30:00+00'
takes "an xid" "$c" ' and ends before' --recovery-target-xid=399
takes "an xid and latest" "$c" ' and ends before' -i latest --recovery-target-xid=399
takes "the end of the backup" "$d" '$' --recovery-target=immediate
takes "a restore point" "$d" '$' --recovery-target-name=here
takes_desc="a restore point"
new_diff
check "$takes_desc: mount again" mount_it --recovery-target-name=here
check "$takes_desc: that it may lie before the backup is a warning" said 'warning: no backup knows where restore point "here" is'
check "$takes_desc: unmount" unmount_it
cannot "before every backup" "no backup of instance \"main\" ends before the recovery target: the oldest that can be mounted, $a" --recovery-target-time='2026-11-22 00:30:00+00'
cannot "an unknown timeline" "timeline 7 is not known" --recovery-target-timeline=7
cannot "neither backup nor target" "has no backup yet, so the mount needs --backup-id \(which can be latest\) or a recovery target" --set port=5433
cannot "in capitals it is an id" 'backup "LATEST" of instance "main" does not exist' -i LATEST
cannot "an unknown instance" "does not exist" -i latest -I nosuch
for id in "$a" "$b" "$c" "$d"; do state "$id" ERROR; done
cannot "none can be mounted" "no backup of instance \"main\" can be mounted: $d .ERROR., $c .ERROR." -i latest
for id in "$a" "$b" "$c" "$d"; do state "$id" OK; done
mkdir "$store/backups/main/LATEST"
cp -a "$store/backups/main/$a/." "$store/backups/main/LATEST/"
new_diff
check "a backup that is called so is mounted in capitals" mount_it -i LATEST
equal "it" LATEST "$(mounted_id)"
check "unmount" unmount_it
rm -r "$store/backups/main/LATEST"

# ---- the directory stays with its backup ---------------------------------------
new_diff
state "$d" RUNNING
check "mount the latest" mount_it -i latest
echo mine >"$mnt/mine"
check "unmount" unmount_it
state "$d" OK
check "a newer one has come: mount the latest again" mount_it -i latest
check "it says that nothing was switched" said "^pbkfs: \"$diff\" holds changes of backup $c, which stays mounted there"
equal "what was changed is there" mine "$(cat "$mnt/mine")"
check "unmount" unmount_it
equal "the binding is as it was" "$c" "$(mounted_id)"
refuse "another backup by name is refused" "belongs to backup \"$c\", not \"$d\": use another one, or pbkfs cleanup it" mount_it -i "$d"
refuse "a target is" "is for the first mount" mount_it -i latest --recovery-target=immediate
check "without any name it is mounted as ever" mount_it
refuse "and nothing is said of it" "" said 'backup'
check "unmount" unmount_it

# ---- the same choice elsewhere --------------------------------------------------
# verify fails on these backups, whose WAL is missing and whose pages are none: its choice counts.
verified() { verified_id=$1; shift; pbkfs verify -B "$store" -I main "$@" 2>"$work/said"; said "^pbkfs: backup $verified_id is the newest"; }
check "verify the latest" verified "$d" -i latest
check "verify what a target takes" verified "$b" --recovery-target-time='2026-11-22 02:30:00+00'
refuse "verify: a target and a name" "a recovery target chooses the backup" pbkfs verify -B "$store" -I main -i "$a" --recovery-target=immediate
refuse "verify: neither" "error: --backup-id is required: see pbkfs verify --help" pbkfs verify -B "$store" -I main
refuse "verify: none fits" "ends before the recovery target" pbkfs verify -B "$store" -I main --recovery-target-xid=50
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"

# ---- as an ordinary user --------------------------------------------------------
become_user
new_diff
id=latest
check "a user mounts the latest" mount_it
check "and is told which" grep -q "^pbkfs: backup $d is the newest" "$work/err"
check "and unmounts it" unmount_it
plan_done
