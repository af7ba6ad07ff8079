#!/usr/bin/env bash
# dist_connection_bytes.sh beamcore [--quick]: a node and its peers over loopback, at an EPMD of their own.
set -euo pipefail
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export BENCH_DIST_EPMD=$port
exec "$BENCH_BEAM" dist_connection_bytes "${@:2}"
