# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Few files print, and each of them filters what reaches a terminal; no other file may print.  (The
# log, src/supervisor/logfile.c, writes to descriptors of its own.)
. "$srcdir/tests/tap.sh"
prints='(^|[^a-z_])((v?f?printf|v?dprintf|f?puts|putchar|f?putc|perror|psignal|errx?|warnx?) *\(|(stdout|stderr|STD(OUT|ERR)_FILENO)[^A-Za-z_])'
# These neither print nor filter: who asks what a stream is, and who puts another in its place.
harmless='isatty\(|dup2\(|format\(printf|(<=|>) STDERR_FILENO|STDERR_FILENO \+'
# Files that may print, and what each of them prints.
may='src/cli/output.c: the sink of the commands
lib/base/log.c: the sink of processes that have none
src/worker/entry.c: a fixed text, for who runs the worker by hand
src/sandbox/seccomp.c: names of system calls, by a signal handler
src/supervisor/fusemount.c: a fixed text, into the pipe of a child
src/supervisor/pid_file.c: a number, into the pid file'
# "FILE:LINE:TEXT" of what prints, without comments and what stands in quotes.
(cd "$srcdir" && find src lib -name '*.c' -exec awk '
    { gsub(/"[^"]*"/, "\"\"") } !/^[ \t]*\/?\*/ { print FILENAME ":" FNR ":" $0 }' {} +) |
    grep -E "$prints" | grep -vE "$harmless" >"$work/found"
echo "$may" | sed 's/:.*/:/' >"$work/may"
grep -vFf "$work/may" "$work/found" >"$work/bad"
check "nothing else prints" [ ! -s "$work/bad" ] || sed 's/^/# /' "$work/bad"
while read -r name; do
	check "${name%:} still does" grep -qF "$name" "$work/found"
done <"$work/may"
# The test of this test.
for bad in '	printf("%s", name);' '	if (x) fputs(name, stderr);' '	warnx("%s", name);' '	write(STDERR_FILENO, name, n);'; do
	check "found: $bad" eval 'echo "$bad" | grep -E "$prints" | grep -qvE "$harmless"'
done
check "but no snprintf" eval '! echo "	snprintf(a, b, c);" | grep -qE "$prints"'
plan_done
