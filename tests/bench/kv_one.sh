#!/usr/bin/env bash
# kv_one.sh beamcore|etcd|redis [--quick]: one node with one copy of all, against one etcd and against Redis with
# `appendfsync always`: durable puts of one client and of 50, and linearizable gets of 50; over the control socket, and
# (kv_resp_*) over RESP.
# shellcheck source=SCRIPTDIR/kv_nodes.sh
source "$(dirname "${BASH_SOURCE[0]}")/kv_nodes.sh"
seconds=$([[ ${2-} == --quick ]] && echo 2 || echo 4)

told() { # told SUBJECT VARIANT: of "RATE P99 MAX P50" on stdin for put of 1, put of 50, get of 50
    local rate p50
    read -r _ _ _ p50
    kv_figure kv_put_1 "$1" "$p50" us "$2"
    read -r rate _
    kv_figure kv_put_50 "$1" "$(per_request_ns "$rate")" ns "$2"
    if read -r rate _; then kv_figure kv_get_50 "$1" "$(per_request_ns "$rate")" ns "$2"; fi
}

told_resp() { # told_resp SUBJECT VARIANT SOCKET: sets and gets of 50
    local what name rate
    for what in set get; do
        name=kv_resp_${what/set/put}_50
        read -r rate _ < <("$BENCH_RESP_LOAD" "$3" "$what" 50 1 "$seconds" $kv_keys)
        kv_figure "$name" "$1" "$(per_request_ns "$rate")" ns "$2"
    done
}

case $1 in
    etcd)
        start_etcd
        etcd() { "$BENCH_PEERS/etcd_load" "$etcd_url" "$@"; }
        etcd fill $kv_keys
        { etcd put 1 "$seconds" $kv_keys; etcd put 50 "$seconds" $kv_keys; etcd get 50 "$seconds" $kv_keys; } |
            told etcd ''
        ;;
    redis)
        socket=$scratch/redis.sock
        redis-server --port 0 --unixsocket "$socket" --save '' --appendonly yes --appendfsync always \
            --dir "$scratch" > "$scratch/redis.log" &
        redis_pid=$!
        until redis-cli -s "$socket" ping > /dev/null 2>&1; do sleep 0.05; done
        { "$BENCH_RESP_LOAD" "$socket" set 1 1 "$seconds" $kv_keys
            "$BENCH_RESP_LOAD" "$socket" set 50 1 "$seconds" $kv_keys; } | told redis ''
        told_resp redis '' "$socket"
        ;;
    *)
        for engine in "${engines[@]}"; do
            start_kv_one "$engine"
            socket=$(socket_of one)
            "$BENCH_KV_LOAD" fill $kv_keys "$socket"
            { "$BENCH_KV_LOAD" put 1 "$seconds" $kv_keys "$socket"
                "$BENCH_KV_LOAD" put 50 "$seconds" $kv_keys "$socket"
                "$BENCH_KV_LOAD" get 50 "$seconds" $kv_keys "$socket"; } | told beamcore "$engine"
            "$BENCH_KV" serve --node one --no-spawn --resp "$scratch/resp.sock" > /dev/null
            told_resp beamcore "$engine" "$scratch/resp.sock"
            end_kv
        done
        ;;
esac
