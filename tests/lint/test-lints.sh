# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The test of the lints: each of them finds violations of its rules, which are planted in a copy
# of the tree or of the build.
. "$srcdir/tests/tap.sh"
need ar
need nm
tree=$work/tree made=$work/made
mkdir "$tree" "$made" && (cd "$srcdir" && cp -R .ci bootstrap configure.ac COPYING CONTRIBUTING.md Makefile.am README \
    doc lib m4 src tests "$tree") && chmod -R u+w "$tree" && ln -s "$builddir"/lib*.a "$builddir/pbkfs" "$made" || exit 99
: >"$work/tried"

# plant FILE COMMAND...: the command changes or makes a file of the tree, until the next "finds".
plant() {
	file=$tree/$1; shift
	echo "$file" >>"$work/planted"
	[ ! -e "$file" ] || [ -e "$file.before" ] || cp -p "$file" "$file.before"
	mkdir -p "${file%/*}"
	"$@"
}
line()    { printf '%s\n' "$1" >>"$file"; }
without() { sed -i "/$1/d" "$file"; }
# archive LAYER [NAME=TEXT...]: plants a layer whose objects are made of these C sources.
archive() {
	layer=$1; shift
	rm -f "$made/lib$layer.a"
	for object; do
		name=$work/lib${layer}_a-${object%%=*}
		printf '%s\n' "${object#*=}" >"$name.c"
		${CC:-cc} -c -fno-lto -o "$name.o" "$name.c" && ar rc "$made/lib$layer.a" "$name.o"
	done
}
# program FLAG...: plants a program that is built with these.
program() { rm -f "$made/pbkfs"; printf 'int main(void) { return 0; }\n' | ${CC:-cc} "$@" -x c -o "$made/pbkfs" -; }

# finds LINT ASSERTION...: these assertions of the lint fail.  Removes what was planted.
finds() {
	lint=check-$1.sh; shift
	echo "$lint" >>"$work/tried"
	srcdir=$tree builddir=$made sh "$tree/tests/lint/$lint" >"$work/said" 2>&1
	for assertion; do
		check "$lint fails: $assertion" grep -E "^not ok [0-9]+ - $assertion" "$work/said" || show "$work/said"
	done
	while read -r file; do
		if [ -e "$file.before" ]; then mv "$file.before" "$file"
		else rm -f "$file"; rmdir "${file%/*}" 2>/dev/null
		fi
	done <"$work/planted"
	: >"$work/planted"
}
: >"$work/planted"

plant lib/base/io.c line '/* See gone.c, and doc/catalog.md, "Nowhere"; is_gone() does so with `struct lost`. */'
finds cited "each file is there" "each section is there" "each function is there" "each struct is there"

plant lib/base/io.c line '/* What follows is nothing. */'
plant lib/base/new.h line 'int nothing;'
plant tests/e2e/test-new.sh line ': # What'
finds comments "no comment begins with" "each file begins with a note" \
    "no comment of a script begins with" "each script begins with a note"

plant lib/base/io.c line 'static _Atomic bool gone;
	int n, r;
	f(struct reader *reader, int n);
	int error = f();
	__atomic_store_n(&n, 1, 0);
	gone = true;'
finds dialect "lib/base: no result is r" "lib/base: readers are rd" "lib/base: results are rc" \
    "lib/base: atomics are C11's" "lib/base: and no plain variables"

plant lib/base/io.c line '#include "cow/cow.h"'
plant src/cli/main.c line '#include <fuse_lowlevel.h>'
plant lib/new/new.c line ''
finds layers "base\$" "<fuse[.]{3}> is included by src/worker only" "new has a line in layers.txt"

plant src/cli/new.h line 'int nothing;'
finds licence "each names its licence" "each names whose it is"

plant lib/base/new.c line 'int nothing;'
finds listed "each source is in Makefile.am"
plant tests/e2e/test-new.sh line ''
finds listed "each source is in Makefile.am"

plant doc/pbkfs.8 without '^\.It .*Fl -wait'
plant src/supervisor/stat.c line 'json_put_u64(&o, "new_key", 0);'
finds man "mount: options of program and manual agree" "the manual has every key of the STATISTICS"

plant src/cli/main.c line 'cli_error("Could not do it"); cli_error("could not do it.");'
plant src/cli/main.c line 'cli_error("it cannot be done");'
plant src/cli/main.c line 'cli_error("could not do it.");'
finds messages "none begins in upper case" "none ends with a full stop" "none says that something cannot be done"

plant src/cli/main.c line 'const char *place = ".pbkfs/new";'
plant lib/base/ondisk.h line '#define ONDISK_NEW ".pbkfs"'
finds ondisk "none twice" "[.]pbkfs stands in one place"

plant lib/cow/cow.c line '	printf("%s", name);'
finds output "nothing else prints"

plant lib/pg/new.c line ''
plant README line 'bugs@example.org'
finds provenance "lib/pg/new.c is in doc/provenance.md" "nothing is reported to a made-up address"

plant README line "$(seq 120)"
plant README line "$(printf %081d 0)"
plant doc/new.md line ''
plant doc/support.md line '`e2e/test-new`'
finds readme "README has at most 120 lines" "none has more than 80 columns" "all documents are installed" \
    "e2e/test-new is a test"

plant doc/security.md line '
Nobody knows how this is known.

A test shows this. [e2e/new]'
finds security "each of them ends with a mark" "each test that is named is one of make check"

archive codec a='void b_x(void); void a_x(void) { b_x(); }' b='void a_x(void); void b_x(void) { a_x(); }'
finds circles "codec: no files in circles"
archive codec a='void b_x(void) { }'
finds prefixes "codec: names begin with those of their files"
archive codec a='int open(const char *, int); int a_x(void) { return open("", 0); }'
archive probackup a='int unlink(const char *); int a_x(void) { return unlink(""); }'
archive worker a='int fork(void); int a_x(void) { return fork(); }'
archive pg
finds symbols "codec\$" "probackup\$" "worker\$" "pg: nm sees no functions"

program -z execstack
plant lib/base/new.c line '#include <stdio.h>'
finds binary "the program has a stack that is not executed" "every source reads config.h first"

# check-commits.sh reads a history, and plants its violations in one of its own.
echo check-commits.sh >>"$work/tried"
sort -u "$work/tried" >"$work/tested"
(cd "$srcdir/tests/lint" && ls check-*.sh) >"$work/lints"
same "each lint is tested" "$work/lints" "$work/tested"
plan_done
