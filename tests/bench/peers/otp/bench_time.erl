%% Clock and histogram shared by the groups.
-module(bench_time).
-export([now_ns/0, per_op/2, histogram/0, record/2, percentile/2, max/1]).

now_ns() -> erlang:monotonic_time(nanosecond).

%% Wall nanoseconds an operation when Fun does Count of them.
per_op(Count, Fun) ->
    Start = now_ns(),
    Fun(),
    (now_ns() - Start) / Count.

%% Latencies in nanoseconds: 64 buckets to each power of two (1.6 % wide), the maximum exact.
%% Off the heap, so that recording causes no garbage collection in the process that measures.
-define(SUB_BITS, 6).
-define(SUB, (1 bsl ?SUB_BITS)).
-define(BUCKETS, ((64 - ?SUB_BITS) * ?SUB)).

histogram() -> {counters:new(?BUCKETS, []), atomics:new(1, [])}.

record({Counts, Max}, Value0) ->
    Value = max(Value0, 0),
    counters:add(Counts, index(Value, 0) + 1, 1),
    Value > atomics:get(Max, 1) andalso atomics:put(Max, 1, Value).

max({_, Max}) -> atomics:get(Max, 1).

percentile({Counts, _}, P) ->
    Total = lists:sum([counters:get(Counts, I) || I <- lists:seq(1, ?BUCKETS)]),
    find(Counts, 1, max(1, ceil(Total * P / 100))).

find(Counts, I, Left) ->
    case Left - counters:get(Counts, I) of
        Rest when Rest =< 0 -> value(I - 1);
        Rest -> find(Counts, I + 1, Rest)
    end.

index(V, E) when V < 2 * ?SUB -> E * ?SUB + V;
index(V, E) -> index(V bsr 1, E + 1).

%% The middle of a bucket.
value(I) when I < 2 * ?SUB -> I;
value(I) ->
    E = I div ?SUB - 1,
    ((I - E * ?SUB) bsl E) + (1 bsl E) div 2.
