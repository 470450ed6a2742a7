# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The reports of prove and the history, of proofs that never were and of a catalog with hostile
# names: each form is read by a real parser, and the page is looked at in a browser.
. "$srcdir/tests/lib-e2e.sh"
for browser in chromium chromium-browser headless_shell ''; do
	! command -v "$browser" >/dev/null 2>&1 || break
done
[ -n "$browser" ] || skip_all "there is no browser (chromium)"
mkproof=$support/mkproof
mkdir "$work/home"
# browse OPTION...: the browser has nothing of the caller's, and no errand of its own.
browse() {
	env -u DISPLAY -u WAYLAND_DISPLAY -u MALLOC_CHECK_ -u MALLOC_PERTURB_ HOME="$work/home" timeout 60 "$browser" --headless --no-sandbox \
	    --disable-gpu --disable-dev-shm-usage --disable-background-networking --disable-component-update --disable-extensions \
	    --disable-breakpad --no-first-run --hide-scrollbars --user-data-dir="$work/home/profile" --enable-logging=stderr "$@"
}
# shoot PAGE PICTURE WIDTH,HEIGHT OPTION...
shoot() {
	shoot_page=$1 shoot_picture=$2 shoot_size=$3; shift 3
	browse --window-size="$shoot_size" --log-net-log="$work/net.json" --screenshot="$shoot_picture" "$@" "file://$shoot_page" \
	    >"$work/browser.out" 2>"$work/browser.err"
}
# Requests of the page: the browser's own have no origin.
fetched() { grep -aoE '"initiator":"(null|file:)[^"]*"' "$work/net.json" | sort -u; }
# The same of what it complains of.
complained() { grep -a CONSOLE "$work/browser.err" | grep -av 'source: chrome://'; }
# files_in DIR: how many proofs it has.
files_in() { ls "$1" | grep -cE '^proof-[0-9]{8}T[0-9]{6}Z-[0-9a-f]{16}\.json$'; }

# ---- a history ------------------------------------------------------------------------------------
# night FILE TIME RESULT [STORE]: as doc/format.md has it.
night() {
	printf '{"format":"pbkfs-proof","version":1,"store":"%s","began":%d,"time":%d,"proofs":[{"instance":"main","backup_id":"X","result":"%s","newest_age_seconds":%d,"steps":[{"step":"verify","result":"%s","seconds":%d.250}]}]}\n' \
	    "${4:-/backup}" "$2" "$2" "$3" $(($2 % 90000)) "$3" $(($2 % 7 + 1)) >"$1"
}
nights=$work/nights
few_nights='1 2 3 13 14 30 400'
mkdir "$nights"
for day in $(seq 10 49); do
	[ $((day % 13)) -ne 0 ] && result=ok || result=failed
	night "$nights/proof-202001${day}T030000Z-00000000000000$day.json" $((1577934000 + day * 86400)) $result
done
night "$nights/proof-20200101T030000Z-0000000000000000.json" 1577934000 ok /another
"$mkproof" mixed /backup "$nights" "$work/mixed.html" "$work/mixed.json" >"$work/told" 2>&1
equal "a history: tonight is a file more" 42 "$(files_in "$nights")"
equal "a history: nothing was told" "" "$(cat "$work/told")"
check "a history: the page has it, and tonight, and no other store" grep -q '38 of 41 proofs found nothing wrong' "$work/mixed.html" ||
    note "$(grep -o '[0-9]* of [0-9]* proofs' "$work/mixed.html")"
tonight=$(ls "$nights" | tail -n 1)
equal "a history: nobody else reads it" 600 "$(stat -c %a "$nights/$tonight")"
check "a history: a file is the report in one line, and has no remarks" sh -c '! grep -q remark "$1" && [ "$(wc -l <"$1")" = 1 ] && "$2" <"$1"' - \
    "$nights/$tonight" "$support/jsonflat"

# One line for whatever is damaged, or another's.
t=proof-20200301T030000Z-
printf '{"format":' >"$nights/${t}0000000000000001.json"
sed 's/"version":1/"version":2/' "$nights/$tonight" >"$nights/${t}0000000000000002.json"
ln -s "$nights/$tonight" "$nights/${t}0000000000000003.json"
mkfifo "$nights/${t}0000000000000004.json"
truncate -s 5G "$nights/${t}0000000000000005.json"
night "$nights/${t}0000000000000006.json" 1583031600 ok; chown nobody "$nights/${t}0000000000000006.json"
night "$work/linked" 1583031600 ok; ln "$work/linked" "$nights/${t}0000000000000007.json"
night "$nights/${t}0000000000000008.json" 1583031600 great
mkdir "$nights/${t}0000000000000009.json"
sed 's/3[.]250/1e400/' "$nights/proof-20200110T030000Z-0000000000000010.json" | sed 's/"seconds":[0-9.]*/"seconds":1e400/' >"$nights/${t}000000000000000a.json"
echo hello >"$nights/proof-of-nothing.json"
status=0; "$mkproof" one /backup "$nights" "$work/one.html" >"$work/told" 2>&1 || status=$?
equal "what is damaged: the report is written" 0 "$status"
equal "what is damaged: one line" 1 "$(wc -l <"$work/told")"
check "what is damaged: it counts them, and names the first" said "left out 10 of the proofs in \"$nights\", the first of them \"${t}0000000000000001.json\": it is damaged" "$work/told" || show "$work/told"
check "what is damaged: the rest is there" grep -q '39 of 42 proofs' "$work/one.html" || note "$(grep -o '[0-9]* of [0-9]* proofs' "$work/one.html")"
find "$nights" -name "${t}*" -exec rm -rf {} +

