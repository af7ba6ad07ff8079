#!/usr/bin/env bash
# dist_hostile.sh: strangers and peers that mean harm, against a node of ours (beamd --dist --app interop), while an
# honest peer watches that it is answered. The cases are in dist_hostile.py; the node is EPMD too, at a port of its own.
# shellcheck disable=SC1091,SC2154  # own_node.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for program in python3 jq; do
    command -v "$program" >/dev/null && continue
    echo "dist_hostile: skipped: no $program on PATH; try: apt install $program"
    exit 77
done
source "$here/own_node.sh"
export PYTHONDONTWRITEBYTECODE=1
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
