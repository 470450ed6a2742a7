# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# kill -9 of the worker, again and again, while programs use the mount: none of them sees an error,
# an operation that is done twice, or a wrong byte.
. "$srcdir/tests/lib-e2e.sh"
fixture
before=$(catalog_sum "$store")
seed=${PBKFS_FSX_SEED:-$(date +%Y%m%d)}

# Kills workers while $1 lives.  Each serves some requests before its end, since the supervisor
# answers a request with an I/O error that ends three workers in a row.
kill_while() {
	kills=0
	while kill -0 "$1" 2>/dev/null && [ $kills -lt 400 ]; do
		old=$(worker_pid)
		kill9 "$old" 2>/dev/null || continue
		wait_gone "$old" || return 1
		for served in 1 2 3 4 5 6 7 8 9 10; do
			echo $kills >"$mnt/served" && sync "$mnt/served" && rm "$mnt/served" || return 1
		done
		kills=$((kills + 1))
	done
}
# under_kills COMMAND...
under_kills() {
	"$@" >"$work/program" 2>&1 &
	program=$!
	check "mount and supervisor outlive the kills" kill_while $program
	wait $program
	status=$?
	note "$kills workers were killed meanwhile"
	tap_from cat "$work/program"
	equal "$(basename "$1") $2 ends well" 0 $status
}

for cache in writeback writethrough; do
	note "--cache=$cache"
	new_diff
	check "mount" mount_it --wal=mount --cache=$cache || continue
	supervisor=$(supervisor_pid)
	relation=$(find "$mnt/base" -type f -size +500k | sort | head -n 1)
	cp "$relation" "$work/ref"
	mkdir "$mnt/ops"
	under_kills "$support/fsops" ops "$mnt/ops"
	for round in 1 2 3 4; do
		under_kills "$support/fsops" fsx "$relation" "$work/ref" 2000 "$seed"
		seed=$((seed + 1))
	done
	check "stat counts the generations" pbkfs stat -D "$mnt"
	equal "the supervisor is the one of the beginning" "$supervisor" "$(supervisor_pid)"
	rm -rf "$mnt/ops"
	manifest "$mnt" >"$work/then"
	check "remount" remount --wal=mount --cache=$cache
	manifest "$mnt" >"$work/now"
	same "what was there is there" "$work/then" "$work/now"
	check "the file has what fsx wrote" cmp "$relation" "$work/ref"
	check "unmount" unmount_it
done
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
