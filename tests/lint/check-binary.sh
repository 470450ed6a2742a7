# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The program has every protection that configure asked the toolchain for.
. "$srcdir/tests/tap.sh"
need readelf
need objdump
program=$builddir/pbkfs

# has WHAT PATTERN COMMAND...: what the command prints has a line that matches.
has() {
	has_what=$1 has_pattern=$2; shift 2
	"$@" >"$work/printed" 2>/dev/null
	check "the program has $has_what" grep -Eq -- "$has_pattern" "$work/printed"
}
# asked FLAG: configure asks the toolchain for it.
asked() { case " $hardening " in *" $1 "*) ;; *) false ;; esac; }

check "configure asks for some of it" test -n "$hardening"
if asked -pie; then
	has "a position of the loader's choice" 'Type: +DYN' readelf -hW "$program"
fi
if asked -Wl,-z,relro; then
	has "relocations that are read only" 'GNU_RELRO' readelf -lW "$program"
fi
if asked -Wl,-z,now; then
	has "all of them done at the start" 'BIND_NOW|FLAGS_1.*NOW' readelf -dW "$program"
fi
has "a stack that is not executed" 'GNU_STACK.* RW +0x' readelf -lW "$program"
if asked -fstack-protector-strong; then
	has "canaries" '__stack_chk_fail' readelf -W --dyn-syms "$program"
fi
if asked -fstack-clash-protection && [ "$(uname -m)" = x86_64 ]; then
	has "stack frames that touch each page" 'or[bq] +\$0x0,(0x[0-9a-f]+)?\(%rsp\)' objdump -d "$program"
fi

# One object without the note takes it from the program; the toolchain's come first.
crt_has_note() {
	for crt in Scrt1.o crti.o crtbeginS.o crtendS.o crtn.o; do
		readelf -n "$(${CC:-cc} -print-file-name=$crt)" 2>/dev/null | grep -q 'IBT.*SHSTK' || return 1
	done
}
if asked -fcf-protection || crt_has_note; then
	has "marks for indirect branches and a shadow stack" 'IBT.*SHSTK' readelf -nW "$program"
fi

# The level stands in config.h: what does not read that first has none of it.
for source in "$srcdir"/lib/*/*.c "$srcdir"/src/*/*.c; do
	[ "$(grep -m 1 '^ *# *include' "$source")" = '#include "config.h"' ] || echo "${source#"$srcdir"/}"
done >"$work/late"
check "every source reads config.h first" test ! -s "$work/late" || show "$work/late"
case $fortify in
[23])
	readelf -W --dyn-syms "$program" | sed -n 's/.* \(__[a-z]*_chk\)@.*/\1/p' | sort -u >"$work/checked"
	for call in __snprintf_chk __vsnprintf_chk __memcpy_chk; do
		check "the program calls $call" grep -x "$call" "$work/checked"
	done
	;;
esac
plan_done
