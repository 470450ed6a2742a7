# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A line of fstab: mount(8) finds pbkfs by its type.  With "latest" each boot mounts the backup that
# the first one chose.
. "$srcdir/tests/lib-e2e.sh"
need mount.fuse
fixture
chown -R nobody "$store"; chmod 0700 "$store"
# mount(8) and mount.fuse(8) look for programs in the system's directories alone.
mount -t tmpfs tmpfs /usr/local/sbin && cp "$(command -v pbkfs)" /usr/local/sbin || exit 99
diff="$work/diff dir"
binding=$diff/.pbkfs-binding.json
new_diff "$diff"
line() { printf '%s %s fuse.pbkfs %s 0 0\n' "$(printf %s "$diff" | sed 's/ /\\040/g')" "$mnt" "$1" >"$work/fstab"; }
boot() { mount -T "$work/fstab" "$mnt"; }
closed="pbk-store=$store,instance=$instance,backup-id=latest"

line "$closed,mount-owner=$pguser,noauto,nofail,_netdev,noatime,set=\"application_name=a,b\""
check "the first boot" boot || { plan_done; exit; }
first=$(mounted_id)
equal "it is what pbkfs mounts" "fuse.pbkfs nosuid nodev noexec" \
    "$(awk -v m="$mnt" '$2 == m { n = split($4, o, ","); s = $3; for (i = 1; i <= n; i++) if (o[i] ~ /^no(suid|dev|exec)$/) s = s " " o[i]; print s }' /proc/self/mounts)"
equal "options have their values" "application_name = 'a,b'" "$(grep -m 1 '^application_name' "$mnt/postgresql.auto.conf")"
printf 'mine\n' >"$mnt/mine"
supervisor=$(supervisor_pid)
check "shutdown" umount "$mnt"
wait_gone "$supervisor"
cp -a "$store/backups/$instance/$full_id" "$store/backups/$instance/ZZZZZ1"
sed -i "s/^start-time = .*/start-time = '2031-01-01 00:00:00+00'/; s/^end-time = .*/end-time = '2031-01-01 00:00:01+00'/; s/^recovery-time = .*/recovery-time = '2031-01-01 00:00:00+00'/" \
    "$store/backups/$instance/ZZZZZ1/backup.control"
note "there is a newer backup"
check "the next boot" boot
equal "mounts the same backup" "$first" "$(mounted_id)"
equal "with its changes" mine "$(cat "$mnt/mine")"
check "shutdown by pbkfs" pbkfs unmount -D "$mnt"
cp -p "$binding" "$work/binding"
as "$pguser" sed -i "s/\"backup_id\": *\"$first\"/\"backup_id\": \"ZZZZZ1\"/" "$binding"
refuse "a binding that was forged meanwhile" "backup_id.* is not what it was" boot
check "nothing is mounted" eval '! is_mounted "$mnt"'
cp -p "$work/binding" "$binding"
rm "$statedir"/*
refuse "without what root decided the line is not enough" "name it with -B, -I and -i" boot
check "nothing is mounted either" eval '! is_mounted "$mnt"'
line "pbk-store=$store,instance=$instance,backup-id=$first,mount-owner=$pguser"
check "with an id it is" boot
check "shutdown" pbkfs unmount -D "$mnt"
line "$closed,mount-owner=$pguser"
check "and then with latest again" boot
equal "it is still the same" "$first" "$(mounted_id)"
check "shutdown" pbkfs unmount -D "$mnt"

check "as mount(8) runs a helper" pbkfs "$diff" "$mnt" -sv -n -t fuse.pbkfs -o "rw,$closed,mount-owner=$pguser"
check "shutdown" pbkfs unmount -D "$mnt"

note "lines that cannot be"
line "$closed,mount-owner=$pguser,ro"
refuse "a mount is written to" 'unknown option "--ro"' boot
line "$closed,mount-owner=$pguser,no-such-option=1"
refuse "an option that there is not" 'unknown option "--no-such-option' boot
refuse "an option that newer mount(8) would not tell of" "write mount-owner=$pguser" \
    pbkfs "$diff" "$mnt" -o "$closed,owner=$pguser"
refuse "no mountpoint" "fstab takes" pbkfs "$diff"
refuse "no type behind -t" "fstab takes" pbkfs "$diff" "$mnt" -t
refuse "no options behind -o" "fstab takes" pbkfs "$diff" "$mnt" -o
refuse "another letter" 'unknown option "-x"' pbkfs "$diff" "$mnt" -x rw
plan_done
