#!/usr/bin/env bash
# dist_erl.sh beamcore|otp [--quick]: a node whose peer is erl, over loopback, at an EPMD of their own. Of erl's
# schedulers, all or one, the better counts.
set -euo pipefail
# shellcheck disable=SC1091
source "$(dirname "$0")/erl_peer.sh"

for schedulers in "$(nproc)" 1; do
    start_peer "$schedulers"
    if [[ $1 == beamcore ]]; then
        measured "$BENCH_BEAM" dist_erl "${@:2}"
    else
        measured run_main "$schedulers" dist_erl "${@:2}"
    fi
    stop_peer
done
print_best
