# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Something cannot be written while a backup is copied into the diff directory, for one file or for all: hydration says
# so, waits without work, and goes on; nothing of the mount is lost.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-hydrate.sh"
fixture
before=$(catalog_sum "$store")
# until_state STATE: waits for it, half a minute at most.
ticks() { awk '{ print $14 + $15 }' "/proc/$(worker_pid)/stat"; }
# Whether the worker works for less than a fifth of two seconds.
rests() { rests_from=$(ticks); sleep 2; rests_for=$(($(ticks) - rests_from)); [ $rests_for -lt $(($(getconf CLK_TCK) * 2 / 5)) ]; }
logged() { grep -c "$1" "$diff/.pbkfs/pbkfs.log"; }

# ---- a disk that has bytes, and no inodes ----------------------------------------------
small=$work/small
mkdir "$small" && mount -t tmpfs -o "size=800m,nr_inodes=300,mode=0700,uid=$pguid,gid=$pggid" tmpfs "$small"
diff=$small/diff
new_diff
check "mount" mount_it --wal=mount || { plan_done; exit; }
hydrate_it --wait >"$work/wait.out" 2>"$work/wait.err" &
waiting=$!
check "no inodes: it waits for room" until_state "waiting for room"
check "no inodes: it rests meanwhile" rests || note "$rests_for ticks"
equal "no inodes: the log says so, once" 1 "$(logged 'hydration waits, for it could not write .*no inodes left')"
like_oracle "no inodes: it is the backup still" "$oracle" "$mnt"
until grep -q "waiting for room" "$work/wait.err"; do kill -0 $waiting 2>/dev/null || break; sleep 0.1; done
check "whoever waits is told for what" said "waiting for room, .* files" "$work/wait.err"
mount -o remount,nr_inodes=100000 "$small"
wait $waiting; equal "with inodes it goes on" 0 $?
check "the log says that, too" [ "$(logged 'can be written again: hydration goes on')" -ge 1 ]
check "unmount" unmount_it

# ---- names of content files that are taken ---------------------------------------------
diff=$work/diff
new_diff
check "mount once more" mount_it --wal=mount
# The first file of its kind has the number that comes next.
as "$pguser" dd if=/dev/zero of="$mnt/mine" bs=8192 count=1 conv=fsync status=none
last=$(ls "$diff/changes/data" | grep -v map | tail -n 1)
# After as many: which file has which number is not known.
planted() { printf "$diff/changes/data/%016x" $((0x$last + $1)); }
as "$pguser" mkfifo "$(planted 30)"
as "$pguser" mkdir "$(planted 33)"
as "$pguser" ln -s /etc/passwd "$(planted 36)"
refuse "names that are taken: it ends with a message" "could not copy 3 files of .*: see its log; hydration tries again" \
    hydrate_it --wait
equal "names that are taken: the log names the files" 3 "$(logged 'could not copy ".*" of the backup into the diff directory')"
check "names that are taken: all others are copied" [ "$(hydrate_figure files_done)" -eq $(($(hydrate_figure files) - 3)) ]
like_oracle "names that are taken: it is the backup still" "$oracle" "$mnt" -x mine
check "names that are taken: nobody is led out" eval '! grep -q PG /etc/passwd'
rm -r "$(planted 30)" "$(planted 33)" "$(planted 36)"
check "once they are gone, stop" hydrate_it --stop
check "and all is copied" hydrate_it --wait
like_oracle "and all is there" "$oracle" "$mnt" -x mine
check "unmount once more" unmount_it

# ---- a rate that was a mistake -----------------------------------------------------------
new_diff
check "mount with the least rate" mount_it --wal=mount --hydrate --rate 8K
check "it is under way" until_state copying
until [ "$(hydrate_figure bytes_per_second)" != 0 ] || [ -n "$(ls "$diff/changes/data" 2>/dev/null)" ]; do sleep 0.1; done
check "another rate holds at once" timeout 30 pbkfs hydrate -D "$mnt" --wait --rate 1G
check "the last unmount" unmount_it
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
