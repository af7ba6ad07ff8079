# shellcheck shell=bash
# For those who source it: an EPMD, and an erl that is peer@127.0.0.1 there.
ERL_EPMD_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export ERL_EPMD_PORT BENCH_ERL_EPMD=$ERL_EPMD_PORT
epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 -daemon
out=$(mktemp)

erl_node() { # erl_node NAME SCHEDULERS FLAGS...: in place of this shell
    exec erl +S "$2" +P 2000000 -noinput -name "$1@127.0.0.1" -setcookie bench -pa "$BENCH_PEERS/otp" "${@:3}" </dev/null
}
start_peer() { # start_peer SCHEDULERS
    erl_node peer "$1" -run bench_dist peer >/dev/null 2>&1 &
    peer=$!
}
stop_peer() {
    kill "$peer" 2>/dev/null || true
    wait "$peer" 2>/dev/null || true
}
run_main() { # run_main SCHEDULERS GROUP [--quick]
    (erl_node main "$1" -run bench_main main "${@:2}")
}
measured() { "$@" >>"$out"; } # measured CMD...: keeps the figures that it prints
print_best() { jq -cs 'group_by(.bench)[] | min_by(.value)' "$out"; }

finish() {
    [[ -z ${peer:-} ]] || kill "$peer" 2>/dev/null || true
    epmd -port "$ERL_EPMD_PORT" -kill >/dev/null 2>&1 || true
    rm -f "$out"
}
trap finish EXIT
