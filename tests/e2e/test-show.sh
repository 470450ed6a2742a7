# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# show lists real catalogs right, and damaged and hostile ones with the damage named.
. "$srcdir/tests/lib-e2e.sh"
error='pbkfs error: '
flat() { "$support/jsonflat"; }
# json ARGUMENT...: the listing as lines "path value" in $work/flat.
json() { pbkfs show --format json "$@" >"$work/json" 2>"$work/err" && flat <"$work/json" >"$work/flat"; }
# Lines of $work/flat: with the path that ends in $1.
values() { sed -n "s/^instances\.[0-9]*\.$1 //p" "$work/flat"; }
# of ID KEY: a key of one backup of $work/flat.
of() {
	of_path=$(sed -n "s/^\(instances\.[0-9]*\.backups\.[0-9]*\.\)id $1\$/\1/p" "$work/flat")
	[ -n "$of_path" ] && sed -n "s/^$of_path$2 //p" "$work/flat"
}

# ---- catalogs of pg_probackup: its own listing has the same facts
# pg_probackup's keys under our names, without those that only one of the two tells.
of_oracle() {
	flat <"$1" | sed -e 's/^/instances./' -e 's/\.backup-mode /.mode /' -e 's/\.parent-backup-id /.parent /' \
	    -e 's/\.current-tli /.timeline /' | awk '
	    $1 ~ /\.(compress-level|xlog-block-size|checksum-version|parent-tli|primary_conninfo|content-crc)$/ { next }
	    $1 ~ /\.tablespace_map\./ { next }
	    { key = $1; gsub(/-/, "_", key); $1 = key; print }' | LC_ALL=C sort
}
ours() { grep '^instances\.' "$work/flat" | grep -v '\.mountable \|^instances\.[0-9]*\.latest ' | LC_ALL=C sort; }
if have_catalogs; then
	need zstd
	for archive in "$catalogs"/*.tar.zst; do
		name=${archive##*/}; name=${name%.tar.zst}
		mkdir "$work/$name"
		zstd -dqc --long=27 <"$archive" | tar xp --numeric-owner -C "$work/$name" --wildcards '*/backup*.control'
		chown -R "$pguser" "$work/$name"	# as it was in one piece
		check "$name: show" json -B "$work/$name/catalog"
		if [ -f "$catalogs/$name.oracle/show.json" ]; then
			of_oracle "$catalogs/$name.oracle/show.json" >"$work/expected"
			ours >"$work/found"
			same "$name: what pg_probackup shows" "$work/expected" "$work/found"
		fi
		equal "$name: all can be mounted" true "$(values 'backups\.[0-9]*\.mountable' | sort -u)"
		# the table of the original has these columns, by the same names
		pbkfs show -B "$work/$name/catalog" -I main >"$work/out"
		awk '$1 == "main" { print $3, $6, $7, $NF }' "$catalogs/$name.oracle"/show*.txt >"$work/expected"
		awk '$5 == "yes" { print $1, $2, $11, $4 }' "$work/out" >"$work/found"
		same "$name: so does the table" "$work/expected" "$work/found"
	done
else
	note "no catalogs in $catalogs"
fi

# ---- a store that is another user's
made=$work/made
"$support/mkcatalog" scale --catalog "$made" --instance main --files 2 --increments 2 >"$work/ids" || exit 99
chown -R nobody "$made"; chmod 0700 "$made"
check "a store that is 0700 of another user, as root" json -B "$made"
equal "all its backups can be mounted" "true true true" "$(values 'backups\.[0-9]*\.mountable' | tr '\n' ' ' | sed 's/ $//')"
equal "the newest comes first" "$(tac "$work/ids")" "$(values 'backups\.[0-9]*\.id')"
pbkfs_for_all
refuse "the same as a user who may not read it" "$error.*Permission denied" as "$pguser" "$work/pbkfs" show -B "$made"

