# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Whoever is killed in the middle of a proof, it ends, says so, and leaves nothing.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-run.sh"
fixture
mkfifo -m 0666 "$work/ready"
# It is known by this that the last step has begun: by whom, and which server answers.
cat >"$work/slow.sql" <<SQL
\\! echo \$PPID \$(head -n 1 "\$PGDATA/postmaster.pid") >"$work/ready"
select pg_sleep(1000);
SQL
parent_of() { awk '$1 == "PPid:" { print $2 }' "/proc/$1/status"; }
# begin_proof: sets $client, $steps, $guardian, $front, $prove, $server.
begin_proof() {
	pbkfs prove -B "$store" -I "$instance" -i "$id" --sql "$work/slow.sql" >"$printed" 2>"$told" &
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
for signal in INT TERM HUP; do
	killed $signal prove 2
	check "SIG$signal of the prove: the table has what is known" said "main +$id +amcheck +ok" "$printed"
	check "SIG$signal of the prove: and what is not" said "main +$id +sql +unknown" "$printed"
done
killed KILL prove 137
for victim in front guardian steps client server; do
	killed KILL $victim 1
	check "SIGKILL of the $victim: the step has failed" said "main +$id +sql +failed" "$printed"
done
plan_done
