#!/usr/bin/env bash
# dist.sh beamcore|otp [--quick]: two nodes over loopback, at an EPMD of their own. Of otp's schedulers, all or one, the
# better counts, for each figure.
set -euo pipefail
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export ERL_EPMD_PORT=$port BENCH_DIST_EPMD=$port

if [[ $1 == beamcore ]]; then
    exec "$BENCH_BEAM" dist "${@:2}"
fi
peers=$BENCH_PEERS/otp
epmd -port "$port" -address 127.0.0.1 -daemon
out=$(mktemp)
finish() {
    kill "${peer:-}" 2>/dev/null || true
    epmd -port "$port" -kill >/dev/null 2>&1 || true
    rm -f "$out"
}
trap finish EXIT
for schedulers in "$(nproc)" 1; do
    erl +S "$schedulers" +P 2000000 -noinput -name peer@127.0.0.1 -setcookie bench -pa "$peers" -run bench_dist peer </dev/null \
        >/dev/null 2>&1 &
    peer=$!
    erl +S "$schedulers" +P 2000000 -noinput -name main@127.0.0.1 -setcookie bench -pa "$peers" \
        -run bench_main main dist "${@:2}" </dev/null >>"$out"
    kill "$peer" 2>/dev/null || true
    wait "$peer" 2>/dev/null || true
done
jq -cs 'group_by(.bench)[] | min_by(.value)' "$out"
