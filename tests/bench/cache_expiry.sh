#!/usr/bin/env bash
# cache_expiry.sh beamcore [--quick]: a million keys, of which a tenth expires each second: how long a GET takes meanwhile,
# and how long when nothing expires. One client, one request at once. Needs BENCH_CACHE and BENCH_RESP_LOAD.
# shellcheck source=SCRIPTDIR/node.sh
source "$(dirname "${BASH_SOURCE[0]}")/node.sh"
keys=1000000
[[ ${2-} == --quick ]] && keys=100000
readonly seconds=5 keys socket=$scratch/bench.sock
trap end_node EXIT
start_node
"$BENCH_CACHE" serve --resp "$socket" > /dev/null

measure() {
    read -r _ p99 longest < <("$BENCH_RESP_LOAD" "$socket" get 1 1 $seconds "$keys")
}

"$BENCH_RESP_LOAD" "$socket" fill "$keys"
measure
figure cache_quiet_p99 beamcore "$p99" us
"$BENCH_CACHE" flush --yes --timeout 60s > /dev/null
# From a second after the last one on, each second a tenth.
"$BENCH_RESP_LOAD" "$socket" fill "$keys" 10000
before=$("$BENCH_CACHE" stats --json | jq .expired)
measure
after=$("$BENCH_CACHE" stats --json | jq .expired)
# What was measured is worth nothing if nothing expired.
((after - before > keys / 5)) || { echo "only $((after - before)) keys expired" >&2; exit 1; }
figure cache_expiry_p99 beamcore "$p99" us
figure cache_expiry_max beamcore "$(jq -n "$longest / 1000")" ms