# ---- backups of all sorts, made of nothing but what a listing reads
store=$work/store
# backup INSTANCE ID PARENT [LINE...]: later lines override earlier ones.  No PARENT: a FULL.
backup() {
	b_dir=$store/backups/$1/$2 b_parent=$3; shift 3
	mkdir -p "$b_dir"; : >"$b_dir/backup_content.control"
	{
		printf '%s\n' "backup-mode = ${b_parent:+DELTA}" 'stream = true' 'compress-alg = zlib' 'block-size = 8192' \
		    'program-version = 2.5.16' 'server-version = 15' 'status = OK' ${b_parent:+"parent-backup-id = '$b_parent'"} |
		    sed 's/^backup-mode = $/backup-mode = FULL/'
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} >"$b_dir/backup.control"
}
good() {
	backup good A1 '' "start-time = '2026-01-02 03:04:05+00'" "end-time = '2026-01-02 05:10:05+02'" \
	    'data-bytes = 1536' 'pgdata-bytes = 13631488' "note = 'before the upgrade'" \
	    "expire-time = '2027-01-02 03:04:05+00'" "recovery-time = '2026-01-02 03:06:00+00'" 'timelineid = 7'
	backup good B1 A1 'stream = false' 'status = DONE' 'compress-alg = none'
	backup good 100000 B1 'backup-mode = PAGE'
	backup good ZZZZZ A1 'backup-mode = PTRACK'
	mkdir -p "$store/backups/good/notes" "$store/backups/good/.hidden" "$store/backups/Empty" "$store/wal"
	: >"$store/backups/good/pg_probackup.conf"
}
good
check "show" pbkfs show -B "$store"
cp "$work/out" "$work/table"
row() { awk -v id="$1" '$1 == id { $1 = $1; print }' "$work/table"; }
equal "instances are sorted" "instance Empty: no backups,instance good: 4 backups, 4 can be mounted, latest 100000," "$(grep '^instance ' "$work/table" | tr '\n' ,)"
equal "an id of more digits is newer" "100000 ZZZZZ B1 A1" "$(awk '$5 == "yes" { print $1 }' "$work/table" | tr '\n' ' ' | sed 's/ $//')"
equal "a full row" "A1 FULL - OK yes 2026-01-02 03:04:05+00 6m00s 2026-01-02 03:06:00+00 STREAM zlib 1.5K - 13M 7 15 2.5.16" "$(row A1)"
equal "a row without times" "B1 DELTA A1 DONE yes - - - ARCHIVE none - - - - 15 2.5.16" "$(row B1)"
equal "no warning" 0 "$(grep -c '^    warning' "$work/table")"
check "notes are shown" grep -q '^    note: before the upgrade$' "$work/table"
check "and until when a backup is kept" grep -q '^    kept until: 2027-01-02 03:04:05+00$' "$work/table"
check "directories that are no backups are counted" grep -q '^(1 other directory: no id of a backup)$' "$work/table"
check "one instance, by -I" pbkfs show -B "$store" -I good
cp "$work/out" "$work/short"
equal "is shown alone" "instance good: 4 backups, 4 can be mounted, latest 100000" "$(grep '^instance ' "$work/short")"
check "the same by --instance=" pbkfs show -B "$store" --instance=good
same "shows the same" "$work/short" "$work/out"
json -B "$store" -I good
equal "as JSON: format and version" "pbkfs-show 1" "$(sed -n 's/^format //p; s/^version //p' "$work/flat" | tr '\n' ' ' | sed 's/ $//')"
equal "as JSON: the newest that can be mounted" 100000 "$(values latest)"
equal "as JSON: the modes" "PAGE PTRACK DELTA FULL" "$(values 'backups\.[0-9]*\.mode' | tr '\n' ' ' | sed 's/ $//')"
equal "as JSON: archive or stream" "ARCHIVE STREAM" "$(of B1 wal) $(of A1 wal)"
equal "as JSON: note and expire_time" "before the upgrade, 2027-01-02 03:04:05+00" "$(of A1 note), $(of A1 expire_time)"

