#!/usr/bin/env bash
# kv_three.sh beamcore|etcd [--quick]: durable puts of one client and of 50 to three nodes with two copies of all, the
# clients spread over the nodes, against one etcd; over the control socket, and (kv_resp_put_50_rf2) over RESP.
# shellcheck source=SCRIPTDIR/kv_nodes.sh
source "$(dirname "${BASH_SOURCE[0]}")/kv_nodes.sh"
seconds=$([[ ${2-} == --quick ]] && echo 2 || echo 4)

told() { # told SUBJECT VARIANT: of "RATE P99 MAX P50" on stdin for put of 1 and put of 50
    local rate p50
    read -r _ _ _ p50
    kv_figure kv_put_1_rf2 "$1" "$p50" us "$2"
    read -r rate _
    kv_figure kv_put_50_rf2 "$1" "$(per_request_ns "$rate")" ns "$2"
    if [[ $1 == etcd ]]; then kv_figure kv_resp_put_50_rf2 etcd "$(per_request_ns "$rate")" ns ''; fi
}

if [[ $1 == etcd ]]; then
    start_etcd
    etcd() { "$BENCH_PEERS/etcd_load" "$etcd_url" "$@"; }
    etcd fill $kv_keys
    { etcd put 1 "$seconds" $kv_keys; etcd put 50 "$seconds" $kv_keys; } | told etcd ''
    exit 0
fi
for engine in "${engines[@]}"; do
    start_kv_three "$engine"
    sockets=()
    for node in "${kv_trio[@]}"; do sockets+=("$(socket_of "$node")"); done
    "$BENCH_KV_LOAD" fill $kv_keys "${sockets[0]}"
    { "$BENCH_KV_LOAD" put 1 "$seconds" $kv_keys "${sockets[@]}"
        "$BENCH_KV_LOAD" put 50 "$seconds" $kv_keys "${sockets[@]}"; } | told beamcore "$engine"
    resps=
    for node in "${kv_trio[@]}"; do
        "$BENCH_KV" serve --node "$node" --no-spawn --resp "$scratch/$node.resp" > /dev/null
        resps+=,$scratch/$node.resp
    done
    read -r rate _ < <("$BENCH_RESP_LOAD" "${resps#,}" set 50 1 "$seconds" $kv_keys)
    kv_figure kv_resp_put_50_rf2 beamcore "$(per_request_ns "$rate")" ns "$engine"
    end_kv
done
