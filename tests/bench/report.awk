# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the report from what results.sh collected below the directory raw:
#
#	format=text	the table
#	format=readme	the targets alone, as a table in Markdown
#	format=json	for tools
#	format=plot	one line for each target, for plot.awk
#
# The ratio of two sides is taken round by round; the verdict is about the
# median of the ratios.

BEGIN {
	FS = "\t"
	load()
	if (format == "json")
		print_json()
	else if (format == "plot")
		print_plot()
	else if (format == "readme")
		print_readme()
	else
		print_text()
}

function load(    line, f, file) {
	file = raw "/machine.tsv"
	while ((getline line <file) > 0) {
		split(line, f, "\t"); fact[++n_facts] = f[1]; fact_value[n_facts] = f[2]
	}
	file = raw "/rows.tsv"
	while ((getline line <file) > 0) {
		split(line, f, "\t"); id = f[1]; rows[++n_rows] = id
		title[id] = f[2]; unit[id] = f[3]; better[id] = f[4]; caches[id] = f[5]
	}
	file = raw "/samples.tsv"
	while ((getline line <file) > 0) {
		split(line, f, "\t")
		if (!((f[1], f[2]) in n))
			side[f[1], ++n_sides[f[1]]] = f[2]
		value[f[1], f[2], ++n[f[1], f[2]]] = f[3] + 0
	}
	file = raw "/targets.tsv"
	while ((getline line <file) > 0) {
		split(line, f, "\t"); k = ++n_targets
		t_row[k] = f[1]; t_side[k] = f[2]; t_base[k] = f[3]; t_op[k] = f[4]; t_limit[k] = f[5] + 0
		judge(k)
	}
	file = raw "/notes.tsv"
	while ((getline line <file) > 0) {
		split(line, f, "\t"); note[f[1], ++n_notes[f[1]]] = f[2]
		if (!(f[1] in title) && !(f[1] in orphan)) { orphan[f[1]] = 1; orphans[++n_orphans] = f[1] }
	}
}

# Sorts v[1..count] and leaves median, least and most in med, lo, hi.
function spread(v, count,    i, j, x) {
	for (i = 2; i <= count; i++) {
		x = v[i]
		for (j = i - 1; j >= 1 && v[j] > x; j--)
			v[j + 1] = v[j]
		v[j + 1] = x
	}
	lo = v[1]; hi = v[count]
	med = count % 2 ? v[(count + 1) / 2] : (v[count / 2] + v[count / 2 + 1]) / 2
}

function spread_of(id, s,    i, v) {
	for (i = 1; i <= n[id, s]; i++)
		v[i] = value[id, s, i]
	spread(v, n[id, s])
}

function ratio(id, s, base, op, i,    a, b) {
	a = value[id, s, i]
	if (base == "=")
		return a
	b = value[id, base, i]
	if (op == ">=" && better[id] == "lower")
		return a > 0 ? b / a : 0
	return b > 0 ? a / b : 0
}

function judge(k,    i, v, count) {
	count = n[t_row[k], t_side[k]]
	if (t_base[k] != "=" && n[t_row[k], t_base[k]] < count)
		count = n[t_row[k], t_base[k]]
	if (count + 0 == 0) {
		verdict[k] = "?"
		return
	}
	for (i = 1; i <= count; i++)
		v[i] = ratio(t_row[k], t_side[k], t_base[k], t_op[k], i)
	spread(v, count)
	t_med[k] = med; t_lo[k] = lo; t_hi[k] = hi
	verdict[k] = (t_op[k] == ">=" ? med >= t_limit[k] : med <= t_limit[k]) ? "hit" : "MISS"
	if (verdict[k] == "hit") hits++; else misses++
}

function num(x) {
	if (x >= 1000) return sprintf("%.0f", x)
	if (x >= 100) return sprintf("%.1f", x)
	if (x >= 1) return sprintf("%.2f", x)
	return sprintf("%.3f", x)
}

function range(m, l, h) { return l == h ? num(m) : num(m) " (" num(l) "-" num(h) ")" }

function target_of(id, s,    k) {
	for (k = 1; k <= n_targets; k++)
		if (t_row[k] == id && t_side[k] == s && !(k in told)) {
			told[k] = 1
			return k
		}
	return 0
}

function against(k) { return t_op[k] " " num(t_limit[k]) (t_base[k] == "=" ? "" : " " t_base[k]) }

function print_side(id, s,    k, first) {
	spread_of(id, s)
	first = sprintf("  %-11s %-27s %-5s", s, range(med, lo, hi), unit[id])
	if (!(k = target_of(id, s))) {
		print first
		return
	}
	do {
		printf "%s  %-22s %-17s %s\n", first,
		    t_base[k] == "=" ? "" : range(t_med[k], t_lo[k], t_hi[k]), against(k), verdict[k]
		first = sprintf("%47s", "")
	} while ((k = target_of(id, s)))
}

