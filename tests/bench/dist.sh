#!/usr/bin/env bash
# dist.sh beamcore|otp [--quick]: two nodes over loopback, at an EPMD of their own. Of otp's schedulers, all or one, the
# better counts, for each figure.
set -euo pipefail
if [[ $1 == beamcore ]]; then
    BENCH_DIST_EPMD=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    export BENCH_DIST_EPMD
    exec "$BENCH_BEAM" dist "${@:2}"
fi
# shellcheck disable=SC1091
source "$(dirname "$0")/erl_peer.sh"

for schedulers in "$(nproc)" 1; do
    start_peer "$schedulers"
    measured run_main "$schedulers" dist "${@:2}"
    stop_peer
done
print_best
