# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# An ordinary user's mount becomes independent of the catalog, killed on the way, and on a disk that
# is too small at first.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
. "$srcdir/tests/lib-hydrate.sh"
fixture
before=$(catalog_sum "$store")
become_user
hydrate_it() { pbk hydrate -D "$mnt" "$@"; }
hydrate_figure() { pbk stat -D "$mnt" --format json | tr -d '\n ' | sed -n "s/.*\"hydrate\":{[^}]*\"$1\":\([0-9]*\).*/\1/p"; }
hydrate_state() { pbk stat -D "$mnt" --format json | tr -d '\n' | sed -n 's/.*"hydrate": *{[^}]*"state": *"\([^"]*\)".*/\1/p'; }
mount_detached() { pbk mount -d "$diff" -D "$mnt" --wait "$@"; }

# Bytes that are left are compared: a file that lost its name counts as long as somebody may have it open,
# which a new mount knows better.

# ---- killed again and again: it goes on --------------------------------------------
new_diff
check "mount --hydrate" mount_it --wal=mount --hydrate --rate 3M || { plan_done; exit; }
kills=${HYDRATE_KILLS:-10} n=0 seen=9999999999999
while [ "$n" -lt "$kills" ]; do
	n=$((n + 1))
	case $((n % 3)) in
	0)	worker=$(worker_pid) supervisor=$(supervisor_pid)
		kill9 "$supervisor" "$worker"; wait_gone "$supervisor" "$worker"
		pbk unmount -D "$mnt" -d "$diff" --force 2>"$work/err"
		check "kill $n of all: it mounts" mount_it --wal=mount ;;
	*)	worker=$(worker_pid)
		check "kill $n of the worker" eval 'kill9 "$worker" && wait_gone "$worker"' ;;
	esac
	check "kill $n: it is under way, and not behind where it was" eval \
	    'until_state copying || until_state detached; now=$(hydrate_figure bytes_left); [ "$now" -le "$seen" ] && seen=$now'
	sleep 0.3
done
like_oracle "half copied, it is the backup" "$oracle" "$mnt"
check "the rest" hydrate_it --wait
check "unmount" unmount_it
mv "$store" "$store.away"
check "mount without the catalog" mount_detached
like_oracle "it is the backup" "$oracle" "$mnt"
check "unmount of it" unmount_it
mv "$store.away" "$store"
check "cleanup" pbk cleanup -d "$diff"

# ---- the archive is still needed -----------------------------------------------------
new_diff
check "mount" mount_it --wal=mount
as "$pguser" touch "$mnt/standby.signal"
check "hydrate" hydrate_it
check "it waits for the end of recovery" until_state "waiting for recovery"
worker=$(worker_pid)
check "it can be stopped there" hydrate_it --stop
equal "it is off" off "$(hydrate_state)"
equal "by the worker that was asked" "$worker" "$(worker_pid)"
check "hydrate once more" hydrate_it
check "it waits again" until_state "waiting for recovery"
as "$pguser" rm "$mnt/standby.signal"
check "and goes on" until_state detached
check "unmount of the third" unmount_it

# ---- a full disk ---------------------------------------------------------------------
small=$work/small
mkdir "$small" && mount -t tmpfs -o "size=24m,mode=0700,uid=$pguid,gid=$pggid" tmpfs "$small"
diff=$small/diff
new_diff
check "mount on a small disk" mount_it --wal=mount
check "hydrate says that there is not enough room" hydrate_it
check "it warns" said 'not enough room' "$work/err"
check "it waits" until_state "waiting for room"
check "the log says so" grep -q 'waits for room on the disk' "$diff/.pbkfs/pbkfs.log"
check "others can write still" as "$pguser" dd if=/dev/zero of="$mnt/others" bs=8192 count=16 conv=fsync
like_oracle "all can be read" "$oracle" "$mnt" -x others
mount -o remount,size=400m "$small"
check "with room it goes on" hydrate_it --wait
like_oracle "and all is there" "$oracle" "$mnt" -x others
check "unmount of the fourth" unmount_it
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
