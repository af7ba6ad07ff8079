%% Tables: rows {Key, Number} under 2^20 keys, put in in one random order and used in another. Each figure is the best of
%% ets' options.
-module(bench_ets).
-export([insert/1, lookup/1, update_counter/1, ordered_insert/1, ordered_lookup/1, lookup_2p/1,
         mixed_2p/1, update_counter_2p/1, set_bytes/1, ordered_bytes/1]).

-define(COUNT, (1 bsl 20)).

insert(_) -> best("ets_insert", fun(O) -> timed_fill([set | O], ?COUNT) end).
ordered_insert(_) -> best("ets_ordered_insert", fun(O) -> timed_fill([ordered_set | O], ?COUNT) end).

lookup(Quick) -> best("ets_lookup", fun(O) -> one([set | O], fun look_up/3, rounds(Quick)) end).
update_counter(Quick) ->
    best("ets_update_counter", fun(O) -> one([set | O], fun count/3, rounds(Quick)) end).
ordered_lookup(Quick) ->
    best("ets_ordered_lookup", fun(O) -> one([ordered_set | O], fun look_up/3, rounds(Quick)) end).

lookup_2p(Quick) -> best("ets_lookup_2p", fun(O) -> two([set | O], fun look_up/3, rounds(Quick)) end).
mixed_2p(Quick) -> best("ets_mixed_2p", fun(O) -> two([set | O], fun mixed/3, rounds(Quick)) end).
update_counter_2p(Quick) ->
    best("ets_update_counter_2p", fun(O) -> two([set | O], fun count/3, rounds(Quick)) end).

set_bytes(_) -> bytes("ets_set_bytes", [set]).
ordered_bytes(_) -> bytes("ets_ordered_bytes", [ordered_set]).

options() ->
    [[],
     [{write_concurrency, true}],
     [{read_concurrency, true}],
     [{write_concurrency, true}, {read_concurrency, true}, {decentralized_counters, true}]].

rounds(true) -> 1;
rounds(false) -> 2.

%% Each in a process of its own, so that one's garbage is not the next one's.
best(Name, Run) ->
    [{Name, lists:min([in_process(fun() -> Run(O) end) || O <- options()]), "ns"}].

in_process(F) ->
    {Pid, Ref} = spawn_opt(fun() -> exit({value, F()}) end, [monitor]),
    receive {'DOWN', Ref, process, Pid, {value, V}} -> V end.

timed_fill(Options, N) ->
    T = ets:new(bench, [public | Options]),
    Start = now_ns(),
    fill(T, 0, 0, N),
    Each = (now_ns() - Start) / N,
    N = ets:info(T, size),
    Each.

one(Options, Act, Rounds) ->
    T = ets:new(bench, [public | Options]),
    fill(T, 0, 0, ?COUNT),
    repeat(T, Act, 0, 0, ?COUNT),
    Start = now_ns(),
    repeat(T, Act, 0, 0, ?COUNT * Rounds),
    (now_ns() - Start) / (?COUNT * Rounds).

two(Options, Act, Rounds) ->
    T = ets:new(bench, [public | Options]),
    fill(T, 0, 0, ?COUNT),
    repeat(T, Act, 0, 0, ?COUNT),
    Main = self(),
    Body = fun(Seed) ->
        fun() ->
            receive go -> ok end,
            repeat(T, Act, skip(0, Seed), 0, ?COUNT * Rounds),
            Main ! done
        end
    end,
    Both = [spawn_link(Body(1)), spawn_link(Body(1 + ?COUNT div 3))],
    Start = now_ns(),
    [P ! go || P <- Both],
    [receive done -> ok end || _ <- Both],
    (now_ns() - Start) / (?COUNT * Rounds).

bytes(Name, Options) ->
    T = ets:new(bench, [public | Options]),
    Before = resident(),
    fill(T, 0, 0, ?COUNT),
    [{Name, (resident() - Before) / ?COUNT, "B"}].

fill(_, _, N, N) -> ok;
fill(T, At, I, N) ->
    Key = (At * 1664525 + 1013904223) band (?COUNT - 1),
    ets:insert(T, {Key, I}),
    fill(T, Key, I + 1, N).

skip(At, 0) -> At;
skip(At, N) -> skip(next(At), N - 1).

next(At) -> (At * 22695477 + 12345) band (?COUNT - 1).

repeat(_, _, _, N, N) -> ok;
repeat(T, Act, At, I, N) ->
    Key = next(At),
    Act(T, Key, I),
    repeat(T, Act, Key, I + 1, N).

look_up(T, Key, _) -> [_] = ets:lookup(T, Key).
count(T, Key, _) -> ets:update_counter(T, Key, 1).
mixed(T, Key, I) when I rem 10 =:= 9 -> ets:insert(T, {Key, I});
mixed(T, Key, _) -> [_] = ets:lookup(T, Key).

now_ns() -> erlang:monotonic_time(nanosecond).

resident() ->
    erlang:garbage_collect(),
    {ok, Status} = file:read_file("/proc/self/status"),
    {match, [Kb]} = re:run(Status, "VmRSS:\\s+(\\d+) kB", [{capture, all_but_first, list}]),
    list_to_integer(Kb) * 1024.
