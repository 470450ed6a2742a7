# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The story of test-exchanged.sh: $exchanged_user is who mounts, $callers are who commands then;
# $all is empty where one command by force stands for all, for each has to wait.
pbkfs_for_all
cp "$support/sockets" "$work/sockets"; chmod 0755 "$work/sockets"
owner_does() { setpriv --reuid="$pguser" --regid="$pggid" --clear-groups sh -c "cd '$diff' && $1"; }
run_as() { run_user=$1; shift; if [ "$run_user" = root ]; then "$@"; else as "$run_user" "$@"; fi; }
begin() {
	rm -rf "$diff" "$diff.away"; new_diff; owner=
	[ "$exchanged_user" != root ] || owner="--owner $pguser"
	# shellcheck disable=SC2086
	run_as "$exchanged_user" "$work/pbkfs" mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" $owner --wait >"$work/out" 2>&1 || { show "$work/out"; return 1; }
	worker=$(worker_pid) supervisor=$(supervisor_pid)
}
end() {
	kill9 "$supervisor" "$worker" 2>/dev/null; wait_gone "$supervisor" "$worker"
	while is_mounted "$mnt"; do umount -l "$mnt"; done
	[ -z "$listener" ] || { kill "$listener" 2>/dev/null; wait "$listener" 2>/dev/null; }
	listener=
}
listener=

# ---- what the owner does
nothing() { :; }
removed() { owner_does 'rm .pbkfs-lock'; }
a_copy() { owner_does 'cp -p .pbkfs-lock x && mv x .pbkfs-lock'; }
a_fifo() { owner_does 'rm .pbkfs-lock; mkfifo -m 0600 .pbkfs-lock'; }
a_directory() { owner_does 'rm .pbkfs-lock; mkdir .pbkfs-lock'; }
a_link() { owner_does 'rm .pbkfs-lock; ln -s /etc/passwd .pbkfs-lock'; }
renamed() { mv "$diff" "$diff.away"; }
a_copied_directory() { mv "$diff" "$diff.away"; cp -a "$diff.away" "$diff"; }
no_infodir() { rm -rf "$diff/.pbkfs"; }
no_socket() { rm -f "$diff/.pbkfs/socket"; }
neither() { rm -rf "$diff/.pbkfs" "$diff/.pbkfs-lock"; }
a_socket() {
	rm -f "$diff/.pbkfs/socket"; : >"$work/heard"
	setpriv --reuid="$pguser" --regid="$pggid" --clear-groups "$work/sockets" listen "$diff/.pbkfs/socket" >"$work/heard" & listener=$!
	until said '^listening' "$work/heard"; do kill -0 "$listener" || return 1; done
	a_copy
}

# judge WHAT COMMAND...: it succeeds and nothing is left, or says in one line why not.
ends() { [ ! -e "/proc/$supervisor" ] && [ ! -e "/proc/$worker" ]; }
judge() {
	what=$1; shift
	if run_as "$caller" timeout -s KILL 60 "$work/pbkfs" "$@" >"$work/said" 2>&1; then
		if ends; then ok "$what: has ended both"; else not_ok "$what: succeeds, and they live"; show "$work/said"; fi
	elif [ "$(grep -c '^pbkfs error: ' "$work/said")" = 1 ]; then
		ok "$what: $(grep '^pbkfs error: ' "$work/said" | sed "s|$work|...|g")"
	else
		not_ok "$what: fails without one line that says why"; show "$work/said"
	fi
}

for caller in $callers; do
	for change in nothing removed a_copy a_fifo a_directory a_link renamed a_copied_directory no_infodir no_socket neither a_socket; do
		begin && $change || { not_ok "$caller, $change: mount"; end; continue; }
		judge "$caller, $change: cleanup" cleanup -d "$diff"
		judge "$caller, $change: mount again" mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --owner "$pguser" --timeout 20
		judge "$caller, $change: unmount" unmount -D "$mnt"
		end
		for forced in "unmount --force -D $mnt" ${all:+"unmount --force -d $diff" "cleanup --force -d $diff"}; do
			begin && $change || { not_ok "$caller, $change: mount"; end; continue; }
			kill -STOP "$worker"
			# shellcheck disable=SC2086
			judge "$caller, $change: $forced" $forced
			end
		done
	done
done
plan_done
