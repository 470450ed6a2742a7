# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Whoever is killed in the middle of a proof, it ends, says so, and leaves nothing.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-run.sh"
no_unlogged=yes
fixture
mkfifo -m 0666 "$work/ready"
# It is known by this that the last step has begun: by whom, and which server answers.
cat >"$work/slow.sql" <<SQL
\\! echo \$PPID \$(head -n 1 "\$PGDATA/postmaster.pid") >"$work/ready"
select pg_sleep(1000);
SQL
status_of_signal() { case $1 in HUP) echo 129 ;; INT) echo 130 ;; QUIT) echo 131 ;; TERM) echo 143 ;; esac; }
parent_of() { awk '$1 == "PPid:" { print $2 }' "/proc/$1/status"; }
# begin_proof: sets $client, $steps, $guardian, $front, $prove, $server.
begin_proof() {
	pbkfs prove -B "$store" -I "$instance" -i "$id" --sql "$work/slow.sql" --report "$work/yesterday.json" >"$printed" 2>"$told" &
	job=$!
	read -r client server <"$work/ready" || exit 99
	steps=$(parent_of "$client"); guardian=$(parent_of "$steps")
	front=$(parent_of "$guardian"); prove=$(parent_of "$front")
}
# killed SIGNAL VICTIM STATUS
killed() {
	begin_proof
	eval "kill -$1 \$$2"
	wait "$job"
	equal "SIG$1 of the $2: exit status" "$3" "$?"
	check "SIG$1 of the $2: all end" wait_gone "$client" "$steps" "$guardian" "$front" "$prove" "$server"
	left_nothing "SIG$1 of the $2"
}
echo yesterday >"$work/yesterday.json"
for signal in INT TERM HUP QUIT; do
	killed $signal prove $(status_of_signal $signal)
	check "SIG$signal of the prove: the table has what is known" said "main +$id +amcheck +ok" "$printed"
	check "SIG$signal of the prove: and what is not" said "main +$id +sql +unknown .*interrupted by SIG$signal" "$printed"
	equal "SIG$signal of the prove: the report is the last whole one" yesterday "$(cat "$work/yesterday.json")"
	check "SIG$signal of the prove: says so" said "yesterday.json\" was not written: the proof was interrupted" "$told"
done
killed KILL prove 137
for victim in front guardian steps client server; do
	killed KILL $victim 1
	check "SIGKILL of the $victim: the step has failed" said "main +$id +sql +failed" "$printed"
done

# ---- a signal in each step ---------------------------------------------------------------------
# Each step says that it begins, or the one before it that it has ended; then the signal comes.
# in_step SIGNAL LINE STEP
in_step() {
	rm -f "$work/lines"; mkfifo "$work/lines"
	pbkfs prove -B "$store" -I "$instance" -i "$id" --dump --sql "$work/true.sql" >"$printed" 2>"$work/lines" &
	job=$!
	while IFS= read -r line; do
		echo "$line"
		case $line in "pbkfs: $2"*) kill -$1 "$job" ;; esac
	done <"$work/lines" >"$told"
	wait "$job"; found=$?
	equal "SIG$1 in step $3: exit status" "$(status_of_signal $1)" "$found" || show "$told"
	# The signal may come just before the step begins.
	first=$(awk 'NR > 1 && $4 != "ok" && $4 != "-" { print $3; exit }' "$printed")
	check "SIG$1 in step $3: the table says how far it was" [ "$first" = "$3" -o "$first" = "$before" ] || show "$printed"
	before=$3
	left_nothing "SIG$1 in step $3"
}
echo 'select pg_sleep(1)' >"$work/true.sql"
# The short form has one signal for each step.
set -- INT TERM HUP
[ -n "${PBKFS_ROUNDS:-}" ] || set -- rotating
for signal; do
	before=verify n=0
	while read -r step line; do
		n=$((n % 3 + 1))
		case $signal in
		rotating) in_step "$(echo INT TERM HUP | cut -d ' ' -f $n)" "$line" "$step" ;;
		*) in_step "$signal" "$line" "$step" ;;
		esac
	done <<-STEPS
		verify instance "
		server backup mounted at
		connect PostgreSQL $major is ready
		amcheck connect: ok
		schema amcheck: ok
		dump schema: ok
		sql dump: ok
	STEPS
done
plan_done
