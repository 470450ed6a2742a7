# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion offers the right words for the beginnings of some command lines.
. "$srcdir/tests/tap.sh"
need bash

store=$work/store
mkdir -p "$store/backups/main/TOX001" "$store/backups/main/TOX00A" "$store/backups/main/notes" \
    "$store/backups/other/TOY001" "$store/wal" "$work/with space"
for backup in main/TOX001 main/TOX00A other/TOY001; do : >"$store/backups/$backup/backup.control"; done

# complete WORD...: prints the words that completion offers for the last one, which may be empty; the
# words are as bash splits a line, so "=" is one.
cat >"$work/complete" <<'BASH'
. "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_pbkfs || exit
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
BASH
complete() { bash --norc "$work/complete" "$srcdir/doc/completion/pbkfs" "$@" 2>&1; }
# offers DESCRIPTION EXPECTED WORD...: EXPECTED has blanks for line feeds.
offers() {
	offers_desc=$1 offers_expected=$2; shift 2
	equal "$offers_desc" "$offers_expected" "$(complete "$@" | tr '\n' ' ' | sed 's/ $//')"
}

check "the file has no syntax error" bash -n "$srcdir/doc/completion/pbkfs"
commands=$(pbkfs --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' | tr '\n' ' ')
offers "commands" "${commands}help version --help --version" pbkfs ''
offers "commands that help is about" "${commands% }" pbkfs help ''
offers "no more than one" "" pbkfs help run ''
offers "the beginning of a command" "unmount" pbkfs un
for command in $commands; do
	offers "options of $command" "$(pbkfs --long-options "$command" | sed 's/^/--/' | tr '\n' ' ' | sed 's/ $//')" \
	    pbkfs "$command" --
done
offers "the beginning of an option" "--pbk-store --perf-unsafe --pid-file" pbkfs mount --p
offers "an option after a flag" "--wal" pbkfs mount --force --wal
offers "no options of a command that is none" "" pbkfs frobnicate --

# The program's own list of values, out of its refusal.
for option in wal verify cache sandbox log-format log-sink; do
	values=$(pbkfs mount --$option=nonsense 2>&1 | sed 's/.*, only //; s/: see .*//' | tr '|' ' ')
	offers "values of --$option" "$values" pbkfs mount --$option ''
	offers "values of --$option=" "$values" pbkfs mount --$option =
done
for command in stat show list tree; do
	offers "values of $command --format" "text json" pbkfs $command --format ''
done
offers "recovery targets" "immediate latest" pbkfs mount --recovery-target ''
offers "inclusive or not" "true false" pbkfs mount --recovery-target-inclusive ''
offers "actions at the target" "pause promote shutdown" pbkfs mount --recovery-target-action ''
offers "timelines" "current latest" pbkfs mount --recovery-target-timeline ''
for option in --recovery-target-time --recovery-target-xid --recovery-target-lsn --recovery-target-name --restore-command --set --external-mapping -T; do
	offers "nothing for $option" "" pbkfs mount $option ''
done
offers "the beginning of a value" "direct" pbkfs mount --wal d
offers "the same after =" "direct" pbkfs mount --wal = d
offers "the same in one word" "--wal=direct" pbkfs mount --wal=d
offers "nothing for a number" "" pbkfs mount --timeout ''
mkdir -p "$work/diff/layers/base" "$work/diff/layers/later" "$work/diff/branches/one" "$work/diff/branches/.new"
for command in "mount --branch" "snapshot --branch" "reset --branch" "delete --branch" "rename --branch" "unmount --branch"; do
	offers "branches for $command" "one" pbkfs ${command% *} -d "$work/diff" ${command#* } ''
done
for command in "branch --from" "reset --to" "delete --snapshot" "rename --snapshot"; do
	offers "snapshots for $command" "base later" pbkfs ${command% *} -d "$work/diff" ${command#* } ''
done
offers "no branches of nothing" "" pbkfs mount --branch ''
offers "nothing for a message" "" pbkfs snapshot --message ''

offers "actions of a run at the target" "promote pause" pbkfs run --recovery-target-action ''
offers "nothing for --at" "" pbkfs run --at ''
offers "a command of run" "mkfifo" pbkfs run -B x -I y -- mkfif
offers "an argument of that command" "$work/store" pbkfs run -B x -- ls "$work/sto"
offers "instances" "main other" pbkfs mount -B "$store" -I ''
offers "instances after --pbk-store" "main" pbkfs mount --pbk-store "$store" -I m
offers "instances after --pbk-store=" "main" pbkfs mount --pbk-store = "$store" --instance = m
offers "instances after -BDIR" "other" pbkfs mount "-B$store" -I o
offers "instances of a quoted store" "main other" pbkfs mount -B "'$store'" -I ''
offers "no instances without a store" "" pbkfs mount -I ''
offers "instances of show" "main other" pbkfs show -B "$store" --instance = ''
offers "backups, the newest first" "latest TOX00A TOX001" pbkfs mount -B "$store" -I main -i ''
offers "backups of any instance" "latest TOY001 TOX00A TOX001" pbkfs mount -B "$store" -i ''
offers "the word for the newest" "latest" pbkfs mount -B "$store" -I main -i la
offers "the beginning of an id, in lower case" "TOX00A" pbkfs mount -B "$store" -I main --backup-id tox00a
offers "backups of an instance that is none" "" pbkfs mount -B "$store" -I mai -i ''

offers "backups to verify" "latest TOX00A TOX001" pbkfs verify -B "$store" -I main -i ''
offers "nothing for a number of threads" "" pbkfs verify -j ''

offers "backups to prove" "latest TOX00A TOX001" pbkfs prove -B "$store" -I main -i ''
offers "nothing for an age" "" pbkfs prove --max-age ''
offers "a file for a report" "$work/complete" pbkfs prove --report "$work/comp"
offers "a directory to work in" "$store" pbkfs run --workdir "$work/st"
offers "directories" "$store" pbkfs mount -B "$work/st"
equal "a directory with a blank" "$work/with space" "$(complete pbkfs mount -d "$work/with")"
offers "files" "$work/complete" pbkfs mount --log-file "$work/comp"
offers "a path for archive-get" "$work/complete" pbkfs archive-get -B "$store" -I main 000000010000000000000001 "$work/comp"
offers "an instance for archive-get" "main" pbkfs archive-get -B "$store" -I m
offers "values of archive-get --sandbox" "seccomp-only" pbkfs archive-get --sandbox s
offers "PostgreSQL's label" "system_u:object_r:postgresql_db_t:s0" pbkfs mount --context sys
offers "users" "root" pbkfs mount --owner roo
offers "groups" "root" pbkfs mount --owner root : roo
offers "nothing is run that was typed" "" pbkfs mount -B "\$(touch $work/ran)" -I ''
check "indeed not" [ ! -e "$work/ran" ]
plan_done