# ---- what is refused
refuse "no store" "${error}--pbk-store is required" pbkfs show
refuse "a store that does not exist" "$error.*nosuch" pbkfs show -B "$work/nosuch"
refuse "a store that is no catalog" "${error}\"$work/mnt\" is not a pg_probackup catalog" pbkfs show -B "$work/mnt"
refuse "the same for one instance" "${error}\"$work/mnt\" is not a pg_probackup catalog" pbkfs show -B "$work/mnt" -I good
refuse "an unknown instance: those that exist are listed" "${error}instance \"goof\" does not exist in .*: choose from \"Empty\", \"good\"" \
    pbkfs show -B "$store" -I goof
refuse "the same as JSON" "${error}instance \"goof\" does not exist" pbkfs show -B "$store" -I goof --format json
equal "which prints nothing else" "" "$(cat "$work/out")"
refuse "a path for an instance" "is not a name of an instance" pbkfs show -B "$store" -I ../wal
refuse "another format" "only text\|json" pbkfs show -B "$store" --format xml
refuse "output that cannot be written" "${error}could not write to standard output: No space" sh -c 'pbkfs show -B "$1" >/dev/full' - "$store"
refuse "JSON that cannot be written" "${error}could not write to standard output: No space" sh -c 'pbkfs show -B "$1" --format json >/dev/full' - "$store"
mkdir -p "$work/none/backups"
check "a catalog without instances" pbkfs show -B "$work/none"
equal "says so" "no instances" "$(cat "$work/out")"

# ---- damaged ones: each with its reason, and none stops the listing
bad=$store/backups/bad
backup bad A1 ''
backup bad A2 '' 'status = CORRUPT'
backup bad A3 '' 'status = RUNNING'
backup bad A4 A2
backup bad A5 A2 'status = ORPHAN'
backup bad A6 ZZ
backup bad A7 A6
backup bad A8 A9
backup bad A9 A8
backup bad AA '' 'program-version = 2.9.1'
backup bad AB '' 'block-size = 4096'
backup bad AC '' 'compress-alg = rar'
backup bad AD '' 'server-version = 9.6'
backup bad AE '' 'program-version = 1.1.24'
mkdir "$bad/AF"
backup bad AQ '' 'program-version = 2.1.5'; truncate -s 4096000 "$bad/AQ/backup_content.control"
backup bad AG ''; printf 'backup-mode = FULL\nstatus = O' >"$bad/AG/backup.control"
backup bad AH ''; rm "$bad/AH/backup_content.control"
backup bad AI ''; truncate -s 5G "$bad/AI/backup_content.control"
backup bad AJ ''; rm "$bad/AJ/backup.control"; mkfifo "$bad/AJ/backup.control"
backup bad AK ''; : >"$bad/AK/backup.control"
backup bad AL ''; truncate -s 1M "$bad/AL/backup.control"
ln -s A1 "$bad/AM"
backup bad AN AG
: >"$bad/AP"
chown -R "$pguser" "$store"
check "a listing with damaged backups" json -B "$store"
reason() { equal "$1 $2" "$3" "$(of "$1" reason)"; }
reason A2 "corrupt" 'backup "A2" has status CORRUPT instead of OK or DONE: validate it with pg_probackup, choose another backup, or mount it with --force'
reason A3 "running" 'backup "A3" has status RUNNING instead of OK or DONE: validate it with pg_probackup, choose another backup, or mount it with --force'
reason A4 "good, of a corrupt parent" "$(of A2 reason)"
reason A5 "orphan" 'backup "A5" has status ORPHAN instead of OK or DONE: validate it with pg_probackup, choose another backup, or mount it with --force'
reason A6 "without its parent" 'backup "ZZ" of instance "bad" is missing, and "A6" is based on it: restore the directory, or mount an older backup'
reason A7 "whose parent is without its parent" "$(of A6 reason)"
reason A8 "in a cycle" 'backup "A9" has "A8" as its parent, which is based on it: correct backup.control, or mount a backup of another chain'
reason A9 "in the same cycle" 'backup "A8" has "A9" as its parent, which is based on it: correct backup.control, or mount a backup of another chain'
reason AA "of a version that is not known" 'backup "AA" was made by pg_probackup 2.9.1, and only 2.0 to 2.8 are known: use a newer pbkfs, or mount it with --force'
reason AQ "with a list that lost lines" 'backup "AQ" is corrupt: pg_probackup 2.1.5 lost lines of a list as long as its backup_content.control: choose another backup, or mount it with --force'
reason AF "without a control file" 'backup "AF" has no backup.control, it is being made or broken: choose another backup'
reason AK "with an empty control file" 'backup.control of backup "AK" is damaged: it is empty: restore the file, or choose another backup'
reason AN "of a parent that is cut short" "$(of AG reason)"
equal "what is readable of a damaged one is shown" "FULL CORRUPT 15" "$(of A2 mode) $(of A2 status) $(of A2 server_version)"
equal "nothing is made up of one that is not" "" "$(of AF status)$(of AG mode)"
equal "one backup is good" A1 "$(grep -B 1 '\.mountable true$' "$work/flat" | sed -n 's/^instances\.1\..*\.id //p')"
equal "a file is no backup" "" "$(of AP mountable)"
equal "other instances are shown as before" 4 "$(grep -c '^instances\.2\.backups\.[0-9]*\.mountable true$' "$work/flat")"

