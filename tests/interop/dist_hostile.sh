#!/usr/bin/env bash
# dist_hostile.sh: strangers and peers that mean harm, against a node of ours (beamd --dist --app interop), while an
# honest peer watches that it is answered. The cases are in dist_hostile.py; the node is EPMD too, at a port of its own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for program in python3 jq; do
    command -v "$program" >/dev/null && continue
    echo "dist_hostile: skipped: no $program on PATH; try: apt install $program"
    exit 77
done
dir=$(mktemp -d)
export HOME=$dir XDG_RUNTIME_DIR=$dir/run XDG_STATE_HOME=$dir/state PYTHONDONTWRITEBYTECODE=1
mkdir -m 700 "$XDG_RUNTIME_DIR" "$XDG_STATE_HOME"
ERL_EPMD_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export ERL_EPMD_PORT
finish() {
    beamd stop --node ours@127.0.0.1 >/dev/null 2>&1 || true
    rm -rf "$dir"
}
trap finish EXIT

beamd --daemon --node ours@127.0.0.1 --dist --app interop
status=$(beamd status --node ours@127.0.0.1 --json)
timeout 200 python3 "$here/dist_hostile.py" ours@127.0.0.1 "$ERL_EPMD_PORT" "$(<"$HOME/.erlang.cookie")" \
    "$(jq .os_pid <<<"$status")" "${@}"

# It never died of it, and what its log says of some 100 000 attacks can be read.
beamd status --node ours@127.0.0.1 --json | jq -e '.restarts == 0' >/dev/null
beamd logs --node ours@127.0.0.1 >"$dir/log"
lines=$(wc -l <"$dir/log")
longest=$(wc -L <"$dir/log")
echo "dist_hostile: the log has $lines lines, the longest of $longest characters"
[ "$lines" -gt 10 ]
[ "$lines" -lt 5000 ]
[ "$longest" -lt 40000 ]
