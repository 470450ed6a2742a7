# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Every file system operation, on fresh names and on files of the backup.
. "$srcdir/tests/lib-e2e.sh"
fixture
before=$(catalog_sum "$store")
new_diff
check "mount" mount_it --wal=mount || { plan_done; exit; }

mkdir "$mnt/fsops.root" "$mnt/base/fsops.user"
chown "$pguser:" "$mnt/base/fsops.user"
note "as root, which default_permissions lets do all"
tap_from "$support/fsops" ops "$mnt/fsops.root"
note "as the server's user"
cp "$support/fsops" "$work/fsops"
tap_from as "$pguser" "$work/fsops" ops "$mnt/base/fsops.user"
rm -rf "$mnt/fsops.root" "$mnt/base/fsops.user"
check "everything that the tests left was removed" [ ! -e "$mnt/fsops.root" -a ! -e "$mnt/base/fsops.user" ]

# The seed changes with each day; a failure prints it.
seed=${PBKFS_FSX_SEED:-$(date +%Y%m%d)}
fsx() { tap_from "$support/fsops" fsx "$1" "$2" "$3" "$seed"; }
fsx "$mnt/fsx.new" "$work/ref.new" 5000

# Copy-up: relations of several sizes, and a plain file.
files=$(cd "$mnt" && find base -type f -size +60k | sort -t/ -k3n |
    while IFS= read -r f; do echo "$(stat -c %s "$f") $f"; done | sort -n | awk '{ l[NR] = $2 } END { print l[1]; print l[int(NR / 2)]; print l[NR] }')
n=0
for f in $files postgresql.conf; do
	n=$((n + 1))
	cp "$mnt/$f" "$work/ref.$n"
	fsx "$mnt/$f" "$work/ref.$n" 2000
done
check "unmount" unmount_it
check "mount again" mount_it --wal=mount
check "the new file kept what fsx wrote" cmp "$mnt/fsx.new" "$work/ref.new"
n=0
for f in $files postgresql.conf; do
	n=$((n + 1))
	check "$f kept what fsx wrote" cmp "$mnt/$f" "$work/ref.$n"
	seed=$((seed + 1))
	fsx "$mnt/$f" "$work/ref.$n" 1000
done
check "unmount at the end" unmount_it
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
