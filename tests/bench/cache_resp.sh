#!/usr/bin/env bash
# cache_resp.sh beamcore|redis [--quick]: GET and SET over a Unix socket, 50 clients, one request or 16 at once: by
# resp_load (cache_*) and by redis-benchmark (cache_rb_*, which is itself at its limit). Needs BENCH_CACHE, BENCH_RESP_LOAD.
# shellcheck source=SCRIPTDIR/node.sh
source "$(dirname "${BASH_SOURCE[0]}")/node.sh"
seconds=$([[ ${2-} == --quick ]] && echo 1 || echo 4)
subject=$1 socket=$scratch/bench.sock
readonly clients=50 keys=100000

end_redis() {
    kill "$redis_pid"
    wait "$redis_pid" || true
    rm -rf "$scratch"
}

if [[ $subject == redis ]]; then
    redis-server --port 0 --unixsocket "$socket" --save '' --appendonly no --dir "$scratch" \
        > "$scratch/redis.log" &
    redis_pid=$!
    trap end_redis EXIT
    until redis-cli -s "$socket" ping > /dev/null 2>&1; do sleep 0.05; done
else
    trap end_node EXIT
    start_node
    "$BENCH_CACHE" serve --resp "$socket" > /dev/null
fi

"$BENCH_RESP_LOAD" "$socket" fill "$keys"
for what in get set; do
    for pipeline in 1 16; do
        read -r rate p99 _ < <("$BENCH_RESP_LOAD" "$socket" "$what" $clients $pipeline "$seconds" $keys)
        figure "cache_${what}_p$pipeline" "$subject" "$((1000000000 / rate))" ns
        figure "cache_${what}_p${pipeline}_p99" "$subject" "$p99" us
        # A quarter of a million answers for each second that the other client had.
        rate=$(redis-benchmark -s "$socket" -c $clients -P $pipeline -t "$what" -r $keys -d 64 -q --csv \
            -n $((seconds * (pipeline == 1 ? 60000 : 300000))) |
            awk -F'"' 'NR == 2 { print int($4) }')
        figure "cache_rb_${what}_p$pipeline" "$subject" "$((1000000000 / rate))" ns
    done
done
