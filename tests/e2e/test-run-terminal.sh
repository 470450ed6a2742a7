# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs run at a terminal, as a person at a shell meets it: keys that send signals, the size of the window,
# a terminal that goes away; progress as a line that goes away, and as lines where there is no such terminal.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-made.sh"
. "$srcdir/tests/lib-run.sh"
need bash
fixture_archive
TERM=xterm
export TERM
unset PSQL_EDITOR PAGER NO_COLOR 2>/dev/null
HOME=$work
export HOME
printf '\\set PROMPT1 ready%%#\n\\set PROMPT2 more%%#\n\\pset pager off\n' >"$work/.psqlrc"
shown=$work/shown

# at DESCRIPTION STATUS|any COMMAND...: a person, who does what standard input says, at a terminal of COMMAND.
at() {
	at_desc=$1 at_status=$2; shift 2
	"$support/terminal" $at_size "$shown" "$@" 2>"$told"
	tap_status=$?
	[ "$at_status" = any ] && [ "$tap_status" != 99 ] && at_status=$tap_status
	equal "$at_desc: exit status" "$at_status" "$tap_status" || { show "$told"; show "$shown"; }
	# Whose terminal has gone ends soon, and so does who was told to go.
	for p in $(strangers | sed 's/ .*//'); do "$support/pidwait" "$p" 30; done
	left_nothing "$at_desc"
}
at_size='-r 24 -c 80'
# The run of the story at a terminal: pbkfs leads the session.
person() { desc=$1 expected=$2; shift 2; at "$desc" "$expected" $runner pbkfs run -B "$store" -I "$instance" -i "$id" --recovery-target=immediate "$@"; }
appears() { check "$1: is shown" grep -q -- "$2" "$shown"; }

# ---- psql -----------------------------------------------------------------------------
person "psql" 0 <<'DO'
see ready#
type select 40 + 2 as answer;\n
see 42
see ready#
type do $$ begin raise notice 'it sleeps'; perform pg_sleep(1000); end $$;\n
see NOTICE:  it sleeps
type \003
see canceling statement
see ready#
type select 41 + 2 as answer;\n
see 43
see ready#
type \\password\n
see new password
type secret\n
see again
type secret\n
see ready#
type select 6 * 8 from pg_authid where rolname = current_user and rolpassword ~ '^(SCRAM|md5)';\n
see 48
size 31 97
type \\! stty size\n
see 31 97
type \\q\n
DO
appears "psql: what happens to changes" "pbkfs: this is a clone of \"$instance\", to be thrown away: what you change is gone when psql ends"
check "psql: a password is not shown" sh -c '! grep -q secret "$1"' - "$shown"
person "psql, the end of input" 0 <<'DO'
see ready#
type \004
DO
person "psql, Ctrl-\\" 131 <<'DO'
see ready#
type \034
DO
person "psql, a terminal that goes away" any -q <<'DO'
see ready#
hang up
DO

