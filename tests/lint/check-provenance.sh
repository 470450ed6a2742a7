# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# doc/provenance.md names each file that has constants of others, and no address is made up.
. "$srcdir/tests/tap.sh"
doc=$srcdir/doc/provenance.md
for file in "$srcdir"/lib/pg/*.c "$srcdir"/lib/codec/codec_*.c; do
	name=${file#"$srcdir/"}
	case $name in *_impl*) continue ;; esac
	check "$name is in doc/provenance.md" grep -qF "\`$name\`" "$doc"
done
equal "nothing is reported to a made-up address" "" \
    "$(cd "$srcdir" && grep -nE 'example\.(org|com|net)' configure.ac bootstrap README ./*.md doc/*.md | head)"
check "COPYING is the license that README names" grep -q '^ *Version 3, 29 June 2007$' "$srcdir/COPYING"
plan_done
