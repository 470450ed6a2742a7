# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# An ordinary user promotes, and others do not.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
. "$srcdir/tests/lib-hydrate.sh"
. "$srcdir/tests/lib-promote.sh"
fixture
become_user
hydrate_it() { pbk hydrate -D "$mnt" "$@"; }
promote_it() { pbk promote -d "$diff" --to "$pgdata" "$@"; }
new_place

check "detach" detach_it --wal=direct
chmod 0755 "$work"
refuse "not another user" "Permission denied|belongs to user $pguser" as nobody "$work/pbkfs" promote -d "$diff" --to "$work/tmp/pgdata"
install -d -m 0755 "$work/roots"
refuse "not where he may not write" "could not create .*roots/pgdata" pbk promote -d "$diff" --to "$work/roots/pgdata"
equal "nothing was made there" "" "$(ls -A "$work/roots")"
check "promote" promote_it
like_promoted "an ordinary user's"
check "the server starts" pg_start "$pgdata"
check "and stops" pg_stop "$pgdata"

new_place
check "detach again" detach_it --wal=mount
check "--waldir" promote_it --waldir "$place/wal"
equal "pg_wal is a link" "$place/wal" "$(readlink "$pgdata/pg_wal")"
check "the server starts there" pg_start "$pgdata"
check "and stops there" pg_stop "$pgdata"

# ---- what root is told by the owner it does not believe ------------------------------------
new_place
check "detach for root" detach_it --wal=direct
ln -s /etc "$diff/changes/data/ffffffffffffffff"
mkdir "$work/roots2"
printf 'pbkfs-promote 1\nstep building\nplace 0 - %s\n' "$work/roots2/pgdata" >"$diff/.pbkfs-promote"
chown "$pguser" "$diff/.pbkfs-promote"
refuse "a state that the owner wrote is not the user's command" "had other directories" pbkfs promote -d "$diff" --to "$pgdata"
mkdir -m 0700 "$work/roots2/pgdata.pbkfs-promote.$(printf %x "$(stat -c %i "$diff")")"
touch "$work/roots2/pgdata.pbkfs-promote.$(printf %x "$(stat -c %i "$diff")")/kept"
check "list -d shows it to its owner" pbk list -d "$diff"
check "as what it is" said "promoting .*$diff" "$work/out"
refuse "nor does it make root remove a directory of root's" "could not take back" pbkfs promote -d "$diff" --abort
check "which is there still" [ -e "$work/roots2/pgdata.pbkfs-promote.$(printf %x "$(stat -c %i "$diff")")/kept" ]
rm -f "$diff/.pbkfs-promote"
check "root promotes as the owner" pbkfs promote -d "$diff" --to "$pgdata"
like_promoted "root's for the owner"
plan_done
