# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A clone does not take production's place: a client that connects where production listens never
# reaches the clone, whichever of them runs.  PBKFS_E2E_USER=yes: the same as an ordinary
# user.
. "$srcdir/tests/lib-e2e.sh"
pg_any
new_cluster "$work/pgdata" || exit 99
prod=$work/pgdata store=$work/made instance=main
mkdir "$work/said"; chown "$pguser:" "$work/said"
cat >>"$prod/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$sock'
port = 6543
fsync = off
CONF
start() { : >>"$work/said/$2.log"; chown "$pguser:" "$work/said/$2.log"; as "$pguser" "$pgbin/pg_ctl" -D "$1" -w -t 90 -s -l "$work/said/$2.log" start || { tail -n 20 "$work/said/$2.log"; return 1; }; }
# A client of production's.
application() { sql -p 6543 "$@"; }
whose() { "$@" -c 'show cluster_name'; }
sockets() { (cd "$sock" && stat -c '%n %i %y' .s* 2>/dev/null && cat .s*.lock); }
sockets_are_its_own() { sockets >"$work/sockets.now"; same "$1" "$work/sockets" "$work/sockets.now"; }
echo "cluster_name = 'production'" >>"$prod/postgresql.conf"
make_backup FULL zlib; id=$made
if [ "${PBKFS_E2E_USER:-}" = yes ]; then . "$srcdir/tests/lib-user.sh"; become_user; fi
new_diff

check "mount without a port" mount_it || { plan_done; exit; }
check "it is said where the clone will be" grep -qF "in its own directory only: psql -h '$mnt/pg_stat_tmp' -p 6543 -U postgres" "$work/err"
private() { as "$pguser" "$pgbin/psql" -XAtq -h "$mnt/pg_stat_tmp" -p 6543 -U postgres -d postgres "$@"; }
check "the clone starts while production is down" start "$mnt" clone || { plan_done; exit; }
equal "and is there" "pbkfs $id main" "$(whose private)"
equal "without TCP" "" "$(private -c 'show listen_addresses')"
refuse "an application does not find it" "$sock/.s.PGSQL.6543" application -c 'select 1'
equal "nothing of it is in production's directory" "" "$(ls -A "$sock")"
check "production starts beside it" start "$prod" production
equal "and is who an application finds" production "$(whose application)"
sockets >"$work/sockets"
check "a copy of the running clone" as "$pguser" "$pgbin/pg_basebackup" -D "$work/said/copy" -h "$mnt/pg_stat_tmp" -p 6543 -U postgres -c fast -X stream
check "starts beside both" start "$work/said/copy" copy
equal "with a place of its own" "pbkfs $id main" "$(as "$pguser" "$pgbin/psql" -XAtq -h "$work/said/copy/pg_stat_tmp" -p 6543 -U postgres -d postgres -c 'show cluster_name')"
check "the copy stops" pg_stop "$work/said/copy"
check "a clone that is killed" pg_stop "$mnt" immediate
check "starts again" start "$mnt" clone
equal "and is there" "pbkfs $id main" "$(whose private)"
check "the clone stops" pg_stop "$mnt"
check "another mount with a setting" remount --set work_mem=6MB
check "says it again" grep -qF "in its own directory only: psql -h '$mnt/pg_stat_tmp' -p 6543 -U postgres" "$work/err"
check "with a port" remount --set port=7654
check "which counts there" grep -qF "psql -h '$mnt/pg_stat_tmp' -p 7654 -U postgres" "$work/err"
check "unmount" unmount_it

# The directory of production's sockets may be closed to the clone's user, and is not the place.
chmod 0700 "$sock"; chown root: "$sock"
new_diff
check "mount with production's own port" mount_it --set port=6543
check "it is said where the clone will be" grep -qF "at \"localhost\" and in its own directory: psql -h '$mnt/pg_stat_tmp' -p 6543 -U postgres" "$work/err"
check "the clone starts" start "$mnt" clone
equal "and is there" "pbkfs $id main|localhost" "$(private -c 'show cluster_name' -c 'show listen_addresses' | paste -sd '|')"
check "the clone stops" pg_stop "$mnt"
check "unmount" unmount_it

new_diff
check "mount with a port of its own" mount_it --set port=7654 --set listen_addresses=
check "it is said where the clone will be" grep -qF "in its own directory only: psql -h '$mnt/pg_stat_tmp' -p 7654 -U postgres" "$work/err"
check "the clone starts" start "$mnt" clone
equal "beside production" "pbkfs $id main" "$(private -p 7654 -c 'show cluster_name')"
check "the clone stops" pg_stop "$mnt"
check "unmount" unmount_it
chown "$pguser:" "$sock"
equal "production is who an application finds" production "$(whose application)"
sockets_are_its_own "production's sockets are as they were"

new_diff
check "mount with a directory of one's own" mount_it --set "unix_socket_directories=$work/said"
refuse "nothing is said of a place then, either" "" grep -q "psql -h" "$work/err"
check "the clone starts" start "$mnt" clone
equal "there" "pbkfs $id main|" "$(as "$pguser" "$pgbin/psql" -XAtq -h "$work/said" -p 6543 -U postgres -d postgres -c 'show cluster_name' -c 'show listen_addresses' | paste -sd '|')"
check "the clone stops" pg_stop "$mnt"
check "unmount" unmount_it
check "production stops" pg_stop "$prod"
# The line names the superuser, whatever initdb called it, also after that was renamed.
role="Chief Clerk"
rm -rf "$prod" "$store"
mkdir -m 0700 "$prod"; chown "$pguser:" "$prod"
as "$pguser" "$pgbin/initdb" -D "$prod" -N -k -A trust -U "$role" --locale=C.UTF-8 >"$work/initdb.log" 2>&1 || exit 99
echo "unix_socket_directories = '$work/said'" >>"$prod/postgresql.conf"
boss() { as "$pguser" "$pgbin/psql" -XAtq -h "$work/said" -d postgres -c "$2" -U "$1"; }
advised() { as "$pguser" env PATH="$pgbin:$PATH" PSQLRC=/dev/null sh -c "$(cat "$work/advice") -XAtqc 'select current_user'"; }
story() {
	new_diff
	make_backup FULL zlib; id=$made
	[ "${PBKFS_E2E_USER:-}" != yes ] || chown -R "$pguser:" "$store"
	check "$1: mount" mount_it
	sed -n 's/.*own directory only: psql/psql/p' "$work/err" >"$work/advice"
	check "$1: the clone starts" start "$mnt" clone
	equal "$1: the line leads there" "$2" "$(advised)"
	check "$1: the clone stops" pg_stop "$mnt"
	check "$1: unmount" unmount_it
}
story "another superuser" "$role"
start "$prod" production || exit 99
boss "$role" "create role helper superuser login" && boss helper "alter role \"$role\" rename to boss" &&
    boss boss "create role other" && boss boss "checkpoint" >/dev/null || exit 99
pg_stop "$prod" || exit 99
story "a renamed one" boss
plan_done
