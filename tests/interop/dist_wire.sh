#!/usr/bin/env bash
# dist_wire.sh PROGRAM: the real epmd, Erlang's nodes and ours at one EPMD, whoever serves it, and talking to each other.
# PROGRAM is the compiled wire_node.cpp. The test itself is dist_wire.py.
set -euo pipefail
for peer in erl epmd python3; do
    if ! command -v $peer >/dev/null; then
        echo "dist_wire: skipped: no $peer on PATH; try: apt install erlang-base python3"
        exit 77
    fi
done
exec env PYTHONDONTWRITEBYTECODE=1 timeout 250 python3 "$(dirname "$0")/dist_wire.py" "$1"
