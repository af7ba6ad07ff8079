# shellcheck shell=bash
# Sourced by the benches of kv: clusters of one or three nodes on this machine, and an etcd, in folders of their own.
# Needs BENCH_KV, BENCH_KV_LOAD, BENCH_RESP_LOAD and BENCH_PEERS besides what node.sh needs.
# shellcheck source=SCRIPTDIR/node.sh
source "$(dirname "${BASH_SOURCE[0]}")/node.sh"

# shellcheck disable=SC2034  # those who source this use them
readonly kv_keys=20000
# shellcheck disable=SC2034
engines=(lmdb rocksdb)

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# kv_figure NAME SUBJECT VALUE UNIT ENGINE: the better of the engines counts.
kv_figure() {
    printf '{"bench":"%s","subject":"%s","value":%s,"unit":"%s","better":"lower","variant":"%s"}\n' "$@"
}
per_request_ns() { awk -v rate="$1" 'BEGIN { printf "%.0f", 1e9 / rate }'; }

socket_of() { echo "$XDG_RUNTIME_DIR/beamcore/$1.sock"; }

kv_is_healthy() { "$BENCH_KV" cluster health --node "$1" --no-spawn -q > /dev/null 2>&1; }
wait_healthy() { # wait_healthy NODE
    local until=$((SECONDS + 60))
    until kv_is_healthy "$1"; do
        ((SECONDS < until)) || { echo "kv did not become healthy" >&2; return 1; }
        sleep 0.1
    done
}

kv_nodes=()
kv_pids=()
start_kv_node() { # start_kv_node NODE OPTIONS...
    "$BENCH_BEAMD" --node "$1" "${@:2}" >> "$scratch/$1.log" 2>&1 &
    kv_pids+=($!)
    kv_nodes+=("$1")
}

# One node whose cluster is itself, without distribution.
start_kv_one() { # start_kv_one ENGINE
    export BEAM_KV_ENGINE=$1
    start_kv_node one
    "$BENCH_BEAMD" await --node one > /dev/null
    "$BENCH_KV" cluster init --node one --rf 1 --no-spawn > /dev/null
    wait_healthy one
}

kv_trio=(n1@127.0.0.1 n2@127.0.0.1 n3@127.0.0.1)
start_kv_three() { # start_kv_three ENGINE
    export BEAM_KV_ENGINE=$1 node
    ERL_EPMD_PORT=$(free_port)
    export ERL_EPMD_PORT
    for node in "${kv_trio[@]}"; do
        start_kv_node "$node" --dist --dist-join "$(IFS=,; echo "${kv_trio[*]}")"
    done
    for node in "${kv_trio[@]}"; do "$BENCH_BEAMD" await --node "$node" > /dev/null; done
    "$BENCH_KV" cluster init --node "${kv_trio[0]}" --nodes n1,n2,n3 --rf 2 --no-spawn > /dev/null
    wait_healthy "${kv_trio[0]}"
}

end_kv() {
    local node
    for node in "${kv_nodes[@]}"; do "$BENCH_BEAMD" stop --node "$node" > /dev/null 2>&1 || true; done
    if ((${#kv_pids[@]})); then wait "${kv_pids[@]}" 2> /dev/null || true; fi
    kv_nodes=() kv_pids=()
    rm -rf "${XDG_RUNTIME_DIR:?}"/* "${XDG_STATE_HOME:?}"/*
}

etcd_pid=
start_etcd() {
    local client peer
    client=$(free_port) peer=$(free_port)
    etcd_url=http://127.0.0.1:$client
    etcd --data-dir "$scratch/etcd" --listen-client-urls "$etcd_url" --advertise-client-urls "$etcd_url" \
        --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
        --initial-cluster "default=http://127.0.0.1:$peer" > "$scratch/etcd.log" 2>&1 &
    etcd_pid=$!
    until curl -fs "$etcd_url/health" > /dev/null; do sleep 0.05; done
}

end_all() {
    end_kv
    if [[ -n $etcd_pid ]]; then
        kill "$etcd_pid"
        wait "$etcd_pid" 2> /dev/null || true
    fi
    if [[ -n ${redis_pid-} ]]; then
        kill "$redis_pid"
        wait "$redis_pid" 2> /dev/null || true
    fi
    rm -rf "$scratch"
}
trap end_all EXIT
