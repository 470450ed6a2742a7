# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The manual's line for cron and its units for systemd, as they stand there but for the catalog and the
# place of the report, in the surroundings that cron and systemd give.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-run.sh"
no_unlogged=yes
fixture
manual=$srcdir/doc/pbkfs.8
# The program is where "make install" puts it.
mkdir -p /usr/local/bin && mount -t tmpfs -o mode=755 tmpfs /usr/local/bin && cp "$(command -v pbkfs)" /usr/local/bin/pbkfs && chmod 755 /usr/local/bin/pbkfs || exit 99
of_test() { sed -e "s|/backup|$store|g" -e "s|/var/lib/node_exporter|$work|g" -e "s|/srv/www|$work|g" -e "s|/var/lib/pbkfs-proofs|$work/proofs|g" -e 's/--max-age 26h/--max-age 36500d/' -e 's/\\e$/\\/'; }
# section FIRST-LINE: from there to the next file's name, or the end of the example.
section() { awk -v first="# $1" '$0 == first { on = 1; next } on && (/^# \// || /^\.Ed/) { exit } on' "$manual" | of_test; }

# ---- cron -----------------------------------------------------------------------------------
section /etc/cron.d/pbkfs-prove >"$work/crontab"
line=$(sed -n 's/^[0-9*]* [0-9*]* [0-9*]* [0-9*]* [0-9*]* root //p' "$work/crontab")
check "cron: there is a line, and cron would take no percent sign out of it" sh -c 'case $1 in "" | *%*) false ;; esac' - "$line"
by_cron() {
	env -i HOME=/root LOGNAME=root SHELL=/bin/sh TMPDIR="$TMPDIR" "$(sed -n '/^PATH=/p' "$work/crontab")" \
	    setsid /bin/sh -c "$1" </dev/null >"$printed" 2>&1; tap_status=$?
}
by_cron "$line"
equal "cron: exit status" 0 "$tap_status" || show "$printed"
equal "cron: no mail of a good night" "" "$(cat "$printed")"
by_cron "$(echo "$line" | sed 's/36500d/1s/')"
check "cron: the mail of a bad night has the table" said "main +$id +age +failed" "$printed" || show "$printed"
left_nothing "cron"

# ---- systemd --------------------------------------------------------------------------------
mkdir "$work/units"
for unit in service timer; do section /etc/systemd/system/pbkfs-prove.$unit | sed '/^$/d' >"$work/units/pbkfs-prove.$unit"; done
equal "systemd: sections and settings that it knows" "" "$(sed -e :a -e '/\\$/N; s/\\\n//; ta' "$work/units"/* | grep -Ev '^\[(Unit|Service|Timer|Install)\]$|^(Type=oneshot|StateDirectory=pbkfs-proofs|ExecStart=pbkfs .*|OnCalendar=[0-9]{2}:[0-9]{2}|Persistent=true|WantedBy=timers.target|Description=.*)$')"
if command -v systemd-analyze >/dev/null; then
	check "systemd: systemd-analyze has nothing against them" systemd-analyze verify "$work/units"/*
fi
for line in "systemctl daemon-reload" "systemctl enable --now pbkfs-prove.timer" "systemctl start pbkfs-prove.service"; do
	check "systemd: the manual has \"$line\"" grep -qxF "$line" "$manual"
done
mkdir "$work/proofs"	# as StateDirectory does
command=$(sed -e :a -e '/\\$/N; s/\\\n//; ta' "$work/units/pbkfs-prove.service" | sed -n 's/^ExecStart=//p')
env -i LANG=C.UTF-8 TMPDIR="$TMPDIR" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin setsid $command </dev/null >"$printed" 2>"$told"; tap_status=$?
equal "systemd: exit status" 0 "$tap_status" || show "$told"
equal "systemd: nothing is told" "" "$(cat "$told")"
check "systemd: the metrics are there" said "^pbkfs_prove_success.* 1\$" "$work/pbkfs.prom"
check "systemd: the page is there" [ -s "$work/proof.html" ]
equal "systemd: the history has this night" 1 "$(ls "$work/proofs" | wc -l)"
left_nothing "systemd"
plan_done
