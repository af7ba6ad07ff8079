#!/usr/bin/env bash
# tool_attached.sh beamcore|redis [--quick]: one run of a client on a node that is up already:
# `chatctl list`, `redis-cli ping`, both over a Unix socket.
# shellcheck source=SCRIPTDIR/node.sh
source "$(dirname "${BASH_SOURCE[0]}")/node.sh"
count=$([[ ${2-} == --quick ]] && echo 100 || echo 500)
hyperfine_options=(--warmup 20 --runs "$count")

if [[ $1 == redis ]]; then
    start_redis
    figure tool_attached redis "$(median_ms redis-cli -s "$scratch/redis.sock" ping)" ms
else
    trap end_node EXIT
    start_node
    figure tool_attached beamcore "$(median_ms "$BENCH_CHATCTL" list)" ms
fi
