. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-failover.sh"
fixture
new_diff
unset MALLOC_CHECK_ MALLOC_PERTURB_
check "mount" mount_it --wal=mount || { plan_done; exit; }
check "idle kills" killer -n 20 -e 0
show_killer; log_gaps
strace -f -r -o /tmp/h/failover/trace -p $(supervisor_pid) & sleep 1
check "idle kills" killer -n 1 -e 0
sleep 0.5
plan_done
