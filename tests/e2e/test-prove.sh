# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs prove as root.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-made.sh"
. "$srcdir/tests/lib-run.sh"
. "$srcdir/tests/lib-prove-story.sh"
# Who they are, in a session of their own: the terminal is the caller's.
cat >"$work/who.sql" <<'SQL'
\! [ "$(id -un)" = nobody ] || echo f
\! [ "$(cut -d ' ' -f 6 /proc/$PPID/stat)" = "$PPID" ] || echo f
SQL
status_of "the server of another user" 0 --owner nobody -I main -i "$id" --sql "$work/who.sql"
said_step "the server of another user: the programs are his, too" "main +$id +amcheck +ok"
said_step "the server of another user: and so is whatever psql runs" "main +$id +sql +ok"
status_of "psql is not root's" 1 -I main -i "$id" --sql "$work/who.sql"
status_of "root as owner" 2 --owner root -I main -i "$id"

# ---- a server that is not installed: all say the same of it --------------------------------------
hidden=no
for dir in /usr/lib/postgresql /usr/pgsql-*; do
	[ ! -d "$dir" ] || { mount -t tmpfs -o mode=755 tmpfs "$dir" && hidden=yes; }
done
# Where it is in the PATH, or pg_config knows it, it cannot be hidden.
if [ "$hidden" = yes ] && ! pg_bindir "$major" >/dev/null; then
	status_of "no server" 2
	said_step "no server: verified it is all the same" "main +$id +verify +ok"
	said_step "no server: cannot be judged" "main +$id +server +unknown .*PostgreSQL $major is not installed"
	new_diff
	mount_it >"$work/mounted" 2>&1
	unmount_it
	package=$(sed -n 's/.*the package is \([^ ,]*\),.*/\1/p' "$printed")
	check "no server: the mount names the same package" grep -qF "${package:+package $package, and }start it with" "$work/mounted" || show "$work/mounted"
fi
plan_done