function print_text(    i, j, id) {
	for (i = 1; i <= n_facts; i++)
		printf "%-13s %s\n", fact[i], fact_value[i]
	printf "\n  %-11s %-27s %-5s  %-22s %-17s %s\n", "side", "median (least-most)", "unit", "ratio", "target", "verdict"
	for (i = 1; i <= n_rows; i++) {
		id = rows[i]
		print "\n" title[id] " [" caches[id] "]"
		for (j = 1; j <= n_sides[id]; j++)
			print_side(id, side[id, j])
		for (j = 1; j <= n_notes[id]; j++)
			print "    " note[id, j]
	}
	for (i = 1; i <= n_orphans; i++)
		for (j = 1; j <= n_notes[orphans[i]]; j++)
			print "\n" orphans[i] ": " note[orphans[i], j]
	printf "\n%d targets hit, %d missed\n", hits, misses
}

function quoted(s) { gsub(/["\\]/, "\\\\&", s); gsub(/[[:cntrl:]]/, " ", s); return "\"" s "\"" }
function comma(i, count) { return i < count ? "," : "" }

function json_side(id, s,    i, list) {
	for (i = 1; i <= n[id, s]; i++)
		list = list (i > 1 ? ", " : "") value[id, s, i]
	spread_of(id, s)
	return sprintf("{\"side\": %s, \"median\": %s, \"min\": %s, \"max\": %s, \"samples\": [%s]}", quoted(s), med, lo, hi, list)
}

function json_target(k) {
	if (verdict[k] == "?")
		return sprintf("{\"side\": %s, \"base\": %s, \"op\": %s, \"limit\": %s, \"verdict\": null}",
		    quoted(t_side[k]), quoted(t_base[k]), quoted(t_op[k]), t_limit[k])
	return sprintf("{\"side\": %s, \"base\": %s, \"op\": %s, \"limit\": %s, \"median\": %s, \"min\": %s, \"max\": %s, \"verdict\": %s}",
	    quoted(t_side[k]), quoted(t_base[k]), quoted(t_op[k]), t_limit[k], t_med[k], t_lo[k], t_hi[k], quoted(verdict[k]))
}

function json_row(id,    j, k, list) {
	printf "    {\"row\": %s, \"title\": %s, \"unit\": %s, \"better\": %s, \"caches\": %s,\n", quoted(id), quoted(title[id]), quoted(unit[id]), quoted(better[id]), quoted(caches[id])
	print "     \"sides\": ["
	for (j = 1; j <= n_sides[id]; j++)
		print "      " json_side(id, side[id, j]) comma(j, n_sides[id])
	for (k = 1; k <= n_targets; k++)
		if (t_row[k] == id)
			list = list (list == "" ? "" : ", ") json_target(k)
	print "     ], \"targets\": [" list "],"
	list = ""
	for (j = 1; j <= n_notes[id]; j++)
		list = list (j > 1 ? ", " : "") quoted(note[id, j])
	printf "     \"notes\": [%s]}", list
}

function print_json(    i, j, list) {
	print "{\n  \"format\": \"pbkfs-bench\", \"version\": 1,\n  \"machine\": {"
	for (i = 1; i <= n_facts; i++)
		print "    " quoted(fact[i]) ": " quoted(fact_value[i]) comma(i, n_facts)
	print "  },\n  \"rows\": ["
	for (i = 1; i <= n_rows; i++) {
		json_row(rows[i])
		print comma(i, n_rows)
	}
	for (i = 1; i <= n_orphans; i++)
		for (j = 1; j <= n_notes[orphans[i]]; j++)
			list = list (list == "" ? "" : ", ") quoted(orphans[i] ": " note[orphans[i], j])
	printf "  ],\n  \"notes\": [%s],\n  \"hit\": %d, \"missed\": %d\n}\n", list, hits, misses
}

function fact_of(name,    i) {
	for (i = 1; i <= n_facts; i++)
		if (fact[i] == name)
			return fact_value[i]
	return "?"
}

# The median of a side, with its unit; nothing for a limit that is a number.
function cell(id, s) {
	if (s == "=" || n[id, s] + 0 == 0)
		return ""
	spread_of(id, s)
	return num(med) " " unit[id]
}

function print_readme(    k) {
	printf "%s, %s, %s, Linux %s, %s, PostgreSQL %s; load %s before, %s after; %s.\n\n",
	    substr(fact_of("date"), 1, 10), fact_of("processor"), fact_of("memory"), fact_of("kernel"),
	    fact_of("file system"), fact_of("PostgreSQL"), fact_of("load before"), fact_of("load after"), fact_of("settings")
	print "| what, and the caches before | side | median | compared with | ratio (least-most) | target | |"
	print "|---|---|---|---|---|---|---|"
	for (k = 1; k <= n_targets; k++)
		printf "| %s [%s] | %s | %s | %s | %s | %s | %s |\n", title[t_row[k]], caches[t_row[k]], t_side[k],
		    cell(t_row[k], t_side[k]), t_base[k] == "=" ? "" : t_base[k] " " cell(t_row[k], t_base[k]),
		    verdict[k] == "?" ? "not measured" : range(t_med[k], t_lo[k], t_hi[k]), against(k), verdict[k]
}

# title, what was found, what was wanted, how near: 1 is the target, more is better
function print_plot(    k, score) {
	for (k = 1; k <= n_targets; k++) {
		if (verdict[k] == "?" || t_med[k] <= 0 || t_limit[k] <= 0)
			continue
		score = t_op[k] == ">=" ? t_med[k] / t_limit[k] : t_limit[k] / t_med[k]
		printf "%s: %s\t%s\t%s\t%.4f\n", title[t_row[k]], t_side[k], num(t_med[k]), against(k), score
	}
}
