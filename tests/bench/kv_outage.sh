#!/usr/bin/env bash
# kv_outage.sh beamcore [--quick]: a node of three is killed (-9) under writers of another one. The longest time that one
# of them waited for its answer, for each coordinator.
# shellcheck source=SCRIPTDIR/kv_nodes.sh
source "$(dirname "${BASH_SOURCE[0]}")/kv_nodes.sh"

measure() { # measure NAME ENGINE
    local pids longest
    start_kv_three "$2"
    "$BENCH_KV_LOAD" fill 2000 "$(socket_of "${kv_trio[1]}")"
    "$BENCH_KV_LOAD" put 16 12 2000 "$(socket_of "${kv_trio[1]}")" > "$scratch/load" &
    local load=$!
    sleep 2
    pids=$("$BENCH_BEAMD" status --node "${kv_trio[0]}" --json | jq '.parent_pid, .os_pid')
    # shellcheck disable=SC2086  # two numbers
    kill -9 $pids
    wait "$load"
    read -r _ _ longest _ < "$scratch/load"
    kv_figure "$1" beamcore "$(awk -v us="$longest" 'BEGIN { print us / 1000 }')" ms "$2"
    end_kv
}

for engine in "${engines[@]}"; do measure kv_outage_local "$engine"; done
start_etcd
for engine in "${engines[@]}"; do
    export BEAM_KV_COORDINATOR=$etcd_url BEAM_KV_CLUSTER=$engine
    measure kv_outage_etcd "$engine"
done
