# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs prove of every real catalog: the newest backup of each; with PBKFS_ROUNDS, as in make check-long,
# every backup and all steps.  Where the server is not installed, it says which package brings it.
PBKFS_E2E_TIMEOUT=${PBKFS_E2E_TIMEOUT:-600}
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-run.sh"
have_catalogs || skip_all "there are no catalogs in $catalogs"
printf 'select count(*) > 0 from pg_class' >"$work/own.sql"
long=${PBKFS_ROUNDS:+yes}
# Steps that have to be ok.
steps="server connect amcheck schema ${long:+dump sql}"
# row PATTERN: a row of the table that begins so.
row() { check "$name: $1" grep -Eq "^$1" "$printed" || { show "$printed"; show "$told"; }; }
proven_catalog() {
	found=$tap_status
	tried=$(awk 'NR > 1 { print $2 }' "$printed" | sort -u)
	equal "$name: backups that are proven" "$expected" "$(echo $tried)"
	for id in $tried; do
		major=$(sed -n 's/^server-version = //p' "$store/backups/main/$id/backup.control")
		row "main +$id +verify +ok"
		if pg_bindir "$major" >/dev/null; then
			for step in $steps; do row "main +$id +$step +ok"; done
		else
			wanted=2
			row "main +$id +server +unknown .*PostgreSQL $major is not installed: the package is [^ ,]*$major[^ ,]*,"
			row "main +$id +connect +not run"
		fi
	done
	equal "$name: exit status" "$wanted" "$found" || show "$told"
	left_nothing "$name"
	equal "$name: is as it was" "$before" "$(catalog_sum "$store")"
}
for name in "$catalogs"/*.tar.zst; do
	name=${name##*/} name=${name%.tar.zst} wanted=0
	unpack_catalog "$name"
	before=$(catalog_sum "$store")
	if [ "$long" = yes ]; then
		expected=$(cd "$store/backups/main" && ls -d */ | tr -d / | sort | tr '\n' ' ' | sed 's/ $//')
		pbkfs prove -B "$store" -i all --dump --sql "$work/own.sql" -j 2 >"$printed" 2>"$told"; tap_status=$?
	else
		expected=$(cd "$store/backups/main" && ls -d */ | tr -d / | sort | tail -n 1)
		pbkfs prove -B "$store" -j 2 >"$printed" 2>"$told"; tap_status=$?
	fi
	proven_catalog
	rm -rf "${store%/*}"
done
plan_done
