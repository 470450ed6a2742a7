# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A worker that hangs is replaced; one that waits for storage is not.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-failover.sh"
[ -f "$inject" ] || skip_all "there is no inject.so"
fixture
new_diff
page() { { printf %s "$1"; head -c 4096 /dev/zero; } | head -c 4096; }
uncached() { dd if="$1" bs=4096 iflag=direct status=none | cmp - "$2"; }
check "mount" mount_injected "" --wal=mount || { plan_done; exit; }
for word in STUCK SLOW; do
	page "PBKFS-$word-READ" >"$work/$word"
	cp "$work/$word" "$mnt/$word"
	sync "$mnt/$word"
done
stress_prepare

# SIGSTOP: its threads and its heartbeat stop.
stress_begin 100000 $stress_all
check "a stopped worker is replaced" killer -x 19 -n "$((kills / 40 + 1))" -e 0
show_killer
check "the log says why" grep -q 'no sign of life' "$log"
stress_end "no wrong byte, no wrong errno"
rm -rf "$mnt/stress"

# One thread never answers; the others do, and the heartbeat goes on.
before=$(deaths)
stress_prepare
stress_begin 100000 $stress_all
check "a read by the thread that is stuck succeeds" uncached "$mnt/STUCK" "$work/STUCK"
equal "by the next worker" $((before + 1)) "$(deaths)"
check "the log says why" grep -q 'computed for more than' "$log"
stress_end "no wrong byte, no wrong errno"
rm -rf "$mnt/stress"

# Slow storage is no hang.
before=$(deaths)
check "a read from slow storage succeeds" uncached "$mnt/SLOW" "$work/SLOW"
equal "and costs no worker" "$before" "$(deaths)"
check "no request failed" log_is_quiet
check "unmount" unmount_it
plan_done
