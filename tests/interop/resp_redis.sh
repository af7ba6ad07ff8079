#!/usr/bin/env bash
# resp_redis.sh PROGRAM: redis-server and our decoder read the same bytes alike. PROGRAM is the
# compiled resp_redis.cpp.
set -euo pipefail
program=$1

if ! command -v redis-server >/dev/null; then
    echo "resp_redis: skipped: no redis-server on PATH; try: apt install redis-server"
    exit 77
fi
dir=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT

mkfifo "$dir/log"
redis-server --port 0 --unixsocket "$dir/socket" --dir "$dir" --save '' --appendonly no \
    --enable-debug-command yes >"$dir/log" &
server=$!
# It says when it accepts connections.
{
    while read -r -t 30 line; do
        case $line in *"ready to accept connections"*) ready=yes && break ;; esac
    done
    [ "${ready:-}" = yes ] || { echo "resp_redis: redis-server does not start" >&2 && exit 1; }

    for seed in ${BEAM_SEED:-1 2 3}; do
        echo "seed $seed"
        timeout 100 "$program" "$dir/socket" "$seed" 5000
    done
} <"$dir/log"
