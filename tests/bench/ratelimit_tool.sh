#!/usr/bin/env bash
# ratelimit_tool.sh beamcore|redis [--quick]: one check through the tool, on a node that is up already, beside
# `redis-cli ping`, both over a Unix socket.
# shellcheck source=SCRIPTDIR/node.sh
source "$(dirname "${BASH_SOURCE[0]}")/node.sh"
count=$([[ ${2-} == --quick ]] && echo 100 || echo 500)
hyperfine_options=(--warmup 20 --runs "$count")

if [[ $1 == redis ]]; then
    start_redis
    figure ratelimit_tool redis "$(median_ms redis-cli -s "$scratch/redis.sock" ping)" ms
else
    trap end_node EXIT
    start_node
    ratelimit=$(dirname "$BENCH_BEAMD")/ratelimit
    figure ratelimit_tool beamcore \
        "$(median_ms "$ratelimit" check user42 --limit 1000000/s)" ms
fi
