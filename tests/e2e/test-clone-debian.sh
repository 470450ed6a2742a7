# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Debian's layout: production's configuration, pid file and log are outside of the data
# directory, so they are in no backup.  The story runs the manual's recipes for it as they are
# printed, and nothing of production's changes.  PBKFS_E2E_USER=yes: as an ordinary user.
. "$srcdir/tests/lib-e2e.sh"
pg_any
new_cluster "$work/pgdata" || exit 99
prod=$work/pgdata store=$work/made instance=main
outside=$work/outside etc=$work/outside/etc/postgresql/$major/main
mkdir -p "$etc/conf.d" "$outside/run" "$outside/log" "$outside/stats"
mv "$prod/postgresql.conf" "$prod/pg_hba.conf" "$prod/pg_ident.conf" "$etc"
cat >>"$etc/postgresql.conf" <<CONF
data_directory = '$prod'
hba_file = '$etc/pg_hba.conf'
ident_file = '$etc/pg_ident.conf'
external_pid_file = '$outside/run/$major-main.pid'
port = 5432
listen_addresses = ''
unix_socket_directories = '$sock'
logging_collector = on
log_directory = '$outside/log'
log_filename = 'postgresql-main.log'
log_truncate_on_rotation = on
log_checkpoints = off
cluster_name = '$major/main'
include_dir = 'conf.d'
CONF
cat >"$etc/conf.d/local.conf" <<CONF
work_mem = 7MB
fsync = off
CONF
[ "$major" -gt 14 ] || echo "stats_temp_directory = '$outside/stats'" >>"$etc/conf.d/local.conf"
printf 'local all all trust\n' >"$etc/pg_hba.conf"
chown -R "$pguser:" "$outside"
production() { as "$pguser" "$pgbin/pg_ctl" -D "$prod" -w -t 90 -s -l "$work/pg.log" -o "-c config_file=$etc/postgresql.conf" "$@"; }
: >"$work/pg.log"; chown "$pguser:" "$work/pg.log"
check "production starts" production start || { plan_done; exit; }
sql -c 'create table t as select generate_series(1, 1000) g' || exit 99
check "production stops for a backup" production stop
make_backup FULL zlib; id=$made
check "production starts again" production start
# Production will read this file at its next start; a clone needs none of it.
cat >"$etc/conf.d/next.conf" <<CONF
ssl = on
ssl_cert_file = '$outside/ssl-cert.pem'
ssl_key_file = '$outside/ssl-cert.key'
CONF
# Names, owners, modes, times and contents of all that is production's outside.
look() { { find "$outside" "$sock" -printf '%p %y %u %m %i %T@\n'; find "$outside" -type f -exec sha256sum {} +; } | LC_ALL=C sort; }
unchanged() { look >"$work/look.now"; same "$1: what is production's is as it was" "$work/look" "$work/look.now"; equal "$1: production is there" "$major/main" "$(sql -c 'show cluster_name')"; }
if [ "${PBKFS_E2E_USER:-}" = yes ]; then . "$srcdir/tests/lib-user.sh"; become_user; fi
look >"$work/look"

# recipe NUMBER: the manual's display, for this machine's places and this user.
recipe() {
	awk -v want="$1" '/^\.\\" tests\/e2e\/test-clone-debian.sh/ { on = 1 } !on { next }
	    /^\.Bd/ { n++; inside = 1; next } /^\.Ed/ { inside = 0; if (n == 2) exit } inside && n == want' \
	    "$srcdir/doc/pbkfs.8" | sed -e 's/\\e$/\\/' -e "s|/backup|$store|" -e "s|/mnt/yesterday|$mnt|" \
	    -e "s|/srv/pbkfs/diff|$diff|" -e "s|pbclone|$pguser|g" -e "s|/usr/lib/postgresql/15/bin|$pgbin|" \
	    -e "s|/etc/postgresql/15/main|$etc|" -e "s|psql -h|$pgbin/psql -XAtqc 'show data_directory' -h|" >"$work/recipe"
	[ "${PBKFS_E2E_USER:-}" != yes ] || sed -i -e "s/^runuser -u $pguser -- //" -e "s/ --owner $pguser//" "$work/recipe"
	chmod 0644 "$work/recipe"
	[ -s "$work/recipe" ] || return 1
	if [ "${PBKFS_E2E_USER:-}" = yes ]; then as "$pguser" env PATH="$work:$PATH" sh -e "$work/recipe"; else sh -e "$work/recipe"; fi
}
clone() { as "$pguser" "$pgbin/psql" -XAtq -v ON_ERROR_STOP=1 -h "$mnt/pg_stat_tmp" -U postgres -d postgres "$@"; }
work_it() {	# work_it WHAT: a whole life of a clone that runs
	equal "$1: it runs on the mount" "$mnt" "$(tail -n 1 "$work/out")"
	equal "$1: nothing of production's is named" "" "$(clone -c "select name || ' ' || setting from pg_settings
	    where setting like '%$outside%' and name <> 'config_file' or setting like '%$sock%' or setting like '%$prod%'")"
	equal "$1: data is there" 1000 "$(clone -c 'select count(*) from t')"
	check "$1: it works" clone -c 'drop table if exists more' -c 'create table more as select generate_series(1, 1000)' -c 'select pg_reload_conf()' -c 'select pg_rotate_logfile()' -c 'checkpoint'
	check "$1: it reads its settings again without an error" clone -c "do \$\$ begin assert (select count(*) from pg_file_settings where error is not null and applied) = 0; end \$\$"
	check "$1: it stops" pg_stop "$mnt"
}
new_diff
check "the manual's recipe" recipe 1 || { cat "$work/recipe"; plan_done; exit; }
unchanged "while it runs"
work_it recipe
unchanged "recipe"
check "production's configuration for the rest" recipe 2
equal "which is in effect" 7MB "$(clone -c 'show work_mem' | tee "$work/out")"
clone -c 'show data_directory' >"$work/out"
work_it "with production's configuration"
unchanged "with production's configuration"
check "unmount" unmount_it
unchanged "unmounted"
check "production stops" production stop
refuse "its pid file goes with it" "" test -e "$outside/run/$major-main.pid"
plan_done
