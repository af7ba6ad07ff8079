#!/usr/bin/env bash
# idle.sh beamcore [--quick]: what a node costs that has served one request and now has nothing to
# do. Both of its OS processes count: CPU time, resident memory, and how often their threads were
# switched to or away from (an idle node wakes for nothing).
# shellcheck disable=SC2016  # $1 and $2 in single quotes are awk's
# shellcheck source=SCRIPTDIR/node.sh
source "$(dirname "${BASH_SOURCE[0]}")/node.sh"
trap end_node EXIT
seconds=$([[ ${2-} == --quick ]] && echo 3 || echo 10)
start_node
sleep 2

# The kernel writes no newline behind the last, which read calls a failure.
read -ra children < <(cat /proc/"$node_pid"/task/*/children) || true
pids=("$node_pid" "${children[@]}")
in_proc() { # in_proc FILES AWK: AWK over those files of both processes
    local pid
    # shellcheck disable=SC2086  # FILES is a pattern
    for pid in "${pids[@]}"; do (cd "/proc/$pid" && cat $1); done | awk "$2"
}
cpu_ns() { in_proc 'task/*/schedstat' '{ s += $1 } END { print s }'; }
switches() { in_proc 'task/*/status' '/ctxt_switches/ { s += $2 } END { print s }'; }
cpu_before=$(cpu_ns) switches_before=$(switches)
sleep "$seconds"
cpu_after=$(cpu_ns) switches_after=$(switches)

figure idle_cpu beamcore \
    "$(awk -v d=$((cpu_after - cpu_before)) -v s="$seconds" 'BEGIN { print d / s / 1e7 }')" %
figure idle_rss beamcore "$(in_proc status '/^VmRSS/ { s += $2 } END { print s / 1024 }')" MiB
figure idle_wakeups beamcore $((switches_after - switches_before)) count
