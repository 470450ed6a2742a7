# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Diff directories become data directories.  After lib-e2e.sh and lib-hydrate.sh; with lib-user.sh as well, all
# of it as an ordinary user.

# The data directory that is to be, in a directory of the server's user.
place=$work/place pgdata=$work/place/pgdata
new_place() { rm -rf "$place"; install -d -o "$pguser" -g "$pggid" -m 0700 "$place"; }
promote_it() { pbkfs promote -d "$diff" --to "$pgdata" "$@"; }
# detach_it [OPTION...]: mounts $id with it, waits until that needs no catalog, and unmounts.
detach_it() {
	new_diff
	mount_it --hydrate "$@" && hydrate_it --wait && unmount_it
}
# Nothing is left of the diff directory, or beside the data directory.
nothing_else() { [ -z "$(ls -A "$diff")" ] && [ -z "$(ls -A "$place" | grep pbkfs)" ]; }
# Files with more than one name, which somebody else could change.
shared_files() { find "$place" -type f -links +1 -print; }
# like_promoted DESCRIPTION [MANIFEST-OPTION...]: the data directory is the backup.
like_promoted() {
	promoted_desc=$1; shift
	like_oracle "$promoted_desc: files are those of the restore" "$oracle" "$pgdata" "$@"
	equal "$promoted_desc: all belongs to the owner" "" "$(find "$place" ! -user "$pguser" -print | head -n 5)"
	equal "$promoted_desc: mode of the root" 700 "$(stat -c %a "$pgdata")"
	equal "$promoted_desc: no file is shared" "" "$(shared_files)"
	check "$promoted_desc: nothing else is left" nothing_else
}
