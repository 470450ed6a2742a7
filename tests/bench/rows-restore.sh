# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs restore against pg_probackup's restore of the same backup, where PG_PROBACKUP names that program;
# else against cp -a of the plain copy, which decodes and checks nothing.

restore_dir() { echo "$work/side/restore-$1"; }
# restore_by SIDE: into a directory that is not there; durably if $restore_sync is empty.
restore_sync=--no-sync restore_jobs=$(nproc)
restore_by() {
	restore_id=$(newest $restore_codec)
	case $1 in
	pbkfs) pbkfs restore -B "$store" -I $restore_codec -i "$restore_id" --to "$(restore_dir $1)" $restore_sync -j "$restore_jobs" ;;
	probackup) as "$pguser" "$PG_PROBACKUP" restore -B "$store" --instance $restore_codec -i "$restore_id" \
	    -D "$(restore_dir $1)" $restore_sync -j "$restore_jobs" ;;
	cp) cp -a "$(restore_dir copy)" "$(restore_dir $1)" ;;
	esac
}
restore_s() {
	rm -rf "$(restore_dir $1)"
	sync
	seconds restore_by $1
}
# restore_target ROW CODEC
restore_target() {
	if [ $restore_base = cp ]; then
		note_row "$1" "PG_PROBACKUP is not set: compared with cp -a of the plain copy, without a target"
	elif [ "$2" = zlib ]; then
		target "$1" pbkfs probackup '<=' 0.70
	else
		target "$1" pbkfs probackup '<=' 0.90
	fi
}
row_restore() {
	fixture_catalog || return 1
	restore_base=probackup
	[ -n "${PG_PROBACKUP:-}" ] || restore_base=cp
	for restore_codec in zlib none; do
		case " $BENCH_CODECS " in *" $restore_codec "*) ;; *) continue ;; esac
		rm -rf "$(restore_dir copy)"
		restored "$(restore_dir copy)" $restore_codec || return 1
		cat "$store"/backups/$restore_codec/*/database/base/*/* >/dev/null
		for restore_jobs in $(printf '%s\n' 1 "$(nproc)" | uniq); do
			restore_row=restore_${restore_codec}_j$restore_jobs
			row $restore_row "restore of a chain of 4, $restore_codec, -j $restore_jobs" s lower \
			    "page cache warm, sync before, --no-sync"
			rounds $restore_row restore_s $restore_base pbkfs || return 1
			restore_target $restore_row $restore_codec
		done
	done
	for restore_side in copy pbkfs $restore_base; do rm -rf "$(restore_dir $restore_side)"; done
}