# show and mount say the same.
new_diff
for id in $(sed -n 's/^instances\.1\.backups\.[0-9]*\.id //p' "$work/flat"); do
	[ "$id" != A1 ] || continue
	pbkfs mount -B "$store" -I bad -i "$id" -D "$mnt" -d "$diff" --wait >"$work/out" 2>"$work/err"
	equal "$id: mount says the same" "pbkfs error: $(of "$id" reason)" "$(cat "$work/err")"
done
pbkfs show -B "$store" -I bad >"$work/table"
equal "the table has the reasons as well" "$(values 'backups\.[0-9]*\.reason')" "$(sed -n 's/^    no mount: //p' "$work/table")"
equal "and their number" "instance bad: 24 backups, 1 can be mounted, latest A1" "$(sed 1q "$work/table")"

# ---- versions with a known fault: mounted, and said
backup faulty A1 '' 'program-version = 2.8.0'
backup faulty A2 A1 'program-version = 2.8.2'
json -B "$store" -I faulty
fault="pg_probackup 2.8.0 and 2.8.1 may have left databases and tablespaces with OIDs of 2147483648 and more out"
equal "2.8.0 has a warning" "true $fault" "$(of A1 mountable) $(of A1 warning)"
equal "2.8.2 has none, whatever it is based on" "true " "$(of A2 mountable) $(of A2 warning)"
pbkfs show -B "$store" -I faulty >"$work/table"
equal "in the table, too" "    warning: $fault" "$(grep warning "$work/table")"
rm -rf "$store/backups/faulty"

# ---- instances that cannot be read
ln -s good "$store/backups/link"
check "an instance that is a link" json -B "$store"
check "is shown with what is wrong" grep -q '^instances\.3\.error instance "link" in .* is a symbolic link' "$work/flat"
check "in the table, too" sh -c 'pbkfs show -B "$1" | grep -q "^instance link: .*is a symbolic link"' - "$store"
rm "$store/backups/link"
chown -R "$pguser" "$store"; chmod 0 "$store/backups/Empty"
check "an instance that may not be read" as "$pguser" "$work/pbkfs" show -B "$store"
equal "does not hide the others" "instance Empty: could not|instance bad: 24 backups|instance good: 4 backups|" "$(grep '^instance ' "$work/out" | cut -d' ' -f1-4 | tr '\n' '|' | tr -d ,)"
refuse "but alone it is a failure" "${error}could not .*Permission denied" as "$pguser" "$work/pbkfs" show -B "$store" -I Empty
rm -rf "$store/backups/Empty"