# Bounded, and safe when two are at it.
for i in $(seq -w 1 420); do
	night "$nights/proof-20190101T000000Z-0000000000000$i.json" 1546300800 ok
done
touch -d '2 days ago' "$nights/proof-20190101T000000Z-0000000000000001.json.new"
: >"$nights/proof-20190101T000000Z-0000000000000002.json.new"
for i in 1 2 3 4 5 6 7 8; do "$mkproof" one /backup "$nights" "$work/at-once.$i.html" & done >"$work/told" 2>&1
wait
equal "many at once: nothing was told" "" "$(cat "$work/told")"
equal "many at once: so many are kept" 400 "$(files_in "$nights")"
equal "many at once: the latest are among them" 10 "$(ls "$nights" | grep -c '^proof-202[1-9]')"
equal "many at once: what a killed one has left is gone, and no other" proof-20190101T000000Z-0000000000000002.json.new "$(ls "$nights" | grep 'new$')"
check "many at once: a file that is not ours stays" test -f "$nights/proof-of-nothing.json"

# Another user's, and none.
mkdir -m 0755 "$work/theirs"; chown nobody "$work/theirs"
"$mkproof" one /backup "$work/theirs" "$work/one.html" "$work/one.json"
equal "another's directory: the file is his" nobody "$(stat -c %U "$work/theirs"/proof-*)"
equal "another's directory: he reads it as root does" 0 "$("$mkproof" one /backup "$work/theirs" "$work/one.html" 2>&1 | wc -l)"
check "another's directory: there are two nights" grep -q '2 of 2 proofs' "$work/one.html"
check "a directory that is not there is made" "$mkproof" one /backup "$work/new" "$work/one.html"
equal "and is the caller's alone" 700 "$(stat -c %a "$work/new")"
refuse "a directory that cannot be made" "could not open directory .*nosuch/new.*--history" "$mkproof" one /backup "$work/nosuch/new" "$work/one.html"
# A link that another user has put there does not lead root elsewhere.
mkdir "$work/his" "$work/elsewhere"; ln -s "$work/elsewhere" "$work/his/way"; ln -s "$work/elsewhere/new" "$work/his/dangling"
chown -h nobody "$work/his" "$work/his/way" "$work/his/dangling"
for way in way way/new dangling; do
	refuse "a history by another's link, $way" "could not open directory .*way|could not open directory .*dangling" "$mkproof" one /backup "$work/his/$way" "$work/one.html"
done
refuse "a report by another's link" "could not write .*his/way/one.html.*not root's" "$mkproof" one /backup "" "$work/his/way/one.html"
equal "another's link: nothing was written where it leads" "" "$(ls -A "$work/elsewhere")"
ln -s elsewhere "$work/own"
check "a report by root's link" "$mkproof" one /backup "$work/own/nights" "$work/own/one.html"
refuse "a file in the place of a directory" "could not open directory .*Not a directory.*--history" "$mkproof" one /backup "$work/linked" "$work/one.html"

# A full disk: the proof is what it was.
mkdir "$work/full" && mount -t tmpfs -o size=64k,mode=0700 tmpfs "$work/full" && mkdir "$work/full/h"
cat /dev/zero >"$work/full/zero" 2>/dev/null
check "a full disk: the status stays" "$mkproof" one /backup "$work/full/h" "$work/one.html"
equal "a full disk: one line" 1 "$(grep -c "could not add this proof to .*No space left" "$work/err")"
equal "a full disk: nothing is left" "" "$(ls -A "$work/full/h")"
refuse "a report on a full disk" "could not write .*No space left.*--report" "$mkproof" many /backup "" "$work/full/r.html"
equal "a report on a full disk: nothing is left" "h zero" "$(ls -A "$work/full" | tr '\n' ' ' | sed 's/ $//')"

# ---- the command, and a catalog whose names are as bad as names on disk can be --------------------
store=$work/bad
for name in '"><script>alert(1)<|script>' "$(printf '\033[31m \377')" plain; do
	mkdir -p "$store/backups/$name" "$store/wal/$name"
	: >"$store/backups/$name/pg_probackup.conf"
