#!/usr/bin/env bash
# dist_tools.sh: Erlang's own tools look at a node of ours (beamd --dist --app interop): etop itself, and what observer
# asks, whose answers are compared with those of a real Erlang node. The cases are in dist_tools.erl.
# shellcheck disable=SC1091,SC2034,SC2154  # own_node.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for program in erl erlc python3 jq; do
    command -v "$program" >/dev/null && continue
    echo "dist_tools: skipped: no $program on PATH; try: apt install erlang-base $program"
    exit 77
done
has_module() {
    erl -noinput -eval "case code:which($1) of F when is_list(F) -> halt(0); _ -> halt(1) end" </dev/null
}
if ! has_module observer_backend; then
    echo "dist_tools: skipped: no observer_backend; try: apt install erlang-runtime-tools"
    exit 77
fi
source "$here/own_node.sh"
cookie=$(<"$HOME/.erlang.cookie")
erlc -o "$dir" "$here/dist_tools.erl"

# The node that ours is compared with.
timeout 200 erl -noinput -start_epmd false -name real@127.0.0.1 -setcookie "$cookie" </dev/null >/dev/null &
peer=$!
timeout 120 erl -noinput -start_epmd false -name looker@127.0.0.1 -setcookie "$cookie" -hidden -pa "$dir" \
    -eval "dist_tools:main('ours@127.0.0.1', 'real@127.0.0.1')" </dev/null

# etop looks twice, then its node is told to go.
if has_module etop; then
    timeout 60 erl -noinput -start_epmd false -name etop@127.0.0.1 -setcookie "$cookie" -hidden -pa "$dir" \
        -eval "dist_tools:top('ours@127.0.0.1', \"$dir/etop.txt\")" </dev/null
    [ "$(grep -c "^ 'ours@127.0.0.1' " "$dir/etop.txt")" -ge 2 ]
    grep -q '^<.*>.* counter ' "$dir/etop.txt"
    grep -Eq 'Memory: +total +[1-9]' "$dir/etop.txt"
else
    echo "dist_tools: etop left out; try: apt install erlang-observer"
fi

beamd logs --node ours@127.0.0.1 | grep -q 'hello from erlang 42'
beamd status --node ours@127.0.0.1 --json | jq -e '.restarts == 0' >/dev/null
