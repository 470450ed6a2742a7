# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Promises of doc/security.md and of the manual that no other story looks at.
. "$srcdir/tests/lib-e2e.sh"
need flock
fixture
options() { awk -v m="$mnt" '$2 == m { print $4 }' /proc/self/mounts; }
has() { case ",$(options)," in *",$1,"*) ;; *) false ;; esac; }
refused() { refuse "$@"; ! is_mounted "$mnt" || { not_ok "and nothing is mounted"; unmount_it; }; }

note "less of a sandbox is told everywhere"
for level in seccomp-only none; do
	new_diff
	check "mount with --sandbox=$level" mount_it --sandbox=$level || { plan_done; exit; }
	check "$level: on the terminal" grep -q "^pbkfs warning: the worker runs without .*--sandbox=$level" "$work/err"
	check "$level: in the log" grep -q "the worker runs without .*--sandbox=$level" "$diff/.pbkfs/pbkfs.log"
	check "$level: by stat" sh -c 'pbkfs stat -D "$1" | grep -qi "sandbox.*$2"' - "$mnt" "$level"
	check "unmount" unmount_it
done

note "the mount"
new_diff
exec 9>"$work/callers"
flock -n 9
check "mount" mount_it
exec 9>&-
check "keeps no descriptor of the caller's" flock -n "$work/callers" true
for option in nosuid nodev noexec allow_other default_permissions; do
	check "root's is $option" has $option
done
equal "its root is the owner's alone" "700 $pguser" "$(stat -c '%a %U' "$mnt")"
refuse "modes are checked" "denied" as nobody ls "$mnt"
as "$pguser" sh -c 'cp /bin/true "$1" && chmod 6755 "$1"' - "$mnt/program" 2>"$work/out"
equal "no file is set-user-ID or set-group-ID" 755 "$(stat -c %a "$mnt/program")"
check "unmount" unmount_it

note "whose the diff directory is"
chown nobody "$diff"
refused "a diff directory of another user" "belongs to" mount_it --owner "$pguser"
equal "stays his" nobody "$(stat -c %U "$diff")"
rm -rf "$diff"; mkdir -m 0700 "$diff"; : >"$diff/mine"
refused "one of root's that is not empty" "neither empty nor" mount_it --owner "$pguser"
equal "stays root's" "root root" "$(stat -c %U "$diff" "$diff/mine" | paste -sd ' ')"
rm "$diff/mine"; chmod 0777 "$diff"
refused "one of root's that all can write" "can be written by others" mount_it --owner "$pguser"
equal "stays root's, too" root "$(stat -c %U "$diff")"
chmod 0700 "$diff"; mkdir "$diff/lost+found"
check "an empty one of root's is given away, lost+found or not" mount_it --owner "$pguser"
equal "with nothing in it but what is ours" "$pguser root" "$(stat -c %U "$diff" "$diff/lost+found" | paste -sd ' ')"
check "unmount" unmount_it

note "a fresh one where others make theirs, for a store that is closed"
chown -R nobody: "$store"; chmod 0700 "$store"
mkdir -m 1777 "$work/public"
as daemon mkdir -m 0700 "$work/public/diff"
in_public() { pbkfs mount -D "$mnt" -d "$work/public/diff" --wait "$@"; }
refused "who has made an empty one is not its reader" "\-\-owner" in_public -B "$store" -I "$instance" -i "$id"
refused "nor is it the reader's" "belongs to" in_public -B "$store" -I "$instance" -i "$id" --owner "$pguser"
rmdir "$work/public/diff"
check "root makes it for --owner" in_public -B "$store" -I "$instance" -i "$id" --owner "$pguser"
check "unmount" unmount_it
refused "a remount has to say it again" "\-\-owner" in_public
check "and is made then" in_public --owner "$pguser"
check "unmount" unmount_it
chown -R "$pguser:" "$store"

note "cleanup"
new_diff
check "mount" mount_it
check "unmount" unmount_it
mkdir "$diff/changes/data/other" && mount -t tmpfs tmpfs "$diff/changes/data/other" && : >"$diff/changes/data/other/precious"
refuse "another file system in a diff directory" "could not remove|could not empty" pbkfs cleanup -d "$diff"
check "is not entered" [ -e "$diff/changes/data/other/precious" ]
umount "$diff/changes/data/other"
check "without it, it is emptied" pbkfs cleanup -d "$diff"

note "a mountpoint that is exchanged"
held=$store/backups/$instance/$id/backup.pid
echo $$ >"$held"; chown --reference="$store/backups/$instance/$id" "$held"
new_diff
mount_it >"$work/text" 2>&1 & command=$!
until grep -q "is locked by" "$work/text"; do kill -0 $command || break; done
mv "$mnt" "$mnt.away"; mkdir "$mnt"; rm "$held"
refuse "while it is prepared" "" wait $command
check "is found out" grep -q "mountpoint .* was replaced while it was mounted" "$work/text"
equal "and nothing is mounted at either" "" "$(e2e_mounts)"
rmdir "$mnt"; mv "$mnt.away" "$mnt"
check "mount" mount_it
supervisor=$(supervisor_pid)
mount -t tmpfs -o size=64k other "$mnt"
refuse "what is mounted over a mount is not unmounted" "is a mount, but not of pbkfs" unmount_it
kill "$supervisor"
check "nor by the supervisor, which says so" eval 'until grep -q "stays mounted: another mount .tmpfs. lies over it" "$diff/.pbkfs/pbkfs.log"; do kill -0 "$supervisor" || break; done; kill -0 "$supervisor"'
equal "it is there" tmpfs "$(stat -f -c %T "$mnt")"
umount "$mnt"
check "without it, the mount goes" wait_gone "$supervisor"
check "which nothing else did" eval '! is_mounted "$mnt"'

note "the owner's lock"
check "mount" mount_it
check "unmount" unmount_it
as "$pguser" sh -c 'flock -x "$1/.pbkfs-lock" sh -c "echo held >&2; exec sleep 100" 2>"$2"' - "$diff" "$work/public/held" &
until grep -q held "$work/public/held" 2>/dev/null; do kill -0 $! || break; done
refused "keeps his directory from being mounted" "in use" mount_it
kill $!; wait $! 2>/dev/null

note "a server as a user of its own"
pg_clone=daemon
rm -rf "$diff"; install -d -o $pg_clone -m 0700 "$diff"
echo 'local all all trust' >"$work/pg_hba.conf"
check "mount for it" mount_it --owner $pg_clone --set hba_file="$work/pg_hba.conf"
: >"$work/clone.log"; chown $pg_clone "$work/clone.log"
check "start" as $pg_clone "$pgbin/pg_ctl" -D "$mnt" -w -t 90 -s -l "$work/clone.log" start || show "$work/clone.log"
equal "it answers its user" "$mnt" "$(as $pg_clone "$pgbin/psql" -XAtqc 'show data_directory' -h "$mnt/pg_stat_tmp" -U postgres -d postgres)"
refuse "and nobody else gets there" "denied|could not" as nobody "$pgbin/psql" -XAtqc 'select 1' -h "$mnt/pg_stat_tmp" -U postgres -d postgres
check "stop" as $pg_clone "$pgbin/pg_ctl" -D "$mnt" -w -t 90 -s stop
check "unmount" unmount_it
plan_done
