#!/usr/bin/env bash
# etf.sh PROGRAM: Erlang reads random terms that we wrote, and writes the same bytes and every other form of them that
# it has, which we read; and we do the same with random terms of its own. PROGRAM is the compiled etf.cpp.
set -euo pipefail
program=$1

if ! command -v erl >/dev/null; then
    echo "etf: skipped: no erl on PATH; try: apt install erlang-base"
    exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cat >"$dir/etf.erl" <<'END'
-module(etf).
-export([again/2, make/3, check/3]).

%% What we wrote, read and written again: as the distribution does it, which must be the same bytes, and in all other
%% forms.
again(From, To) ->
    Terms = [begin
                 T = binary_to_term(B),
                 B =:= term_to_binary(T, [{minor_version, 2}]) orelse differs("bytes", T),
                 T
             end || B <- read(From)],
    write([To, ".1"], [term_to_binary(T) || T <- Terms]),
    write([To, ".2"], [term_to_binary(T, [{minor_version, 2}]) || T <- Terms]),
    write([To, ".3"], [term_to_binary(T, [compressed]) || T <- Terms]),
    write([To, ".4"], [term_to_binary(T, [{minor_version, 0}]) || T <- Terms, not has_float(T)]),
    write([To, ".5"], [term_to_binary([T, lists:duplicate(1000, T)], [{compressed, 9}]) || T <- Terms, not is_deep(T)]),
    halt(0).

make(Seed, Count, To) ->
    Terms = terms(Seed, Count),
    write([To, ".1"], [term_to_binary(T, [{minor_version, 2}]) || T <- Terms]),
    write([To, ".2"], [term_to_binary(T, [compressed]) || T <- Terms]),
    halt(0).

%% Whether the file has the terms of that seed.
check(Seed, Count, File) ->
    compare(terms(Seed, Count), [binary_to_term(B) || B <- read(File)]),
    halt(0).

compare([T | Ts], [T | Us]) -> compare(Ts, Us);
compare([], []) -> ok;
compare([T | _], [U | _]) -> differs(io_lib:format("~W comes back as", [T, 30]), U);
compare(_, _) -> differs("number of terms", none).

differs(What, T) ->
    io:format("~s: ~W~n", [What, T, 30]),
    halt(1).

read(File) ->
    {ok, Bytes} = file:read_file(File),
    split(Bytes).

split(<<Size:32, B:Size/binary, Rest/binary>>) -> [B | split(Rest)];
split(<<>>) -> [].

write(File, Terms) ->
    ok = file:write_file(File, [[<<(byte_size(B)):32>>, B] || B <- Terms]).

%% Text of 20 digits is not enough for every float.
has_float(T) -> is_deep(T) orelse re:run(io_lib:format("~w", [T]), "[0-9]\\.[0-9]") =/= nomatch.
is_deep(T) -> erts_debug:flat_size(T) > 50000.

