# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Prints the comments of C files, one on a line: FILE:LINE: TEXT, where LINE is that of its
# first character and TEXT has neither line feeds nor the asterisks at the beginning of lines.
function add(text) { sub(/^[ \t]*\*?[ \t]*/, "", text); sub(/[ \t]+$/, "", text)
		     if (text != "") comment = comment == "" ? text : comment " " text }
function out()     { if (inside) printf "%s:%d: %s\n", name, begin, comment; inside = 0 }
FNR == 1 { inside = 0; name = FILENAME; if (index(name, top) == 1) name = substr(name, length(top) + 1) }
{
	rest = $0
	while (rest != "") {
		if (inside) {
			if ((at = index(rest, "*/")) == 0) { add(rest); next }
			add(substr(rest, 1, at - 1)); out()
			rest = substr(rest, at + 2)
		} else {
			# What comes first: a comment, a text, a character.
			if (!match(rest, /\/\*|\/\/|"(\\.|[^"\\])*"|'(\\.|[^'\\])+'/)) next
			token = substr(rest, RSTART, RLENGTH)
			rest = substr(rest, RSTART + RLENGTH)
			if (token != "/*" && token != "//") continue
			inside = 1; begin = FNR; comment = ""
			if (token == "//") { add(rest); out(); next }
		}
	}
}
