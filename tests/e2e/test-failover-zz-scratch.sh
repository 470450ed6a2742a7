. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-failover.sh"
fixture
new_diff
check "mount" mount_it --wal=mount || { plan_done; exit; }
check "idle kills" killer -n 20 -e 0
show_killer; log_gaps
stress_prepare
stress_begin 100000 ${JOBS:-$stress_all}
check "$kills kills at random moments" killer -n "$kills" ${KOPT:-}
show_killer
stress_end "no wrong byte, no wrong errno"
log_gaps
ls -la $diff/journal
rm -rf "$mnt/stress"
check "idle kills" killer -n 20 -e 0
show_killer
plan_done
