# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by every shell test: TAP output, a private work directory, cleanup.
set -u
tap_n=0
ok()     { tap_n=$((tap_n + 1)); echo "ok $tap_n - $*"; }
not_ok() { tap_n=$((tap_n + 1)); echo "not ok $tap_n - $*"; }
note()   { printf '%s\n' "$*" | sed 's/^/# /'; }
# Shows the end of a file as TAP comments.
show()   { [ ! -s "$1" ] || tail -n "${2:-25}" "$1" | sed 's/^/#   /'; }
# $work/out and $work/err have the output of a command until the next one has ended, so that the
# next one may read them.
tap_run() {
	"$@" >"$work/.out" 2>"$work/.err"
	tap_status=$?
	mv "$work/.out" "$work/out"; mv "$work/.err" "$work/err"
	return $tap_status
}
# check DESCRIPTION COMMAND...: the command succeeds.
check() {
	tap_desc=$1; shift
	if tap_run "$@"; then
		ok "$tap_desc"
	else
		not_ok "$tap_desc"; note "failed: $*"; show "$work/out"; show "$work/err"
		return 1
	fi
}
# refuse DESCRIPTION PATTERN COMMAND...: the command fails, and a line of its standard error
# matches the extended regular expression.
refuse() {
	tap_desc=$1 tap_pattern=$2; shift 2
	if tap_run "$@"; then
		not_ok "$tap_desc"; note "succeeded: $*"
	elif [ -n "$tap_pattern" ] && ! grep -Eqi -- "$tap_pattern" "$work/err"; then
		not_ok "$tap_desc"; note "no \"$tap_pattern\" in:"; show "$work/err"
	else
		ok "$tap_desc"; return 0
	fi
	return 1
}
# same DESCRIPTION EXPECTED-FILE FILE
same() {
	if diff -u "$2" "$3" >"$work/.diff" 2>&1; then
		ok "$1"
	else
		not_ok "$1"; head -n 30 "$work/.diff" | sed 's/^/#   /'
		return 1
	fi
}
# equal DESCRIPTION EXPECTED VALUE
equal() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1"; note "expected \"$2\", found \"$3\""; return 1; fi
}
# tap_from COMMAND...: takes over the unnumbered TAP lines of a program.
tap_from() {
	"$@" >"$work/.tap" 2>&1
	tap_status=$?
	while IFS= read -r tap_line; do
		case $tap_line in
		'ok - '*) ok "${tap_line#ok - }" ;;
		'not ok - '*) not_ok "${tap_line#not ok - }" ;;
		'#'*) echo "$tap_line" ;;
		*) echo "# $tap_line" ;;
		esac
	done <"$work/.tap"
	grep -q 'ok - ' "$work/.tap" || not_ok "$1 says something (status $tap_status)"
	[ $tap_status -eq 0 ] || grep -q '^not ok' "$work/.tap" || not_ok "$1 ended with status $tap_status"
	return $tap_status
}
plan_done() { echo "1..$tap_n"; }
# No test may skip itself under CI: there it fails.
skip_all()  { [ "${CI:-}" != true ] || { echo "Bail out! $*"; exit 1; }; echo "1..0 # SKIP $*"; exit 0; }
need()   { command -v "$1" >/dev/null 2>&1 || skip_all "$1 is not installed"; }
work=$(mktemp -d "${TMPDIR:-/tmp}/pbkfs-test.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
