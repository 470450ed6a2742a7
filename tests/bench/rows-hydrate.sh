# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Rows about a mount that becomes a directory: what a server notices of that, how long it takes without one, what
# reading it costs in the end, and promote.
#
#	hydrating	a mount that is hydrated while it is measured, from where the last round left it
#	alone		one that nobody uses

hydration_state() {
	pbk $1 stat -D "$(side_dir $1)" --format json | tr -d '\n' | sed -n 's/.*"hydrate": *{[^}]*"state": *"\([^"]*\)".*/\1/p'
}
hydrate_side() { hydrate_one=$1; shift; pbk $hydrate_one hydrate -D "$(side_dir $hydrate_one)" "$@"; }

# meanwhile_tps SIDE [PGBENCH-OPTION...]
meanwhile_tps() {
	meanwhile_side=$1; shift
	if [ $meanwhile_side = hydrating ] && [ "$(hydration_state hydrating)" = detached ]; then
		side_drop hydrating; side_up hydrating || return 1
	fi
	ioload warm "$(side_dir $meanwhile_side)/base"
	settle $meanwhile_side
	[ $meanwhile_side != hydrating ] || hydrate_side hydrating >"$work/out" || return 1
	pgbench_tps $meanwhile_side "$@"
	[ $meanwhile_side = hydrating ] || return 0
	[ "$(hydration_state hydrating)" = copying ] || note_row "$bench_row" "hydration ended before a run of pgbench did"
	hydrate_side hydrating --stop >"$work/out"
}
meanwhile_select() { meanwhile_tps $1 -S; }
row_hydrate_load() {
	row hydrate_select "pgbench -S -c4 during hydration" tps higher "page cache warm, shared_buffers smaller"
	row hydrate_tpcb "pgbench TPC-B -c4 during hydration" tps higher "page cache warm, checkpoint and sync before"
	side_up root hydrating || return 1
	rounds hydrate_select meanwhile_select root hydrating && rounds hydrate_tpcb meanwhile_tps root hydrating || return 1
	target hydrate_select hydrating root '>=' 0.80
	target hydrate_tpcb hydrating root '>=' 0.80
	side_drop hydrating
}

# hydrate_s SIDE: a durable copy of all, WAL too, with as many threads.
hydrate_s() {
	case $1 in
	hydrate)
		side_drop alone
		side_mount alone "$restore_codec" "" --wal=mount || return 1
		sync
		seconds hydrate_side alone --wait -j "$restore_jobs" ;;
	*)
		rm -rf "$(restore_dir $1)"
		sync
		seconds hydrate_by $1 ;;
	esac
}
hydrate_by() { (restore_sync=; restore_by $1) && { [ $1 != cp ] || sync; }; }
row_hydrate() {
	fixture_catalog || return 1
	restore_jobs=$(nproc)
	[ "$restore_jobs" -le 8 ] || restore_jobs=8
	for restore_codec in zlib none; do
		case " $BENCH_CODECS " in *" $restore_codec "*) ;; *) continue ;; esac
		rm -rf "$(restore_dir copy)"
		restored "$(restore_dir copy)" $restore_codec || return 1
		cat "$store"/backups/$restore_codec/*/database/base/*/* >/dev/null
		row hydrate_$restore_codec "hydrate without load, a chain of 4, $restore_codec" s lower "page cache warm, sync before and at the end"
		rounds hydrate_$restore_codec hydrate_s ${PG_PROBACKUP:+probackup} pbkfs cp hydrate || return 1
		if [ -n "${PG_PROBACKUP:-}" ]; then
			target hydrate_$restore_codec hydrate probackup '>=' 0.90
		else
			# 0.90 of pg_probackup is asked for, of whose time pbkfs restore takes 0.77 at most.
			target hydrate_$restore_codec hydrate pbkfs '>=' 0.70
			note_row hydrate_$restore_codec "PG_PROBACKUP is not set: compared with pbkfs restore, and cp -a of the plain copy"
		fi
		for hydrate_by in probackup pbkfs cp copy; do rm -rf "$(restore_dir $hydrate_by)"; done
		side_drop alone
	done
}

