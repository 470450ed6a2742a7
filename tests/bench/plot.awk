# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Draws the targets of report.awk (format=plot) as bars: how near each
# came, on one scale for all.  The line is the target; a bar that does not
# reach it is a miss.

BEGIN {
	FS = "\t"
	height = 18; left = 380; width = 360; scale_end = 2; top = 40
}

function escaped(s) { gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); gsub(/>/, "\\&gt;", s); return s }

{
	label[NR] = escaped($1)
	told[NR] = escaped($2 "  (" $3 ")")
	score[NR] = $4 + 0
}

function bar(i,    y, w) {
	y = top + (i - 1) * height
	w = (score[i] > scale_end ? scale_end : score[i]) / scale_end * width
	printf "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", left - 8, y + 13, label[i]
	printf "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", left, y + 2, w, height - 5, (score[i] >= 1 ? "#4c8a5b" : "#c0504d")
	printf "<text x=\"%d\" y=\"%d\">%s</text>\n", left + width + 8, y + 13, told[i]
}

END {
	bottom = top + NR * height
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n", left + width + 210, bottom + 20
	print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
	printf "<text x=\"%d\" y=\"20\" text-anchor=\"middle\">target</text>\n", left + width / scale_end
	for (i = 1; i <= NR; i++)
		bar(i)
	printf "<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"black\"/>\n", left + width / scale_end, left + width / scale_end, top - 14, bottom
	print "</svg>"
}
