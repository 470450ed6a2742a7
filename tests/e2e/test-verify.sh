# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs verify finds no fault in backups that pg_probackup made, as any user and with any number of
# threads.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-verify.sh"
have_catalogs || skip_all "there are no catalogs in $catalogs"

# ---- what pg_probackup made
for catalog in stream-mixed archive-page tablespace lz4 pg17-stream; do
	unpack_catalog "$catalog"
	before=$(catalog_sum "$store")
	for control in "$store"/backups/main/*/backup.control; do
		id=$(basename "$(dirname "$control")")
		clean "$catalog $id"
	done
	equal "$catalog: the catalog is unchanged" "$before" "$(catalog_sum "$store")"
done

store=$work/stream-mixed/catalog id=TOXCS1 full_id=TOXCR8
# Threads share the work; they read every file, and none twice.
for n in 1 2 7; do
	check "-j $n" verify -j $n
	equal "-j $n: files" "$(stored_files $id)" "$(figure files)"
	sed 's/ in .* seconds, .* MB.s,/,/' "$work/out" >"$work/figures.$n"
done
same "-j 1 and -j 7 read the same" "$work/figures.1" "$work/figures.7"
check "the id may be in lower case, long options" \
    pbkfs verify --pbk-store="$store" --instance="$instance" --backup-id=toxcs1 --threads=2

# ---- who checks
store=$work/lz4/catalog id=TOXC16
chown -R "$pguser:" "$store"; chmod 0700 "$store"
check "root checks a store that only its owner may read" verify
check "its owner does" as "$pguser" pbkfs verify -B "$store" -I main -i "$id"
refuse "others cannot" "could not|Permission" as nobody pbkfs verify -B "$store" -I main -i "$id"
for level in full seccomp-only none; do
	check "--sandbox=$level" verify --sandbox=$level
done
check "--debug" verify --debug
# The C library asks for the size of memory when it sorts, and can do without the answer.
equal "--debug: no call is refused" "" "$(grep -v ' sysinfo(' "$work/err")"
if command -v script >/dev/null; then
	check "on a terminal" script -qec "pbkfs verify -B '$store' -I main -i $id" "$work/terminal"
	check "on a terminal: a bar" grep -q '\[#* *\] *[0-9.]* %' "$work/terminal"
fi

# ---- the command line
refuse "no backup" "required" pbkfs verify -B "$store"
equal "no backup: the status is 2" 2 "$tap_status"
refuse "an instance that is none" "nobody" pbkfs verify -B "$store" -I nobody -i TOXCR8
refuse "a bad instance" "cannot be the name" pbkfs verify -B "$store" -I ../x -i TOXCR8
refuse "no store" "could not open store" pbkfs verify -B "$work/nowhere" -I main -i TOXCR8
refuse "no number of threads" "threads cannot be" pbkfs verify -B "$store" -I main -i TOXCR8 -j 0
equal "no number of threads: the status is 2" 2 "$tap_status"
plan_done
