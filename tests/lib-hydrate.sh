# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A backup becomes a diff directory that needs no catalog, while a server works on it.  After
# lib-e2e.sh; with lib-user.sh as well, all of it as an ordinary user.

# hydrate_it [OPTION...]: of the mount.
hydrate_it() { pbkfs hydrate -D "$mnt" "$@"; }
hydrate_figure() { stat_number hydrate "$1"; }
hydrate_state() { pbkfs stat -D "$mnt" --format json | tr -d '\n' | sed -n 's/.*"hydrate": *{[^}]*"state": *"\([^"]*\)".*/\1/p'; }
# until_state STATE: waits for it, half a minute at most.
until_state() { for us in $(seq 300); do [ "$(hydrate_state)" != "$1" ] || return 0; sleep 0.1; done; false; }
is_detached() { pbkfs stat -D "$mnt" --format json | grep -q '"detached": *true'; }
bound_detached() { grep -q '"detached": *true' "$diff/.pbkfs-binding.json"; }
# The catalog goes, and comes back.
hide_store() { mv "$store" "$store.away"; }
show_store() { mv "$store.away" "$store"; }
# Mounts what is detached, of which the command line names nothing.
mount_detached() { pbkfs mount -d "$diff" -D "$mnt" --wait "$@"; }
inodes() { (cd "$mnt" && find . -path ./.pbkfs -prune -o -printf '%i %y %m %n %p\n' | LC_ALL=C sort -k5); }
amcheck() { as "$pguser" "$pgbin/pg_amcheck" -h "$sock" -U postgres --install-missing --heapallindexed -a; }
# store_locks: how many backups of the chain a running process has locked.
store_locks() { find "$store" -name backup_ro.pid -size +0 | wc -l; }