terms(Seed, Count) ->
    rand:seed(exsss, Seed),
    Deep = lists:foldl(fun(_, T) -> {[T | tail]} end, deep, lists:seq(1, 50000)),
    [Deep, maps:from_list([{N, integer_to_list(N)} || N <- lists:seq(1, 1000)]),
     lists:duplicate(65535, 255), lists:duplicate(65536, 255), lists:seq(1, 100000),
     list_to_tuple(lists:seq(1, 1000)), 1 bsl 100000, -(1 bsl 2040), (1 bsl 2040) - 1,
     list_to_atom(lists:duplicate(255, $x)), list_to_atom(lists:duplicate(255, 16#65e5)),
     binary:copy(<<"bytes">>, 100000) | [any(N rem 6) || N <- lists:seq(1, Count)]].

any(0) -> scalar(rand:uniform(20));
any(Depth) ->
    Parts = [any(rand:uniform(Depth) - 1) || _ <- lists:seq(1, rand:uniform(6) - 1)],
    case rand:uniform(7) of
        1 -> list_to_tuple(Parts);
        2 -> maps:from_list([{P, any(rand:uniform(Depth) - 1)} || P <- Parts]);
        3 -> lists:foldl(fun(P, T) -> [P | T] end, any(0), Parts);
        4 -> fun(X) -> {X, Parts} end;
        5 -> maps:from_list([{any(0), any(0)} || _ <- lists:seq(1, rand:uniform(60))]);
        _ -> Parts
    end.

scalar(1) -> rand:uniform(256) - 1;
scalar(2) -> rand:uniform(1 bsl 33) - (1 bsl 32);
scalar(3) -> integer();
scalar(4) -> -integer();
scalar(5) -> rand:normal() * math:pow(10, rand:uniform(300) - 150);
scalar(6) -> float(rand:uniform(100));
scalar(7) -> -0.0;
scalar(8) -> lists:nth(rand:uniform(6), [ok, '', true, 'a b', 'é', '日本']);
scalar(9) -> list_to_atom("name_" ++ integer_to_list(rand:uniform(1000)));
scalar(10) -> crypto_free_bytes(rand:uniform(40) - 1);
scalar(11) -> N = rand:uniform(100), <<(rand:uniform(1 bsl 60)):N>>;
scalar(12) -> pid();
scalar(13) -> reference();
scalar(14) -> port();
scalar(15) -> fun lists:map/2;
scalar(16) -> fun(X) -> X end;
scalar(17) -> [rand:uniform(256) - 1 || _ <- lists:seq(1, rand:uniform(30))];
scalar(18) -> [];
scalar(19) -> #{};
scalar(20) -> {}.

integer() -> rand:uniform(1 bsl rand:uniform(2500)).

crypto_free_bytes(N) -> list_to_binary([rand:uniform(256) - 1 || _ <- lists:seq(1, N)]).

node_and_creation() ->
    case rand:uniform(4) of
        1 -> {<<119, 9, "mine@host">>, 3};
        2 -> {<<119, 9, "mine@host">>, 4};
        _ -> {<<119, 10, "other@host">>, rand:uniform(16#ffffffff)}
    end.

pid() ->
    {Node, Creation} = node_and_creation(),
    binary_to_term(<<131, 88, Node/binary, (rand:uniform(1 bsl 32) - 1):32, (rand:uniform(1 bsl 32) - 1):32, Creation:32>>).

%% Of one or two words Erlang itself makes two that are equal, but not the same key of a large map.
reference() ->
    {Node, Creation} = node_and_creation(),
    Words = lists:nth(rand:uniform(2), [3, 5]),
    binary_to_term(<<131, 90, Words:16, Node/binary, Creation:32, (rand:uniform(1 bsl 18) - 1):32,
                     (rand:uniform(1 bsl 128) - 1):((Words - 1) * 32)>>).

port() ->
    {Node, Creation} = node_and_creation(),
    binary_to_term(<<131, 120, Node/binary, (rand:uniform(1 bsl (14 + 50 * rand:uniform(2) - 50)) - 1):64, Creation:32>>).
END
(cd "$dir" && erlc etf.erl)

erlang() {
    erl -noshell -noinput -pa "$dir" -eval "$1" || fail "Erlang does not agree"
}

count=3000
for seed in ${BEAM_SEED:-1 2}; do
    fail() {
        echo "etf: seed $seed: $1" >&2
        exit 1
    }
    "$program" make "$seed" $count "$dir/ours" || fail "cannot write terms"
    erlang "etf:again(\"$dir/ours\", \"$dir/theirs\")."
    for form in 1 2 3; do
        "$program" check "$seed" $count "$dir/theirs.$form" || fail "form $form of what Erlang wrote differs"
    done
    for form in 4 5; do
        "$program" again "$dir/theirs.$form" "$dir/read" || fail "form $form of what Erlang wrote cannot be read"
    done

    erlang "etf:make($seed, $count, \"$dir/own\")."
    for form in 1 2; do
        "$program" again "$dir/own.$form" "$dir/read" || fail "form $form of Erlang's own terms cannot be read"
        erlang "etf:check($seed, $count, \"$dir/read\")."
    done
done
echo "etf: $count terms a seed of ours, and as many of Erlang's, both ways and in all forms"
