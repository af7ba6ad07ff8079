#!/usr/bin/env bash
# term_order.sh PROGRAM: Erlang reads random terms that we wrote, finds them in its own order (ETS-24),
# and what it writes of them reads back equal. PROGRAM is the compiled term_order.cpp.
set -euo pipefail
program=$1

if ! command -v erl >/dev/null; then
    echo "term_order: skipped: no erl on PATH; try: apt install erlang-base"
    exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cat >"$dir/order.erl" <<'END'
-module(order).
-export([run/2]).

run(From, To) ->
    {ok, Terms} = file:consult(From),
    case lists:sort(Terms) of
        Terms -> ok;
        Sorted -> first_difference(Terms, Sorted)
    end,
    Lines = [unicode:characters_to_binary(io_lib:format("~tw.~n", [T])) || T <- Terms],
    ok = file:write_file(To, Lines),
    halt(0).

first_difference([T | Terms], [T | Sorted]) -> first_difference(Terms, Sorted);
first_difference([T | _], [S | _]) ->
    io:format("Erlang has ~w where we have ~w~n", [S, T]),
    halt(1).
END
(cd "$dir" && erlc order.erl)

count=3000
for seed in ${BEAM_SEED:-1 2 3 4 5}; do
    fail() {
        echo "term_order: seed $seed: $1" >&2
        exit 1
    }
    "$program" make "$seed" $count "$dir/ours" || fail "cannot write terms"
    erl -noshell -noinput -pa "$dir" -eval "order:run(\"$dir/ours\", \"$dir/theirs\")." ||
        fail "Erlang does not agree"
    "$program" check "$seed" $count "$dir/theirs" || fail "what Erlang wrote differs"
done
echo "term_order: $count terms a seed, same order and text in Erlang"
