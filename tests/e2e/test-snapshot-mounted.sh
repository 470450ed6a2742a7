# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A snapshot of what is mounted: it has all that was written, synced or not, the mount goes on, and no process keeps a
# descriptor of what is frozen.  A server that runs is named.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-branch.sh"
. "$srcdir/tests/lib-failover.sh"
fixture
new_diff
check "mount" mount_it || { plan_done; exit; }
supervisor=$(supervisor_pid)
worker=$(worker_pid)

# ---- a server is in the way ----------------------------------------------------------------
check "a server" start_branch trunk
check "a table" sql -c "create table t as select g from generate_series(1, 1000) g"
refuse "a server that runs is named" "a server runs on it, postgres \(pid $(head -n 1 "$mnt/postmaster.pid")\): stop it first" pb snapshot s
equal "its worker is the same" "$worker" "$(worker_pid)"
equal "and it goes on" 1000 "$(sql -c 'select count(*) from t')"
check "it stops" stop_branch trunk
# The pid of somebody else in the file of a server that crashed.
echo $$ >"$mnt/postmaster.pid"
check "no server has that pid" pb snapshot crashed
rm "$mnt/postmaster.pid"

# ---- what the kernel holds -----------------------------------------------------------------
mkdir "$mnt/held"
mkfifo "$work/go" "$work/said"
"$support/hold" write "$mnt/held/written" 5000000 <"$work/go" >"$work/said" &
"$support/hold" map "$mnt/held/mapped" 3000000 <"$work/go" >"$work/said" &
exec 7>"$work/go" 6<"$work/said"
read -r said <&6
read -r said <&6
exec 6<&-
ln "$mnt/held/written" "$mnt/held/linked"
mv "$mnt/held/mapped" "$mnt/held/renamed"
truncate -s 100 "$mnt/PG_VERSION"
rm "$mnt/pg_hba.conf"
# A file without a name, and a lock.
exec 8>"$mnt/held/locked" 9<>"$mnt/held/nameless"
echo kept >&9
rm "$mnt/held/nameless"
flock 8
check "a snapshot of all that" pb snapshot base --message "what the kernel held"
sed 's/^/# /' "$work/out"
check "its worker is another one" eval '[ "$(worker_pid)" != "$worker" ]'
equal "its supervisor is the same" "$supervisor" "$(supervisor_pid)"
equal "nobody died" 0 "$(deaths)"
walk trunk "$work/base.state"
check "a file without a name is kept" eval 'echo more >&9 && [ "$(cat "/proc/$$/fd/9")" = "$(printf "kept\nmore")" ]'
refuse "a lock is, too" "" flock -n "$mnt/held/locked" true

# ---- nobody holds what is frozen -------------------------------------------------------------
frozen_fds() {
	for ff_p in "$supervisor" $(cat "/proc/$supervisor/task/$supervisor/children"); do
		for ff_fd in "/proc/$ff_p/fd/"*; do
			case $(readlink "$ff_fd") in "$diff/layers/"*/*) ;; *) continue ;; esac
			case $(sed -n 's/^flags:[^0-9]*//p' "/proc/$ff_p/fdinfo/${ff_fd##*/}") in *[12]) echo "$ff_p $(readlink "$ff_fd")" ;; esac
		done
	done
}
equal "the reserve goes on with the mount" "$diff/changes/reserve" "$(ls -d "$diff"/*/reserve "$diff"/layers/*/reserve 2>/dev/null)"
equal "no process can write to what is frozen" "" "$(frozen_fds)"
sums() { (cd "$diff/layers/base" && find . -type f -print0 | sort -z | xargs -0 sha256sum); }
sums >"$work/base.sums"

# ---- the mount goes on -----------------------------------------------------------------------
echo changed >"$mnt/held/renamed"
rm "$mnt/held/linked"
rm -r "$mnt/global"
exec 7>&- 8>&- 9>&-
wait
refuse "the name is taken" "there is a snapshot of that name" pb snapshot base
check "and the mount is served" ls "$mnt/held"
check "there is a reserve" test -s "$diff/changes/reserve"
reserve=$(stat -c '%i %b' "$diff/changes/reserve")
check "another snapshot, by the mountpoint" pbkfs snapshot -D "$mnt" later
equal "the reserve goes on with the mount" "$reserve" "$(stat -c '%i %b' "$diff/changes/reserve")"
equal "and no snapshot has one" "" "$(ls "$diff"/layers/*/reserve 2>/dev/null)"
equal "stat names it" later "$(pbkfs stat -D "$mnt" --format json | sed -n 's/.*"snapshot": *"\([^"]*\)".*/\1/p')"
walk trunk "$work/later.state"
echo lost >"$mnt/held/lost"
check "unmount" unmount_it
sums >"$work/found.sums"
same "what was frozen is as it was, byte for byte" "$work/base.sums" "$work/found.sums"
for b in base later; do
	check "a branch of $b" pb branch "from-$b" --from $b
	check "it is mounted" mount_branch "from-$b"
	like_state "and has what was there" "from-$b" "$work/$b.state"
done

# ---- a branch that is mounted ------------------------------------------------------------------
echo branch >"$(at from-base)/held/branch"
walk from-base "$work/branch.state"
check "a snapshot of a branch" pb snapshot --branch from-base of-branch
rm -r "$(at from-base)/held"
check "a branch of that" pb branch twig --from of-branch
check "it is mounted, too" mount_branch twig
like_state "and has what was there" twig "$work/branch.state"
for b in from-base from-later twig; do check "unmount $b" unmount_branch $b; done

# ---- a full disk -------------------------------------------------------------------------------
small=$work/small
mkdir "$small"
mount -t tmpfs -o size=100M,nr_inodes=3000,mode=0755 tmpfs "$small" || exit 99
diff=$small/diff
new_diff
check "mount on a small disk" mount_it
echo here >"$mnt/before"
mkdir "$small/filler"
(cd "$small/filler" && seq 1 5000 | xargs touch) 2>/dev/null
refuse "a full disk" "[Nn]o space left" pb snapshot full
equal "the mount is served" here "$(cat "$mnt/before")"
equal "nothing is frozen" "" "$(ls "$diff/layers" 2>/dev/null)"
equal "and nothing left" "" "$(leftovers)"
rm -r "$small/filler"
check "with room it is made" pb snapshot full
equal "and the mount is served" here "$(cat "$mnt/before")"
check "unmount" unmount_it
umount "$small"
plan_done
