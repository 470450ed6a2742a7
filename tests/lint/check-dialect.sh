# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# One dialect: a result is rc and a struct reader * is rd: r was either.
# Atomics are C11's: _Atomic T, by atomic_*(), never as a plain variable.
. "$srcdir/tests/tap.sh"
# Prints "FILE:LINE: CODE" without comments and texts.
code() {
	awk -v top="$srcdir/" '
	    FNR == 1 { inside = 0; name = index(FILENAME, top) == 1 ? substr(FILENAME, length(top) + 1) : FILENAME }
	    {
		line = $0
		gsub(/\\./, "", line); gsub(/"[^"]*"|\x27[^\x27]*\x27/, "", line)
		if (inside) { if (!sub(/^.*\*\//, "", line)) next; inside = 0 }
		gsub(/\/\*([^*]|\*[^\/])*\*\//, "", line)
		if (sub(/\/\*.*/, "", line)) inside = 1
		print name ":" FNR ": " line
	    }' "$@"
}
called_r() { grep -E '\<(int|ssize_t|long)\>[^;]*[ ,]r( =|[,;])'; }
other_readers() { grep -E 'struct reader \*[a-z_]+' | grep -vE 'struct reader \*rd([^a-zA-Z0-9_]|$)'; }
other_results() { grep -E '[^(]\<int ([a-z_]+( = [^,;]*)?, )*(ret|err|error|res|rv)( =|[,;])'; }
builtins() { grep -E '__atomic_|__sync_|\<atomic_(bool|u?int|u?long|size_t|uintptr_t)\>'; }
# Static atomics that are read or written as if they were none.
plain() {
	awk '/static _Atomic/ { name = $0; sub(/ *[;=[].*/, "", name); sub(/.*[^a-z_0-9]/, "", name); file = $1; sub(/:.*/, "", file); of[file] = name; next }
	    { file = $1; sub(/:.*/, "", file) }
	    file in of && $0 ~ "[^&>.a-z_0-9]" of[file] "[^a-z_0-9(]" { print }'
}

for folder in $(cd "$srcdir" && ls -d lib/* src/*); do
	code "$srcdir/$folder"/*.[ch] >"$work/code"
	check "$folder has code" [ -s "$work/code" ]
	equal "$folder: no result is r" "" "$(called_r <"$work/code")"
	equal "$folder: readers are rd" "" "$(other_readers <"$work/code")"
	equal "$folder: results are rc" "" "$(other_results <"$work/code")"
	equal "$folder: atomics are C11's" "" "$(builtins <"$work/code")"
	equal "$folder: and no plain variables" "" "$(plain <"$work/code")"
done

# The test of this test.
cat >"$work/bad.c" <<'.'
static _Atomic bool gone = false;	/* r */
	int fd, r;
	x(struct reader *reader, int rc);
	int error = f('\'', "r");
	__atomic_store_n(&x, 1, 0);
	gone = true;
.
cat >"$work/good.c" <<'.'
/*
 * r: int error;
 */
static _Atomic bool gone = false;
int	f(struct reader *rd, int error);
	atomic_store(&gone, true);
.
code "$work/bad.c" >"$work/code"
for find in called_r other_readers other_results builtins plain; do
	equal "$find finds one" 1 "$($find <"$work/code" | wc -l)"
	equal "$find finds no other" 0 "$(code "$work/good.c" | $find | wc -l)"
done
plan_done
