#!/usr/bin/env bash
# dist_node.sh: Erlang and Elixir use a node of ours (beamd --dist --app interop) as one of their own.
# The cases are in dist_node.erl; the node is EPMD too, at a port of its own.
# shellcheck disable=SC1091,SC2154  # own_node.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for program in erl erlc python3 jq; do
    command -v "$program" >/dev/null && continue
    echo "dist_node: skipped: no $program on PATH; try: apt install erlang-base $program"
    exit 77
done
source "$here/own_node.sh"
[ "$(stat -c %a "$HOME/.erlang.cookie")" = 400 ]
cookie=$(<"$HOME/.erlang.cookie")
erlc -o "$dir" "$here/dist_node.erl"

run_erl() { # run_erl NAME COOKIE FUNCTION [ERL-OPTIONS...]
    timeout 120 erl -noinput -start_epmd false -name "$1@127.0.0.1" -setcookie "$2" -pa "$dir" "${@:4}" \
        -eval "dist_node:$3('ours@127.0.0.1')" </dev/null
}
run_erl visible "$cookie" main
run_erl hidden "$cookie" main -hidden
run_erl stranger wrong_cookie refused
# One that dies without a word, and 1000 lives of one peer: each is known as another, and none leaves anything behind.
run_erl short "$cookie" short_life
timeout 200 erl -noinput -start_epmd false -pa "$dir" \
    -eval "dist_node:lives('ours@127.0.0.1', '$cookie', 1000)" </dev/null

if command -v elixir >/dev/null; then
    timeout 60 elixir --name elixir@127.0.0.1 --cookie "$cookie" --erl "-start_epmd false" \
        "$here/dist_node.exs" ours@127.0.0.1
else
    echo "dist_node: elixir left out: not on PATH"
fi

# The node has lost nothing of its own by all that.
beamd status --node ours@127.0.0.1 --json | jq -e '.restarts == 0' >/dev/null