done
chown -R "$pguser:" "$store"
tap_run pbkfs prove -B "$store" --history "$work/real" --report "$work/real.html" --report "$work/real.json" --report "$work/real.prom" --report "$work/real.xml"
equal "hostile names: nothing is proven" 1 "$tap_status" || { show "$work/out"; show "$work/err"; }
equal "hostile names: it is in the history" 1 "$(files_in "$work/real")"
tap_run pbkfs prove -B "$store" -I plain -I plain --report "$work/twice.prom"
equal "an instance that is named twice is proven once" 1 "$(grep -c '^pbkfs_prove_success{' "$work/twice.prom")"
tap_run pbkfs prove -B "$store" --report "$work/nosuch/r.html"
equal "a report that cannot be written: is said before all else" "2 " "$tap_status $(cat "$work/out")"

# ---- in a browser -------------------------------------------------------------------------------
"$mkproof" hostile '/ba<b>ck"up' "$work/hostile" "$work/hostile.html" "$work/hostile.json" "$work/hostile.prom" "$work/hostile.xml"
"$mkproof" many /backup "" "$work/many.html"
# The test of the test: a page that fetches something, and has a wrong script.
echo '<script>no_such_function()</script><img src="http://127.0.0.1:9/x.png">' >"$work/wrong.html"
shoot "$work/wrong.html" "$work/wrong.png" 300,200
check "another page: what it fetches is found" test -n "$(fetched)"
check "another page: what its script does wrong is found" test -n "$(complained)"
for picture in light:1000,2600: dark:1000,2600:--blink-settings=preferredColorScheme=0 phone:500,3000:; do
	name=${picture%%:*} rest=${picture#*:}
	shoot "$work/mixed.html" "$work/$name.png" "${rest%:*}" ${rest##*:}
	check "$name: there is a picture" test -s "$work/$name.png" || show "$work/browser.err"
	equal "$name: nothing was fetched" "" "$(fetched)"
	equal "$name: nothing went wrong" "" "$(complained)"
done

# Some nights, many nights; now and then one that has failed, and one that took much longer.
few() {
	mkdir -m 700 "$work/few.$1"
	few_now=$(date +%s) few_n=$1
	while few_n=$((few_n - 1)); [ "$few_n" -gt 0 ]; do
		[ $((few_n % 11)) -ne 3 ] && result=ok || result=failed
		night "$work/few.$1/proof-$(date -u -d "@$((few_now - few_n * 86400))" +%Y%m%dT%H%M%SZ)-$(printf %016x "$few_n").json" $((few_now - few_n * 86400)) $result
	done
	"$mkproof" one /backup "$work/few.$1" "$work/few.$1.html"
}
for n in $few_nights; do few "$n"; done
# frame FILE WIDTH PICTURES [HOSTILE [MEDIUM]]: as it is printed, if that is " printed".
frame() { printf '<iframe data-file="%s" width="%d" height="800" data-pictures="%d" data-hostile="%s" data-medium="%s" srcdoc="%s"></iframe>\n' "$1" "$2" "$3" "${4:-no}" "${5:-}" \
    "$(if [ "${5:-}" = " printed" ]; then sed 's/@media screen/@media speech/; s/@media print/@media all/' "$work/$1"; else cat "$work/$1"; fi | sed 's/&/\&amp;/g; s/"/\&quot;/g')"; }
# judge SCHEME OPTION...
judge() {
	{
		echo '<!DOCTYPE html><meta charset="utf-8"><body><script>'
		echo "const scheme = '$1', files = {"
		for f in hostile real; do for s in json xml prom; do printf "'%s': '%s',\n" $f.$s "$(base64 -w 0 "$work/$f.$s")"; done; done
		echo '};'
		cat "$srcdir/tests/support/report.js"
		echo '</script>'
		for f in light dark phone; do
			[ $f = dark ] && light=dark || light=light
			printf '<img data-file="%s" data-light="%s" src="data:image/png;base64,%s">\n' $f $light "$(base64 -w 0 "$work/$f.png")"
		done
		frame mixed.html 1000 5
		frame mixed.html 360 5
		frame hostile.html 360 17 yes
		frame many.html 1000 1
		frame many.html 360 1
		frame real.html 1000 3
		for n in $few_nights; do
			for width in 1000 500 320; do frame few.$n.html $width 2; done
			frame few.$n.html 700 2 no " printed"
		done
	} >"$work/judge.html"
	shift
	browse --dump-dom "$@" "file://$work/judge.html" 2>"$work/browser.err" | sed 's/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g' >"$work/dom"
	grep -E '^(ok - |not ok - |#  )' "$work/dom"
	grep -q '^done' "$work/dom" || { echo "not ok - all was judged"; tail -n 20 "$work/browser.err" | sed 's/^/# /'; }
}
tap_from judge ''
tap_from judge 'dark, ' --blink-settings=preferredColorScheme=0
plan_done
