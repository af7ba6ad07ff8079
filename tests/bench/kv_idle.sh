#!/usr/bin/env bash
# kv_idle.sh beamcore [--quick]: CPU time of a node that has its third of 64 shards with two copies each, and no requests.
# Both of its OS processes count.
# shellcheck disable=SC2016  # $1 in single quotes is awk's
# shellcheck source=SCRIPTDIR/kv_nodes.sh
source "$(dirname "${BASH_SOURCE[0]}")/kv_nodes.sh"
seconds=$([[ ${2-} == --quick ]] && echo 5 || echo 15)

for engine in "${engines[@]}"; do
    start_kv_three "$engine"
    sleep 3
    mapfile -t pids < <("$BENCH_BEAMD" status --node "${kv_trio[0]}" --json | jq '.parent_pid, .os_pid')
    cpu_ns() { cat /proc/{"${pids[0]}","${pids[1]}"}/task/*/schedstat | awk '{ s += $1 } END { printf "%.0f", s }'; }
    before=$(cpu_ns)
    sleep "$seconds"
    after=$(cpu_ns)
    kv_figure kv_idle beamcore "$(awk -v d=$((after - before)) -v s="$seconds" 'BEGIN { print d / s / 1e7 }')" % "$engine"
    end_kv
done