# ---- hostile names and values: the terminal is not reached raw
esc=$(printf '\033') csi=$(printf '\302\233') raw=$(printf '\233')
hostile=$(printf 'h\033[31m\302\233\233\nx')
backup "$hostile" A1 '' "status = O$esc[1mK" "note = '$esc]0;title$csi${raw}2J'" "start-time = '$esc[2J'" \
    "program-version = '2.5.16$esc'" "server-version = '15$csi'" "end-time = '$raw'"
backup "$hostile" A2 '' "compress-alg = '$esc[7m'" "recovery-time = '$csi'" "expire-time = '$esc'"
backup "$hostile" A3 '' "parent-backup-id = '$esc[7m'"
mkdir "$store/backups/$hostile/dir$esc[0m"
raw_controls() { LC_ALL=C tr -d '\n' <"$1" | LC_ALL=C grep -ac "[[:cntrl:]]\|$csi\|$raw"; }
pbkfs show -B "$store" >"$work/both" 2>&1
equal "show of hostile names succeeds" 0 $?
check "and shows them" grep -q '^instance h?\[31m???x: 3 backups, 0 can be mounted$' "$work/both"
check "with a status that is none" grep -q '^A1  *FULL  *-  *O?\[1mK  *no ' "$work/both"
equal "without control characters" 0 "$(raw_controls "$work/both")"
check "as JSON it is JSON without control characters" json -B "$store"
equal "which has them escaped" 1 "$(grep -c '"note": "\\u001b\]0;title\\u009b.*2J"' "$work/json")"
pbkfs show -B "$store" -I "$hostile$esc" >"$work/both" 2>&1
equal "nor do messages have any" 0 "$(raw_controls "$work/both")"
rm -rf "$store/backups/$hostile"

# ---- many backups, in chains of 200, and one that is too long
many=$store/backups/many
# 0000, 0001 ... in base 36, behind T: the ids, oldest first.
awk 'BEGIN { d = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for (i = 0; i < 10000; i++) { id = ""; n = i; for (k = 0; k < 4; k++) { id = substr(d, n % 36 + 1, 1) id; n = int(n / 36) } print "T" id } }' >"$work/ids"
mkdir "$many"; (cd "$many" && xargs mkdir) <"$work/ids"
awk -v many="$many" '{
	f = many "/" $1 "/backup.control"; full = NR == 1 || (NR > 251 && NR % 200 == 1)
	print "backup-mode = " (full ? "FULL" : "DELTA\nparent-backup-id = " last) "\nblock-size = 8192\nprogram-version = 2.5.16\nserver-version = 15\nstatus = OK" >f
	close(f); f = many "/" $1 "/backup_content.control"; printf "" >f; close(f); last = $1 }' "$work/ids"
check "10000 backups in 300 MB of addresses" sh -c 'ulimit -v 300000 && pbkfs show -B "$1" -I many' - "$store"
cp "$work/out" "$work/table"
equal "are all shown" 10000 "$(grep -c '^T.... ' "$work/table")"
# of the 400 in the first chain
check "one chain being too long" grep -q 'no mount: the chain of backup "T006Y" has more than 250 members' "$work/table"
equal "and those that are built on it" 150 "$(grep -c 'has more than 250 members' "$work/table")"

# ---- confined
# The listing does not fit into the pipe: the process waits, so that the test can look at it.
mkfifo "$work/pipe"
exec 9<>"$work/pipe"
pbkfs show -B "$store" -I many --format json >"$work/pipe" 2>/dev/null &
show=$!
dd bs=1 count=1 <&9 2>/dev/null >"$work/first"
child=$(cat "/proc/$show/task/$show/children")
child=${child% }
status() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/$child/status"; }
equal "root's catalog is read by nobody" "65534 65534" "$(status Uid) $(status Gid)"
equal "with CAP_DAC_READ_SEARCH alone" 0000000000000004 "$(status CapEff)"
equal "under seccomp" 2 "$(status Seccomp)"
equal "without new privileges" 1 "$(status NoNewPrivs)"
kill9 "$show" "$child"; wait "$show" 2>/dev/null
exec 9>&-
check "less confined, if that is asked for" pbkfs show -B "$store" -I good --sandbox=none
plan_done
