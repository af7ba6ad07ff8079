#!/usr/bin/env bash
# cache_redis.sh: redis-server and `cache serve` answer the same commands alike.
set -euo pipefail
here=$(dirname "$0")

for program in redis-server python3 jq; do
    command -v "$program" >/dev/null && continue
    echo "cache_redis: skipped: no $program on PATH; try: apt install $program"
    exit 77
done
dir=$(mktemp -d)
finish() {
    beamd stop --node cache_redis >/dev/null 2>&1 || true
    kill "$server" 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT

mkfifo "$dir/log"
redis-server --port 0 --unixsocket "$dir/redis" --dir "$dir" --databases 1 --save '' --appendonly no >"$dir/log" &
server=$!
# It says when it accepts connections.
{
    while read -r -t 30 line; do
        case $line in *"ready to accept connections"*) ready=yes && break ;; esac
    done
    [ "${ready:-}" = yes ] || { echo "cache_redis: redis-server does not start" >&2 && exit 1; }
    cache serve --node cache_redis --resp "$dir/cache"

    for seed in ${BEAM_SEED:-1 2 3}; do
        timeout 100 python3 "$here/cache_redis.py" "$dir/cache" "$dir/redis" "$seed" 5000
    done
} <"$dir/log"
# What was counted meanwhile adds up.
cache stats --node cache_redis --json |
    jq -e '.inserted == .entries + .deleted + .expired + .evicted_live' >/dev/null
