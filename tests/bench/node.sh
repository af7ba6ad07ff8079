# shellcheck shell=bash
# Sourced by the benches that run a node of their own, in folders of their own.
# Needs BENCH_BEAMD and BENCH_CHATCTL (scripts/bench sets them).
set -euo pipefail

scratch=$(mktemp -d)
export XDG_RUNTIME_DIR=$scratch/run XDG_STATE_HOME=$scratch/state XDG_CONFIG_HOME=$scratch/config
export BEAM_NODE=bench
mkdir -m 0700 "$XDG_RUNTIME_DIR" "$XDG_STATE_HOME" "$XDG_CONFIG_HOME"
if [[ -n ${BENCH_BEAMD-} ]]; then PATH=$(dirname "$BENCH_BEAMD"):$PATH; fi

node_pid=
start_node() {
    "$BENCH_BEAMD" --node bench > "$scratch/beamd.log" 2>&1 &
    node_pid=$!
    "$BENCH_BEAMD" await > /dev/null
    "$BENCH_CHATCTL" list > /dev/null
}

end_node() {
    "$BENCH_BEAMD" stop > /dev/null 2>&1 || true
    [[ -z $node_pid ]] || wait "$node_pid" 2> /dev/null || true
    rm -rf "$scratch"
}

figure() { # figure NAME SUBJECT VALUE UNIT
    printf '{"bench":"%s","subject":"%s","value":%s,"unit":"%s","better":"lower"}\n' "$@"
}

# median_ms COMMAND...: the median time of one run, in milliseconds. Options for hyperfine in the
# array `hyperfine_options`.
hyperfine_options=()
median_ms() {
    hyperfine --shell=none --style=none --export-json "$scratch/times.json" \
        "${hyperfine_options[@]}" "$(printf '%q ' "$@")" > /dev/null
    jq '.results[0].median * 1000' "$scratch/times.json"
}

# start_redis: a server with nothing kept, on $scratch/redis.sock, that ends with the script.
start_redis() {
    redis-server --port 0 --unixsocket "$scratch/redis.sock" --save '' --appendonly no \
        --dir "$scratch" > "$scratch/redis.log" &
    redis_pid=$!
    trap 'kill $redis_pid; wait $redis_pid || true; rm -rf "$scratch"' EXIT
    until redis-cli -s "$scratch/redis.sock" ping > /dev/null 2>&1; do sleep 0.05; done
}
