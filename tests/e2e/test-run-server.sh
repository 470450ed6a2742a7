# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Where pbkfs run finds a server: in the places of Debian, of PGDG's packages, of SUSE and Fedora, by pg_config, in the
# PATH, by --bindir; and what it says of one that is not installed.  The story has a /usr of its own.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-run.sh"
fixture
[ ! -x /usr/bin/postgres ] || skip_all "the server is in /usr/bin: it cannot be hidden"

# Beside the work directory: what lies in that is looked at for what a run has left.
new=/dev/shm/new
mkdir $new
# The same directories, but those of servers, and their parents can be written to.
copy_directory() {
	mkdir -p "$new$1" && mount -t tmpfs -o mode=755 tmpfs "$new$1" || exit 99
	for entry in "$1"/*; do
		case $entry in */postgresql|*/pgsql*|*/postgresql[0-9]*) continue ;; esac
		if [ -d "$entry" ] && [ ! -L "$entry" ]; then
			mkdir "$new$entry" && mount --rbind "$entry" "$new$entry" || exit 99
		else
			cp -P "$entry" "$new$1" || exit 99
		fi
	done
}
mkdir "$new/server" && mount --bind "$pgbin" "$new/server" || exit 99
libdir=$("$pgbin/pg_config" --pkglibdir 2>/dev/null || echo "${pgbin%/bin}/lib")
mkdir "$new/libdir" && mount --bind "$libdir" "$new/libdir" || exit 99
copy_directory /usr
umount -l "$new/usr/bin"; copy_directory /usr/bin
rm -f "$new/usr/bin/pg_config"
umount -l "$new/usr/lib"; copy_directory /usr/lib
[ ! -d /usr/lib64 ] || { umount -l "$new/usr/lib64"; copy_directory /usr/lib64; }
mount --rbind "$new/usr" /usr || exit 99

# server_in DIRECTORY [MAJOR]: there is one, which says that it is this version.
server_in() {
	mkdir -p "$1" && mount -t tmpfs -o mode=755 tmpfs "$1" || exit 99
	printf '#!/bin/sh\necho "postgres (PostgreSQL) %s.3 (Distribution 1-2)"\n' "${2:-$major}" >"$1/postgres"
	chmod 0755 "$1/postgres"
}
plan() { pbkfs prove -B "$store" -I "$instance" --plan "$@" >"$printed" 2>&1; }
# found DESCRIPTION DIRECTORY [OPTION...]
found() {
	found_desc=$1 found_dir=$2; shift 2
	plan "$@"
	check "$found_desc" grep -q "^server  *ok  *PostgreSQL $major in $found_dir\$" "$printed" || show "$printed"
}

# ---- it is not installed ---------------------------------------------------------------------
# package DESCRIPTION OS-RELEASE EXPECTED
package() {
	printf "$2" >"$work/os-release"
	status "$1, not installed" 125 -q -- true
	equal "$1, not installed: what to do" "pbkfs error: server of PostgreSQL $major is not installed: $3 (--bindir)" "$(cat "$told")"
}
: >"$work/os-release"
mount --bind "$work/os-release" "$(readlink -f /etc/os-release)" || exit 99
package Debian 'ID=debian\n' "the package is postgresql-$major, of the distribution or of apt.postgresql.org; or name its programs"
package Mint 'ID=linuxmint\nID_LIKE="ubuntu debian"\n' "the package is postgresql-$major, of the distribution or of apt.postgresql.org; or name its programs"
package Rocky 'ID="rocky"\nID_LIKE="rhel centos fedora"\n' "the package is postgresql$major-server, of the distribution or of yum.postgresql.org; or name its programs"
package SUSE 'ID="opensuse-leap"\nID_LIKE="suse opensuse"\n' "the package is postgresql$major-server, of the distribution or of zypp.postgresql.org; or name its programs"
package Another 'ID=another\n' "install it, or name its programs"

# ---- each place alone --------------------------------------------------------------------------
for place in "/usr/lib/postgresql/$major/bin" "/usr/pgsql-$major/bin" "/usr/lib/postgresql$major/bin" "/usr/lib64/pgsql/postgresql-$major/bin"; do
	server_in "$place"
	found "in $place" "$place"
	umount "$place"
done
server_in $new/own
found "by --bindir" $new/own --bindir $new/own
PATH=$new/own:$PATH found "in the PATH" $new/own
printf '#!/bin/sh\necho "%s"\n' $new/own >/usr/bin/pg_config; chmod 0755 /usr/bin/pg_config
found "by pg_config" $new/own
server_in "/usr/pgsql-$major/bin" 11
found "a place with another version is passed by" $new/own
umount "/usr/pgsql-$major/bin"
server_in $new/other 11
status "another version by --bindir" 125 --bindir $new/other -- true
check "another version by --bindir: both are named" said "needs PostgreSQL $major, and \".*/other\" has PostgreSQL 11 \(--bindir\)" "$told"

# ---- and it runs from there ------------------------------------------------------------------------
umount $new/own; rm /usr/bin/pg_config
mkdir -p "/usr/pgsql-$major/bin" "/usr/pgsql-$major/lib" && mount --bind "$new/server" "/usr/pgsql-$major/bin" &&
    mount --bind "$new/libdir" "/usr/pgsql-$major/lib" || exit 99
status "a run with it" 0 -q -- sh -c 'command -v psql; psql -XAtqd postgres -c "select 42"'
equal "a run with it: its programs come first" "/usr/pgsql-$major/bin/psql 42" "$(tr '\n' ' ' <"$printed" | sed 's/ $//')"
plan_done