# Files of which the chain has nothing to say, all with the content of one relation, read
# through FUSE:
#
#	pass		a plain copy, behind a file system that does no work of its own
#	alone		of a detached mount
#	created		made in a mount that is not hydrated
#	own		of the backup, and each of its blocks written, in the same mount
complete_mount() { case $1 in created) echo own ;; *) echo $1 ;; esac; }
complete_file() {
	case $1 in
	created) echo "$(side_dir own)/base/created" ;;
	*) echo "$(side_dir $1)/$(fixture_path big)" ;;
	esac
}
complete_seq() { ioload_seq "$(complete_file $1)"; }
complete_random() { ioload_random 1000 "$(complete_file $1)"; }
# The time of processors that a block takes, which depends less on who else wants some.
complete_cpu() {
	complete_servers=$(side_servers $(complete_mount $1)) && complete_ns=$(run_ns $complete_servers) &&
	complete_random $1 >/dev/null &&
	calc "($(run_ns $complete_servers) - $complete_ns) / 1000 / $(scaled 1000)"
}
complete_begin() {
	side pass && side_mount alone && hydrate_side alone --wait >"$work/out" && side_mount own || return 1
	as "$pguser" cp "$(complete_file pass)" "$(complete_file created)" && ioload write "$(complete_file own)" >/dev/null &&
	sync || return 1
	for complete_side in pass alone created own; do ioload warm "$(complete_file $complete_side)"; done
}
row_hydrated_read() {
	row hydrated_seq "sequential read of complete files" MB/s higher "files behind them in memory"
	row hydrated_random "random read of complete files" us lower "files behind them in memory"
	row hydrated_cpu "processor time of the mount's processes in that" us lower "files behind them in memory"
	complete_begin || return 1
	(BENCH_ROUNDS=$((BENCH_ROUNDS * 20))	# each takes a moment only, in which others may work
	rounds hydrated_seq complete_seq pass alone created own && rounds hydrated_random complete_random pass alone created own &&
	rounds hydrated_cpu complete_cpu pass alone created own) || return 1
	for complete_row in seq random cpu; do
		for complete_side in alone created own; do target hydrated_$complete_row $complete_side pass '>=' 0.90; done
	done
	side_drop alone
	side_drop own
}

# A cluster with N more files, of a line each.
promote_cluster() {
	fixture_initdb "$work/many" && as "$pguser" mkdir "$work/many/notes" || return 1
	as "$pguser" /bin/sh -c 'cd "$1" && i=0 && while [ $i -lt "$2" ]; do echo $i >$i; i=$((i + 1)); done' sh "$work/many/notes" "$1"
}
promote_s() {
	side_drop alone
	side_mount alone many && hydrate_side alone --wait >"$work/out" && side_unmount alone || return 1
	rm -rf "$work/diff/promoted"
	sync
	seconds pbk alone promote -d "$(side_diff alone)" --to "$work/diff/promoted"
}
row_promote() {
	for promote_n in 1000 10000 100000; do
		row promote_$promote_n "promote, $promote_n more files" s lower "detached, sync before"
		pbkfs promote --help >"$work/out" 2>&1 || { cannot promote_$promote_n "this pbkfs has no command promote"; return 0; }
		promote_cluster $promote_n && mkcat many FULL "$BENCH_CODEC" "$work/many" >/dev/null && chown -R "$pguser:" "$store" || return 1
		(BENCH_ROUNDS=1; rounds promote_$promote_n promote_s promote) || return 1
		side_drop alone
		rm -rf "$work/many" "$work/diff/promoted" "$store/backups/many" "$store/wal/many"
	done
	target promote_100000 promote = '<=' 10
}
