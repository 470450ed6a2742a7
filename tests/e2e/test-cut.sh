# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs does not take a mount that was cut off for one that was unmounted: umount -f, an abort
# through fusectl, and killed processes, while somebody holds changes that are not written back,
# and while nobody does.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-cut.sh"
fixture
cut force 'umount -f' write
cut force 'umount -f' map
cut force 'umount -f' idle
cut force_lazy 'umount -f' write
cut abort_it 'aborted' write
cut abort_it 'aborted' idle
cut killed 'killed' write
cut ours_by_force 'killed' write

clean plain idle
clean ours idle
clean lazy write
clean lazy map
clean killed_supervisor idle

# With --perf-unsafe a cut counts as a crash.
begin --perf-unsafe
hold write; sync -f "$mnt"; force; let_go
check "perf-unsafe: the processes end" ended
refuse "perf-unsafe: the next mount refuses" "did not end cleanly" mount_it
plan_done
