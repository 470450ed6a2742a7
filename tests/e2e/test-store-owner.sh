# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A store that is 0700 of one user, a diff directory of another, mounted by root.
. "$srcdir/tests/lib-e2e.sh"
fixture
chown -R nobody "$store"; chmod 0700 "$store"
before=$(catalog_sum "$store")
new_diff
refuse "the server's user cannot read the store" . as "$pguser" ls "$store"
check "mount by root" mount_it --owner "$pguser" || { plan_done; exit; }
like_oracle "files are those of the restore" "$oracle" "$mnt" -L pg_wal
equal "owned by the diff directory's owner" "" "$(find "$mnt" ! -user "$pguser" -print | head -n 5)"
status=/proc/$(worker_pid)/status
equal "the worker is that owner" "$pguid" "$(awk '$1 == "Uid:" { print $2 }' "$status")"
equal "with that group" "$pggid" "$(awk '$1 == "Gid:" { print $2 }' "$status")"
equal "and nothing but CAP_DAC_READ_SEARCH" 0000000000000004 "$(awk '$1 == "CapEff:" { print $2 }' "$status")"
check "and no way to more" grep -Eq '^CapBnd:.*000000000000000[04]$' "$status"
equal "not even by a setuid program" 1 "$(awk '$1 == "NoNewPrivs:" { print $2 }' "$status")"
equal "seccomp is on in every thread" "2" "$(cat /proc/"$(worker_pid)"/task/*/status | awk '$1 == "Seccomp:" { print $2 }' | sort -u)"
check "the log says so" grep -qi 'dac_read_search' "$diff/.pbkfs/pbkfs.log"
pbkfs stat -D "$mnt" >"$work/stat.txt" 2>&1
check "stat says so" grep -qi 'dac_read_search' "$work/stat.txt"
check "the server starts" pg_start "$mnt"
check "and writes" sql -c 'create table written as select g from generate_series(1, 1000) g'
check "stop" pg_stop "$mnt"
check "it is hydrated" pbkfs hydrate -D "$mnt" --wait
check "unmount" unmount_it
check "mount of what is detached" pbkfs mount -d "$diff" -D "$mnt" --wait
equal "its worker has no capability" 0000000000000000 "$(awk '$1 == "CapEff:" { print $2 }' "/proc/$(worker_pid)/status")"
refuse "and no store" . ls "/proc/$(worker_pid)/root/store/backups"
check "unmount of what is detached" unmount_it
new_diff

note "--owner"
refuse "--owner must be the diff directory's" "belongs to" mount_it --owner nobody
rm -rf "$diff"
check "mount with --owner on a diff directory that is made" mount_it --owner nobody
equal "the diff directory belongs to --owner" "nobody 700" "$(stat -c '%U %a' "$diff")"
equal "so does the mount" "nobody" "$(stat -c %U "$mnt/PG_VERSION")"
check "unmount with --owner" unmount_it
rm -rf "$diff"
check "mount as root's own, of a store that is another's" mount_it
equal "which root may read" "$major" "$(cat "$mnt/PG_VERSION")"
check "unmount of root's own" unmount_it

note "a store that the diff directory's owner may read"
chown -R "$pguser:" "$store"
new_diff
check "mount of a readable store" mount_it
equal "no capability is kept" 0000000000000000 "$(awk '$1 == "CapEff:" { print $2 }' "/proc/$(worker_pid)/status")"
check "unmount of a readable store" unmount_it
mkdir -p "$store/wal/$instance"; chown -R nobody "$store/wal"; chmod 0700 "$store/wal/$instance"
new_diff
check "mount of a store whose archive he may not read" mount_it --owner "$pguser"
equal "the capability is kept" 0000000000000004 "$(awk '$1 == "CapEff:" { print $2 }' "/proc/$(worker_pid)/status")"
check "unmount of that" unmount_it
chown -R nobody "$store"
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
