#!/usr/bin/env bash
# kv_service.sh MODULES: kv as other code asks it: from Erlang (the cases are in kv_service.erl), and from an application of
# another module, notes, which lies in MODULES.
# shellcheck disable=SC1091,SC2154  # own_node.sh
set -euo pipefail
modules=$1
here=$(cd "$(dirname "$0")" && pwd)
for program in erl erlc python3 jq socat; do
    command -v "$program" >/dev/null && continue
    echo "kv_service: skipped: no $program on PATH; try: apt install erlang-base $program"
    exit 77
done
export BEAM_APPLICATIONS_PATH=$modules
source "$here/own_node.sh"
cookie=$(<"$HOME/.erlang.cookie")
erlc -o "$dir" "$here/kv_service.erl"
export BEAM_NODE=ours@127.0.0.1

kv cluster init --rf 1 --shards 16 >/dev/null
timeout 120 erl -noinput -start_epmd false -name asker@127.0.0.1 -setcookie "$cookie" -hidden -pa "$dir" \
    -eval "kv_service:main('ours@127.0.0.1')" </dev/null

# What Erlang wrote the tool reads.
[ "$(kv get user:42)" = '"active" (primary)' ]

ask() {
    jq -cn --arg method "$1" --argjson params "$2" '{id: 1, method: $method, params: $params}' |
        socat -t 20 - UNIX-CONNECT:"$(beamd socket)"
}
ask notes.keep '{"about":"lunch","text":"soup"}' | jq -e '.result.version > 0' >/dev/null
ask notes.keep '{"about":"lunch","text":"bread"}' | jq -e '.result.version > 0' >/dev/null
[ "$(ask notes.recall '{"about":"lunch"}' | jq -c .result)" = '{"text":"bread","times":2}' ]
[ "$(kv get '{lunch}:times' --raw)" = 2 ]
ask notes.forget '{"about":"lunch"}' | jq -e .result >/dev/null
[ "$(ask notes.recall '{"about":"lunch"}' | jq -r .error.data.why)" = not_found ]

beamd status --json | jq -e '.restarts == 0' >/dev/null
echo "kv_service: an application of another module is answered"
