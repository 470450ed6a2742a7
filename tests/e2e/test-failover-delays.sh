# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Workers die between the execution of a request and its reply: each is slow there, and is killed
# at random, or dies by itself at such a point.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-failover.sh"
[ -f "$inject" ] || skip_all "there is no inject.so"
fixture
new_diff
check "mount with slow replies" mount_injected delay=1500 --wal=mount || { plan_done; exit; }
stress_prepare
stress_begin 100000 $stress_all
check "$kills kills" killer -n "$kills"
show_killer
stress_end "no wrong byte, no wrong errno"
check "the log tells of kills only" log_is_quiet
rm -rf "$mnt/stress"
check "unmount" unmount_it

# Writes to the journal and to content, and replies: before and after each.
check "mount with mortal workers" mount_injected crash=300 --wal=mount
stress_prepare
stress_begin $((kills / 4)) $stress_all
"$support/pidwait" "$stress_pid" 120
stress_end "no wrong byte, no wrong errno at $(deaths) deaths" || show "$log" 40
check "workers did die" [ "$(deaths)" -ge $((kills / 4)) ]
log_gaps
check "files of the backup are as their copies" same_as_ref
rm -rf "$mnt/stress"
# The workers that end this mount may die as well.
unmount_it -d "$diff" 2>/dev/null || unmount_it -d "$diff" --force
check "mount without any of that" mount_it --wal=mount
check "files of the backup are still as their copies" same_as_ref
check "unmount again" unmount_it
plan_done
