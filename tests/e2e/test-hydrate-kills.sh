# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Workers are killed at random moments, while hydration copies what a load of all kinds reads and writes: nobody
# notices, and what is detached in the end has every byte.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-failover.sh"
. "$srcdir/tests/lib-hydrate.sh"
fixture
before=$(catalog_sum "$store")
new_diff
# Slowly, so that it is under way until the kills are over.
check "mount --hydrate" mount_it --wal=mount --hydrate --rate 500K || { plan_done; exit; }
supervisor=$(supervisor_pid)
kill_under_load
check "hydration is under way still" until_state copying
note "$(hydrate_figure blocks_done) of $(hydrate_figure blocks) blocks are copied"
check "files of the backup are as their copies" same_as_ref
rm -rf "$mnt/stress" "$work/stop"
run_load mkdir "$mnt/stress"
stress_begin 100000 $stress_all
check "the rest at full speed, under load" hydrate_it --wait
check "kills of what is detached" killer -n 10
stress_end "detached meanwhile: no wrong byte, no wrong errno"
check "detached, they still are as their copies" same_as_ref
rm -rf "$mnt/stress"
check "unmount" unmount_it
hide_store
check "mount without the catalog" mount_detached
check "without the catalog, too" same_as_ref
check "unmount again" unmount_it
show_store
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
