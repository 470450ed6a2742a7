# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A request that kills every worker fails after three of them; others never do.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-failover.sh"
[ -f "$inject" ] || skip_all "there is no inject.so"
fixture
new_diff
page() { { printf %s "$1"; head -c 4096 /dev/zero; } | head -c 4096; }
# Reads past the kernel's cache, which has the content.
uncached() { dd if="$1" of=/dev/null bs=4096 iflag=direct status=none; }
check "mount" mount_injected "" --wal=mount || { plan_done; exit; }
page 'PBKFS-DIE-READ' >"$mnt/die-read"
page 'PBKFS-DIE-WRITE' >"$work/die-write"
page 'harmless' >"$mnt/target"
sync "$mnt/die-read" "$mnt/target"
stress_prepare
stress_begin 100000 $stress_all
refuse "a read that kills fails" "input/output error" uncached "$mnt/die-read"
equal "after three deaths" 3 "$(deaths)"
refuse "a write that kills fails" "input/output error" \
    dd if="$work/die-write" of="$mnt/target" bs=4096 oflag=direct conv=notrunc status=none
equal "after three more" 6 "$(deaths)"
equal "the log tells of two such requests" 2 "$(grep -c 'is answered with an I/O error' "$log")"
check "the file is as it was" sh -c "dd if='$mnt/target' bs=4096 iflag=direct status=none | head -c 8 | grep -qx harmless"
stress_end "no other request failed"
rm -rf "$mnt/stress" "$mnt/die-read"
check "remount" remount --wal=mount
check "files of the backup are as their copies" same_as_ref
check "unmount" unmount_it
plan_done