# ---- psql says where one is, and a .psqlrc has the last word -----------------------------
mv "$work/.psqlrc" "$work/psqlrc"
person "a prompt" 0 <<'DO'
see pbkfs: this is a clone
see : postgres=# 
type create table t (i int\n
see postgres(# 
type );\n
see postgres=# 
type \\q\n
DO
appears "a prompt: names the instance" "clone of $instance: postgres=# "
appears "a prompt: names it in each line" "clone of $instance: postgres(# "
person "quiet, a prompt" 0 -q <<'DO'
see : postgres=# 
type \\q\n
DO
check "quiet, a prompt: is all that is told" sh -c '! grep -q pbkfs: "$1"' - "$shown"
new_diff
person "a prompt where changes are kept" 0 -d "$diff" <<'DO'
see : postgres=# 
type \\q\n
DO
appears "a prompt where changes are kept: says so" "clone of \"$instance\": what you change is kept in \"$diff\""
mv "$work/psqlrc" "$work/.psqlrc"

# ---- a command -------------------------------------------------------------------------
person "Ctrl-C ends a command" 130 -- sh -c 'echo "it is here"; exec sleep 1000' <<'DO'
see it is here
type \003
DO
person "a command that minds Ctrl-C goes on" 3 -- sh -c 'n=0; trap "n=\$((n + 1)); echo heard \$n" INT; echo "it is here"; until [ $n = 2 ]; do sleep 0.05; done; exit 3' <<'DO'
see it is here
type \003
see heard 1
type \003
see heard 2
DO
person "Ctrl-\\ ends a command" 131 -- sh -c 'ulimit -c 0; echo "it is here"; exec sleep 1000' <<'DO'
see it is here
type \034
DO
person "the size of the window" 0 -- bash -c 'trap "stty size; exit 0" WINCH; echo "it is here"; while :; do sleep 0.05; done' <<'DO'
see it is here
size 33 101
see 33 101
DO
person "a terminal that goes away" 129 -- sh -c 'echo "it is here"; exec sleep 1000' <<'DO'
see it is here
hang up
DO
check "standard output and error may be elsewhere" sh -c 'printf "see it is here\ntype \\\\003\n" | "$0" "$1" sh -c "exec pbkfs run -q -B $2 -I $3 -i $4 --recovery-target=immediate -- sh -c \"echo it is here >/dev/tty; exec sleep 1000\" >/dev/null 2>&1"; [ $? -eq 130 ]' \
    "$support/terminal" "$shown" "$store" "$instance" "$id"
left_nothing "standard output and error may be elsewhere"

# ---- before the command, and after it ----------------------------------------------------
person "Ctrl-C while it begins" 130 --restore-command='sleep 1000; false' --recovery-target=latest -- echo never <<'DO'
see pbkfs: starting
type \003
DO
# The end of the server waits for a program that it has started.
new_diff
person "a second Ctrl-C is immediate" 130 -d "$diff" --set archive_mode=on --set archive_command='sleep 1000' --keep-settings -- sh -c 'psql -XAtqd postgres -c "select pg_switch_wal()"; echo "it is here"; exec sleep 1000' <<'DO'
see it is here
type \003
see pbkfs: stopping
type \003
DO

# ---- job control ---------------------------------------------------------------------------
cat >"$work/bashrc" <<SH
PS1='shell> '
story() { $runner pbkfs run -q -B '$store' -I '$instance' -i '$id' --recovery-target=immediate "\$@"; }
SH
at "Ctrl-Z and fg" 0 bash --noprofile --rcfile "$work/bashrc" -i <<'DO'
see shell> 
type story -- sh -c 'echo it" is "here; read line; echo "got <$line>"'\n
see it is here
type \032
see Stopped
see shell> 
type echo 6 times 7 is $((6 * 7))\n
see is 42
type fg\n
see recovery-target=immediate
type a line\n
see got <a line>
see shell> 
type story\n
see ready#
type \032
see Stopped
see shell> 
type fg\n
type select 40 + 2 as answer;\n
see 42
see ready#
type \\q\n
see shell> 
type exit\n
DO
at "a stopped run that is killed" 0 bash --noprofile --rcfile "$work/bashrc" -i <<'DO'
see shell> 
type story -- sh -c 'echo it" is "here; sleep 1000'\n
see it is here
type \032
see Stopped
see shell> 
type it=$(jobs -p %1); kill %1; while jobs | grep -q Stopped; do sleep 0.05; done; wait $it; echo "its "status $?\n
see 143
see shell> 
type exit\n
DO
at "a shell that goes away with a stopped run" 129 bash --noprofile --rcfile "$work/bashrc" -i <<'DO'
see shell> 
type story -- sh -c 'echo it" is "here; sleep 1000'\n
see it is here
type \032
see Stopped
hang up
DO
at "in the background" 0 bash --noprofile --rcfile "$work/bashrc" -i <<'DO'
see shell> 
type story -- sh -c 'echo it" is "here >/dev/tty; read line </dev/tty; echo "got <$line>"' &\n
see it is here
type until jobs | grep -q Stopped; do sleep 0.05; done; echo it" is "stopped\n
see it is stopped
type fg\n
see story
type a line\n
see got <a line>
see shell> 
type exit\n
DO

# ---- progress --------------------------------------------------------------------------------
last=$(sed '/^#/d; s/ .*//' "$oracle_dir/pitr.txt" | tail -n 1)
# recovered DESCRIPTION [OPTION...]: up to a moment, from the first backup.
recovered() { rec_desc=$1; shift; at "$rec_desc" 0 $runner pbkfs run -B "$store" -I "$instance" -i "$full_id" --recovery-target-lsn="$(moment "$last" 3)" "$@" -- echo "it is here" </dev/null; }
# Prints the screen as it stays: the last of what was written over one another in each line.
stays() { tr -d '\r' <"$shown" | sed 's/.*\x1b\[K//' | grep -v '^$'; }
clear=$(printf '\r\033\\[K')
recovered "progress on a terminal"
appears "progress on a terminal: where the recovery is" "${clear}pbkfs: recovering: [0-9A-F]"
appears "progress on a terminal: it is gone before the command runs" "${clear}it is here"
equal "progress on a terminal: nothing of it stays" "it is here" "$(stays | grep -v 'backup\|target')"
at_size='-r 24 -c 20'
recovered "progress on a narrow terminal"
equal "progress on a narrow terminal: fits" "" "$(tr '\r' '\n' <"$shown" | sed -n 's/^\x1b\[K\(pbkfs: .*\)/\1/p' | awk 'length > 19')"
appears "progress on a narrow terminal: there is some" "${clear}pbkfs: "
at_size=
recovered "progress on a terminal of unknown size"
appears "progress on a terminal of unknown size: there is some" "${clear}pbkfs: recovering: [0-9A-F]"
at_size='-r 24 -c 80'
recovered "progress on a terminal, quiet" -q
equal "progress on a terminal, quiet: there is none" "it is here" "$(tr -d '\r' <"$shown")"
for TERM in dumb ''; do
	recovered "progress on a terminal that cannot clear a line (TERM=$TERM)"
	equal "progress on a terminal that cannot clear a line (TERM=$TERM): no escape sequences" "" "$(grep -c "$(printf '\033')" "$shown" | sed 's/^0$//')"
	appears "progress on a terminal that cannot clear a line (TERM=$TERM): lines" '^pbkfs: recovering: [0-9A-F].* s)'
done
TERM=xterm
for locale in C xx_YY.UTF-8; do
	LC_ALL=$locale
	recovered "progress with LC_ALL=$locale"
	equal "progress with LC_ALL=$locale: nothing of it stays" "it is here" "$(stays | grep -v 'backup\|target')"
done
LC_ALL=C.UTF-8
NO_COLOR=1; export NO_COLOR
recovered "progress with NO_COLOR"
equal "progress with NO_COLOR: no colour" "" "$(tr -d '\r' <"$shown" | grep "$(printf '\033')\\[[0-9;]*m")"
status "progress elsewhere" 0 -i "$full_id" --recovery-target-lsn="$(moment "$last" 3)" -- true
equal "progress elsewhere: no escape sequences" 0 "$(grep -c "$(printf '\033')" "$told")"
for what in 'backup mounted at "/' 'recovering: [0-9A-F]*/[0-9A-F]*' "PostgreSQL $major is ready"; do
	check "progress elsewhere: a line, with the time that it took: $what" said "^pbkfs: $what.* \([0-9.]* s\)$" "$told"
done
plan_done
