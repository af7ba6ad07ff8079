#!/usr/bin/env bash
# dist_mesh.sh: two Erlang nodes and two of ours (beamd --dist --app interop) are one mesh, with the same global names and
# the same groups of pg; nodes are killed, come back, disconnect and leave. The phases are in dist_mesh.erl.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for program in erl erlc python3 jq; do
    command -v "$program" >/dev/null && continue
    echo "dist_mesh: skipped: no $program on PATH; try: apt install erlang-base $program"
    exit 77
done
dir=$(mktemp -d)
export HOME=$dir XDG_RUNTIME_DIR=$dir/run XDG_STATE_HOME=$dir/state ERL_CRASH_DUMP=$dir/erl_crash.dump
mkdir -m 700 "$XDG_RUNTIME_DIR" "$XDG_STATE_HOME"
ERL_EPMD_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export ERL_EPMD_PORT
declare -A pids=() # of the timeout that runs each; the node is its child
end_erl() { pkill -9 -P "${pids[$1]}"; }
finish() {
    for name in "${!pids[@]}"; do end_erl "$name" || true; done
    for name in b1 b2 e0; do beamd stop --node "$name@127.0.0.1" >/dev/null 2>&1 || true; done
    rm -rf "$dir"
}
trap finish EXIT

# A node that takes no part is EPMD for the others, so that each of them may die.
beamd --daemon --node e0@127.0.0.1 --dist
cookie=$(<"$HOME/.erlang.cookie")
beamd --daemon --node b1@127.0.0.1 --dist --app interop
beamd --daemon --node b2@127.0.0.1 --dist --app interop
erlc -o "$dir" "$here/dist_mesh.erl"

start_erl() { # start_erl NAME
    timeout 500 erl -noinput -start_epmd false -name "$1@127.0.0.1" -setcookie "$cookie" -kernel start_pg true \
        </dev/null >"$dir/$1.log" 2>&1 &
    pids[$1]=$!
    until beamd_knows "$1"; do kill -0 "${pids[$1]}"; done
}
beamd_knows() { # beamd_knows NAME: it is registered
    timeout 10 erl -noinput -start_epmd false \
        -eval "{ok, L} = erl_epmd:names(\"127.0.0.1\"), halt(case lists:keymember(\"$1\", 1, L) of true -> 0; false -> 1 end)" </dev/null
}
phase() { # phase NAME
    timeout 150 erl -noinput -start_epmd false -name "watcher@127.0.0.1" -hidden -setcookie "$cookie" -pa "$dir" \
        -eval "dist_mesh:main($1)" </dev/null && return
    tail -n 20 "$dir"/*.log
    for name in b1 b2; do beamd logs --node "$name@127.0.0.1" | tail -n 20; done
    return 1
}
start_erl o1
start_erl o2
phase begins
phase names

kill -9 "$(beamd status --node b2@127.0.0.1 --json | jq .os_pid)"
phase one_is_killed
phase it_is_back

end_erl o2
phase theirs_is_killed
start_erl o2
phase theirs_is_back

start_erl a0
start_erl z9
phase clash
phase disconnect
beamd stop --node b1@127.0.0.1
phase one_leaves
for node in b2 e0; do
    restarts=$(beamd status --node "$node@127.0.0.1" --json | jq .restarts)
    [ "$restarts" -le 1 ]
done
