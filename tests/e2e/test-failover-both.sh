# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Supervisor and worker are killed together, again and again: the next mount has every byte that
# was fsynced.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-failover.sh"
fixture
before=$(catalog_sum "$store")
rounds=$((kills / 4))
new_diff
check "mount" mount_it --wal=mount || { plan_done; exit; }
stress_prepare
lost=0
round=0
while [ $round -lt $rounds ]; do
	round=$((round + 1))
	rm -f "$work/stop"
	stress_begin 1000 -d -l "$work/state" durable=4 || break
	"$support/killer" -n 0 "$diff" >/dev/null 2>&1
	# Between 0.1 and 1.3 s of work.
	sleep "$(awk -v s="$round$$" 'BEGIN { srand(s); printf "%.2f", 0.1 + rand() * 1.2 }')"
	worker=$(worker_pid) supervisor=$(supervisor_pid)
	# Either may die first.
	if [ $((round % 2)) -eq 0 ]; then kill9 "$worker" "$supervisor"; else kill9 "$supervisor" "$worker"; fi
	: >"$work/stop"
	wait $stress_pid || { not_ok "round $round: writers end without a wrong errno"; show "$work/stress.log"; break; }
	wait_gone "$worker" "$supervisor" || { not_ok "round $round: both end"; break; }
	recover_mount --wal=mount >"$work/out" 2>"$work/err" || { not_ok "round $round: mounts again"; show "$work/err"; show "$log"; break; }
	run_load "$support/stress" -m "$mnt/base" -r "$work/ref" -l "$work/state" "$mnt/stress" verify=4 >"$work/verify.log" 2>&1 ||
	    { lost=$((lost + 1)); not_ok "round $round: all that was fsynced is there"; show "$work/verify.log"; break; }
done
equal "$rounds rounds" "$rounds" "$round"
equal "nothing is lost" 0 $lost
grep 'were fsynced' "$work/verify.log"
check "unmount" unmount_it
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
