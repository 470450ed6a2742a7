# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced behind lib-e2e.sh and lib-catalogs.sh by the stories of "pbkfs restore".  A backup $id of
# $store goes to $pgdata; what lies outside of it to $outside, tablespaces by their OID, external
# directories by their number.

# Most need not survive a crash of the machine, and none needs a disk.
restore_sync=--no-sync
mkdir "$work/fast" && mount -t tmpfs -o mode=0755 tmpfs "$work/fast" || exit 99
outside=$work/fast/outside pgdata=$work/fast/outside/pgdata
pbk() { pbkfs "$@"; }
# A place for restores of the server's user.
new_outside() { rm -rf "$outside"; install -d -o "$pguser" -g "$pggid" -m 0700 "$outside"; }
map_of() { cat "$store/backups/$instance/$id/database/tablespace_map" 2>/dev/null; }
externals_of() { sed -n "s/^external-dirs *= *'\(.*\)'$/\1/p" "$store/backups/$instance/$id/backup.control" | tr : '\n' | LC_ALL=C sort; }
# restore_plainly OPTION...: without any directory but those that options name.
restore_plainly() { pbk restore -B "$store" -I "$instance" -i "$id" --to "$pgdata" "$@"; }
# restore_it OPTION...: with all that lies outside mapped to $outside.
restore_it() {
	map_of >"$work/.map"
	while read -r restore_oid restore_from; do
		set -- "$@" -T "$restore_from=$outside/$restore_oid"
	done <"$work/.map"
	externals_of >"$work/.map"
	restore_n=0
	while read -r restore_from; do
		restore_n=$((restore_n + 1))
		set -- "$@" --external-mapping "$restore_from=$outside/ext$restore_n"
	done <"$work/.map"
	restore_plainly "$@"
}
no_mark() { [ ! -e "$pgdata/.pbkfs-restore" ]; }
# Settings and signal files are as pg_probackup's restore writes them, but for where WAL comes from.
like_settings() {
	[ -f "$catalog_oracle/main.$id.generated.txt" ] || return 0
	sed '1,/^=== postgresql.auto.conf$/d' "$catalog_oracle/main.$id.generated.txt" | sed '/^=== /,$d' >"$work/auto.restored"
	for settings_f in "$work/auto.restored" "$pgdata/postgresql.auto.conf"; do
		sed -e "s/added by pg_probackup/added by pbkfs/" -e "s/ at '[^']*'\$/ at 'TIME'/" -e '/^## recovery settings$/d' \
		    -e '/^restore_command/d' "$settings_f" >"$settings_f.seen"
	done
	mv "$pgdata/postgresql.auto.conf.seen" "$work/auto.found"
	same "$it: postgresql.auto.conf" "$work/auto.restored.seen" "$work/auto.found"
	equal "$it: recovery.signal" "$(grep -c '^=== recovery.signal' "$catalog_oracle/main.$id.generated.txt")" \
	    "$(ls "$pgdata" | grep -c '^recovery.signal$')"
}
like_links() {
	map_of | while read -r like_oid like_from; do
		[ "$(readlink "$pgdata/pg_tblspc/$like_oid")" = "$outside/$like_oid" ] || echo "$like_oid"
	done >"$work/astray"
	equal "$it: tablespaces are where -T says" "" "$(cat "$work/astray")"
}
# All that a restore has to be.
like_restored() {
	like_oracle "$it: files are those of pg_probackup's restore" "$catalog_oracle/main.$id.manifest" "$pgdata"
	equal "$it: all belongs to the server's user" "" "$(find "$outside" ! -user "$pguser" -print | head -n 5)"
	equal "$it: mode of the root" 700 "$(stat -c %a "$pgdata")"
	check "$it: the mark is gone" no_mark
	like_settings
	like_externals "$outside/ext"
	like_links
}
# The server starts on it, and has the rows that it had on pg_probackup's restore.
restored_rows() {
	major=$(sed -n 's/^server-version = //p' "$store/backups/main/$id/backup.control")
	pgbin=$(pg_bindir "$major") || { note "$it: no PostgreSQL $major is installed here"; return; }
	# The archive is read by the server's user.
	sed -i "s|^restore_command = '[^ ]* |restore_command = '$work/pbkfs |" "$pgdata/postgresql.auto.conf"
	mnt=$pgdata
	catalog_rows
}
# restore_catalog NAME [newest|rows]: each backup of it, or only the newest; with rows, a server is
# started on the newest.
restore_catalog() {
	restore_how=${2:-}
	unpack_catalog "$1"
	catalog_oracle=$catalogs/$1.oracle/oracle
	restore_before=$(catalog_sum "$store")
	for catalog_file in "$catalog_oracle"/main.*.manifest; do
		id=${catalog_file##*/main.} id=${id%.manifest}
		case $id in *.*) continue ;; esac
		[ "$restore_how" != newest ] || [ "$id" = "$(ls "$store/backups/main" | grep -v '\.conf$' | sort | tail -n 1)" ] || continue
		it="$1 $id"
		new_outside
		check "$it: restore" restore_it $restore_sync $(catalog_options) || continue
		like_restored
	done
	[ "$restore_how" != rows ] || restored_rows
	equal "$1: the catalog is unchanged" "$restore_before" "$(catalog_sum "$store")"
	rm -rf "$work/$1"
}
