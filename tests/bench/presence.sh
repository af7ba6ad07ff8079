#!/usr/bin/env bash
# presence.sh beamcore [--quick]: three nodes over loopback, at an EPMD of their own, with 100 000 sessions.
set -euo pipefail
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export BENCH_DIST_EPMD=$port
exec "$BENCH_BEAM" presence "${@:2}"
