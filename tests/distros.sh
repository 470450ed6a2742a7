#!/bin/sh
# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds pbkfs and runs its demo and its unit, component and end-to-end tests in
# other releases of Debian:
#
#	tests/distros.sh trixie sid
#
# Each release is made by debootstrap once and kept, up to date, in
# $PBKFS_DISTROS (distros in the build directory); it needs root.  Mirror and
# proxy are those of this machine's apt ($PBKFS_MIRROR for another mirror).
# Everything runs in namespaces of its own: whatever happens, no mount and no
# process is left.  What the tests say goes to RELEASE.log beside it.
#
# PBKFS_DISTROS_TESTS names some tests to run instead of all, "" for none.
# Prints a line for each release; the status is 1 if anything failed.
set -u

here=$(cd "$(dirname "$0")/.." && pwd) || exit 1
place=${PBKFS_DISTROS:-${builddir:-$here/build}/distros}
catalogs=${PBKFS_CATALOGS:-$here/../shared/catalogs}

# --- inside a release: its root is ours, and nothing else is mounted ------------

# Prints the versions that the tests run with: "libfuse 3.18.3, PostgreSQL 18.1, gcc 16.2.0".
versions() {
	for dir in $(ls -d /usr/lib/postgresql/*/bin | sort -Vr); do break; done
	printf 'libfuse %s, PostgreSQL %s, gcc %s' "$(pkg-config --modversion fuse3)" \
	    "$("$dir/postgres" --version | sed 's/^[^0-9]*\([^ ]*\).*/\1/')" "$(gcc -dumpfullversion)"
}

# The last stage of what bootstrap says is the line with the totals.
inside() {
	cd /pbkfs || exit 1
	export LC_ALL=C.UTF-8 PBKFS_CONFIGURE=--enable-werror
	# with the catalogs there is no reason to skip anything
	[ -z "$(ls /catalogs)" ] || export CI=true
	failed=0
	./bootstrap demo || { echo "./bootstrap demo failed"; failed=1; }
	if [ "${PBKFS_DISTROS_TESTS-all}" = all ]; then
		./bootstrap check check || failed=1
	else
		./bootstrap check "check TESTS='$PBKFS_DISTROS_TESTS'" || failed=1
	fi
	versions >/versions
	exit $failed
}

# enter ROOT COMMAND...: runs a command with this directory as its root.  The kernel is this machine's: by
# $container of process 1 packages know that, and leave its settings alone.
enter() {
	root=$1; shift
	env container=pbkfs unshare --mount --pid --fork --kill-child --propagation private sh -c '
		root=$1; shift
		mount --bind "$root" "$root" && cd "$root" && mkdir -p .host catalogs &&
		mount --rbind /dev dev && mount --rbind /sys sys && mount -t proc proc proc || exit 1
		if [ -d "$catalogs" ]; then mount --bind -o ro "$catalogs" catalogs || exit 1; fi
		pivot_root . .host && cd / && umount -l /.host || exit 1
		exec "$@"' sh "$root" "$@"
}

# --- making a release ---------------------------------------------------------------

# The mirror of Debian that apt uses here.
mirror() {
	if [ -n "${PBKFS_MIRROR:-}" ]; then echo "$PBKFS_MIRROR"; return; fi
	apt-get indextargets --format '$(SITE)' 'Identifier: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null |
	    sort -u | sed -n 1p | grep . || echo http://deb.debian.org/debian
}

# Reads proxy and mirror from this machine's apt, for debootstrap and for the apt of the release.
take_settings() {
	eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
	export http_proxy https_proxy
	[ -n "${http_proxy:-}" ] || unset http_proxy
	[ -n "${https_proxy:-}" ] || unset https_proxy
}
give_settings() {
	apt-config dump | grep -E '^Acquire::(https?::|Retries |Check-)' >"$1/etc/apt/apt.conf.d/90host"
	cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
	# older fusermount3 want it, and only an installed system has it
	[ -e "$1/etc/mtab" ] || ln -sf ../proc/self/mounts "$1/etc/mtab"
	# no server is to be started by its package
	printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d" && chmod 755 "$1/usr/sbin/policy-rc.d"
}

make_release() {
	[ ! -e "$1/.complete" ] || return 0
	rm -rf "$1"
	debootstrap --variant=minbase --include=ca-certificates "$suite" "$1" "$(mirror)" && touch "$1/.complete"
}
# Without a network what is there has to do.
update_release() {
	enter "$1" sh -c 'export DEBIAN_FRONTEND=noninteractive
		apt-get -q update && apt-get -q -y dist-upgrade && apt-get clean' ||
	    echo "$suite could not be brought up to date"
}

# The tree as it is here, without what git ignores.
copy_tree() {
	rm -rf "$1/pbkfs" "$1"/tmp/* && mkdir "$1/pbkfs" || return 1
	if [ -e "$here/.git" ]; then
		(cd "$here" && git ls-files -coz --exclude-standard | tar --null -T - -cf -) | tar -xf - -C "$1/pbkfs"
	else
		make -s -C "${builddir:-$here}" distdir distdir="$1/pbkfs"
	fi
}

# --- each -----------------------------------------------------------------------------

# run_suite: prints its line.
run_suite() {
	root=$place/$suite log=$place/$suite.log
	: >"$log"
	status=0
	{
		make_release "$root" && give_settings "$root" && update_release "$root" && copy_tree "$root" &&
		    rm -f "$root/versions" &&
		    enter "$root" env PBKFS_CATALOGS=/catalogs sh /pbkfs/tests/distros.sh --inside
	} >>"$log" 2>&1 || status=1
	totals=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
	case $totals in *skipped) ;; ?*) totals="$totals, 0 skipped" ;; esac
	printf '%s: %s: %s\n' "$suite" "$(cat "$root/versions" 2>/dev/null)" "${totals:-0 passed, 1 failed, 0 skipped}"
	if [ $status -ne 0 ]; then
		echo "# $suite failed: $log ends with"
		grep -aE '^(not ok|FAIL|ERROR|.* failed$)' "$log" | tail -n 20 | sed 's/^/#   /'
		tail -n 5 "$log" | sed 's/^/#   /'
	fi
	return $status
}

[ "${1:-}" != --inside ] || inside
[ $# -gt 0 ] || { echo "usage: tests/distros.sh SUITE..." >&2; exit 2; }
for program in debootstrap unshare pivot_root apt-config; do
	command -v $program >/dev/null || { echo "distros.sh: $program is not installed" >&2; exit 1; }
done
[ "$(id -u)" = 0 ] || { echo "distros.sh: making a release needs root" >&2; exit 1; }
export catalogs
take_settings
mkdir -p "$place" || exit 1
failed=0
for suite in "$@"; do run_suite || failed=1; done
exit $failed
